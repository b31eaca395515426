//! One behaviour a file: `tests/testdata/scenarios/*.yaml`, carried out in process on paused time. The
//! format is explained in the README beside them.

use classiclinkd::gate::Rule;
use format::Scenario;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use world::World;

mod expect;
mod format;
mod parts;
mod process;
mod world;

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/testdata/scenarios");
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|ending| ending == "yaml")).collect();
    found.sort();
    found
}

/// Prints which step it was that could not be done.
struct At<'a>(&'a str, usize);

impl Drop for At<'_> {
    #[expect(clippy::print_stderr, reason = "a panic does not know its step")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}, step {}: it could not be done", self.0, self.1);
        }
    }
}

/// Carries a scenario out, and says every expectation that is not met.
fn carry_out(file: &str, scenario: &Scenario) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut world = World::new(scenario).await;
        let mut unmet = Vec::new();
        for (n, step) in scenario.steps.iter().enumerate() {
            let _said = At(file, n + 1);
            world.step(step).await;
            for difference in step.expect.iter().flat_map(|said| expect::differences(&world, said))
            {
                unmet.push(format!("{file}, step {}: {difference}", n + 1));
            }
        }
        unmet
    })
}

fn read(path: &Path) -> Scenario {
    let text = fs::read_to_string(path).unwrap();
    format::read(&text).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
}

#[test]
fn every_scenario_goes_as_its_file_says() {
    let only = std::env::var("SCENARIO").unwrap_or_default();
    let mut unmet = Vec::new();
    for path in files().iter().filter(|path| path.to_string_lossy().contains(&only)) {
        let file = path.file_name().unwrap().to_string_lossy();
        unmet.extend(carry_out(&file, &read(path)));
    }
    assert!(unmet.is_empty(), "{} expectations are not met:\n{}", unmet.len(), unmet.join("\n"));
}

#[test]
fn every_rule_of_the_gate_is_expected_by_a_scenario() {
    let mut expected = BTreeSet::new();
    for path in files() {
        for expect in read(&path).steps.into_iter().filter_map(|step| step.expect) {
            expected.extend(expect.refusals.into_iter().flatten());
            expected.extend(expect.withdrawn.into_iter().flatten().map(|(rule, _)| rule));
        }
    }
    let without: Vec<&str> = Rule::ALL
        .iter()
        // No manifest leads there: `outside_of_what_an_account_is_given_nothing_is_given_back` does.
        .filter(|rule| **rule != Rule::Ceiling)
        .map(|rule| rule.as_str())
        .filter(|rule| !expected.contains(*rule))
        .collect();
    assert_eq!(without, Vec::<&str>::new(), "rules without a scenario");
}

#[test]
fn names_of_scenarios_are_their_own() {
    let names: Vec<String> = files().iter().map(|path| read(path).name).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{names:?}");
}

const SMALL: &str = "
name: one link that nobody lists goes
cloud: {links: {vpc-a: [i-1..i-3]}}
steps:
  - accept: {a.yaml: {mode: detach, instances: [i-1..i-2]}}
  - pass:
    expect: {code: 0, refusals: [], links: {vpc-a: [i-1..i-2]}, calls: {detach: 1}}
";

#[test]
fn an_expectation_that_is_not_met_says_file_step_expected_and_found() {
    assert_eq!(carry_out("small.yaml", &format::read(SMALL).unwrap()), Vec::<String>::new());
    for (right, wrong, said) in [
        ("code: 0", "code: 3", "small.yaml, step 2: code: expected 3, found 0"),
        ("refusals: []", "refusals: [pause]", "refusals: expected [\"pause\"], found []"),
        ("[i-1..i-2]}, calls", "[i-1]}, calls", "links: expected {\"vpc-a\":[\"i-1\"]}, found"),
        ("detach: 1", "attach: 1", "calls: expected {\"attach\":1,\"detach\":0}, found"),
    ] {
        let scenario = format::read(&SMALL.replace(right, wrong)).unwrap();
        let unmet = carry_out("small.yaml", &scenario);
        assert_eq!(unmet.len(), 1, "{unmet:?}");
        assert!(unmet.iter().all(|line| line.contains(said)), "{unmet:?}");
    }
}

#[test]
fn a_file_that_says_too_much_or_expects_nothing_is_refused() {
    for (right, wrong, said) in [
        ("name:", "nam: x\nname:", "unknown field `nam`"),
        ("code: 0", "cod: 0", "unknown field `cod`"),
        ("- pass:", "- pas:", "step 2: unknown variant `pas`"),
        ("- pass:", "- advance: 1m\n    pass:", "expected map with a single key"),
        ("links: {vpc-a: [i-1..i-3]}", "link: {}", "unknown field `link`"),
        ("\n    expect: {code: 0,", "\n    #{", "no step expects anything"),
        ("{code: 0,", "{} #", "step 2: `expect` says nothing"),
    ] {
        let text = SMALL.replace(right, wrong);
        assert_ne!(text, SMALL);
        let refused = format::read(&text).unwrap_err();
        assert!(refused.contains(said), "{said} is not in: {refused}");
    }
}
