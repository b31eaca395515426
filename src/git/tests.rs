//! Against the real `git`, and real servers on this machine.

use super::*;
use crate::model::{Commit, Lineage};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use tempfile::TempDir;

mod failing;
mod fetching;
mod interrupted;
mod lineage;
mod secrets;
pub(crate) mod server;
mod signed;
pub(crate) mod upstream;

use server::{Server, Trouble};
use upstream::Upstream;

/// Our side: a state folder, and how it reads.
pub(crate) struct Ours {
    pub state: TempDir,
    pub settings: Settings,
}

impl Ours {
    pub fn of(url: &str, reference: &str) -> Self {
        let folder = Folder::parse("m").unwrap();
        let remote = Remote::parse(url).unwrap();
        let mut settings = Settings::new(remote, Reference::parse(reference).unwrap(), folder);
        settings.timeout = Duration::from_secs(60);
        Self { state: tempfile::tempdir().unwrap(), settings }
    }

    pub fn repository(&self) -> Repository {
        Repository::new(self.settings.clone(), self.state.path())
    }

    /// The folder of the copy.
    pub fn copy(&self) -> PathBuf {
        self.repository().copy.folder().to_owned()
    }

    /// A file of ours that only we can read.
    pub fn secret(&self, name: &str, text: &str) -> PathBuf {
        let path = self.state.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        path
    }
}

impl Repository {
    /// The commit that the ref leads to, and its files with their texts.
    pub(crate) async fn look(&self) -> Result<(Commit, Vec<String>), Fault> {
        let commit = self.fetch(&self.tip().await?).await?;
        let entries = self.list(&commit).await?;
        let ids: Vec<String> = entries.iter().map(|entry| entry.id.clone()).collect();
        let contents = self.contents(&ids, 1 << 20).await?;
        let shown = entries.iter().zip(contents).map(|(entry, content)| {
            format!("{}={}", entry.path.escape_ascii(), String::from_utf8_lossy(&content))
        });
        Ok((commit, shown.collect()))
    }

    async fn shows(&self, id: &str, files: &[&str]) {
        let (commit, found) = self.look().await.unwrap();
        assert_eq!((commit.id.as_str(), found), (id, files.iter().map(|f| (*f).into()).collect()));
    }

    async fn says(&self, what: &str) -> Fault {
        let fault = self.look().await.unwrap_err();
        assert!(fault.to_string().contains(what), "{what}: {fault:?}");
        fault
    }
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}
