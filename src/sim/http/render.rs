//! Answers as JSON or XML, in the shapes of `api-contract.md` 2.2 and 3.2.

use crate::model::{AccountId, Link};
use crate::sim::problem::Refusal;
use crate::sim::semantics::{Answer, InstancePage, LinkPage};
use crate::sim::state::credentials::Issued;
use crate::sim::state::{Instance, InstanceKey, Network};
use crate::sim::switches::{EmptyList, Identity, Numbers, Switches, ThrottleHint};
use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Xml,
}

impl Format {
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json;charset=utf-8",
            // The new SDKs read XML only under exactly this type (`api-contract.md` 3.2).
            Self::Xml => "text/xml;charset=utf-8",
        }
    }

    pub(super) fn text(self, root: &str, body: &Value) -> String {
        match self {
            Self::Json => body.to_string(),
            Self::Xml => {
                let mut text = "<?xml version='1.0' encoding='UTF-8'?>".to_owned();
                element(&mut text, root, body);
                text
            }
        }
    }
}

/// Which of the possible shapes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    empty_list: EmptyList,
    numbers: Numbers,
    identity: Identity,
    hint: ThrottleHint,
}

impl Shape {
    /// `temporary`: the caller has a key of a role, and stands for nobody else.
    pub(super) fn of(switches: &Switches, temporary: bool) -> Self {
        Self {
            empty_list: switches.empty_list,
            numbers: switches.numbers,
            identity: if temporary { Identity::Role } else { switches.identity },
            hint: switches.throttle_hint,
        }
    }

    /// The header of a throttled answer (`api-contract.md` 6.2).
    pub(super) fn hint(&self, wait: Duration) -> Option<(&'static str, String)> {
        let milliseconds = wait.as_millis();
        match self.hint {
            ThrottleHint::RetryAfter => Some(("x-acs-retry-after", milliseconds.to_string())),
            ThrottleHint::RateLimit => Some((
                "x-ratelimit-user-api",
                format!("Limit:1,Remain:0,TimeLeft:{milliseconds},Reset:{milliseconds}"),
            )),
            ThrottleHint::None => None,
        }
    }

    fn number(&self, number: u32) -> Value {
        match self.numbers {
            Numbers::Number => json!(number),
            Numbers::Text => json!(number.to_string()),
        }
    }

    fn list(&self, body: &mut Map<String, Value>, outer: &str, inner: &str, items: Vec<Value>) {
        let value = match self.empty_list {
            EmptyList::Absent if items.is_empty() => return,
            EmptyList::Object if items.is_empty() => json!({}),
            _ => json!({ inner: items }),
        };
        body.insert(outer.to_owned(), value);
    }
}

fn assumed(body: &mut Map<String, Value>, issued: &Issued) {
    let credentials = json!({
        "AccessKeyId": issued.id,
        "AccessKeySecret": issued.secret.expose_secret(),
        "SecurityToken": issued.token.expose_secret(),
        "Expiration": issued.end.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
    });
    body.insert("Credentials".to_owned(), credentials);
}

pub(super) fn answer(answer: &Answer, request_id: &str, shape: &Shape) -> Value {
    let mut body = Map::new();
    body.insert("RequestId".to_owned(), json!(request_id));
    match answer {
        Answer::Accepted => {}
        Answer::Links(page) => links(&mut body, page, shape),
        Answer::Instances(page) => instances(&mut body, page, shape),
        Answer::Identity(account) => identity(&mut body, account, shape.identity),
        Answer::Assumed(issued) => assumed(&mut body, issued),
    }
    Value::Object(body)
}

fn counts(body: &mut Map<String, Value>, shape: &Shape, total: u32, number: u32, size: u32) {
    body.insert("TotalCount".to_owned(), shape.number(total));
    body.insert("PageNumber".to_owned(), shape.number(number));
    body.insert("PageSize".to_owned(), shape.number(size));
}

fn links(body: &mut Map<String, Value>, page: &LinkPage, shape: &Shape) {
    counts(body, shape, page.total, page.page_number, page.page_size);
    let link =
        |link: &Link| json!({ "InstanceId": link.instance.as_str(), "VpcId": link.vpc.as_str() });
    shape.list(body, "Links", "Link", page.links.iter().map(link).collect());
}

