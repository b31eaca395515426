use super::*;
use crate::signature::{Pair, canonical_pairs, v1, v3};
use crate::sim::tests::{Hands, one_of_each, region, sim, vpc};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

mod assume;
mod authentication;
mod faults;
mod identity;

/// A server on loopback that ends with the test.
pub(super) struct Served {
    pub(super) sim: Sim,
    pub(super) clock: Arc<Hands>,
    address: SocketAddr,
    stop: CancellationToken,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// What came back.
#[derive(Debug)]
pub(super) struct Got {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

impl Got {
    /// Of raw bytes; `None` when there is no whole answer.
    fn parse(raw: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(raw).into_owned();
        let (head, body) = text.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let got = Self { status, head: head.to_ascii_lowercase(), body: body.to_owned() };
        let length: usize = got.header("content-length").parse().ok()?;
        (length == body.len()).then_some(got)
    }

    pub(super) fn header(&self, name: &str) -> &str {
        let prefix = format!("{name}: ");
        self.head.lines().find_map(|line| line.strip_prefix(prefix.as_str())).unwrap_or_default()
    }

    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{self:?}"))
    }

    /// Status and code of a JSON answer; `200 ` without one.
    pub(super) fn code(&self) -> String {
        format!("{} {}", self.status, self.json()["Code"].as_str().unwrap_or_default())
    }
}

impl Served {
    pub(super) async fn new() -> Self {
        let (sim, clock) = sim(&one_of_each());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        tokio::spawn(serve(sim.clone(), listener, stop.clone()));
        Self { sim, clock, address, stop }
    }

    /// Sends the text and reads to the end of the connection.
    pub(super) async fn raw(&self, request: &str) -> Vec<u8> {
        let exchange = async {
            let mut stream = TcpStream::connect(self.address).await.unwrap();
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut answer = Vec::new();
            // A reset is an end too.
            let _ = stream.read_to_end(&mut answer).await;
            answer
        };
        tokio::time::timeout(Duration::from_secs(10), exchange).await.expect("the server answers")
    }

    pub(super) async fn send(
        &self,
        method: &str,
        target: &str,
        headers: &[Pair],
        body: &str,
    ) -> Option<Got> {
        let mut request = format!("{method} {target} HTTP/1.1\r\nconnection: close\r\n");
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        if !headers.iter().any(|(name, _)| name == "host") {
            request.push_str(&format!("host: {}\r\n", self.address));
        }
        request.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
        Got::parse(&self.raw(&request).await)
    }

    pub(super) async fn control(&self, target: &str, form: Option<&str>) -> Got {
        let method = if form.is_some() { "POST" } else { "GET" };
        self.send(method, target, &[], form.unwrap_or_default()).await.unwrap()
    }

