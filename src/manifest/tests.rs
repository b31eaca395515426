use super::*;
use crate::desired::Ceiling;
use crate::model::{AccountName, Amount, Digest, InstanceId, Mode, Region, Scope, VpcId};
use proptest::prelude::*;

const GOOD: &str = "\
apiVersion: classiclinkd/v1
kind: ClassicLinkSet
metadata:
  name: shop-web
  owner: team-shop
spec:
  account: default
  regionId: cn-hangzhou
  vpcId: vpc-bp67acfmxazb4p1a2b
  mode: detach
  windows:
    - allow: Mon-Fri 09:00-17:00
      timezone: Asia/Shanghai
    - {deny: 2026-12-24..2027-01-02, timezone: UTC}
  instances:
    - i-bp67acfmxazb4p0001
    - id: i-bp67acfmxazb4p0002
      until: 2026-12-31T00:00:00Z
      reason: batch node, moves in wave 3
      protected: true
    - i-bp67acfmxazb4p0003
  limits:
    maxDetach: 10
    allowEmpty: true
";

fn file(path: &str, text: &str) -> File {
    File::new(path, text)
}

fn parse_one(text: &str) -> Result<Vec<Document>, Vec<Diagnostic>> {
    parse(&[file("a.yaml", text)])
}

fn revision() -> Revision {
    Revision::of_content(Digest::of([b"x".as_slice()]))
}

/// In the order written.
fn ids(document: &Document) -> Vec<&str> {
    let mut ids: Vec<_> = document.instances.iter().collect();
    ids.sort_by_key(|(_, said)| &said.place);
    ids.into_iter().map(|(id, _)| id.as_str()).collect()
}

#[test]
fn the_whole_format_is_read() {
    let document = &parse_one(GOOD).unwrap()[0];
    assert_eq!(document.name, "shop-web");
    assert_eq!(document.owner.as_deref(), Some("team-shop"));
    assert_eq!(document.scope.to_string(), "default/cn-hangzhou/vpc-bp67acfmxazb4p1a2b");
    assert_eq!(document.mode, Mode::Detach);
    assert_eq!(document.limits.max_detach, Some(crate::model::Amount::Count(10)));
    assert!(document.limits.allow_empty);
    let windows: Vec<_> = document.windows.iter().map(ToString::to_string).collect();
    let expected =
        ["allow Mon-Fri 09:00-17:00 (Asia/Shanghai)", "deny 2026-12-24..2027-01-02 (UTC)"];
    assert_eq!(windows, expected);
    let declared = document.instances.values().nth(1).unwrap();
    assert_eq!(declared.until.unwrap().to_string(), "2026-12-31T00:00:00Z");
    assert_eq!(declared.reason.as_deref(), Some("batch node, moves in wave 3"));
    assert!(declared.protected && !document.instances.values().next().unwrap().protected);
    let places =
        [&document.place, &document.mode_place, &document.scope_places.vpc, &declared.place];
    assert_eq!(
        places.map(|place| (place.line, place.column)),
        [(1, 1), (10, 9), (9, 10), (17, 11)]
    );
}

#[test]
fn the_account_is_default_unless_said() {
    let text = GOOD.replace("  account: default\n", "");
    assert_eq!(parse_one(&text).unwrap()[0].scope.account.as_str(), "default");
}

/// What a cut leaves undetected, all of it whole valid YAML that says less: a list cut between two
/// entries or inside an id, an entry without its `until` or `reason`, a document without `limits`
/// (or without `windows`, where they stand after the instances: examples have them before).
/// Sources wait until files rest because of exactly these.
#[test]
fn a_manifest_cut_anywhere_never_says_more() {
    let whole = parse_one(GOOD).unwrap();
    let all = ids(&whole[0]);
    let mut accepted = 0;
    for end in 0..GOOD.len() {
        let Ok(documents) = parse_one(GOOD.get(..end).unwrap()) else { continue };
        accepted += 1;
        assert_eq!(documents.len(), 1, "cut at {end}");
        let document = &documents[0];
        assert_eq!(document.scope, whole[0].scope);
        let found = ids(document);
        assert!(!found.is_empty(), "cut at {end} reads as an empty list");
        let (last, before) = found.split_last().unwrap();
        assert!(all.starts_with(before), "cut at {end}: {found:?}");
        assert!(all[before.len()].starts_with(last), "cut at {end}: {found:?}");
        // Permissions never appear by a cut.
        assert_eq!(document.windows, whole[0].windows, "cut at {end}");
        assert!(!document.limits.allow_empty || end + 1 >= GOOD.len(), "cut at {end}");
    }
    assert!(accepted > 0 && accepted < GOOD.len() / 2, "{accepted}");
}

