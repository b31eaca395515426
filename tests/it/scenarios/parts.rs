//! From what a scenario file says to what the library takes.

use super::format::{self, Cloud, Texts, Whom};
use classiclinkd::config::Config;
use classiclinkd::ledger::event::Target;
use classiclinkd::manifest::File;
use classiclinkd::model::{AccountName, InstanceId, Lane, Link, Region, Scope, VpcId};
use classiclinkd::sim::seed::default_account;
use classiclinkd::sim::{Seed, Sim};
use serde_json::{Value, json};
use std::time::Duration;

/// Where everything is, unless a file says otherwise.
pub(super) fn region() -> Region {
    Region::parse("cn-hangzhou").unwrap()
}

/// `vpc-a`, or `cn-beijing/vpc-a`.
pub(super) fn place(text: &str) -> (Region, VpcId) {
    let (region, vpc) = match text.split_once('/') {
        Some((region, vpc)) => (Region::parse(region).unwrap(), vpc),
        None => (region(), text),
    };
    (region, VpcId::parse(vpc).unwrap())
}

pub(super) fn instances(said: &[String]) -> Vec<InstanceId> {
    format::instances(said).iter().map(|id| InstanceId::parse(id).unwrap()).collect()
}

pub(super) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

pub(super) fn duration(text: &str) -> Duration {
    text.parse::<jiff::SignedDuration>().unwrap().try_into().unwrap()
}

pub(super) fn configuration(value: &Value) -> Config {
    Config::from_value(value).unwrap()
}

pub(super) fn set_faults(sim: &Sim, faults: &Texts) {
    for (name, value) in faults {
        sim.set(name, &plain(value)).unwrap();
    }
}

pub(super) fn seed(cloud: &Cloud) -> Seed {
    let account = default_account().unwrap();
    let mut seed = Seed::new();
    for (vpc, ids) in &cloud.links {
        let (region, vpc) = place(vpc);
        seed = seed.vpc(&account, &region, &vpc);
        for instance in instances(ids) {
            seed = seed.link(&account, &region, &Link { instance, vpc: vpc.clone() });
        }
    }
    for instance in instances(&cloud.instances) {
        seed = seed.instance(&account, &region(), &instance);
    }
    seed
}

/// A manifest as it is written, or only its `spec`, where ranges stand for instances.
pub(super) fn file(path: &str, said: &Value) -> File {
    let text = match said {
        Value::String(text) => text.clone(),
        spec => manifest(path, spec).to_string(),
    };
    File::new(path, text)
}

fn manifest(path: &str, said: &Value) -> Value {
    let mut spec = json!({"regionId": "cn-hangzhou", "vpcId": "vpc-a"});
    let fields = spec.as_object_mut().unwrap();
    fields.extend(said.as_object().unwrap().clone());
    let listed = fields.get("instances").and_then(Value::as_array).cloned().unwrap_or_default();
    let listed = listed.iter().flat_map(|item| match item {
        Value::String(text) => {
            format::instances(std::slice::from_ref(text)).into_iter().map(Value::from).collect()
        }
        other => vec![other.clone()],
    });
    let listed: Vec<Value> = listed.collect();
    fields.insert("instances".to_owned(), listed.into());
    let name = path.trim_end_matches(".yaml");
    json!({
        "apiVersion": "classiclinkd/v1", "kind": "ClassicLinkSet",
        "metadata": {"name": name}, "spec": spec,
    })
}

/// Everything, where nothing is named.
pub(super) fn target(whom: Option<&Whom>) -> Target {
    let Some(whom) = whom else { return Target::All };
    let account = || AccountName::parse(whom.account.as_deref().unwrap_or("default")).unwrap();
    let region = || Region::parse(whom.region.as_deref().unwrap_or("cn-hangzhou")).unwrap();
    match (&whom.account, &whom.region, &whom.vpc) {
        (_, _, Some(vpc)) => {
            let vpc = VpcId::parse(vpc).unwrap();
            Target::Scope(Scope { account: account(), region: region(), vpc })
        }
        (_, Some(_), None) => Target::Lane(Lane { account: account(), region: region() }),
        (Some(_), None, None) => Target::Account(account()),
        (None, None, None) => Target::All,
    }
}
