//! What there is to wish for: names, manifests as values, and their text.

use crate::model::{AccountId, AccountName, Amount, InstanceId, Link, Mode, Region, Scope, VpcId};
use crate::sim::seed::default_account;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

mod spread;
mod tree;
pub use spread::Spread;
pub use tree::Tree;

/// What one manifest says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// What may be done.
    pub mode: Mode,
    /// The links that should exist.
    pub keep: BTreeSet<InstanceId>,
    /// Those of them that are protected.
    pub protected: BTreeSet<InstanceId>,
    /// `limits.maxDetach`.
    pub max_detach: Option<Amount>,
    /// `limits.allowEmpty`.
    pub allow_empty: bool,
}

/// What all manifests say, by VPC.
pub type Wishes = BTreeMap<VpcId, Wish>;

/// The names of everything, and who is who.
#[derive(Debug, Clone)]
pub struct Names {
    /// The account, as the configuration calls it.
    pub account: AccountName,
    /// Its number.
    pub number: AccountId,
    /// Somebody else's.
    pub stranger: AccountId,
    /// Where.
    pub region: Region,
    /// The VPCs.
    pub vpcs: Vec<VpcId>,
    /// The instances.
    pub instances: Vec<InstanceId>,
}

impl Names {
    /// So many VPCs and instances.
    ///
    /// # Errors
    /// Which name is none: a mistake of this module.
    pub fn new(vpcs: usize, instances: usize) -> Result<Self, String> {
        let vpc = |n| VpcId::parse(&format!("vpc-{n:02}")).map_err(|error| error.to_string());
        let id = |n| InstanceId::parse(&format!("i-{n:03}")).map_err(|error| error.to_string());
        Ok(Self {
            account: AccountName::parse("default").map_err(|error| error.to_string())?,
            number: default_account().ok_or("no default account")?,
            stranger: AccountId::parse("9999999999999999").map_err(|error| error.to_string())?,
            region: Region::parse("cn-hangzhou").map_err(|error| error.to_string())?,
            vpcs: (0..vpcs).map(vpc).collect::<Result<_, _>>()?,
            instances: (0..instances).map(id).collect::<Result<_, _>>()?,
        })
    }

    /// The scope of a VPC.
    pub fn scope(&self, vpc: &VpcId) -> Scope {
        Scope { account: self.account.clone(), region: self.region.clone(), vpc: vpc.clone() }
    }

    /// A link.
    pub fn link(&self, vpc: &VpcId, instance: &InstanceId) -> Link {
        Link { instance: instance.clone(), vpc: vpc.clone() }
    }
}

/// The file of a manifest.
fn file(name: &str) -> String {
    format!("{name}.yaml")
}

/// The text of one manifest. The limits come first, so that a text that is cut off always ends in an
/// id or before one.
fn text(name: &str, vpc: &VpcId, wish: &Wish) -> String {
    let mut text = format!(
        "apiVersion: classiclinkd/v1\nkind: ClassicLinkSet\nmetadata:\n  name: {name}\nspec:\n  regionId: \
         cn-hangzhou\n  vpcId: {vpc}\n  mode: {}\n",
        wish.mode
    );
    if wish.max_detach.is_some() || wish.allow_empty {
        text.push_str("  limits:\n");
        if let Some(most) = wish.max_detach {
            let _ = writeln!(text, "    maxDetach: {most}");
        }
        if wish.allow_empty {
            text.push_str("    allowEmpty: true\n");
        }
    }
    if wish.keep.is_empty() {
        text.push_str("  instances: []\n");
        return text;
    }
    text.push_str("  instances:\n");
    for instance in &wish.keep {
        if wish.protected.contains(instance) {
            let _ = writeln!(text, "    - {{id: {instance}, protected: true}}");
        } else {
            let _ = writeln!(text, "    - {instance}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{self, File};
    use crate::model::{Digest, Revision};

    #[test]
    fn the_text_of_a_wish_declares_it() {
        let names = Names::new(2, 5).unwrap();
        let keep: BTreeSet<InstanceId> = names.instances.iter().take(3).cloned().collect();
        let wish = Wish {
            mode: Mode::Sync,
            protected: keep.iter().take(1).cloned().collect(),
            keep,
            max_detach: Some(Amount::Count(7)),
            allow_empty: true,
        };
        let empty = Wish { keep: BTreeSet::new(), protected: BTreeSet::new(), ..wish.clone() };
        let wishes: Wishes =
            [(names.vpcs[0].clone(), wish.clone()), (names.vpcs[1].clone(), empty)].into();
        let read: Vec<File> = Spread::default()
            .files(&wishes)
            .into_iter()
            .map(|(path, text)| File::new(path, text))
            .collect();
        let revision = Revision::of_content(Digest::of([]));
        let tree = manifest::accept(&read, revision, None).unwrap();
        let desired = &tree.scopes[&names.scope(&names.vpcs[0])];
        assert_eq!(desired.links.keys().cloned().collect::<BTreeSet<_>>(), wish.keep);
        assert_eq!(desired.links.values().filter(|said| said.protected).count(), 1);
        assert_eq!((desired.mode, desired.max_detach.len()), (Mode::Sync, 1));
        assert_eq!(tree.scopes.len(), 2);
    }
}