#[test]
fn several_files_are_checked_together() {
    let other = GOOD.replace("vpc-bp67acfmxazb4p1a2b", "vpc-other");
    let files = [file("a.yaml", GOOD), file("b/c.yaml", &other)];
    let found = accept(&files, revision(), None).unwrap_err();
    assert_eq!(found.len(), 3);
    assert_eq!(&*found[0].place.file, "b/c.yaml");
    let rendered = render(&found[..1], &files, false);
    assert!(rendered.contains("--> b/c.yaml:16:7") && rendered.contains("::: a.yaml:16:7"));
    let broken = [file("a.yaml", "x: ["), file("b.yaml", "mode: 1\n"), file("c.yaml", GOOD)];
    let found = parse(&broken).unwrap_err();
    let named: Vec<_> = found.iter().map(|found| &*found.place.file).collect();
    assert_eq!(named, ["a.yaml", "b.yaml"]);
}

#[test]
fn the_windows_of_every_manifest_of_a_scope_count() {
    let (before, after) = GOOD.split_at(GOOD.find("  windows:").unwrap());
    let (_, after) = after.split_at(after.find("  instances:").unwrap());
    let without = format!("{before}{after}");
    let empty = format!("{before}  windows: []\n{after}");
    let count = |texts: &[&str]| {
        let files: Vec<_> =
            texts.iter().zip(["a", "b", "c"]).map(|(text, name)| file(name, text)).collect();
        let tree = accept(&files, revision(), None).unwrap();
        tree.scopes.values().map(|desired| desired.windows.len()).collect::<Vec<_>>()
    };
    assert_eq!(count(&[&without, &empty]), [0]);
    assert_eq!(count(&[&without, GOOD, &empty]), [1]);
    assert_eq!(count(&[GOOD, GOOD, &without]), [2]);
}

#[test]
fn manifests_of_one_scope_keep_the_later_end_any_protection_and_the_stricter_limits() {
    let plain =
        GOOD.replace("      protected: true\n", "").replace("allowEmpty: true", "maxDetach: 5");
    let plain = plain.replace("    maxDetach: 10\n", "");
    let later = GOOD.replace("until: 2026-12-31", "until: 2027-12-31");
    let forever = plain.replace("      until: 2026-12-31T00:00:00Z\n", "");
    let end = |year: &str| Some(format!("{year}-12-31T00:00:00Z").parse().unwrap());
    for (one, other, until, empty) in [
        (GOOD, plain.as_str(), end("2026"), false),
        (GOOD, later.as_str(), end("2027"), true),
        (GOOD, forever.as_str(), None, false),
    ] {
        for (first, second) in [(one, other), (other, one)] {
            let files = [file("a.yaml", first), file("b.yaml", second)];
            let tree = accept(&files, revision(), None).unwrap();
            let desired = tree.scopes.values().next().unwrap();
            let said = &desired.links[&InstanceId::parse("i-bp67acfmxazb4p0002").unwrap()];
            assert!(said.protected && said.until == until, "{said:?}");
            assert_eq!((desired.allow_empty, desired.max_detach.len()), (empty, 2));
        }
    }
}

/// Nothing may go without an approval, not even the least that a small scope may always lose.
#[test]
fn a_share_of_nothing_is_a_share() {
    for (said, meant) in [("0%", Amount::Percent(0)), ("\"0%\"", Amount::Percent(0))] {
        let documents = parse_one(&GOOD.replace("maxDetach: 10", &format!("maxDetach: {said}")));
        assert_eq!(documents.unwrap()[0].limits.max_detach, Some(meant), "{said}");
    }
    for unclear in ["00%", "05%", "010", "0%%"] {
        let text = GOOD.replace("maxDetach: 10", &format!("maxDetach: {unclear}"));
        assert!(parse_one(&text).is_err(), "{unclear}");
    }
}

