//! stub
use std::sync::Arc;
/// stub
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// path
    pub path: Arc<str>,
    /// text
    pub text: Arc<str>,
}
