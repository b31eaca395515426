//! How a scenario file is written: `tests/testdata/scenarios/README.md` explains every key.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;

/// Text by name.
pub(super) type Texts = BTreeMap<String, Value>;

#[derive(Debug)]
pub(super) struct Scenario {
    /// A sentence about behaviour.
    pub name: String,
    /// As the configuration file.
    pub config: Value,
    pub cloud: Cloud,
    pub steps: Vec<Step>,
}

/// A file before its steps are taken apart.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    name: String,
    #[serde(default)]
    config: Value,
    #[serde(default)]
    cloud: Cloud,
    steps: Vec<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cloud {
    /// By VPC.
    #[serde(default)]
    pub links: BTreeMap<String, Vec<String>>,
    /// Linked nowhere.
    #[serde(default)]
    pub instances: Vec<String>,
    /// Switches of the simulator.
    #[serde(default)]
    pub faults: Texts,
}

/// One thing that is done, and what holds after it.
#[derive(Debug)]
pub(super) struct Step {
    pub action: Action,
    /// Done while a pass is under way.
    pub meanwhile: Option<Meanwhile>,
    pub expect: Option<Expect>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Action {
    Accept(Texts),
    Pass,
    Attach(BTreeMap<String, Vec<String>>),
    Detach(Vec<String>),
    Release(Vec<String>),
    Faults(Texts),
    Advance(String),
    Clock(String),
    Approve(Approve),
    Pause(Option<Whom>),
    PauseFile(Value),
    Resume(Option<Whom>),
    Undo(Vec<String>),
    Journal(Disk),
    Restart(Option<Restart>),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Meanwhile {
    pub after: String,
    pub step: Action,
}

/// Which plans.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Approve {
    Last,
}

/// Whether entries can be written.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Disk {
    Fails,
    Works,
}

/// Everything, where nothing is named.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Whom {
    pub account: Option<String>,
    pub region: Option<String>,
    pub vpc: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Restart {
    /// Instead of what it was.
    pub config: Option<Value>,
}

/// What holds after a step; what is not said is not looked at.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Expect {
    pub accepted: Option<String>,
    pub released: Option<Vec<String>>,
    pub verdict: Option<Value>,
    pub refusals: Option<Vec<String>>,
    pub says: Option<Vec<String>>,
    pub actions: Option<BTreeMap<String, Vec<String>>>,
    pub outcomes: Option<BTreeMap<String, usize>>,
    pub withdrawn: Option<BTreeMap<String, Vec<String>>>,
    pub calls: Option<BTreeMap<String, usize>>,
    pub links: Option<BTreeMap<String, Vec<String>>>,
    pub journal: Option<BTreeMap<String, usize>>,
    pub paused: Option<Vec<String>>,
    pub code: Option<u8>,
}

/// Reads a file.
///
/// # Errors
/// What is wrong with it.
pub(super) fn read(text: &str) -> Result<Scenario, String> {
    let value = classiclinkd::manifest::value(text)?;
    let raw: Raw = serde_json::from_value(value).map_err(|error| error.to_string())?;
    let Raw { name, config, cloud, steps } = raw;
    let numbered = steps.into_iter().enumerate();
    let steps =
        numbered.map(|(n, said)| step(said).map_err(|why| format!("step {}: {why}", n + 1)));
    let steps: Vec<Step> = steps.collect::<Result<_, _>>()?;
    if steps.iter().all(|step| step.expect.is_none()) {
        return Err("no step expects anything".to_owned());
    }
    Ok(Scenario { name, config, cloud, steps })
}

/// What is beside `expect` and `meanwhile` is the one action.
fn step(mut said: Value) -> Result<Step, String> {
    let mut take = |key: &str| said.as_object_mut().and_then(|fields| fields.remove(key));
    let (expect, meanwhile) = (take("expect"), take("meanwhile"));
    let action: Action = parsed(said)?;
    let expect: Option<Expect> = expect.map(parsed).transpose()?;
    let meanwhile: Option<Meanwhile> = meanwhile.map(parsed).transpose()?;
    if expect == Some(Expect::default()) {
        return Err("`expect` says nothing".to_owned());
    }
    if meanwhile.is_some() && !matches!(action, Action::Pass) {
        return Err("only a pass has a `meanwhile`".to_owned());
    }
    Ok(Step { action, meanwhile, expect })
}

fn parsed<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    serde_json::from_value(value).map_err(|error| error.to_string())
}

/// Instances, where `i-01..i-20` stands for twenty of them.
pub(super) fn instances(said: &[String]) -> Vec<String> {
    said.iter().flat_map(|text| range(text)).collect()
}

fn range(text: &str) -> Vec<String> {
    let Some((first, last)) = text.split_once("..") else { return vec![text.to_owned()] };
    let split = |id: &str| {
        let digits = id.chars().rev().take_while(char::is_ascii_digit).count();
        let (name, number) = id.split_at(id.len() - digits);
        (name.to_owned(), number.parse::<usize>().unwrap(), digits)
    };
    let ((name, from, width), (other, to, _)) = (split(first), split(last));
    assert!(name == other && from <= to, "{text} is no range");
    (from..=to).map(|n| format!("{name}{n:0width$}")).collect()
}
