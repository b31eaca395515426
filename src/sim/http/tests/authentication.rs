use super::*;

const DESCRIBE: &str = "DescribeClassicLinkInstances";
const OWN: [(&str, &str); 1] = [("VpcId", "vpc-a")];

async fn code_of(served: &Served, query: &str) -> String {
    served.send("GET", &format!("/?{query}"), &[], "").await.unwrap().code()
}

#[tokio::test]
async fn v1_rejects_what_was_changed_replayed_or_outdated() {
    let served = Served::new().await;
    let good = v1_query("GET", "sim-secret", v1_pairs(DESCRIBE, "n-1", &OWN));
    let changed = good.replace("VpcId=vpc-a", "VpcId=vpc-b");
    assert_eq!(code_of(&served, &changed).await, "400 SignatureDoesNotMatch");
    let added = format!("{good}&InstanceId=i-free");
    assert_eq!(code_of(&served, &added).await, "400 SignatureDoesNotMatch");
    let other = served.send("POST", &format!("/?{good}"), &[], "").await.unwrap();
    assert_eq!(other.code(), "400 SignatureDoesNotMatch", "the method is signed");
    // Nothing of that used the nonce up.
    assert_eq!(code_of(&served, &good).await, "200 ");
    assert_eq!(code_of(&served, &good).await, "400 SignatureNonceUsed");
    let wrong = v1_query("GET", "wrong", v1_pairs(DESCRIBE, "n-2", &OWN));
    assert_eq!(code_of(&served, &wrong).await, "400 SignatureDoesNotMatch");
    served.clock.advance(Duration::from_secs(15 * 60));
    let edge = v1_query("GET", "sim-secret", v1_pairs(DESCRIBE, "n-3", &OWN));
    assert_eq!(code_of(&served, &edge).await, "200 ");
    served.clock.advance(Duration::from_secs(1));
    let stale = v1_query("GET", "sim-secret", v1_pairs(DESCRIBE, "n-4", &OWN));
    assert_eq!(code_of(&served, &stale).await, "400 InvalidTimeStamp.Expired");
    served.sim.set("clock-skew", "-901s").unwrap();
    assert_eq!(code_of(&served, &stale).await, "200 ", "by the cloud's clock it is on time");
    served.sim.set("clock-skew", "-1h").unwrap();
    let future = v1_query("GET", "sim-secret", v1_pairs(DESCRIBE, "n-5", &OWN));
    assert_eq!(code_of(&served, &future).await, "400 InvalidTimeStamp.Expired");
}

#[tokio::test]
async fn v1_echoes_the_string_to_sign_to_the_end_of_the_message() {
    let served = Served::new().await;
    let pairs = v1_pairs(DESCRIBE, "1", &[("InstanceId", "i-a,i-b c*~ü"), ("VpcId", "")]);
    let query = v1_query("GET", "wrong", pairs.clone());
    let got = served.send("GET", &format!("/?{query}"), &[], "").await.unwrap().json();
    let message = got["Message"].as_str().unwrap();
    let (_, echo) = message.split_once("server string to sign is:").unwrap();
    assert_eq!(echo, v1::string_to_sign("GET", &pairs));
}

#[tokio::test]
async fn v1_takes_query_and_form_and_both_spaces() {
    let served = Served::new().await;
    let form = [pair("content-type", "application/x-www-form-urlencoded")];
    let own = [("InstanceId", "i-a b")];
    let whole = v1_query("POST", "sim-secret", v1_pairs(DESCRIBE, "1", &own));
    let got = served.send("POST", "/", &form, &whole).await.unwrap();
    assert_eq!(got.code(), "403 InvalidInstanceId.NotFound", "signed; there is no such id");
    let plus = v1_query("POST", "sim-secret", v1_pairs(DESCRIBE, "2", &own)).replace("%20", "+");
    let got = served.send("POST", &format!("/?{plus}"), &[], "").await.unwrap();
    assert_eq!(got.code(), "403 InvalidInstanceId.NotFound");
    let both = v1_query("POST", "sim-secret", v1_pairs(DESCRIBE, "3", &OWN));
    let (first, second) = both.split_once("&SignatureNonce").unwrap();
    let second = format!("SignatureNonce{second}");
    let got = served.send("POST", &format!("/?{first}"), &form, &second).await.unwrap();
    assert_eq!(got.code(), "200 ");
    assert_eq!(got.json()["TotalCount"], 1);
}

