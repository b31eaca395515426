//! How what is found out is printed.

use clap::ValueEnum;

/// How what is found out is printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Form {
    /// For a terminal
    #[default]
    Text,
    /// Versioned and stable
    Json,
}
