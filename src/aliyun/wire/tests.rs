//! Answers of every documented shape, and the ones that must not pass for an empty list.

use super::*;
use proptest::prelude::*;
use serde_json::json;

const ID: &str = "473469C7-AA6F-4DC5-B3DB-A3DC0DE3C83E";

fn read(body: Value) -> Result<Answer<Page>, Malformed> {
    page(200, body.to_string().as_bytes())
}

fn why(body: Value) -> String {
    match read(body.clone()) {
        Err(error) => error.to_string(),
        Ok(answer) => panic!("{body} was read as {answer:?}"),
    }
}

fn links_of(body: Value) -> Vec<String> {
    match read(body.clone()) {
        Ok(Answer::Success(_, page)) => page.links.iter().map(Link::to_string).collect(),
        other => panic!("{body} was read as {other:?}"),
    }
}

fn refusal_of(answer: Result<Answer<Page>, Malformed>) -> Refusal {
    match answer {
        Ok(Answer::Refusal(refusal)) => refusal,
        other => panic!("no refusal: {other:?}"),
    }
}

#[test]
fn a_documented_page_is_read_and_unknown_members_are_ignored() {
    let body = json!({
        "RequestId": ID, "TotalCount": 12, "PageNumber": 1, "PageSize": 10, "Novelty": [1],
        "Links": {"More": true, "Link": [
            {"InstanceId": "i-bp1", "VpcId": "vpc-bp1", "State": "?"},
            {"InstanceId": "i-bp2", "VpcId": "vpc-bp1"},
        ]},
    });
    let Ok(Answer::Success(id, page)) = read(body) else { panic!("not a page") };
    assert_eq!(page.total, 12);
    assert_eq!(id, ID);
    let links: Vec<String> = page.links.iter().map(Link::to_string).collect();
    assert_eq!(links, ["i-bp1 -> vpc-bp1", "i-bp2 -> vpc-bp1"]);
}

#[test]
fn every_documented_form_of_an_empty_list_is_empty() {
    let none: Vec<String> = Vec::new();
    assert_eq!(links_of(json!({"RequestId": ID, "TotalCount": 0})), none);
    assert_eq!(links_of(json!({"RequestId": ID, "TotalCount": "0", "Links": {}})), none);
    assert_eq!(links_of(json!({"RequestId": ID, "TotalCount": 0, "Links": {"Link": []}})), none);
    // A page past the end keeps its count.
    assert_eq!(links_of(json!({"RequestId": ID, "TotalCount": 7, "Links": {"Link": []}})), none);
}

#[test]
fn nothing_else_is_an_empty_list() {
    let bodies = [
        json!({}),
        json!([]),
        json!(null),
        json!("x"),
        json!({"TotalCount": 0, "Links": {"Link": []}}),
        json!({"RequestId": "", "TotalCount": 0, "Links": {"Link": []}}),
        json!({"RequestId": null, "TotalCount": 0, "Links": {"Link": []}}),
        json!({"requestId": ID, "TotalCount": 0, "Links": {"Link": []}}),
        json!({"RequestId": ID, "Links": {"Link": []}}),
        json!({"RequestId": ID, "TotalCount": null, "Links": {"Link": []}}),
        json!({"RequestId": ID, "TotalCount": -1, "Links": {"Link": []}}),
        json!({"RequestId": ID, "TotalCount": "-1", "Links": {"Link": []}}),
        json!({"RequestId": ID, "TotalCount": "", "Links": {"Link": []}}),
        json!({"RequestId": ID, "TotalCount": 0.5, "Links": {"Link": []}}),
        json!({"RequestId": ID, "TotalCount": 4_294_967_296_u64, "Links": {"Link": []}}),
        json!({"RequestId": ID, "TotalCount": 3}),
        json!({"RequestId": ID, "TotalCount": 0, "Links": null}),
        json!({"RequestId": ID, "TotalCount": 0, "Links": []}),
        json!({"RequestId": ID, "TotalCount": 0, "Links": ""}),
        json!({"RequestId": ID, "TotalCount": 0, "Links": {"Link": null}}),
        json!({"RequestId": ID, "TotalCount": 1,
               "Links": {"Link": {"InstanceId": "i-a", "VpcId": "vpc-a"}}}),
        json!({"RequestId": ID, "TotalCount": 1, "Links": {"Link": [{"InstanceId": "i-a"}]}}),
        json!({"RequestId": ID, "TotalCount": 1, "Links": {"Link": ["i-a"]}}),
        json!({"RequestId": ID, "TotalCount": 1, "Links": {"Link": [null]}}),
        json!({"RequestId": ID, "TotalCount": 1,
               "Links": {"Link": [{"InstanceId": "", "VpcId": "vpc-a"}]}}),
    ];
    for body in bodies {
        assert!(read(body.clone()).is_err(), "{body} was read");
    }
    for body in ["", " ", "<html>502</html>", "{\"RequestId\":\"x\",\"TotalCount\":0", "{}x"] {
        assert!(page(200, body.as_bytes()).is_err(), "{body}");
    }
    assert!(page(200, &[0x7b, 0xff, 0x7d]).is_err());
    let twice = r#"{"RequestId":"a","TotalCount":3,"TotalCount":0,"Links":{}}"#;
    assert_eq!(
        page(200, twice.as_bytes()).unwrap_err().to_string(),
        "the answer has a member twice"
    );
    let deep = "[".repeat(100_000);
    assert!(page(200, deep.as_bytes()).is_err());
}

