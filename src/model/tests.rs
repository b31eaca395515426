use super::*;
use proptest::prelude::*;

#[test]
fn ids_that_the_documentation_prints_parse() {
    for id in ["i-bp67acfmxazb4p0001", "i-2ze", "i-test-01"] {
        assert_eq!(InstanceId::parse(id).unwrap().as_str(), id);
    }
    assert!(VpcId::parse("vpc-bp67acfmxazb4p1a2b").is_ok());
    assert!(Region::parse("cn-hangzhou-finance").is_ok());
    assert!(AccountId::parse("1234567890123456").is_ok());
}

#[test]
fn anything_else_does_not() {
    for id in [
        "",
        "i-",
        "i",
        "I-bp67",
        "i-BP67",
        " i-bp67",
        "i-bp67 ",
        "i-bp,i-bq",
        "i-bp&x=1",
        "і-bp67",
        "i--",
        "i-a-",
        "vpc-bp67",
        "i-\u{0}",
        "null",
        "~",
        "i-bp/..",
    ] {
        assert!(InstanceId::parse(id).is_err(), "{id:?}");
    }
    assert!(InstanceId::parse(&format!("i-{}", "a".repeat(63))).is_err());
    for region in ["", "cn hangzhou", "cn.hangzhou", "cn/hangzhou", "a@b", "-cn", "cn:80"] {
        assert!(Region::parse(region).is_err(), "{region:?}");
    }
}

#[test]
fn an_error_shows_control_characters_escaped() {
    let error = InstanceId::parse("i-\u{1b}[31m\u{202e}").unwrap_err();
    assert!(!error.to_string().contains('\u{1b}'));
    assert!(!error.to_string().contains('\u{202e}'));
}

#[test]
fn amounts() {
    assert_eq!("10".parse(), Ok(Amount::Count(10)));
    assert_eq!("20%".parse(), Ok(Amount::Percent(20)));
    assert_eq!(Amount::Percent(10).of(109), 10);
    assert_eq!(Amount::Percent(100).of(u64::MAX), u64::MAX / 100);
    for bad in ["", "%", "-1", "101%", "1.5", "+1", "10 %", "x", "300%"] {
        assert!(bad.parse::<Amount>().is_err(), "{bad}");
    }
}

proptest! {
    #[test]
    fn an_accepted_id_needs_no_escaping_anywhere(text in ".{0,70}") {
        if let Ok(id) = InstanceId::parse(&text) {
            prop_assert!(id.as_str().len() > 2);
            prop_assert!(id.as_str().bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'));
        }
    }

    #[test]
    fn a_share_never_exceeds_the_whole(percent in 0u8..=100, whole in 0u64..1_000_000) {
        prop_assert!(Amount::Percent(percent).of(whole) <= whole);
    }
}
