//! The ECS adapter: the one implementation of the cloud's seams that talks to Alibaba Cloud: to ECS,
//! and to STS for whose credential it is.
//!
//! With `notification` the only module that names `reqwest`. It asks once and classifies the answer; retries, limits
//! and decisions belong to its callers. What it adds to a call of its own is what certainly was not
//! carried out: one repeat after a clock correction, and one after a credential refresh
//! (`api-contract.md` 8.4).

pub mod client;
pub mod codes;
pub mod credentials;
pub mod endpoint;
mod redact;
mod wire;

pub use client::probe::{Probed, Reached, probe};
pub use client::{Client, ClientError, Identity, Kind, Settings, SignatureVersion, TOLERANCE, off};
pub use codes::{Operation, classify};
pub use credentials::{CredentialError, Credentials, Key, Provenance};
pub use endpoint::{Endpoint, EndpointError};
