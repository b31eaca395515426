//! The control face: what a person with curl, or a test, does to the simulated cloud behind the
//! caller's back.
//!
//! Anything that can reach it rules the simulator, so it answers only under a loopback name: a web
//! page that made a browser resolve its own name to loopback is refused, and so is one that posts
//! from elsewhere.

use super::incoming::pairs;
use crate::model::{InstanceId, Link, Region, VpcId, printable};
use crate::sim::state::credentials::KeyState;
use crate::sim::state::{Call, Instance, Params, Status};
use crate::sim::{Sim, Switches};
use axum::Router;
use axum::body::Body;
use axum::extract::{RawQuery, Request, State};
use axum::http::header::{CONTENT_TYPE, HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{get, post};
use serde_json::{Map, Value, json};

const HELP: &str = "\
GET  /_sim/state            links of each VPC, instances, keys, accounts, switches
GET  /_sim/calls?since=N    the calls after number N
GET  /_sim/faults           the switches and what they do
POST /_sim/attach           instance= vpc= [region=]    attach by hand
POST /_sim/detach           instance= [region=]         detach by hand
POST /_sim/release          instance= [region=]         release the instance
POST /_sim/status           instance= status= [region=] Running, Stopping, ...
POST /_sim/lock             instance= locked=true|false [region=]
POST /_sim/key              key= state=active|inactive|disabled
POST /_sim/fault            KEY=VALUE...                set switches; all of them or none
";

pub(super) fn routes() -> Router<Sim> {
    Router::new()
        .route("/_sim/", get(|| async { text(HELP.to_owned()) }))
        .route("/_sim/state", get(state))
        .route("/_sim/calls", get(calls))
        .route("/_sim/faults", get(faults))
        .route("/_sim/attach", post(attach))
        .route("/_sim/detach", post(detach))
        .route("/_sim/release", post(release))
        .route("/_sim/status", post(status))
        .route("/_sim/lock", post(lock))
        .route("/_sim/key", post(key))
        .route("/_sim/fault", post(fault))
        .layer(from_fn(loopback_only))
}

async fn loopback_only(request: Request, next: Next) -> Response {
    if !is_loopback(request.headers()) {
        let error = "the control face answers only under a loopback name, such as 127.0.0.1";
        return reply(StatusCode::MISDIRECTED_REQUEST, &json!({ "error": error }));
    }
    next.run(request).await
}

fn is_loopback(headers: &HeaderMap) -> bool {
    let text = |value: &HeaderValue| value.to_str().unwrap_or_default().to_owned();
    let host = headers.get(HOST).map(text).unwrap_or_default();
    let origin = headers.get(ORIGIN).map(text);
    let origin = origin.map(|origin| {
        origin.split_once("://").map(|(_, host)| host.to_owned()).unwrap_or_default()
    });
    names_loopback(&host) && origin.is_none_or(|host| names_loopback(&host))
}

fn names_loopback(authority: &str) -> bool {
    let host = match authority.strip_prefix('[') {
        Some(bracketed) => bracketed.split_once(']').map_or("", |(host, _)| host),
        None => authority.split_once(':').map_or(authority, |(host, _)| host),
    };
    let address = host.parse::<std::net::IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

fn reply(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(Body::from(format!("{body:#}\n")));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn text(body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    let plain = HeaderValue::from_static("text/plain;charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, plain);
    response
}

fn done(result: Result<(), String>) -> Response {
    match result {
        Ok(()) => reply(StatusCode::OK, &json!({ "ok": true })),
        Err(error) => reply(StatusCode::BAD_REQUEST, &json!({ "error": error })),
    }
}

async fn state(State(sim): State<Sim>) -> Response {
    let body = sim.with(|state, now| {
        let mut links: Map<String, Value> =
            state.vpcs.keys().map(|(region, vpc)| (format!("{region}/{vpc}"), json!([]))).collect();
        for ((region, instance), vpc) in state.links.all() {
            let of_vpc = links.entry(format!("{region}/{vpc}")).or_insert_with(|| json!([]));
            if let Value::Array(of_vpc) = of_vpc {
                of_vpc.push(json!(instance.as_str()));
            }
        }
        let instances: Map<String, Value> = state
            .instances
            .iter()
            .map(|((region, id), what)| (format!("{region}/{id}"), shown(what)))
            .collect();
        let accounts = state.keys.by_account().into_iter();
        let accounts: Map<String, Value> =
            accounts.map(|(account, keys)| (account.to_string(), json!(keys))).collect();
        json!({
            "time": state.server_time(now).to_string(),
            "links": links,
            "instances": instances,
            "keys": state.keys.ids().collect::<Vec<_>>(),
            "accounts": accounts,
            "switches": state.switches.shown(),
        })
    });
    reply(StatusCode::OK, &body)
}

fn shown(instance: &Instance) -> Value {
    json!({
        "account": instance.owner.as_str(),
        "network": instance.network.as_str(),
        "status": instance.status.as_str(),
        "locked": instance.locked,
    })
}

async fn calls(State(sim): State<Sim>, RawQuery(query): RawQuery) -> Response {
    let form = read(query.as_deref().unwrap_or_default());
    let since = form.get("since").map_or(Ok(0), |text| text.parse::<u64>());
    let Ok(since) = since else {
        return done(Err("`since` is the number of a call".to_owned()));
    };
    let calls: Vec<Value> = sim.calls_since(since).iter().map(call).collect();
    reply(StatusCode::OK, &json!({ "calls": calls }))
}

fn call(call: &Call) -> Value {
    json!({
        "number": call.number,
        "at": call.at.to_string(),
        "account": call.account,
        "action": call.action,
        "params": call.params,
        "code": call.code,
        "answered": call.answered,
        "changed": call.changed,
        "requestId": call.request_id,
    })
}

async fn faults(State(sim): State<Sim>) -> Response {
    let values = sim.with(|state, _| state.switches.shown());
    let line = |switch: &crate::sim::switches::Switch| {
        let value = values.get(switch.name).map(String::as_str).unwrap_or_default();
        format!("{}={value}\n    {}\n", switch.name, switch.help)
    };
    text(Switches::HELP.iter().map(line).collect())
}

fn read(text: &str) -> Params {
    pairs(text).into_iter().map(|(name, value)| (name.into(), value)).collect()
}

fn field<'a>(form: &'a Params, name: &str) -> Result<&'a str, String> {
    form.get(name).map(String::as_str).ok_or_else(|| format!("`{name}=` is missing"))
}

fn instance(form: &Params) -> Result<InstanceId, String> {
    InstanceId::parse(field(form, "instance")?).map_err(|error| error.to_string())
}

/// The region of the form, or the one region that has the instance.
fn place(sim: &Sim, form: &Params) -> Result<(Region, InstanceId), String> {
    let id = instance(form)?;
    if let Some(region) = form.get("region") {
        return Ok((Region::parse(region).map_err(|error| error.to_string())?, id));
    }
    let regions: Vec<Region> = sim.with(|state, _| {
        let same = state.instances.keys().filter(|(_, own)| *own == id);
        same.map(|(region, _)| region.clone()).collect()
    });
    match regions.as_slice() {
        [region] => Ok((region.clone(), id)),
        [] => Err(format!("no region has the instance {id}")),
        _ => Err(format!("{id} is in several regions: give `region=`")),
    }
}

fn found(existed: bool, what: &str) -> Result<(), String> {
    if existed { Ok(()) } else { Err(format!("there is no {what}")) }
}

async fn attach(State(sim): State<Sim>, body: String) -> Response {
    let form = read(&body);
    done(place(&sim, &form).and_then(|(region, instance)| {
        let vpc = VpcId::parse(field(&form, "vpc")?).map_err(|error| error.to_string())?;
        found(sim.attach_by_hand(&region, &Link { instance, vpc }), "such instance or VPC")
    }))
}

async fn detach(State(sim): State<Sim>, body: String) -> Response {
    let place = place(&sim, &read(&body));
    done(place.and_then(|(region, id)| found(sim.detach_by_hand(&region, &id), "link of it")))
}

async fn release(State(sim): State<Sim>, body: String) -> Response {
    let place = place(&sim, &read(&body));
    done(place.and_then(|(region, id)| found(sim.release(&region, &id), "such instance")))
}

async fn status(State(sim): State<Sim>, body: String) -> Response {
    let form = read(&body);
    done(place(&sim, &form).and_then(|(region, id)| {
        let text = field(&form, "status")?;
        let status = Status::parse(text);
        let status = status.ok_or_else(|| format!("`{}` is not a status", printable(text)))?;
        found(sim.set_status(&region, &id, status), "such instance")
    }))
}

async fn lock(State(sim): State<Sim>, body: String) -> Response {
    let form = read(&body);
    done(place(&sim, &form).and_then(|(region, id)| {
        let locked = match form.get("locked").map(String::as_str) {
            None | Some("true") => true,
            Some("false") => false,
            Some(_) => return Err("`locked` is true or false".to_owned()),
        };
        found(sim.set_locked(&region, &id, locked), "such instance")
    }))
}

async fn key(State(sim): State<Sim>, body: String) -> Response {
    let form = read(&body);
    let change = || {
        let state = match field(&form, "state")? {
            "active" => KeyState::Active,
            "inactive" => KeyState::Inactive,
            "disabled" => KeyState::Disabled,
            _ => return Err("`state` is active, inactive or disabled".to_owned()),
        };
        let id = field(&form, "key")?;
        found(sim.with(|world, _| world.keys.set_state(id, state)), "such key")
    };
    done(change())
}

async fn fault(State(sim): State<Sim>, body: String) -> Response {
    let form = pairs(&body);
    done(sim.with(|state, _| {
        let mut changed = state.switches.clone();
        for (name, value) in &form {
            changed.set(name, value).map_err(|error| error.to_string())?;
        }
        if form.is_empty() {
            return Err("no KEY=VALUE is given".to_owned());
        }
        state.switches = changed;
        Ok(())
    }))
}
