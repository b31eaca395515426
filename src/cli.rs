//! The command line: one file a subcommand; exit codes in one exhaustive match.

use crate::report::Standing;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

mod apply;
mod approve;
mod completions;
mod demo;
mod doctor;
mod findings;
mod form;
mod explain;
mod history;
mod import;
mod journal;
mod keys;
#[cfg(feature = "man")]
mod man;
mod logging;
mod manifests;
mod notify_test;
mod pause;
mod plan;
mod planfile;
mod policy;
mod progress;
mod proposals;
mod reconcile;
mod record;
mod resume;
mod run;
mod schema;
mod setup;
#[cfg(feature = "simtest")]
mod simtest;
mod simulate;
mod status;
mod target;
mod terminal;
mod undo;
mod validate;

use manifests::Manifests;

pub use completions::command;
pub use planfile::Saved;

/// How a command ends; the contract with scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// 0: nothing (left) to do.
    Clean,
    /// 1: it could not be done.
    Error,
    /// 2: changes are pending.
    Pending,
    /// 3: the gate holds a plan.
    Held,
    /// 4: an observation is incomplete.
    Partial,
}

impl Exit {
    /// Every exit code with its meaning, for the reference.
    pub const ALL: [(Self, &'static str); 5] = [
        (Self::Clean, "nothing (left) to do; for `validate`: the manifests are valid"),
        (
            Self::Error,
            "it could not be done: bad input, no permission to read, no journal, a stale plan",
        ),
        (Self::Pending, "changes are pending"),
        (Self::Held, "the gate holds a plan"),
        (Self::Partial, "an observation is incomplete, so there is no plan"),
    ];

    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::Error => 1,
            Self::Pending => 2,
            Self::Held => 3,
            Self::Partial => 4,
        }
    }
}

impl From<Standing> for Exit {
    fn from(standing: Standing) -> Self {
        match standing {
            Standing::Clean => Self::Clean,
            Standing::Pending => Self::Pending,
            Standing::Held => Self::Held,
            Standing::Partial => Self::Partial,
            Standing::Error => Self::Error,
        }
    }
}

/// Why a command could not be carried out: text for people, printed after `error: `.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure(pub String);

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

const EXAMPLES: &str = "\
Examples:
  classiclinkd demo                                     try it, against a simulated cloud
  classiclinkd validate manifests/                      check manifests; no credentials, no network
  classiclinkd doctor --manifests manifests/            what is wrong with this host, key, network
  classiclinkd import --region cn-hangzhou --vpc vpc-…  write a manifest of what exists
  classiclinkd plan --manifests manifests/              what would be done, and why
  classiclinkd apply --manifests manifests/             do it, once, after asking
  classiclinkd policy --manifests manifests/            the least RAM policy for that
  classiclinkd run --manifests manifests/               keep doing it
  classiclinkd status                                   what is in force, paused, held
  classiclinkd pause --reason incident-7                stop all calls, until `resume`
  classiclinkd reconcile                                make the daemon look now
  classiclinkd explain i-bp67acfmxazb4p0001             why this link stays, goes or went
  classiclinkd history                                  what was done, when, why, on whose commit

Credentials are found as the official SDKs find them: ALIBABA_CLOUD_ACCESS_KEY_ID and
ALIBABA_CLOUD_ACCESS_KEY_SECRET (and ALIBABA_CLOUD_SECURITY_TOKEN), a role by OIDC, a profile of
`aliyun configure`, a shared file, the instance's role, a URI; or as the configuration says. Exit codes: 0 nothing (left) to do, 1 error, 2 changes pending, 3 held by the
gate, 4 observation incomplete.";

/// Keeps the ClassicLink attachments of Alibaba Cloud accounts equal to YAML manifests.
///
/// Links that no manifest lists are detached, with evidence, limits and a record; nothing else is
/// ever changed. Start with `demo`, then `plan`.
#[derive(Debug, Parser)]
#[command(name = "classiclinkd", version, after_help = EXAMPLES, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    globals: Globals,
}