#[tokio::test]
async fn common_parameters_are_checked_in_order() {
    let served = Served::new().await;
    let sent = async |nonce: &str, name: &str, value: Option<&str>| {
        let mut pairs = v1_pairs(DESCRIBE, nonce, &OWN);
        pairs.retain(|(own, _)| own != name);
        pairs.extend(value.map(|value| pair(name, value)));
        code_of(&served, &v1_query("GET", "sim-secret", pairs)).await
    };
    for (number, (name, value, wanted)) in [
        ("Action", None, "400 MissingParameter"),
        ("Version", None, "400 MissingParameter"),
        ("AccessKeyId", None, "400 MissingParameter"),
        ("SignatureNonce", None, "400 MissingParameter"),
        ("Timestamp", None, "400 MissingParameter"),
        ("Action", Some("RunInstances"), "403 InvalidAction"),
        ("Version", Some("2016-04-28"), "400 InvalidVersion"),
        ("SignatureMethod", Some("HMAC-MD5"), "400 InvalidSignatureMethod"),
        ("Timestamp", Some("2024-05-01 12:00:00"), "400 InvalidTimeStamp.Format"),
        ("Timestamp", Some("2024-05-01T12:00:00+00:00"), "400 InvalidTimeStamp.Format"),
        ("Timestamp", Some("2024-99-01T12:00:00Z"), "400 InvalidTimeStamp.Format"),
        ("AccessKeyId", Some("nobody"), "400 InvalidAccessKeyId.NotFound"),
        ("SecurityToken", Some("x"), "400 InvalidSecurityToken.MismatchWithAccessKey"),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(sent(&number.to_string(), name, value).await, wanted, "{name}={value:?}");
    }
    let bare = canonical_pairs(&v1_pairs(DESCRIBE, "x", &OWN));
    assert_eq!(code_of(&served, &bare).await, "400 MissingParameter");
    let put = served.send("PUT", &format!("/?{bare}"), &[], "").await.unwrap();
    assert_eq!(put.code(), "403 UnsupportedHTTPMethod");
    served.control("/_sim/key", Some("key=sim-access-key&state=disabled")).await;
    assert_eq!(sent("y", "-", None).await, "403 Forbidden.AccessKeyDisabled");
    assert!(served.sim.calls().iter().all(|call| call.code != "OK" && !call.changed));
}

#[tokio::test]
async fn nonces_are_remembered_for_a_key_or_for_all() {
    let served = Served::new().await;
    let theirs = crate::model::AccountId::parse("42").unwrap();
    served.sim.with(|state, _| {
        let mut key = state.keys.get("sim-access-key").unwrap().clone();
        key.account = theirs;
        state.keys.insert("other", key);
    });
    let query = |key: &str| {
        let mut pairs = v1_pairs(DESCRIBE, "same", &[("VpcId", "vpc-theirs")]);
        pairs[0].1 = key.to_owned();
        v1_query("GET", "sim-secret", pairs)
    };
    assert_eq!(code_of(&served, &query("sim-access-key")).await, "403 InvalidVpc.NotBelong");
    assert_eq!(code_of(&served, &query("other")).await, "200 ");
    assert_eq!(code_of(&served, &query("other")).await, "400 SignatureNonceUsed");
    served.sim.set("nonces", "global").unwrap();
    assert_eq!(code_of(&served, &query("other")).await, "200 ");
    assert_eq!(code_of(&served, &query("sim-access-key")).await, "400 SignatureNonceUsed");
    served.sim.set("nonces", "off").unwrap();
    assert_eq!(code_of(&served, &query("other")).await, "200 ");
}

