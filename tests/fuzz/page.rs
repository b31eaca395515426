//! Any bytes as an answer to `DescribeClassicLinkInstances`.

use classiclinkd::aliyun::client::offline::{self, Sent};
use serde_json::Value;

const SENT: Sent<'_> = Sent { string_to_sign: "", secrets: &[] };

pub fn check(body: &[u8]) {
    for status in [199, 201, 204, 302, 400, 403, 404, 429, 500, 503] {
        assert!(offline::page(status, body, SENT).is_err(), "status {status} passes for a success");
    }
    let page = match offline::page(200, body, SENT) {
        Ok(page) => page,
        Err(error) => return assert!(!error.to_string().contains(char::is_control), "{error}"),
    };
    let answer: Value = serde_json::from_slice(body).expect("only JSON is a page");
    assert!(answer["RequestId"].as_str().is_some_and(|id| !id.is_empty()), "{answer}");
    let total = match &answer["TotalCount"] {
        Value::String(digits) => digits.parse().ok(),
        number => number.as_u64(),
    };
    assert_eq!(total, Some(u64::from(page.total)), "{answer}");
    let code = answer.get("Code").or(answer.get("code")).unwrap_or(&Value::Null);
    assert!(code.is_null() || is_good(code), "an error passes for a page: {answer}");
    let links = answer["Links"]["Link"].as_array().map_or(&[][..], Vec::as_slice);
    let said: Vec<_> = links.iter().map(|link| (&link["InstanceId"], &link["VpcId"])).collect();
    let read: Vec<_> = page
        .links
        .iter()
        .map(|link| (Value::from(link.instance.as_str()), Value::from(link.vpc.as_str())))
        .collect();
    assert_eq!(read.iter().map(|(id, vpc)| (id, vpc)).collect::<Vec<_>>(), said);
    // Half an answer proves nothing.
    let whole = body.trim_ascii_end();
    for end in [0, whole.len() / 3, whole.len() / 2, whole.len() - 1] {
        let half = offline::page(200, &whole[..end], SENT);
        assert!(half.is_err(), "the first {end} bytes pass for the whole");
    }
}

fn is_good(code: &Value) -> bool {
    let code = code.as_str().map_or_else(|| code.to_string(), str::to_owned);
    ["200", "ok", "success"].contains(&code.to_ascii_lowercase().as_str())
}
