//! What the simulated cloud does that the documentation leaves open, and what goes wrong in it.
//!
//! The list, and why each switch exists, is `api-contract.md` 11. An untouched [`Switches`] is a
//! cloud without surprises, for tests that add exactly the surprise they are about;
//! [`Switches::realistic`] adds what the real one may well do on a good day.

use std::collections::BTreeMap;
use std::time::Duration;

mod table;
mod value;
mod words;

pub use table::Switch;
pub use value::{Chance, Endurance, Limits, Names, Script, Scripts, Skew, Spread};
pub use words::{
    AlreadyGone, AttachAgain, Edition, EmptyList, Identity, Metadata, NonceScope, Numbers, Order,
    Permission, ThrottleHint, UnknownId, UnknownVpc, VpcInstance,
};

/// Every switch, as plain values. [`Switches::HELP`] names and explains each.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the table `Switches::HELP` says what each field does")]
pub struct Switches {
    // What the documentation leaves open.
    pub edition: Edition,
    pub already_gone: AlreadyGone,
    pub attach_again: AttachAgain,
    pub unknown_vpc: UnknownVpc,
    pub unknown_id: UnknownId,
    pub vpc_instance: VpcInstance,
    pub order: Order,
    pub empty_list: EmptyList,
    pub numbers: Numbers,
    pub identity: Identity,
    pub quota: u32,
    // Time.
    pub attach_delay: Spread,
    pub detach_delay: Spread,
    pub stale_reads: Chance,
    pub stale_age: Duration,
    pub latency: Spread,
    pub slow: Chance,
    pub slow_by: Duration,
    pub clock_skew: Skew,
    pub timestamp_window: Duration,
    pub nonces: NonceScope,
    // Throttling.
    pub limit_per_minute: Limits,
    pub limit_per_second: Limits,
    pub throttle_code: String,
    pub throttle_status: u16,
    pub throttle_hint: ThrottleHint,
    // Failures of calls.
    pub only_actions: Names,
    pub only_accounts: Names,
    pub unready: Chance,
    pub unreachable: Chance,
    pub reset: Chance,
    pub lost: Chance,
    pub error_before: Chance,
    pub error_after: Chance,
    pub error_code: String,
    pub html: Chance,
    pub html_status: u16,
    pub regions_down: Names,
    pub stuck: Scripts,
    pub poison: Names,
    // What pages hide or repeat.
    pub page_shift: i32,
    pub total_skew: i32,
    pub hide: u8,
    pub foreign_link: Chance,
    // Other people.
    pub reattach: BTreeMap<String, u32>,
    pub reattach_after: Duration,
    pub deny_actions: Names,
    pub deny_code: Permission,
    pub retired_actions: Names,
    pub classic_network: bool,
    pub metadata: Metadata,
    pub sts_lifetime: Duration,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            edition: Edition::D2024,
            already_gone: AlreadyGone::Auto,
            attach_again: AttachAgain::Ok,
            unknown_vpc: UnknownVpc::NotBelong,
            unknown_id: UnknownId::Fail,
            vpc_instance: VpcInstance::Empty,
            order: Order::Stable,
            empty_list: EmptyList::List,
            numbers: Numbers::Number,
            identity: Identity::Account,
            quota: crate::cloud::LINKS_PER_VPC_MAX,
            attach_delay: Spread::default(),
            detach_delay: Spread::default(),
            stale_reads: Chance::default(),
            stale_age: Duration::from_secs(30),
            latency: Spread::default(),
            slow: Chance::default(),
            slow_by: Duration::from_secs(29),
            clock_skew: Skew::default(),
            timestamp_window: Duration::from_secs(15 * 60),
            nonces: NonceScope::Key,
            limit_per_minute: Limits::default(),
            limit_per_second: Limits::default(),
            throttle_code: "Throttling".to_owned(),
            throttle_status: 400,
            throttle_hint: ThrottleHint::RetryAfter,
            only_actions: Names::default(),
            only_accounts: Names::default(),
            unready: Chance::default(),
            unreachable: Chance::default(),
            reset: Chance::default(),
            lost: Chance::default(),
            error_before: Chance::default(),
            error_after: Chance::default(),
            error_code: "InternalError".to_owned(),
            html: Chance::default(),
            html_status: 502,
            regions_down: Names::default(),
            stuck: Scripts::default(),
            poison: Names::default(),
            page_shift: 0,
            total_skew: 0,
            hide: 0,
            foreign_link: Chance::default(),
            reattach: BTreeMap::new(),
            reattach_after: Duration::ZERO,
            deny_actions: Names::default(),
            deny_code: Permission::SubUser,
            retired_actions: Names::default(),
            classic_network: true,
            metadata: Metadata::Optional,
            sts_lifetime: Duration::from_secs(3600),
        }
    }
}