    pub(super) fn host(&self) -> String {
        self.address.to_string()
    }
}

pub(super) fn pair(name: &str, value: &str) -> Pair {
    (name.to_owned(), value.to_owned())
}

/// Parameters of a V1 request that passes, without its signature.
pub(super) fn v1_pairs(action: &str, nonce: &str, own: &[(&str, &str)]) -> Vec<Pair> {
    let mut pairs: Vec<Pair> = [
        ("AccessKeyId", "sim-access-key"),
        ("Action", action),
        ("Format", "JSON"),
        ("RegionId", "cn-hangzhou"),
        ("SignatureMethod", "HMAC-SHA1"),
        ("SignatureNonce", nonce),
        ("SignatureVersion", "1.0"),
        ("Timestamp", "2024-05-01T12:00:00Z"),
        ("Version", "2014-05-26"),
    ]
    .map(|(name, value)| pair(name, value))
    .to_vec();
    pairs.extend(own.iter().map(|(name, value)| pair(name, value)));
    pairs
}

/// The pairs as a query string, signed.
pub(super) fn v1_query(method: &str, secret: &str, mut pairs: Vec<Pair>) -> String {
    let signature = v1::sign(secret, &v1::string_to_sign(method, &pairs));
    pairs.push(pair("Signature", &signature));
    canonical_pairs(&pairs)
}

/// Headers of a V3 request that passes, all signed but `user-agent`.
pub(super) fn v3_headers(served: &Served, action: &str, nonce: &str, query: &[Pair]) -> Vec<Pair> {
    let headers = vec![
        pair("host", &served.host()),
        pair("accept", "application/json"),
        pair("x-acs-action", action),
        pair("x-acs-content-sha256", &v3::payload_hash(b"")),
        pair("x-acs-date", "2024-05-01T12:00:00Z"),
        pair("x-acs-signature-nonce", nonce),
        pair("x-acs-version", "2014-05-26"),
    ];
    v3_signed(headers, "sim-access-key", "sim-secret", query, "")
}

pub(super) fn v3_signed(
    mut headers: Vec<Pair>,
    key: &str,
    secret: &str,
    query: &[Pair],
    body: &str,
) -> Vec<Pair> {
    let body = body.as_bytes();
    let request = v3::Request { method: "POST", query, headers: &headers, body };
    let signature = v3::sign(secret, &v3::string_to_sign(&v3::canonical_request(&request)));
    let names = v3::signed_headers(&headers);
    let authorization =
        format!("{} Credential={key},SignedHeaders={names},Signature={signature}", v3::ALGORITHM);
    headers.push(pair("Authorization", &authorization));
    headers.push(pair("user-agent", "a test"));
    headers
}

impl Served {
    /// A V1 call that passes authentication.
    pub(super) async fn call(
        &self,
        action: &str,
        nonce: &str,
        own: &[(&str, &str)],
    ) -> Option<Got> {
        let query = v1_query("GET", "sim-secret", v1_pairs(action, nonce, own));
        self.send("GET", &format!("/?{query}"), &[], "").await
    }
}

#[tokio::test]
async fn json_has_the_documented_shapes() {
    let served = Served::new().await;
    let describe = "DescribeClassicLinkInstances";
    let got = served.call(describe, "1", &[("VpcId", "vpc-a")]).await.unwrap();
    let body = got.json();
    let request_id = body["RequestId"].as_str().unwrap().to_owned();
    assert_eq!(request_id.len(), 36);
    assert_eq!(
        body,
        serde_json::json!({
            "RequestId": request_id,
            "TotalCount": 1, "PageNumber": 1, "PageSize": 10,
            "Links": {"Link": [{"InstanceId": "i-linked", "VpcId": "vpc-a"}]},
        })
    );
    assert_eq!(got.header("content-type"), "application/json;charset=utf-8");
    assert_eq!(got.header("date"), "wed, 01 may 2024 12:00:00 gmt");
    assert_eq!(got.header("x-acs-request-id").to_uppercase(), request_id);
    let own = [("InstanceId", "i-linked"), ("VpcId", "vpc-a")];
    let got = served.call("DetachClassicLinkVpc", "2", &own).await.unwrap();
    assert_eq!(got.json().as_object().unwrap().keys().collect::<Vec<_>>(), ["RequestId"]);
    let got = served.call("DetachClassicLinkVpc", "3", &own).await.unwrap();
    assert_eq!(got.code(), "403 InvalidOperation.InvalidVpc");
    let members: Vec<String> = got.json().as_object().unwrap().keys().cloned().collect();
    assert_eq!(members, ["Code", "HostId", "Message", "Recommend", "RequestId"]);
    assert_eq!(got.json()["HostId"], served.host());
    for (shape, links) in [
        ("list", serde_json::json!({"Link": []})),
        ("object", serde_json::json!({})),
        ("absent", serde_json::Value::Null),
    ] {
        served.sim.set("empty-list", shape).unwrap();
        let got = served.call(describe, shape, &[("VpcId", "vpc-a")]).await.unwrap();
        assert_eq!(got.json()["Links"], links);
        assert_eq!(got.json()["TotalCount"], 0);
    }
    served.sim.set("numbers", "string").unwrap();
    let got = served.call(describe, "4", &[("VpcId", "vpc-a")]).await.unwrap();
    assert_eq!((&got.json()["TotalCount"], &got.json()["PageSize"]), (&"0".into(), &"10".into()));
}

#[tokio::test]
async fn xml_is_what_v1_gets_when_it_asks_for_nothing() {
    let served = Served::new().await;
    let own = [("VpcId", "vpc-a")];
    let mut pairs = v1_pairs("DescribeClassicLinkInstances", "1", &own);
    pairs.retain(|(name, _)| name != "Format");
    let query = v1_query("GET", "sim-secret", pairs.clone());
    let got = served.send("GET", &format!("/?{query}"), &[], "").await.unwrap();
    assert_eq!(got.header("content-type"), "text/xml;charset=utf-8");
    let (head, rest) = got.body.split_once("<RequestId>").unwrap();
    assert_eq!(
        head,
        "<?xml version='1.0' encoding='UTF-8'?><DescribeClassicLinkInstancesResponse>\
         <Links><Link><InstanceId>i-linked</InstanceId><VpcId>vpc-a</VpcId></Link></Links>\
         <PageNumber>1</PageNumber><PageSize>10</PageSize>"
    );
    assert!(rest.ends_with("<TotalCount>1</TotalCount></DescribeClassicLinkInstancesResponse>"));
    let changed = format!("/?{query}&VpcId=vpc-b");
    let got = served.send("GET", &changed, &[pair("host", "<&>")], "").await.unwrap();
    assert!(got.body.contains("<Error><Code>SignatureDoesNotMatch</Code>"), "{got:?}");
    assert!(got.body.contains("<HostId>&lt;&amp;&gt;</HostId>"), "{got:?}");
}

#[tokio::test]
async fn a_refused_permission_says_which_one() {
    let served = Served::new().await;
    served.sim.set("deny-actions", "*").unwrap();
    let got = served.call("DescribeClassicLinkInstances", "1", &[]).await.unwrap();
    assert_eq!(got.code(), "403 Forbidden.SubUser");
    let detail = &got.json()["AccessDeniedDetail"];
    assert_eq!(detail["AuthAction"], "ecs:DescribeClassicLinkInstances");
    assert_eq!(detail["NoPermissionType"], "ImplicitDeny");
}

#[tokio::test]
async fn people_change_the_world_through_the_control_face() {
    let served = Served::new().await;
    for (target, form, status) in [
        ("/_sim/attach", "instance=i-free&vpc=vpc-a", 200),
        ("/_sim/attach", "instance=i-nobody&vpc=vpc-a", 400),
        ("/_sim/detach", "instance=i-linked&region=cn-hangzhou", 200),
        ("/_sim/detach", "instance=i-linked", 400),
        ("/_sim/release", "instance=i-elsewhere", 200),
        ("/_sim/status", "instance=i-free&status=stopping", 200),
        ("/_sim/status", "instance=i-free&status=bored", 400),
        ("/_sim/lock", "instance=i-free", 200),
        ("/_sim/key", "key=sim-access-key&state=inactive", 200),
        ("/_sim/fault", "latency=1ms&detach-delay=3s", 200),
        ("/_sim/fault", "latency=2ms&nonsense=1", 400),
        ("/_sim/fault", "", 400),
    ] {
        let got = served.control(target, Some(form)).await;
        assert_eq!(got.status, status, "{target} {form}: {}", got.body);
    }
    let state = served.control("/_sim/state", None).await.json();
    assert_eq!(state["links"]["cn-hangzhou/vpc-a"], serde_json::json!(["i-free"]));
    assert_eq!(state["links"]["cn-hangzhou/vpc-b"], serde_json::json!([]));
    let free = &state["instances"]["cn-hangzhou/i-free"];
    assert_eq!((&free["status"], &free["locked"]), (&"Stopping".into(), &true.into()));
    assert_eq!(state["switches"]["detach-delay"], "3s");
    assert_eq!(state["switches"]["latency"], "1ms", "all switches of a request or none");
    assert_eq!(state["accounts"], serde_json::json!({"1234567890123456": ["sim-access-key"]}));
    assert!(!state.to_string().contains("sim-secret"));
    let got = served.call("DescribeClassicLinkInstances", "1", &[("VpcId", "vpc-a")]).await;
    assert_eq!(got.unwrap().code(), "400 InvalidAccessKeyId.Inactive");
    let calls = served.control("/_sim/calls?since=0", None).await.json();
    assert_eq!(calls["calls"][0]["code"], "InvalidAccessKeyId.Inactive");
    assert_eq!(
        calls["calls"][0]["params"],
        serde_json::json!({
            "RegionId": "cn-hangzhou", "VpcId": "vpc-a",
        })
    );
    let calls = served.control("/_sim/calls?since=1", None).await.json();
    assert_eq!(calls["calls"], serde_json::json!([]));
    assert!(served.control("/_sim/faults", None).await.body.contains("already-gone=auto"));
}

#[tokio::test]
async fn the_control_face_answers_only_to_loopback_names() {
    let served = Served::new().await;
    let form = "instance=i-linked";
    for (host, origin, status) in [
        ("evil.example", None, 421),
        ("127.0.0.1.evil.example:80", None, 421),
        ("localhost.evil.example", None, 421),
        ("10.0.0.1", None, 421),
        ("127.0.0.1", Some("https://evil.example"), 421),
        ("127.0.0.1", Some("null"), 421),
        ("[::1]:80", None, 200),
        ("LOCALHOST:9180", Some("http://localhost:9180"), 400),
    ] {
        let mut headers = vec![pair("host", host)];
        headers.extend(origin.map(|origin| pair("origin", origin)));
        let got = served.send("POST", "/_sim/detach", &headers, form).await.unwrap();
        assert_eq!(got.status, status, "{host} {origin:?}");
    }
    let got = served.send("GET", "/_sim/state", &[pair("host", "evil.example")], "").await;
    assert_eq!(got.unwrap().status, 421);
}

#[tokio::test]
async fn credentials_of_the_metadata_service_are_accepted_until_they_expire() {
    let served = Served::new().await;
    let roles = "/latest/meta-data/ram/security-credentials/";
    let target = format!("{roles}sim-role");
    let ttl = [pair("X-aliyun-ecs-metadata-token-ttl-seconds", "21600")];
    let session = served.send("PUT", "/latest/api/token", &ttl, "").await.unwrap().body;
    let token = [pair("X-aliyun-ecs-metadata-token", &session)];
    served.sim.set("metadata", "required").unwrap();
    assert_eq!(served.send("GET", roles, &[], "").await.unwrap().status, 403);
    assert_eq!(served.send("GET", roles, &token, "").await.unwrap().body, "sim-role");
    let given = served.send("GET", &target, &token, "").await.unwrap().json();
    let of = |name: &str| given[name].as_str().unwrap().to_owned();
    assert_eq!((of("Code"), of("Expiration")), ("Success".into(), "2024-05-01T13:00:00Z".into()));
    let query = |nonce: &str, time: &str| {
        let own = [("VpcId", "vpc-a")];
        let mut pairs = v1_pairs("DescribeClassicLinkInstances", nonce, &own);
        pairs.retain(|(name, _)| name != "AccessKeyId" && name != "Timestamp");
        pairs.push(pair("AccessKeyId", &of("AccessKeyId")));
        pairs.push(pair("Timestamp", time));
        pairs
    };
    let send = async |pairs: Vec<Pair>| {
        let query = v1_query("GET", &of("AccessKeySecret"), pairs);
        served.send("GET", &format!("/?{query}"), &[], "").await.unwrap().code()
    };
    let with = |mut pairs: Vec<Pair>, token: &str| {
        pairs.push(pair("SecurityToken", token));
        pairs
    };
    let now = "2024-05-01T12:00:00Z";
    assert_eq!(send(query("1", now)).await, "400 MissingSecurityToken");
    assert_eq!(send(with(query("2", now), "x")).await, "400 InvalidSecurityToken.Malformed");
    assert_eq!(send(with(query("3", now), &of("SecurityToken"))).await, "200 ");
    served.clock.advance(Duration::from_secs(3600));
    let late = with(query("4", "2024-05-01T13:00:00Z"), &of("SecurityToken"));
    assert_eq!(send(late).await, "400 InvalidSecurityToken.Expired");
    served.sim.set("metadata", "disabled").unwrap();
    assert_eq!(served.send("GET", &target, &token, "").await.unwrap().status, 404);
}
