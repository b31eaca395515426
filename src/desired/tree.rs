//! The desired state of a whole tree at one revision.

use super::{Conflict, Desired, Place};
use crate::model::{InstanceId, Link, Revision, Scope, side_by_side};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Every scope that a revision declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// Which state of the manifests.
    pub revision: Arc<Revision>,
    /// Shared, because a pass holds its scope while newer trees arrive.
    pub scopes: BTreeMap<Scope, Arc<Desired>>,
}

impl Tree {
    /// Whether this tree wants `link` to exist in `scope` at `now`.
    pub fn keeps(&self, scope: &Scope, link: &Link, now: Timestamp) -> bool {
        scope.vpc == link.vpc
            && self.scopes.get(scope).is_some_and(|desired| desired.keeps(&link.instance, now))
    }

    /// Every scope of either tree, in order, with what `self` and what `newer` says of it.
    pub fn beside<'a>(
        &'a self,
        newer: &'a Self,
    ) -> impl Iterator<Item = (&'a Scope, Option<&'a Arc<Desired>>, Option<&'a Arc<Desired>>)> {
        side_by_side(&self.scopes, &newer.scopes)
    }

    /// Scopes that `self` declares and `newer` does not: released, never detached.
    pub fn released_by(&self, newer: &Self) -> BTreeSet<Scope> {
        let released =
            |(scope, _, new): (&Scope, _, Option<_>)| new.is_none().then(|| scope.clone());
        self.beside(newer).filter_map(released).collect()
    }

    /// The links that `self` lists and `newer` does not, of whatever mode.
    pub fn lost_in<'a>(
        &'a self,
        newer: &'a Self,
    ) -> impl Iterator<Item = (&'a Scope, &'a InstanceId)> {
        self.beside(newer).filter_map(|(scope, old, new)| Some((scope, old?, new))).flat_map(
            |(scope, old, new)| {
                let same = new.is_some_and(|new| new.links.is(&old.links));
                let kept = move |id: &InstanceId| new.is_some_and(|new| new.links.contains_key(id));
                let lost = old.links.keys().filter(move |id| !same && !kept(id));
                lost.map(move |id| (scope, id))
            },
        )
    }

    /// Scopes of `newer` that are new or say something else than in `self`.
    pub fn changed_in(&self, newer: &Self) -> BTreeSet<Scope> {
        let differs = |old: Option<&Arc<Desired>>, desired: &Desired| match old {
            None => true,
            Some(old) => {
                let limits = (&old.max_detach, old.allow_empty);
                old.mode != desired.mode
                    || limits != (&desired.max_detach, desired.allow_empty)
                    || old.windows != desired.windows
                    || old.links != desired.links
            }
        };
        let changed = self
            .beside(newer)
            .filter(|(_, old, new)| new.is_some_and(|desired| differs(*old, desired)));
        changed.map(|(scope, ..)| scope.clone()).collect()
    }

    /// Links desired at `now`, over all scopes.
    pub fn links_at(&self, now: Timestamp) -> usize {
        let holds = |desired: &Arc<Desired>| {
            let over = desired.links.with_terms().filter(|(_, said)| !said.holds_at(now)).count();
            desired.links.len().saturating_sub(over)
        };
        self.scopes.values().map(holds).sum()
    }

    /// Where the first link is said to be protected, if one is.
    pub fn first_protected(&self) -> Option<&Place> {
        let links = self.scopes.values().flat_map(|desired| desired.links.values());
        links.filter(|said| said.protected).map(|said| &said.place).min()
    }

    /// Instances that `newer` lists for the first time and that are the beginning of one that it
    /// has lost: so looks a file that was cut in the middle of its last id, which is valid YAML.
    pub fn cut_short_in(&self, newer: &Self) -> Vec<Conflict> {
        let mut found = Vec::new();
        for (_, old, desired) in self.beside(newer) {
            let (Some(old), Some(desired)) = (old, desired) else { continue };
            if old.links.is(&desired.links) {
                continue;
            }
            let lost: BTreeSet<&InstanceId> =
                old.links.keys().filter(|id| !desired.links.contains_key(*id)).collect();
            for (short, said) in desired.links.iter().filter(|(id, _)| !old.links.contains_key(*id))
            {
                // What an id begins sorts right behind it.
                let next = lost.range::<&InstanceId, _>(short..).next();
                if let Some(whole) = next.filter(|id| id.as_str().starts_with(short.as_str())) {
                    found.push(Conflict {
                        place: said.place.clone(),
                        message: format!(
                            "`{short}` looks like `{whole}` cut short, which was listed before"
                        ),
                        other: None,
                        help: "write the whole id, and save the file whole".to_owned(),
                    });
                }
            }
        }
        found
    }
}