/// Why a switch was not set. `Display` says what may be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SwitchError {
    /// No switch has that name.
    #[error("there is no fault `{name}`; the nearest is `{nearest}`")]
    Unknown {
        /// What was written.
        name: String,
        /// The name that differs least.
        nearest: &'static str,
    },
    /// The switch does not take that value.
    #[error("`{value}` is not a value of `{name}`: write {expected}")]
    Value {
        /// The switch.
        name: &'static str,
        /// What was written.
        value: String,
        /// What may be written.
        expected: String,
    },
    /// Not `KEY=VALUE`.
    #[error("`{0}` is not KEY=VALUE")]
    Pair(String),
}

impl Switches {
    /// What the real cloud may do on a good day: a link stays listed for up to 30 s after its
    /// detach (`api-contract.md` 11), and lists come in no particular order, though not in another
    /// one at each call, with which nobody could read two pages of one list.
    pub fn realistic() -> Self {
        Self {
            order: Order::Drifting,
            detach_delay: Spread::between(Duration::ZERO, Duration::from_secs(30)),
            ..Self::default()
        }
    }

    /// Sets the switch of that name from text.
    ///
    /// # Errors
    /// [`SwitchError`] when the name or the value is not known; nothing has changed then.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), SwitchError> {
        let name = name.trim();
        let Some(switch) = Self::HELP.iter().find(|switch| switch.name == name) else {
            return Err(SwitchError::Unknown {
                name: crate::model::printable(name),
                nearest: nearest(name),
            });
        };
        switch.apply(self, value.trim()).map_err(|expected| SwitchError::Value {
            name: switch.name,
            value: crate::model::printable(value),
            expected,
        })
    }

    /// Sets the switch that `KEY=VALUE` names.
    ///
    /// # Errors
    /// As [`Self::set`], and when there is no `=`.
    pub fn set_pair(&mut self, pair: &str) -> Result<(), SwitchError> {
        let split = pair.split_once('=');
        let (name, value) =
            split.ok_or_else(|| SwitchError::Pair(crate::model::printable(pair)))?;
        self.set(name, value)
    }

    /// Every switch and its value, as [`Self::set`] would take it.
    pub fn shown(&self) -> BTreeMap<&'static str, String> {
        Self::HELP.iter().map(|switch| (switch.name, switch.show(self))).collect()
    }
}

/// The text of a value, as [`Switches::set`] would take it.
pub(super) fn shown(value: &impl value::Value) -> String {
    value.show()
}

/// The switch whose name shares the most letter pairs with what was written.
fn nearest(name: &str) -> &'static str {
    let pairs = |text: &str| -> std::collections::BTreeSet<(char, char)> {
        text.chars().zip(text.chars().skip(1)).collect()
    };
    let wanted = pairs(&name.replace('_', "-").to_ascii_lowercase());
    let likeness = |switch: &&Switch| {
        let own = pairs(switch.name);
        let common = own.intersection(&wanted).count();
        common.saturating_mul(200).checked_div(own.len().saturating_add(wanted.len())).unwrap_or(0)
    };
    Switches::HELP.iter().max_by_key(likeness).map_or("edition", |switch| switch.name)
}

#[cfg(test)]
mod tests;
