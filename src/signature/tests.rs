//! The golden vectors (`api-contract.md` 12), and what must hold for any input.

use super::*;
use percent_encoding::percent_decode_str;
use proptest::prelude::*;
use serde_json::Value;

fn vectors(file: &str) -> Value {
    let path = format!("{}/tests/testdata/vectors/{file}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("no text {name} in {value}"))
}

fn pairs(value: &Value) -> Vec<Pair> {
    let members = value.as_object().into_iter().flatten();
    members.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect()
}

fn v1_of(case: &Value) -> (String, String) {
    let inputs = &case["inputs"];
    let mut all = pairs(&inputs["query_params"]);
    all.extend(pairs(&inputs["form_params"]));
    let to_sign = v1::string_to_sign(text(inputs, "method"), &all);
    let signature = v1::sign(text(inputs, "access_key_secret"), &to_sign);
    (to_sign, signature)
}

fn v3_of(case: &Value) -> (String, String) {
    let inputs = &case["inputs"];
    let (query, headers) = (pairs(&inputs["query_params"]), pairs(&inputs["headers"]));
    let headers: Vec<Pair> =
        headers.into_iter().map(|(name, value)| (name.to_lowercase(), value)).collect();
    let canonical = v3::canonical_request(&v3::Request {
        method: text(inputs, "method"),
        query: &query,
        headers: &headers,
        body: inputs["body"].as_str().unwrap_or_default().as_bytes(),
    });
    let signature = v3::sign(text(inputs, "access_key_secret"), &v3::string_to_sign(&canonical));
    (canonical, signature)
}

#[test]
fn every_golden_vector_of_version_1_comes_out() {
    let file = vectors("signature-v1.json");
    let cases = file["cases"].as_array().unwrap();
    for case in cases {
        let (to_sign, signature) = v1_of(case);
        assert_eq!(to_sign, text(case, "string_to_sign"), "{}", case["id"]);
        assert_eq!(signature, text(case, "signature"), "{}", case["id"]);
    }
    assert_eq!(cases.len(), 22);
}

#[test]
fn every_golden_vector_of_version_3_comes_out() {
    let file = vectors("signature-v3.json");
    let cases = file["cases"].as_array().unwrap();
    for case in cases {
        let (canonical, signature) = v3_of(case);
        assert_eq!(canonical, text(case, "canonical_request"), "{}", case["id"]);
        assert_eq!(v3::string_to_sign(&canonical), text(case, "string_to_sign"), "{}", case["id"]);
        assert_eq!(signature, text(case, "signature"), "{}", case["id"]);
        let body = case["inputs"]["body"].as_str().unwrap_or_default();
        let hash = v3::payload_hash(body.as_bytes());
        assert_eq!(hash, text(case, "hashed_request_payload"), "{}", case["id"]);
    }
    assert_eq!(cases.len(), 13);
}

#[test]
fn where_an_sdk_departs_from_the_documented_rule_the_rule_is_followed() {
    let (one, three) = (vectors("signature-v1.json"), vectors("signature-v3.json"));
    let mut seen = 0;
    for case in one["divergences"].as_array().unwrap() {
        let rule = &case["expected_by_documented_rule"];
        let ours = v1_of(case);
        assert_eq!(ours.0, text(rule, "string_to_sign"));
        assert_eq!(ours.1, text(rule, "signature"));
        assert_ne!(ours.1, text(case, "signature"));
        seen += 1;
    }
    for case in three["divergences"].as_array().unwrap() {
        let rule = &case["expected_by_documented_rule"];
        let ours = v3_of(case);
        assert_eq!(ours.0, text(rule, "canonical_request"));
        assert_eq!(ours.1, text(rule, "signature"));
        assert_ne!(ours.1, text(case, "signature"));
        seen += 1;
    }
    assert_eq!(seen, 2);
}

#[test]
fn signatures_are_compared_whole() {
    assert!(same("abc=", "abc="));
    for other in ["abc", "abd=", "", "abc==", "ABC="] {
        assert!(!same("abc=", other), "{other}");
    }
}

proptest! {
    #[test]
    fn decoding_gives_back_what_was_encoded(text in any::<String>()) {
        let encoded = encode(&text);
        let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~%".contains(&byte);
        prop_assert!(encoded.bytes().all(safe));
        prop_assert_eq!(percent_decode_str(&encoded).decode_utf8().unwrap(), text);
    }

    #[test]
    fn the_order_of_parameters_does_not_matter(
        pairs in prop::collection::btree_map("[A-Za-z0-9._]{1,8}", any::<String>(), 0..8),
    ) {
        let forward: Vec<Pair> = pairs.into_iter().collect();
        let backward: Vec<Pair> = forward.iter().rev().cloned().collect();
        prop_assert_eq!(
            v1::string_to_sign("POST", &forward),
            v1::string_to_sign("POST", &backward)
        );
    }
}
