//! The client against a server on this machine that does what the cloud and the way to it can do.

use super::*;
use crate::aliyun::Key;
use crate::cloud::IntentId;
use crate::model::{Link, Scope, VpcId};
use jiff::Timestamp;
use server::Server;

mod caller;
mod faults;
mod keys;
mod repeats;
pub(in crate::aliyun) mod secrets;
pub(in crate::aliyun) mod server;
mod shape;

const KEY_ID: &str = "LTAIcanaryCANARYid";
const SECRET: &str = "canary+SECRET/value=";
const TOKEN: &str = "CAIScanary+TOKEN/value==";
const REQUEST_ID: &str = "473469C7-AA6F-4DC5-B3DB-A3DC0DE3C83E";
const EMPTY: &str = r#"{"RequestId":"473469C7-AA6F-4DC5-B3DB-A3DC0DE3C83E","TotalCount":0,
    "PageNumber":1,"PageSize":100,"Links":{"Link":[]}}"#;
const ACCEPTED: &str = r#"{"RequestId":"473469C7-AA6F-4DC5-B3DB-A3DC0DE3C83E"}"#;

/// A clock that stands still.
pub(in crate::aliyun) struct Frozen;

impl Clock for Frozen {
    fn now(&self) -> crate::clock::Moment {
        crate::clock::Moment { wall: wall(), monotonic: Duration::ZERO }
    }
}

pub(in crate::aliyun) fn wall() -> Timestamp {
    "2024-05-01T12:34:56.789Z".parse().unwrap()
}

fn region() -> Region {
    Region::parse("cn-hangzhou").unwrap()
}

fn settings(endpoint: &str) -> Settings {
    let key = Key::new(KEY_ID, SECRET, Some(TOKEN)).unwrap();
    let mut settings = Settings::new(Credentials::fixed(key));
    settings.endpoint_override = Some(Endpoint::parse(endpoint).unwrap());
    settings
}

fn client_of(settings: Settings) -> Client {
    Client::new(settings, Arc::new(Frozen)).unwrap()
}

fn client(server: &Server) -> Client {
    client_of(settings(&server.url()))
}

fn of_vpc() -> Query {
    let vpc = VpcId::parse("vpc-bp1").unwrap();
    Query::OfVpc { region: region(), vpc, page: 2, page_size: 50 }
}

fn of_instances(count: usize) -> Query {
    let id = |n| InstanceId::parse(&format!("i-bp{n}")).unwrap();
    Query::OfInstances { region: region(), instances: (0..count).map(id).collect() }
}

fn ticket(verb: Verb) -> Ticket {
    let scope = Scope {
        account: crate::model::AccountName::parse("default").unwrap(),
        region: region(),
        vpc: VpcId::parse("vpc-bp1").unwrap(),
    };
    let link = Link { instance: InstanceId::parse("i-bp7").unwrap(), vpc: scope.vpc.clone() };
    Ticket::issue(IntentId(1), verb, scope, link)
}
