//! Why something could not be had of a repository.

/// Why something could not be had of a repository: what, why and what to do, safe to print.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It may be there the next time: the network, the host, a lock.
    #[error("{0}")]
    Passing(String),
    /// Our own copy is broken: it has to be made anew.
    #[error("{0}")]
    Broken(String),
    /// Somebody has to do something: a ref that is gone, a signature that is none, a file that others
    /// can read.
    #[error("{0}")]
    Lasting(String),
}
