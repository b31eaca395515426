//! Which calls a pause or a resume is about, as it is said on the command line.

use super::Failure;
use crate::ledger::Ledger;
use crate::ledger::event::Target;
use crate::model::{AccountName, Lane, Region, Scope, VpcId};
use clap::Args;
use std::path::Path;

/// Without any of these: all calls.
#[derive(Debug, Clone, Args)]
pub(super) struct Which {
    /// Only calls of this account of the configuration
    #[arg(long, value_name = "A")]
    account: Option<AccountName>,
    /// Only calls in this region; without --account, of the account `default`
    #[arg(long, value_name = "R")]
    region: Option<Region>,
    /// Only calls of this VPC; needs --region
    #[arg(long, value_name = "V", requires = "region")]
    vpc: Option<VpcId>,
}

impl Which {
    pub fn target(self) -> Result<Target, Failure> {
        let Self { account, region, vpc } = self;
        let Some(region) = region else {
            return Ok(account.map_or(Target::All, Target::Account));
        };
        let account = match account {
            Some(account) => account,
            None => AccountName::parse("default")?,
        };
        Ok(match vpc {
            Some(vpc) => Target::Scope(Scope { account, region, vpc }),
            None => Target::Lane(Lane { account, region }),
        })
    }
}

/// What to be told of a target that covers nothing: a misspelt one stops nothing.
pub(super) fn doubt(target: &Target, ledger: &Ledger) -> Option<String> {
    let mut known: Vec<&Scope> = ledger.passes().map(|(_, passed)| &passed.scope).collect();
    if *target == Target::All || known.iter().any(|scope| target.covers(scope)) {
        return None;
    }
    known.sort_unstable();
    let shown: Vec<String> = known.iter().take(10).map(ToString::to_string).collect();
    let more = if known.len() > shown.len() { ", …" } else { "" };
    Some(if known.is_empty() {
        format!("the journal knows no VPC at all yet, so it cannot tell whether {target} is right")
    } else {
        let shown = shown.join(", ");
        format!(
            "the journal knows no VPC in {target}; check the spelling, the VPCs are: {shown}{more}"
        )
    })
}

/// A path as a shell takes it, in whatever folder it runs.
pub(super) fn quoted(path: &Path) -> String {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%,".contains(c);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_is_not_narrowed() {
        let which = |account: Option<&str>, region: Option<&str>, vpc: Option<&str>| {
            let which = Which {
                account: account.map(|a| a.parse().unwrap()),
                region: region.map(|r| r.parse().unwrap()),
                vpc: vpc.map(|v| v.parse().unwrap()),
            };
            which.target().unwrap().to_string()
        };
        assert_eq!(which(None, None, None), "everything");
        assert_eq!(which(Some("prod"), None, None), "prod");
        assert_eq!(which(None, Some("cn-hangzhou"), None), "default/cn-hangzhou");
        assert_eq!(which(Some("prod"), Some("cn-a"), Some("vpc-a")), "prod/cn-a/vpc-a");
    }

    #[test]
    fn a_path_is_quoted_where_a_shell_would_read_it_differently() {
        assert_eq!(quoted(Path::new("/var/lib/a-b_1.c")), "/var/lib/a-b_1.c");
        assert_eq!(quoted(Path::new("/it's here/$x")), r"'/it'\''s here/$x'");
    }
}
