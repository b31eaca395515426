//! `policy`: the least RAM policy for manifests; no credentials, no network.

use super::{Exit, Failure, Globals, Manifests, setup, terminal};
use crate::config::Config;
use crate::desired::{Desired, Tree};
use crate::model::AccountName;
use crate::policy::{LENGTH_MAX, Need, Policy};
use clap::{Args, ValueEnum};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Write the least RAM policy with which manifests can be carried out
///
/// Grants reading, detaching where a manifest says `mode: detach` or `sync`, and attaching where one
/// says `mode: sync`, each in the regions and VPCs that are declared and no others. Needs no
/// credentials and no network. With --config, accounts that are pinned (`accountId`) are named.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    classiclinkd policy --manifests manifests/\n  \
    classiclinkd policy --manifests manifests/ --undo --output json > policy.json\n  \
    classiclinkd policy --manifests manifests/ --account prod --output json > prod.json")]
pub(super) struct Options {
    #[command(flatten)]
    manifests: Manifests,
    /// Only for the identity of this account of the configuration
    #[arg(long, value_name = "A")]
    account: Option<AccountName>,
    /// Grant attaching to every VPC that links may be detached from, too: what `undo` needs
    #[arg(long)]
    undo: bool,
    /// How the policy is printed
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

/// How a policy is printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Output {
    /// What is granted, for people; then the document
    #[default]
    Text,
    /// The document alone, of one account
    Json,
}

pub(super) async fn main(options: Options, globals: Globals) -> Result<Exit, Failure> {
    let config = setup::config(&globals)?;
    let origin = options.manifests.origin(&config)?;
    let tree = setup::tree(&origin, &config).await?;
    let mut accounts: BTreeSet<&AccountName> = tree.scopes.keys().map(|s| &s.account).collect();
    if let Some(only) = &options.account {
        if !accounts.contains(only) {
            let declared = listed(&accounts);
            let why = format!("no manifest declares a VPC of account `{only}`, only of {declared}");
            return Err(Failure(why));
        }
        accounts.retain(|account| *account == only);
    }
    if options.output == Output::Json && accounts.len() > 1 {
        let declared = listed(&accounts);
        return Err(Failure(format!(
            "the manifests declare VPCs of {declared}, and each has an identity and a policy of its \
             own: say which with --account"
        )));
    }
    let mut text = String::new();
    for account in accounts {
        let policy = policy(&tree, account, &config, options.undo);
        let length = policy.length();
        if length > LENGTH_MAX {
            terminal::note(&format!(
                "note: the policy of account `{account}` has {length} characters, and RAM takes \
                 {LENGTH_MAX}: attach it in parts, or write `vpc/*` where it names VPCs"
            ));
        }
        if options.output == Output::Text {
            let _ = writeln!(text, "{}\n\n{}", heading(account, &config), policy.text());
        }
        text.push_str(&policy.json());
    }
    terminal::out(&text)?;
    Ok(Exit::Clean)
}

fn listed(accounts: &BTreeSet<&AccountName>) -> String {
    let names: Vec<String> = accounts.iter().map(|account| format!("`{account}`")).collect();
    names.join(", ")
}

fn policy(tree: &Tree, account: &AccountName, config: &Config, undo: bool) -> Policy {
    let pinned = config.accounts.get(account).and_then(|said| said.account_id.clone());
    let need = |desired: &Desired| Need {
        account: pinned.clone(),
        region: Some(desired.scope.region.clone()),
        vpc: Some(desired.scope.vpc.clone()),
        mode: desired.mode,
        undo,
    };
    let declared = tree.scopes.values().filter(|desired| desired.scope.account == *account);
    Policy::least(&declared.map(|desired| need(desired)).collect::<Vec<_>>())
}

fn heading(account: &AccountName, config: &Config) -> String {
    let pinned = config.accounts.get(account).and_then(|said| said.account_id.as_ref());
    match pinned {
        Some(id) => format!("the identity of account `{account}` ({id}) needs"),
        None => format!(
            "the identity of account `{account}` needs (`*` stands for the account's number, which \
             accounts.{account}.accountId would tell)"
        ),
    }
}