#[tokio::test]
async fn v3_rejects_every_change_of_what_is_signed_and_nothing_else() {
    let served = Served::new().await;
    let query = [pair("RegionId", "cn-hangzhou"), pair("VpcId", "vpc-a")];
    let target = format!("/?{}", canonical_pairs(&query));
    let good = v3_headers(&served, DESCRIBE, "n-1", &query);
    let send = async |headers: &[Pair], target: &str, body: &str| {
        served.send("POST", target, headers, body).await.unwrap().code()
    };
    let with = |name: &str, value: &str| -> Vec<Pair> {
        let changed = |own: &Pair| if own.0 == name { pair(name, value) } else { own.clone() };
        good.iter().map(changed).collect()
    };
    let mismatch = "400 SignatureDoesNotMatch";
    assert_eq!(send(&good, &target.replace("vpc-a", "vpc-b"), "").await, mismatch);
    assert_eq!(send(&good, &target, "VpcId=vpc-b").await, mismatch, "the body is signed");
    for (name, value) in [
        ("host", "127.0.0.1"),
        ("accept", "*/*, application/json"),
        ("x-acs-action", "DetachClassicLinkVpc"),
        ("x-acs-content-sha256", "00"),
        ("x-acs-date", "2024-05-01T12:00:01Z"),
        ("x-acs-signature-nonce", "n-2"),
    ] {
        let got = served.send("POST", &target, &with(name, value), "").await.unwrap();
        assert!(got.body.contains("SignatureDoesNotMatch"), "{name}: {got:?}");
    }
    assert_eq!(send(&with("user-agent", "another"), &target, "").await, "200 ", "not signed");
    assert_eq!(send(&good, &target, "").await, "400 SignatureNonceUsed");
    let early = with("x-acs-date", "2024-05-01T11:44:59Z");
    assert_eq!(send(&early, &target, "").await, "400 InvalidTimeStamp.Expired");
}

#[tokio::test]
async fn v3_takes_a_form_in_the_body() {
    let served = Served::new().await;
    let body = "RegionId=cn-hangzhou&VpcId=vpc-a";
    let headers = [
        pair("host", &served.host()),
        pair("accept", "application/json"),
        pair("content-type", "application/x-www-form-urlencoded"),
        pair("x-acs-action", DESCRIBE),
        pair("x-acs-content-sha256", &v3::payload_hash(body.as_bytes())),
        pair("x-acs-date", "2024-05-01T12:00:00Z"),
        pair("x-acs-signature-nonce", "n"),
        pair("x-acs-version", "2014-05-26"),
    ];
    let headers = v3_signed(headers.to_vec(), "sim-access-key", "sim-secret", &[], body);
    let changed = body.replace("vpc-a", "vpc-b");
    let got = served.send("POST", "/", &headers, &changed).await.unwrap();
    assert_eq!(got.code(), "400 SignatureDoesNotMatch");
    let got = served.send("POST", "/", &headers, body).await.unwrap();
    assert_eq!((got.code().as_str(), &got.json()["TotalCount"]), ("200 ", &1.into()));
}

#[tokio::test]
async fn v3_needs_all_of_its_headers_and_their_signatures() {
    let served = Served::new().await;
    let query = [pair("RegionId", "cn-hangzhou"), pair("VpcId", "vpc-a")];
    let target = format!("/?{}", canonical_pairs(&query));
    let all = v3_headers(&served, DESCRIBE, "n", &query);
    let unsigned: Vec<Pair> = all
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "Authorization" | "user-agent"))
        .cloned()
        .collect();
    let send =
        async |headers: Vec<Pair>| served.send("POST", &target, &headers, "").await.unwrap().code();
    for name in super::super::sign::SIGNED_ALWAYS {
        let (left_out, rest): (Vec<Pair>, Vec<Pair>) =
            unsigned.iter().cloned().partition(|(own, _)| own == name);
        let mut headers = v3_signed(rest, "sim-access-key", "sim-secret", &query, "");
        headers.extend(left_out);
        assert_eq!(send(headers).await, "400 IncompleteSignature", "{name} sent but not signed");
    }
    let wrong = v3_signed(unsigned.clone(), "sim-access-key", "wrong", &query, "");
    assert_eq!(send(wrong).await, "400 SignatureDoesNotMatch");
    let stranger = v3_signed(unsigned.clone(), "nobody", "sim-secret", &query, "");
    assert_eq!(send(stranger).await, "400 InvalidAccessKeyId.NotFound");
    // A hash that is signed but is not the body's.
    let mut lying = unsigned;
    lying.iter_mut().filter(|(name, _)| name == "x-acs-content-sha256").for_each(|own| {
        own.1 = v3::payload_hash(b"another body");
    });
    let lying = v3_signed(lying, "sim-access-key", "sim-secret", &query, "");
    assert_eq!(send(lying).await, "400 SignatureDoesNotMatch");
    assert_eq!(send(all).await, "200 ");
    let xml = served.send("POST", &target, &[pair("authorization", "ACS3-X y")], "").await.unwrap();
    assert!(xml.body.starts_with("<?xml"), "{xml:?}");
}
