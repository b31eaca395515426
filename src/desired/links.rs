//! The links of one scope, shared between a document, the scope's desired state and later revisions.

use super::Declared;
use crate::model::InstanceId;
use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// Instances with what is said of each, by id. Cheap to clone: a tree may hold a million links, and a
/// new revision changes a few of them.
#[derive(Debug, Clone, Eq, Default)]
pub struct Links(Arc<BTreeMap<InstanceId, Declared>>);

impl Links {
    /// Whether both are one and the same; equal ones need not be.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl PartialEq for Links {
    fn eq(&self, other: &Self) -> bool {
        self.is(other) || self.0 == other.0
    }
}

impl Deref for Links {
    type Target = BTreeMap<InstanceId, Declared>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Links {
    /// Makes them its own first, where they are shared.
    fn deref_mut(&mut self) -> &mut Self::Target {
        Arc::make_mut(&mut self.0)
    }
}

impl FromIterator<(InstanceId, Declared)> for Links {
    fn from_iter<I: IntoIterator<Item = (InstanceId, Declared)>>(links: I) -> Self {
        Self(Arc::new(links.into_iter().collect()))
    }
}

impl<'a> IntoIterator for &'a Links {
    type Item = (&'a InstanceId, &'a Declared);
    type IntoIter = std::collections::btree_map::Iter<'a, InstanceId, Declared>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}