fn instances(body: &mut Map<String, Value>, page: &InstancePage, shape: &Shape) {
    counts(body, shape, page.total, page.page_number, page.page_size);
    let items = page.instances.iter().map(|(key, what)| instance(key, what)).collect();
    shape.list(body, "Instances", "Instance", items);
    if let Some(token) = &page.next_token {
        body.insert("NextToken".to_owned(), json!(token));
    }
}

/// Which members come depends on the kind (`api-contract.md` 2.8).
fn identity(body: &mut Map<String, Value>, account: &AccountId, kind: Identity) {
    let id = account.as_str();
    let (user, role) = ("20000000000000001", "30000000000000001");
    let (kind, service, path, principal, own) = match kind {
        Identity::Account => ("Account", "ram", "root", id, ("UserId", id)),
        Identity::User => ("RAMUser", "ram", "user/sim", user, ("UserId", user)),
        Identity::Role => (
            "AssumedRoleUser",
            "sts",
            "assumed-role/sim/run",
            "30000000000000001:run",
            ("RoleId", role),
        ),
    };
    let arn = format!("acs:{service}::{account}:{path}");
    for (name, value) in
        [("AccountId", id), ("Arn", &arn), ("IdentityType", kind), ("PrincipalId", principal), own]
    {
        body.insert(name.to_owned(), json!(value));
    }
}

fn instance(key: &InstanceKey, what: &Instance) -> Value {
    let locks = if what.locked { vec![json!({ "LockReason": "security" })] } else { Vec::new() };
    let inner = if what.network == Network::Classic { vec!["10.0.0.1"] } else { Vec::new() };
    json!({
        "InstanceId": key.1.as_str(),
        "RegionId": key.0.as_str(),
        "InstanceNetworkType": what.network.as_str(),
        "Status": what.status.as_str(),
        "VpcAttributes": { "VpcId": "" },
        "InnerIpAddress": { "IpAddress": inner },
        "OperationLocks": { "LockReason": locks },
    })
}

pub(super) fn refusal(refusal: &Refusal, request_id: &str, host: &str) -> Value {
    let code = crate::signature::encode(&refusal.code);
    let mut body = json!({
        "RequestId": request_id,
        "HostId": host,
        "Code": refusal.code,
        "Message": refusal.message,
        "Recommend": format!("https://api.aliyun.com/troubleshoot?q={code}&product=Ecs"),
    });
    if let (Some(denial), Some(members)) = (&refusal.denial, body.as_object_mut()) {
        let detail = json!({
            "AuthAction": denial.action,
            "AuthPrincipalDisplayName": "simulated-user",
            "AuthPrincipalOwnerId": denial.account,
            "AuthPrincipalType": "SubUser",
            "NoPermissionType": "ImplicitDeny",
            "PolicyType": "AccountLevelIdentityBasedPolicy",
            "EncodedDiagnosticMessage": "c2ltdWxhdGVk",
        });
        members.insert("AccessDeniedDetail".to_owned(), detail);
    }
    body
}

/// The `Date` header: the only clock of the cloud a client sees (`api-contract.md` 4).
pub(super) fn http_date(time: Timestamp) -> String {
    time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// An array is its element repeated under the array's name.
fn element(text: &mut String, name: &str, value: &Value) {
    if let Value::Array(items) = value {
        for item in items {
            element(text, name, item);
        }
        return;
    }
    text.push('<');
    text.push_str(name);
    text.push('>');
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                element(text, name, value);
            }
        }
        Value::String(content) => escape(text, content),
        Value::Null | Value::Array(_) => {}
        other => text.push_str(&other.to_string()),
    }
    text.push_str("</");
    text.push_str(name);
    text.push('>');
}

fn escape(text: &mut String, content: &str) {
    for c in content.chars() {
        match c {
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '&' => text.push_str("&amp;"),
            // XML 1.0 has no way to write the other control characters.
            c if c.is_control() && !matches!(c, '\n' | '\t') => text.push('\u{fffd}'),
            c => text.push(c),
        }
    }
}
