//! What is measured, as OpenMetrics text: the only module that names `prometheus_client`.
//!
//! Nothing here is in anybody's way: passes and calls are counted under a lock that is held for an
//! addition ([`Counts`], [`Metered`]), and everything else is looked up when somebody scrapes
//! ([`Sources`]). Labels name accounts, regions, VPCs and sinks, which
//! files of the operator bound, and words of ours; never
//! an instance, a key or a text of the cloud.

use crate::aliyun::Operation;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};
use std::fmt;
use std::sync::Arc;

mod counts;
mod families;
mod metered;
mod shot;

pub use counts::Counts;
pub use families::{Family, Kind};
pub use metered::Metered;
pub use shot::Sources;

use families::{Samples, Value};

/// The content type of [`Metrics::text`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Everything that is measured. Cheap to clone; clones share.
#[derive(Clone)]
pub struct Metrics(Arc<Registry>);

impl Metrics {
    /// Of these sources.
    pub fn new(sources: Sources) -> Self {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Scrape(sources)));
        Self(Arc::new(registry))
    }

    /// What is measured at this moment. Looks at files: not for a thread that must not wait.
    ///
    /// # Errors
    /// When the encoder fails, which it has no reason to.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.0)?;
        Ok(text)
    }
}

/// Asks the sources whenever the registry is encoded.
struct Scrape(Sources);

impl fmt::Debug for Scrape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scrape").finish_non_exhaustive()
    }
}

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let shot = self.0.shot();
        for family in Family::all() {
            let unit = (!family.unit.is_empty()).then(|| Unit::Other(family.unit.to_owned()));
            // The encoder puts the unit at the end of the name itself.
            let ending = format!("_{}", family.unit);
            let bare = family.name.strip_suffix(&ending).unwrap_or(family.name);
            let kind = match family.kind {
                Kind::Counter => MetricType::Counter,
                Kind::Gauge => MetricType::Gauge,
                Kind::Histogram => MetricType::Histogram,
                Kind::Info => MetricType::Info,
            };
            let help = format!("{}.", family.help);
            let mut metric = encoder.encode_descriptor(bare, &help, unit.as_ref(), kind)?;
            let mut result = Ok(());
            let mut put = |labels: &[(&'static str, &str)], value: Value| {
                let encoded = sample(&mut metric, family.kind, labels, &value);
                result = result.and(encoded);
            };
            (family.read)(&shot, &mut Samples::of(family, &mut put));
            result?;
        }
        Ok(())
    }
}

/// One sample, or those of a histogram.
fn sample(
    metric: &mut MetricEncoder<'_>,
    kind: Kind,
    labels: &[(&'static str, &str)],
    value: &Value,
) -> fmt::Result {
    if kind == Kind::Info {
        return metric.encode_info(&labels);
    }
    if labels.is_empty() {
        return number(metric, kind, value);
    }
    number(&mut metric.encode_family(&labels)?, kind, value)
}

fn number(metric: &mut MetricEncoder<'_>, kind: Kind, value: &Value) -> fmt::Result {
    match (kind, value) {
        (Kind::Counter, Value::Whole(count)) => {
            metric.encode_counter::<NoLabelSet, _, f64>(count, None)
        }
        (_, Value::Whole(number)) => metric.encode_gauge(number),
        (_, Value::Real(number)) => metric.encode_gauge(number),
        (_, Value::Spread(timings)) => {
            let buckets: Vec<_> = timings.buckets().collect();
            let sum = timings.sum().as_secs_f64();
            metric.encode_histogram::<NoLabelSet>(sum, timings.count(), &buckets, None)
        }
    }
}

#[cfg(test)]
mod tests;
