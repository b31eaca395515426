use super::*;
use proptest::prelude::*;

#[test]
fn every_switch_shows_text_that_it_takes_again() {
    for mut switches in [Switches::default(), Switches::realistic()] {
        let before = switches.clone();
        for switch in Switches::HELP {
            let shown = switch.show(&switches);
            // Codes have no empty text; every other empty value reads back as empty.
            switches.set(switch.name, &shown).unwrap_or_else(|error| panic!("{error}"));
        }
        assert_eq!(switches, before);
    }
}

#[test]
fn every_field_has_a_name_and_names_are_unique() {
    let names: std::collections::BTreeSet<_> = Switches::HELP.iter().map(|s| s.name).collect();
    assert_eq!(names.len(), Switches::HELP.len());
    let debug = format!("{:#?}", Switches::default());
    let fields = debug.lines().filter(|l| l.starts_with("    ") && !l.starts_with("     "));
    let fields: std::collections::BTreeSet<String> = fields
        .filter_map(|l| l.trim().split_once(": "))
        .map(|(f, _)| f.replace('_', "-"))
        .collect();
    assert_eq!(
        fields.iter().map(String::as_str).collect::<Vec<_>>(),
        names.into_iter().collect::<Vec<_>>()
    );
}

#[test]
fn values_are_read() {
    let mut switches = Switches::default();
    for pair in [
        "detach-delay=3s",
        "latency=20ms..0.08s",
        "lost=next:2",
        "reset=5%",
        "clock-skew=-20m",
        "limit-per-minute=60,DescribeInstances:5",
        "stuck=i-a:NotFound,i-b:OperationDenied:3,i-b:InternalError:1.5s",
        "reattach=i-a:2",
        "edition=2018",
        "poison= i-a , i-b ",
        "page-shift=-1",
        "classic-network=off",
    ] {
        switches.set_pair(pair).unwrap();
    }
    assert_eq!(switches.detach_delay, Spread::fixed(Duration::from_secs(3)));
    assert_eq!(
        switches.latency,
        Spread::between(Duration::from_millis(20), Duration::from_millis(80))
    );
    assert_eq!(switches.lost, Chance::next(2));
    assert_eq!(switches.clock_skew, Skew { behind: true, by: Duration::from_secs(1200) });
    assert_eq!(switches.limit_per_minute["*"], 60);
    assert_eq!(switches.limit_per_minute["DescribeInstances"], 5);
    let lasts: Vec<Endurance> = switches.stuck["i-b"].iter().map(|s| s.lasts).collect();
    assert_eq!(lasts, [Endurance::Calls(3), Endurance::For(Duration::from_millis(1500))]);
    assert_eq!(switches.reattach["i-a"], 2);
    assert!(switches.poison.contains("i-b") && !switches.poison.contains("i-c"));
    assert!(!switches.classic_network);
}

#[test]
fn a_refused_value_says_what_to_write_and_changes_nothing() {
    let mut switches = Switches::default();
    for (name, value, help) in [
        ("edition", "2019", "2018 or 2020 or 2024"),
        ("lost", "120%", "a share such as 20%"),
        ("lost", "NaN", "a share such as 20%"),
        ("latency", "3", "3s"),
        ("latency", "-3s", "3s"),
        ("latency", "1e30s", "3s"),
        ("stuck", "i-a", "INSTANCE:CODE"),
        ("hide", "300", "0 to 255"),
    ] {
        let error = switches.set(name, value).unwrap_err();
        assert!(error.to_string().contains(help), "{error}");
    }
    assert_eq!(switches, Switches::default());
    let error = switches.set("detach_delay", "3s").unwrap_err();
    assert!(error.to_string().contains("nearest is `detach-delay`"), "{error}");
    assert!(matches!(switches.set_pair("lost"), Err(SwitchError::Pair(_))));
}

proptest! {
    #[test]
    fn no_text_makes_setting_a_switch_panic(index in 0usize..60, text in ".{0,40}") {
        let mut switches = Switches::default();
        let name = Switches::HELP[index % Switches::HELP.len()].name;
        let _ = switches.set(name, &text);
        let _ = switches.set(&text, "1");
    }
}