/// Options of every command.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Options of every command")]
struct Globals {
    /// Configuration file (YAML)
    #[arg(long, global = true, value_name = "FILE", env = "CLASSICLINKD_CONFIG")]
    config: Option<PathBuf>,
    /// One key of the configuration, such as limits.maxDetach=5; may be repeated
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Endpoint of ECS in every region, and of STS; plain http only for a loopback address
    #[arg(long, global = true, value_name = "URL", env = "CLASSICLINKD_ENDPOINT")]
    endpoint: Option<String>,
    /// Folder for the journal and the lock [default: $STATE_DIRECTORY, else
    /// $XDG_STATE_HOME/classiclinkd, else ~/.local/state/classiclinkd]
    #[arg(long, global = true, value_name = "DIR", env = "CLASSICLINKD_STATE")]
    state: Option<PathBuf>,
    /// Full pass per scope [default: 60s]
    #[arg(long, global = true, value_name = "TIME", env = "CLASSICLINKD_INTERVAL")]
    interval: Option<String>,
    /// Address of the status page, or `none` [default: 127.0.0.1:9108]
    #[arg(long, global = true, value_name = "ADDR", env = "CLASSICLINKD_LISTEN")]
    listen: Option<String>,
    /// How log lines look
    #[arg(long, global = true, value_name = "FORMAT", env = "CLASSICLINKD_LOG_FORMAT",
          value_parser = ["text", "json"])]
    log_format: Option<String>,
    /// What is logged: error, warn, info, debug, trace, or per target (info,hyper=warn)
    #[arg(long, global = true, value_name = "LEVEL", env = "CLASSICLINKD_LOG_LEVEL")]
    log_level: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Options),
    Plan(plan::Options),
    Apply(apply::Options),
    Approve(approve::Options),
    Pause(pause::Options),
    Resume(resume::Options),
    Reconcile(reconcile::Options),
    Status(status::Options),
    Journal(journal::Options),
    NotifyTest(notify_test::Options),
    Validate(validate::Options),
    Policy(policy::Options),
    Doctor(doctor::Options),
    Import(import::Options),
    Undo(undo::Options),
    Explain(explain::Options),
    History(history::Options),
    Simulate(simulate::Options),
    Demo(demo::Options),
    #[cfg(feature = "simtest")]
    Simtest(simtest::Options),
    /// Write the JSON Schema of a manifest, to stdout, for editors and linters
    #[command(after_help = "Example:\n  classiclinkd schema > docs/reference/manifest.schema.json")]
    Schema,
    Completions(completions::Options),
    #[cfg(feature = "man")]
    Man(man::Options),
}

/// Parses the command line, runs the command, and says how the process should exit.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors; clap's own code for errors means "pending" here.
            let exit = if error.use_stderr() { Exit::Error } else { Exit::Clean };
            let _closed = error.print();
            return ExitCode::from(exit.code());
        }
    };
    let exit = dispatch(cli).unwrap_or_else(|Failure(why)| {
        terminal::error(&why);
        Exit::Error
    });
    ExitCode::from(exit.code())
}

fn dispatch(cli: Cli) -> Result<Exit, Failure> {
    let Cli { command, globals } = cli;
    match command {
        Command::Validate(options) => validate::main(&options, &globals),
        Command::Policy(options) => on_runtime(policy::main(options, globals)),
        Command::History(options) => history::main(options, &globals),
        Command::Schema => schema::main(),
        #[cfg(feature = "simtest")]
        Command::Simtest(options) => simtest::main(&options),
        Command::Completions(options) => completions::main(&options),
        #[cfg(feature = "man")]
        Command::Man(options) => man::main(&options),
        Command::Status(options) => status::main(&options, &globals),
        Command::Journal(options) => journal::main(&options, &globals),
        Command::NotifyTest(options) => on_runtime(notify_test::main(options, globals)),
        Command::Run(options) => on_runtime(run::main(options, globals)),
        Command::Doctor(options) => on_runtime(doctor::main(options, globals)),
        Command::Plan(options) => on_runtime(plan::main(options, globals)),
        Command::Apply(options) => on_runtime(apply::main(options, globals)),
        Command::Approve(options) => on_runtime(approve::main(options, globals)),
        Command::Pause(options) => on_runtime(pause::main(options, globals)),
        Command::Resume(options) => on_runtime(resume::main(options, globals)),
        Command::Reconcile(options) => on_runtime(reconcile::main(options, globals)),
        Command::Import(options) => on_runtime(import::main(options, globals)),
        Command::Undo(options) => on_runtime(undo::main(options, globals)),
        Command::Explain(options) => on_runtime(explain::main(options, globals)),
        Command::Simulate(options) => on_runtime(simulate::main(options, globals)),
        Command::Demo(options) => on_runtime(demo::main(options, globals)),
    }
}

fn on_runtime(
    command: impl std::future::Future<Output = Result<Exit, Failure>>,
) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure(format!("start the runtime: {error}")))?;
    let exit = runtime.block_on(command);
    logging::end();
    // Blocking reads of a slow file system must not hold up the end.
    runtime.shutdown_timeout(std::time::Duration::from_millis(200));
    exit
}
