//! The least RAM policy with which manifests can be carried out (`api-contract.md` 2.5).
//!
//! Reading cannot be narrowed below `*`. A change is checked against the instance **and** the VPC, so both are
//! granted. Instances are not named: a link to cut is one that no manifest lists, and a policy that named the
//! listed ones would have to follow every edit.

use crate::aliyun::Operation;
use crate::model::{AccountId, Mode, Region, VpcId};
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Longest custom policy that RAM takes, in characters without white space.
pub const LENGTH_MAX: usize = 6144;

/// The operations, in the order in which they are granted.
const OPERATIONS: [Operation; 4] =
    [Operation::Describe, Operation::Detach, Operation::Attach, Operation::Identify];

/// What is to be done in one VPC; `None` stands for any.
#[derive(Debug, Clone)]
pub struct Need {
    /// The account, where it is pinned.
    pub account: Option<AccountId>,
    /// The region.
    pub region: Option<Region>,
    /// The VPC.
    pub vpc: Option<VpcId>,
    /// What the manifests allow there.
    pub mode: Mode,
    /// Whether `undo` may be asked for what was detached.
    pub undo: bool,
}

impl Need {
    /// Any VPC in any region.
    pub fn anywhere(mode: Mode) -> Self {
        Self { account: None, region: None, vpc: None, mode, undo: false }
    }

    fn wants(&self, operation: Operation) -> bool {
        match operation {
            Operation::Describe => true,
            Operation::Detach => matches!(self.mode, Mode::Detach | Mode::Sync),
            Operation::Attach => {
                self.mode == Mode::Sync || self.undo && self.wants(Operation::Detach)
            }
            // Everybody may ask whose key it is; which roles a key may assume is said with the role.
            Operation::Identify | Operation::Assume | Operation::AssumeWithOidc => false,
        }
    }

    fn resources(&self) -> [String; 2] {
        fn or_any<T: std::fmt::Display>(part: Option<&T>) -> String {
            part.map_or_else(|| "*".to_owned(), ToString::to_string)
        }
        let (region, account) = (or_any(self.region.as_ref()), or_any(self.account.as_ref()));
        let vpc = or_any(self.vpc.as_ref());
        [
            format!("acs:ecs:{region}:{account}:instance/*"),
            format!("acs:vpc:{region}:{account}:vpc/{vpc}"),
        ]
    }
}

/// A policy document, as RAM takes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Policy {
    version: &'static str,
    statement: Vec<Statement>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    effect: &'static str,
    action: String,
    resource: Resource,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
enum Resource {
    Any(&'static str),
    These(BTreeSet<String>),
}

impl Policy {
    /// What these needs take, and nothing else.
    pub fn least(needs: &[Need]) -> Self {
        let statement = OPERATIONS.into_iter().filter_map(|operation| {
            let wanting = || needs.iter().filter(|need| need.wants(operation));
            wanting().next()?;
            let resource = match operation {
                Operation::Describe
                | Operation::Identify
                | Operation::Assume
                | Operation::AssumeWithOidc => Resource::Any("*"),
                Operation::Attach | Operation::Detach => {
                    Resource::These(wanting().flat_map(Need::resources).collect())
                }
            };
            let action = format!("ecs:{}", operation.as_str());
            Some(Statement { effect: "Allow", action, resource })
        });
        Self { version: "1", statement: statement.collect() }
    }

    /// The document, as a file.
    pub fn json(&self) -> String {
        // A struct of texts can always be written.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// Its length as RAM counts it.
    pub fn length(&self) -> usize {
        self.json().chars().filter(|c| !c.is_whitespace()).count()
    }

    /// What it grants, for people.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for Statement { action, resource, .. } in &self.statement {
            match resource {
                Resource::Any(any) => {
                    let _ = writeln!(text, "  {action} on {any}: it cannot be narrowed");
                }
                Resource::These(these) => {
                    let _ = writeln!(text, "  {action} on");
                    for resource in these {
                        let _ = writeln!(text, "    {resource}");
                    }
                }
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn need(region: &str, vpc: &str, mode: Mode) -> Need {
        Need {
            account: Some(AccountId::parse("1234567890123456").unwrap()),
            region: Some(Region::parse(region).unwrap()),
            vpc: Some(VpcId::parse(vpc).unwrap()),
            mode,
            undo: false,
        }
    }

    fn actions(policy: &Policy) -> Vec<&str> {
        policy.statement.iter().map(|statement| &*statement.action).collect()
    }

    #[test]
    fn a_mode_is_granted_the_operations_that_it_uses_and_no_other() {
        let describe = "ecs:DescribeClassicLinkInstances";
        let (detach, attach) = ("ecs:DetachClassicLinkVpc", "ecs:AttachClassicLinkVpc");
        let of = |mode, undo| Policy::least(&[Need { undo, ..Need::anywhere(mode) }]);
        for (mode, undo, granted) in [
            (Mode::Observe, false, vec![describe]),
            (Mode::Observe, true, vec![describe]),
            (Mode::Detach, false, vec![describe, detach]),
            (Mode::Detach, true, vec![describe, detach, attach]),
            (Mode::Sync, false, vec![describe, detach, attach]),
        ] {
            assert_eq!(actions(&of(mode, undo)), granted, "{mode} {undo}");
        }
        assert_eq!(actions(&Policy::least(&[])), Vec::<&str>::new());
    }

    #[test]
    fn a_change_is_granted_only_where_its_mode_is() {
        let policy = Policy::least(&[
            need("cn-hangzhou", "vpc-b", Mode::Detach),
            need("cn-hangzhou", "vpc-a", Mode::Sync),
            need("cn-beijing", "vpc-c", Mode::Observe),
        ]);
        let expected = "  ecs:DescribeClassicLinkInstances on *: it cannot be narrowed
  ecs:DetachClassicLinkVpc on
    acs:ecs:cn-hangzhou:1234567890123456:instance/*
    acs:vpc:cn-hangzhou:1234567890123456:vpc/vpc-a
    acs:vpc:cn-hangzhou:1234567890123456:vpc/vpc-b
  ecs:AttachClassicLinkVpc on
    acs:ecs:cn-hangzhou:1234567890123456:instance/*
    acs:vpc:cn-hangzhou:1234567890123456:vpc/vpc-a
";
        assert_eq!(policy.text(), expected);
        assert!(!policy.json().contains("cn-beijing"));
    }
}