#[test]
fn what_the_configuration_does_not_name_is_refused() {
    let mut ceilings = Ceilings::new();
    let files = [file("a.yaml", GOOD)];
    assert_eq!(accept(&files, revision(), Some(&ceilings)).unwrap_err().len(), 1);
    ceilings.insert(AccountName::parse("default").unwrap(), Ceiling::default());
    assert!(accept(&files, revision(), Some(&ceilings)).is_ok());
}

#[test]
fn no_manifest_is_never_an_empty_desired_state() {
    for files in [&[][..], &[file("a.yaml", "")], &[file("a.yaml", "---\n...\n# x\n")]] {
        let found = accept(files, revision(), None).unwrap_err();
        assert_eq!(found.len(), 1, "{files:?}");
        assert!(render(&found, files, false).contains("no manifest"));
        assert!(!found[0].to_string().is_empty());
    }
}

#[test]
fn an_expired_bound_is_said_once_per_file() {
    let many: String = (0..3_000).map(|n| format!("    - I-{n}\n")).collect();
    let text = GOOD.replace("    - i-bp67acfmxazb4p0001\n", &many);
    let found = parse_one(&text).unwrap_err();
    assert_eq!(found.len(), FINDINGS_MAX);
    assert!(found.last().unwrap().help.contains("2000 more mistakes"), "{:?}", found.last());
    let large = " ".repeat(usize::try_from(FILE_BYTES_MAX).unwrap() + 1);
    assert!(parse_one(&large).unwrap_err()[0].message.contains("larger than 8 MiB"));
    let documents = "--- a\n".repeat(DOCUMENTS_MAX + 1);
    assert!(parse_one(&documents).unwrap_err().len() == FINDINGS_MAX);
    let wide = format!("a: [{}]\n", "a,".repeat(NODES_MAX));
    assert!(parse_one(&wide).unwrap_err()[0].message.contains("YAML nodes"));
}

#[test]
fn colour_adds_nothing_but_the_terminals_own_sequences() {
    let files = [file("a\u{1b}[2J.yaml", &GOOD.replace("detach", "\"\\e[2J\""))];
    let found = parse(&files).unwrap_err();
    let plain = render(&found, &files, false);
    assert!(!plain.contains('\u{1b}'), "{plain}");
    let coloured = render(&found, &files, true);
    assert!(coloured.contains("\u{1b}[") && !coloured.contains("\u{1b}[2J"), "{coloured:?}");
}

/// Every object of the schema says exactly the fields that the checks know.
#[test]
fn the_schema_knows_the_same_fields_as_the_checks() {
    let schema = schema();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let object = |name: &str| schema["$defs"][name].clone();
    let levels = [
        (schema.clone(), fields::DOCUMENT, &["apiVersion", "kind", "metadata", "spec"][..]),
        (object("Metadata"), fields::METADATA, &["name"]),
        (object("Spec"), fields::SPEC, &["regionId", "vpcId", "mode", "instances"]),
        (object("Entry"), fields::INSTANCE, &["id"]),
        (object("Limits"), fields::LIMITS, &[]),
        (object("Window"), fields::WINDOW, &["timezone"]),
    ];
    for (object, known, required) in levels {
        let properties = object["properties"].as_object().unwrap();
        let mut names: Vec<_> = properties.keys().map(String::as_str).collect();
        let mut known = known.to_vec();
        names.sort_unstable();
        known.sort_unstable();
        assert_eq!(names, known);
        assert_eq!(object["additionalProperties"], false);
        assert!(properties.values().all(|property| {
            property["description"].is_string() || property["$ref"].is_string()
        }));
        let said = object["required"].as_array().cloned().unwrap_or_default();
        assert_eq!(said, required.to_vec(), "{object:#}");
    }
    assert!(!schema.to_string().contains("null"), "{schema:#}");
    assert!(schema.to_string().contains("^i-[a-z0-9]"));
}