#[test]
fn a_success_needs_status_200() {
    let body = json!({"RequestId": ID, "TotalCount": 0, "Links": {"Link": []}}).to_string();
    for status in [201, 204, 206, 302, 400, 404, 500, 503] {
        let error = page(status, body.as_bytes()).unwrap_err();
        assert!(error.to_string().contains(&status.to_string()));
        assert!(acceptance(status, body.as_bytes()).is_err());
    }
}

#[test]
fn a_malformed_id_is_named_with_control_characters_escaped() {
    let link = json!({"InstanceId": "I-1\u{1b}[2J", "VpcId": "vpc-a"});
    let shown = why(json!({"RequestId": ID, "TotalCount": 1, "Links": {"Link": [link]}}));
    assert!(shown.contains("I-1\\u{1b}[2J"), "{shown}");
    let link = json!({"InstanceId": "i-a", "VpcId": "i-a"});
    let shown = why(json!({"RequestId": ID, "TotalCount": 1, "Links": {"Link": [link]}}));
    assert!(shown.contains("`i-a`: it must be `vpc-`"), "{shown}");
}

#[test]
fn an_error_code_makes_an_error_of_any_status_and_spelling() {
    for status in [200, 400, 403, 404, 500] {
        let body = json!({"RequestId": ID, "HostId": "ecs", "Code": "Throttling.User",
                          "Message": "m", "TotalCount": 0, "Links": {"Link": []}});
        let refusal = refusal_of(page(status, body.to_string().as_bytes()));
        assert_eq!((refusal.code.as_str(), refusal.message.as_str()), ("Throttling.User", "m"));
        assert_eq!(refusal.request_id.as_deref(), Some(ID));
    }
    let lower = refusal_of(read(json!({"requestId": ID, "code": "X", "message": "m"})));
    assert_eq!((lower.code.as_str(), lower.message.as_str()), ("X", "m"));
    assert_eq!(lower.request_id.as_deref(), Some(ID));
    assert_eq!(refusal_of(read(json!({"Code": 503}))).code, "503");
    assert!(read(json!({"Code": ["X"]})).is_err());
    assert!(read(json!({"Code": ""})).is_err());
    assert!(read(json!({"Code": "X", "code": "Y"})).is_err());
}

#[test]
fn a_code_that_says_success_is_none() {
    for code in [json!("200"), json!("OK"), json!("Success"), json!(200), json!(null)] {
        let body = json!({"RequestId": ID, "TotalCount": 0, "Code": code});
        assert!(matches!(read(body), Ok(Answer::Success(..))));
        let body = json!({"Code": code});
        assert!(read(body).is_err());
    }
}

#[test]
fn a_denial_says_which_permission_is_missing_and_nothing_of_the_principal() {
    let refusal = refusal_of(read(json!({"RequestId": ID, "Code": "Forbidden.RAM",
        "AccessDeniedDetail": {"AuthAction": "ecs:DetachClassicLinkVpc",
            "NoPermissionType": "ImplicitDeny", "EncodedDiagnosticMessage": "AQF"}})));
    assert_eq!(refusal.denied.as_deref(), Some("ecs:DetachClassicLinkVpc: ImplicitDeny"));
    assert_eq!(refusal.message, "");
}

#[test]
fn an_acceptance_is_a_request_id_and_nothing_less() {
    let read = |body: Value| acceptance(200, body.to_string().as_bytes());
    assert_eq!(read(json!({"RequestId": ID})), Ok(Answer::Success(ID.to_owned(), ())));
    assert!(read(json!({})).is_err());
    assert!(read(json!({"RequestId": 5})).is_err());
    assert!(acceptance(200, b"<html>ok</html>").is_err());
    assert!(acceptance(200, b"{\"RequestId\":\"4734").is_err());
    assert!(matches!(read(json!({"RequestId": ID, "Code": "X"})), Ok(Answer::Refusal(_))));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic_or_find_links_without_a_count(
        body in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        prop_assert!(!matches!(page(200, &body), Ok(Answer::Success(..))));
    }

    #[test]
    fn a_cut_answer_is_never_a_success(cut in 0usize..170) {
        let body = json!({"RequestId": ID, "TotalCount": 1,
            "Links": {"Link": [{"InstanceId": "i-a", "VpcId": "vpc-a"}]}}).to_string();
        let cut = cut.min(body.len() - 1);
        prop_assert!(page(200, &body.as_bytes()[..cut]).is_err());
    }
}
