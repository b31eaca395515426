//! What happens on the host: the folder of manifests, the pause file, the disk, and processes that come
//! and go.

use super::{Content, Folder, Referee, When};
use crate::model::{Digest, InstanceId, VpcId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

impl Referee {
    /// The folder of manifests changed; `digest` is what a reading of it finds.
    pub(in crate::simulation) fn folder(
        &self,
        now: When,
        content: Content,
        digest: Option<Digest>,
        heard: bool,
    ) {
        let mut book = self.lock();
        book.note(now, &|| format!("folder {}", digest.as_ref().map_or("-", Digest::short)));
        // What nobody can read says nothing, whatever was put there meanwhile.
        let content = if digest.is_some() { content } else { Content::Broken };
        if let (Content::Whole(wishes), Some(digest)) = (&content, digest) {
            book.known.insert(digest, Arc::clone(wishes));
        }
        book.folder = Folder { since: now.mono, content, heard };
    }

    /// A process has started, or ended without a word.
    pub(in crate::simulation) fn restarted(&self, now: When) {
        let mut book = self.lock();
        book.note(now, &|| "restart".to_owned());
        book.keys.forget();
        book.course.restarted();
        book.life += 1;
        // A reader that starts reads before anything is done.
        book.folder.heard = true;
        let links = book.links.values_mut().flat_map(BTreeMap::values_mut);
        for known in links.filter(|known| known.under_way) {
            known.under_way = false;
            known.ended = Some(now.mono);
        }
    }

    /// The links that a VPC truly has while a pass over it ends.
    pub(in crate::simulation) fn there(&self, vpc: &VpcId, links: BTreeSet<InstanceId>) {
        self.lock().there.insert(vpc.clone(), links);
    }

    /// The pause file is there from now on, or is not.
    pub(in crate::simulation) fn pause_file(&self, now: When, there: bool) {
        let mut book = self.lock();
        if there == book.pause_file.is_some() {
            return;
        }
        book.note(now, &|| format!("pause file {there}"));
        book.pause_file = there.then_some(now.mono);
        book.said = now.mono;
    }
}