/// Drops what `kept` has of scopes that are not `declared` any more.
pub fn keep_declared<A, B>(kept: &mut BTreeMap<Scope, A>, declared: &BTreeMap<Scope, B>) {
    let gone = side_by_side(&*kept, declared).filter(|(_, _, declared)| declared.is_none());
    let gone: Vec<Scope> = gone.map(|(scope, ..)| scope.clone()).collect();
    for scope in &gone {
        kept.remove(scope);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Amount, Mode, VpcId};
    use crate::plan::tests::{desired, id, moment, scope};
    use crate::window::{Kind, Window, Windows};

    fn tree(ids: &[&str]) -> Tree {
        let mut wanted = desired(Mode::Detach, &[0]);
        let said = wanted.links[&id(0)].clone();
        for id in ids {
            wanted.links.insert(InstanceId::parse(id).unwrap(), said.clone());
        }
        let revision = Arc::clone(&wanted.revision);
        Tree { revision, scopes: [(scope(), Arc::new(wanted))].into() }
    }

    #[test]
    fn what_no_tree_declares_any_more_is_dropped_and_nothing_else_is() {
        let named = |n: u8| {
            let vpc = VpcId::parse(&format!("vpc-{n}")).unwrap();
            (Scope { vpc, ..scope() }, n)
        };
        let mut kept: BTreeMap<Scope, u8> = [1, 2, 3].map(named).into();
        keep_declared(&mut kept, &[2, 3, 4].map(named).into());
        assert_eq!(kept, [2, 3].map(named).into());
    }

    #[test]
    fn a_change_of_the_windows_is_a_change_of_the_scope() {
        let before = tree(&["i-one"]);
        let mut after = tree(&["i-one"]);
        assert!(before.changed_in(&after).is_empty());
        let deny = |text: &str| Window::parse(Kind::Deny, text, "UTC").unwrap();
        let mut closed = |windows: &[&str]| {
            let windows = Windows::new(windows.iter().map(|text| deny(text)).collect());
            Arc::make_mut(after.scopes.get_mut(&scope()).unwrap()).windows = vec![windows];
            after.clone()
        };
        let (weekend, sunday) = (closed(&["Sat,Sun"]), closed(&["Sun"]));
        for (old, new) in [(&before, &sunday), (&weekend, &sunday), (&sunday, &before)] {
            assert_eq!(old.changed_in(new), [scope()].into());
        }
    }

    #[test]
    fn each_thing_a_manifest_says_about_a_scope_is_a_change_by_itself() {
        let before = tree(&["i-one"]);
        let other = Scope { vpc: VpcId::parse("vpc-b").unwrap(), ..scope() };
        let changes: [fn(&mut Desired); 5] = [
            |desired| desired.mode = Mode::Sync,
            |desired| desired.max_detach.push(Amount::Count(1)),
            |desired| desired.allow_empty = true,
            |desired| desired.links.clear(),
            |desired| desired.links.values_mut().for_each(|said| said.protected = true),
        ];
        for (n, change) in changes.into_iter().enumerate() {
            let mut after = before.clone();
            change(Arc::make_mut(after.scopes.get_mut(&scope()).unwrap()));
            assert_eq!(before.changed_in(&after), [scope()].into(), "{n}");
        }
        let mut more = before.clone();
        more.scopes.insert(other.clone(), Arc::clone(&before.scopes[&scope()]));
        assert_eq!(before.changed_in(&more), [other.clone()].into());
        assert_eq!(more.changed_in(&before), [].into());
        assert_eq!(
            (before.released_by(&more), more.released_by(&before)),
            ([].into(), [other].into())
        );
    }

    #[test]
    fn a_link_is_kept_in_its_own_vpc_and_as_long_as_it_is_listed() {
        let mut tree = tree(&["i-one"]);
        let until = moment(100).wall;
        let desired = Arc::make_mut(tree.scopes.get_mut(&scope()).unwrap());
        desired.links.get_mut(&id(0)).unwrap().until = Some(until);
        let keeps = |link: &Link, at| tree.keeps(&scope(), link, moment(at).wall);
        let link = scope().link(id(0));
        assert!(keeps(&link, 99) && !keeps(&link, 100));
        assert!(!keeps(&scope().link(id(9)), 99), "nobody lists it");
        let vpc = VpcId::parse("vpc-b").unwrap();
        assert!(!keeps(&Link { vpc: vpc.clone(), ..link.clone() }, 99));
        assert!(!tree.keeps(&Scope { vpc, ..scope() }, &link, moment(99).wall));
        assert_eq!((tree.links_at(moment(99).wall), tree.links_at(until)), (2, 1));
    }

    #[test]
    fn the_first_place_that_protects_a_link_is_found() {
        let mut tree = tree(&["i-one", "i-two"]);
        assert_eq!(tree.first_protected(), None);
        let desired = Arc::make_mut(tree.scopes.get_mut(&scope()).unwrap());
        for (said, line) in desired.links.values_mut().zip([1, 9, 5]) {
            (said.place.line, said.protected) = (line, line > 1);
        }
        assert_eq!(tree.first_protected().map(|place| place.line), Some(5));
    }

    #[test]
    fn an_id_that_lost_its_end_is_found() {
        let before = tree(&["i-bp01", "i-bp02"]);
        for cut in [&["i-bp01", "i-bp0"][..], &["i-bp01", "i-b"], &["i-b"]] {
            assert_eq!(before.cut_short_in(&tree(cut)).len(), 1, "{cut:?}");
        }
        for whole in
            [&["i-bp01"][..], &["i-bp01", "i-bp02", "i-bp0"], &["i-bp01", "i-bp021"], &["i-x"]]
        {
            assert_eq!(before.cut_short_in(&tree(whole)), [], "{whole:?}");
        }
    }
}