fn scopes() -> impl Strategy<Value = Scope> {
    let account = "[a-zA-Z0-9._]{1,6}".prop_union("true|null|1e5|0x1F|1_0|no|\\.inf");
    let region = "[a-z0-9]{1,4}".prop_union("123|1e5|null|no|cn-hangzhou");
    (account, region, "vpc-[a-z0-9]{1,9}").prop_map(|(account, region, vpc)| Scope {
        account: AccountName::parse(&account).unwrap(),
        region: Region::parse(&region).unwrap(),
        vpc: VpcId::parse(&vpc).unwrap(),
    })
}

/// Where, what to insert, how many bytes to remove.
fn edit() -> impl Strategy<Value = (usize, String, usize)> {
    (0..GOOD.len(), "([\\PC\n\t]|- |: |&a |\\*a|<<: ){0,4}", 0..9_usize)
}

proptest! {
    #[test]
    fn what_is_written_reads_back(
        name in "[A-Za-z0-9._-]{1,12}",
        scope in scopes(),
        mode in prop::sample::select(vec![Mode::Observe, Mode::Detach, Mode::Sync]),
        instances in prop::collection::btree_set("i-[a-z0-9]{1,9}", 0..9),
    ) {
        let instances: Vec<_> =
            instances.iter().map(|id| InstanceId::parse(id).unwrap()).collect();
        let text = write(&name, &scope, mode, &instances);
        let documents = parse_one(&text);
        prop_assert!(documents.is_ok(), "{text}\n{documents:#?}");
        let document = &documents.unwrap()[0];
        prop_assert_eq!(&document.name, &name);
        prop_assert_eq!(&document.scope, &scope);
        prop_assert_eq!(document.mode, mode);
        let wanted: Vec<_> = instances.iter().map(InstanceId::as_str).collect();
        prop_assert_eq!(ids(document), wanted);
        prop_assert_eq!(document.limits, Default::default());
    }

    #[test]
    fn any_text_is_read_without_panic(text in "\\PC{0,200}") {
        check_any(&text);
    }

    #[test]
    fn any_yaml_like_text_is_read_without_panic(
        text in "([a-z&*!?<>|%@`'\"#\\[\\]{},: \\n\\t-]|---\n|apiVersion: |\u{feff}|\0|\r){0,120}"
    ) {
        check_any(&text);
    }

    #[test]
    fn a_damaged_manifest_is_read_without_panic(
        edits in prop::collection::vec(edit(), 1..6)
    ) {
        let mut text = GOOD.to_owned();
        for (at, insert, remove) in edits {
            let at = (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap();
            let end = (at + remove).min(text.len());
            let end = (end..=text.len()).find(|end| text.is_char_boundary(*end)).unwrap();
            text.replace_range(at..end, &insert);
        }
        check_any(&text);
    }
}

/// Reads and shows whatever it is; places must lie in the text.
fn check_any(text: &str) {
    let files = [file("a.yaml", text)];
    let found = match accept(&files, revision(), None) {
        Ok(tree) => return assert!(!tree.scopes.is_empty()),
        Err(found) => found,
    };
    assert!(!found.is_empty());
    for diagnostic in &found {
        let line = usize::try_from(diagnostic.place.line).unwrap();
        assert!(line <= text.split('\n').count(), "{diagnostic:?} in {text:?}");
        assert!(!diagnostic.to_string().contains('\n'), "{diagnostic:?}");
    }
    for colour in [false, true] {
        assert!(render(&found, &files, colour).contains("error"));
    }
}

#[test]
fn a_large_tree_is_read_whole() {
    let region = Region::parse("cn-hangzhou").unwrap();
    let account = AccountName::parse("default").unwrap();
    let files: Vec<File> = (0..20)
        .map(|n| {
            let vpc = VpcId::parse(&format!("vpc-bp67acfmxazb4p{n:04}")).unwrap();
            let scope = Scope { account: account.clone(), region: region.clone(), vpc };
            let id = |m: i32| InstanceId::parse(&format!("i-bp67acfmxazb4p{n:04}{m:04}")).unwrap();
            let instances: Vec<_> = (0..1_000).map(id).collect();
            file(&format!("{n}.yaml"), &write("shop", &scope, Mode::Detach, &instances))
        })
        .collect();
    let tree = accept(&files, revision(), None).unwrap();
    assert_eq!(tree.scopes.values().map(|desired| desired.links.len()).sum::<usize>(), 20_000);
}
