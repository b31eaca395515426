//! The links of one scope, shared between a document, the scope's desired state and later revisions.

use super::Declared;
use crate::model::InstanceId;
use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, OnceLock};

/// Instances with what is said of each, by id. Cheap to clone: a tree may hold a million links, and a
/// new revision changes a few of them.
#[derive(Debug, Clone, Default)]
pub struct Links(Arc<Inner>);

#[derive(Debug, Clone, Default)]
struct Inner {
    by_id: BTreeMap<InstanceId, Declared>,
    /// Those with an `until` or a protection: few, and asked for at every revision.
    with_terms: OnceLock<Vec<InstanceId>>,
}

impl Links {
    /// Whether both are one and the same; equal ones need not be.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The links of which more is said than that they should exist: until when, or that they are
    /// protected.
    pub fn with_terms(&self) -> impl Iterator<Item = (&InstanceId, &Declared)> {
        let has_terms =
            |(_, said): &(&InstanceId, &Declared)| said.until.is_some() || said.protected;
        let found = || self.iter().filter(has_terms).map(|(id, _)| id.clone()).collect();
        self.0.with_terms.get_or_init(found).iter().filter_map(|id| self.get_key_value(id))
    }
}

impl PartialEq for Links {
    fn eq(&self, other: &Self) -> bool {
        self.is(other) || self.0.by_id == other.0.by_id
    }
}

impl Eq for Links {}

impl Deref for Links {
    type Target = BTreeMap<InstanceId, Declared>;

    fn deref(&self) -> &Self::Target {
        &self.0.by_id
    }
}

impl DerefMut for Links {
    /// Makes them its own first, where they are shared.
    fn deref_mut(&mut self) -> &mut Self::Target {
        let inner = Arc::make_mut(&mut self.0);
        inner.with_terms = OnceLock::new();
        &mut inner.by_id
    }
}

impl FromIterator<(InstanceId, Declared)> for Links {
    fn from_iter<I: IntoIterator<Item = (InstanceId, Declared)>>(links: I) -> Self {
        Self(Arc::new(Inner { by_id: links.into_iter().collect(), with_terms: OnceLock::new() }))
    }
}

impl<'a> IntoIterator for &'a Links {
    type Item = (&'a InstanceId, &'a Declared);
    type IntoIter = std::collections::btree_map::Iter<'a, InstanceId, Declared>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.by_id.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Mode;
    use crate::plan::tests::{desired, id};

    #[test]
    fn links_are_shared_until_one_side_changes_them() {
        let one = desired(Mode::Detach, &[1, 2]).links;
        let mut other = one.clone();
        assert!(one.is(&other));
        other.remove(&id(1));
        assert!(!one.is(&other) && one.len() == 2 && one != other);
        let same: Links = one.iter().map(|(id, said)| (id.clone(), said.clone())).collect();
        assert!(!one.is(&same) && one == same);
    }

    #[test]
    fn what_has_terms_is_known_after_every_change() {
        let mut links = desired(Mode::Detach, &[1, 2, 3]).links;
        assert_eq!(links.with_terms().count(), 0);
        links.get_mut(&id(1)).unwrap().protected = true;
        links.get_mut(&id(2)).unwrap().until = Some(jiff::Timestamp::UNIX_EPOCH);
        let found: Vec<_> = links.with_terms().map(|(id, _)| id.clone()).collect();
        assert_eq!(found, [id(1), id(2)]);
        links.remove(&id(1));
        assert_eq!(links.with_terms().count(), 1);
    }
}
