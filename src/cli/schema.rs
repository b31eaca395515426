//! `schema`: the JSON Schema of a manifest, for editors.

use super::{Exit, Failure, terminal};
use crate::manifest;

pub(super) fn main() -> Result<Exit, Failure> {
    let mut text = serde_json::to_string_pretty(&manifest::schema())?;
    text.push('\n');
    terminal::out(&text)?;
    Ok(Exit::Clean)
}
