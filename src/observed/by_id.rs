//! Judges the answer to a read by ids: one page, which cannot shift.

use super::Gap;
use crate::cloud::Page;
use crate::model::{InstanceId, VpcId};
use std::collections::BTreeMap;

/// How one instance stands, as a read by id says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Linked to that VPC.
    Linked(VpcId),
    /// Known, and linked to none.
    Unlinked,
    /// The cloud refuses to speak of it: not found, or not ours.
    Unknown {
        /// The cloud's code, such as `InvalidInstanceId.NotFound`.
        code: String,
    },
}

/// The standing of every instance asked about.
///
/// # Errors
/// A [`Gap`] where the answer does not fit the question: an instance nobody asked for, one twice,
/// or a count that is not the number of links given.
pub fn judge(asked: &[InstanceId], page: &Page) -> Result<BTreeMap<InstanceId, Standing>, Gap> {
    let mut standings: BTreeMap<InstanceId, Standing> =
        asked.iter().map(|id| (id.clone(), Standing::Unlinked)).collect();
    for link in &page.links {
        match standings.get_mut(&link.instance) {
            None => {
                return Err(Gap(format!(
                    "a read by id answers with {}, which it was not asked for",
                    link.instance
                )));
            }
            Some(standing @ Standing::Unlinked) => *standing = Standing::Linked(link.vpc.clone()),
            Some(_) => return Err(Gap(format!("a read by id lists {} twice", link.instance))),
        }
    }
    if page.total as usize != page.links.len() {
        return Err(Gap(format!(
            "a read of {} ids counts {} links and lists {}",
            asked.len(),
            page.total,
            page.links.len()
        )));
    }
    Ok(standings)
}
