//! Links whose `until` comes near, as an operator meets them.

use crate::harness::{Cloud, Place, Ran, binary, until};
use classiclinkd::clock::{Clock, SystemClock};
use std::time::Duration;

const LINKS: &[(&str, &str)] = &[("a", "one"), ("a", "two"), ("a", "three"), ("a", "over")];
const HOUR: u64 = 3600;

/// A manifest with a link that stays, one that ends in 6 days and some, one that ends next year, and
/// one whose time is over.
fn place() -> (Place, String) {
    let now = SystemClock::new().now();
    let ahead = |hours: u64| now.after(Duration::from_secs(hours * HOUR)).wall.to_string();
    let over = now.before(Duration::from_secs(HOUR)).wall;
    let (soon, late) = (ahead(6 * 24 + 12), ahead(365 * 24));
    let place = Place::new();
    place.write(
        "shop.yaml",
        &format!(
            "apiVersion: classiclinkd/v1\nkind: ClassicLinkSet\nmetadata: {{name: shop}}\nspec:\n  \
             regionId: cn-hangzhou\n  vpcId: vpc-a\n  mode: observe\n  instances:\n    - i-one\n    \
             - {{id: i-two, until: \"{soon}\"}}\n    - {{id: i-three, until: \"{late}\"}}\n    \
             - {{id: i-over, until: \"{over}\"}}\n"
        ),
    );
    (place, soon)
}

fn plan(place: &Place, cloud: &Cloud, output: &str) -> Ran {
    place.run(cloud, &["plan", "--manifests", "manifests", "--output", output])
}

#[test]
fn a_plan_says_which_links_end_soon() {
    let ((place, soon), cloud) = (place(), Cloud::with(LINKS));
    let text = plan(&place, &cloud, "text");
    let line = format!("  ! expires  i-two  in 6 days, at {soon} (shop.yaml:10)\n");
    assert!(text.out.contains(&line), "{text:?}");
    assert_eq!(text.out.matches("expires").count(), 1, "{text:?}");
    let json = plan(&place, &cloud, "json").json();
    let expected = serde_json::json!([{"instanceId": "i-two", "until": soon, "daysLeft": 6}]);
    assert_eq!(json["scopes"][0]["expiring"], expected);
    let markdown = plan(&place, &cloud, "markdown");
    assert!(markdown.out.contains("| expires | `i-two` | in 6 days, at "), "{markdown:?}");
}

#[test]
fn where_nothing_ends_the_json_has_no_such_member_and_markdown_no_table() {
    let (place, cloud) = (Place::new(), Cloud::with(&[("a", "one")]));
    place.write("a.yaml", &crate::harness::manifest("a", "detach", &["one"], ""));
    let json = plan(&place, &cloud, "json").json();
    assert!(json["scopes"][0].get("expiring").is_none(), "{json}");
    assert!(!plan(&place, &cloud, "markdown").out.contains("| why |"));
}

#[test]
fn validate_notes_them_on_stderr_and_ends_as_ever() {
    let (place, soon) = place();
    let ran = Ran::of(binary(&["validate", place.manifests().to_str().unwrap()]).output().unwrap());
    assert_eq!((ran.code, ran.out.as_str()), (0, "valid: 1 file, 1 VPC, 4 links\n"), "{ran:?}");
    let begin = "note: default/cn-hangzhou/vpc-a: the link of i-two ends in 6 days, at ";
    assert!(ran.err.starts_with(&format!("{begin}{soon}")), "{ran:?}");
    assert!(ran.err.ends_with("shop.yaml:10)\n") && ran.err.lines().count() == 1, "{ran:?}");
}

#[test]
fn the_daemon_warns_once_and_not_at_every_pass() {
    let ((place, soon), cloud) = (place(), Cloud::with(LINKS));
    let daemon = place.daemon(&cloud, &[]);
    daemon.says("a link ends soon");
    let reads = || cloud.calls("DescribeClassicLinkInstances");
    let before = reads();
    until("passes go on", || reads() > before + 5, || daemon.log());
    let log = daemon.log();
    let warnings: Vec<_> = log.lines().filter(|line| line.contains("ends soon")).collect();
    assert_eq!(warnings.len(), 1, "{log}");
    for said in ["WARN", "default/cn-hangzhou/vpc-a", "i-two", &soon, "days_left=6", "shop.yaml:10"]
    {
        assert!(warnings[0].contains(said), "{said}: {log}");
    }
    assert_eq!((daemon.end(), cloud.writes()), (0, 0));
}
