//! Spans to a collector, as OTLP over HTTP. What is exported waits in a bounded queue for a thread of its
//! own: a collector that is slow, or gone, costs spans and never a pass.

use crate::notification::Address;
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{BatchSpanProcessor, SdkTracerProvider};
use std::sync::OnceLock;
use std::time::Duration;
use tokio::runtime::Handle;
use tracing::Subscriber;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::Layer;
use tracing_subscriber::registry::LookupSpan;
use wire::Wire;

mod wire;

/// Longest wait for the last spans.
const GRACE: Duration = Duration::from_secs(2);

/// As the log is, what is exported is the process's.
static EXPORTED: OnceLock<SdkTracerProvider> = OnceLock::new();

/// What hands our spans to an exporter, if the environment names a collector: `OTEL_EXPORTER_OTLP_ENDPOINT`,
/// to which `/v1/traces` is added, or `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`, which is taken as it is. What
/// else stands in `OTEL_` variables is for the SDK to read.
///
/// # Errors
/// What is wrong with the address, which is not shown; that there is no runtime to send on.
pub fn layer<S>(
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<impl Layer<S> + Send + Sync>, String>
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
{
    let Some(address) = address(&variable)? else { return Ok(None) };
    // Commands without a runtime have no spans.
    let Ok(runtime) = Handle::try_current() else { return Ok(None) };
    let named = variable("OTEL_SERVICE_NAME").is_some()
        || variable("OTEL_RESOURCE_ATTRIBUTES").is_some_and(|all| all.contains("service.name="));
    let resource = Resource::builder()
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
    let resource = if named { resource } else { resource.with_service_name("classiclinkd") };
    let exporter = SpanExporter::builder()
        .with_http()
        .with_endpoint(address.url())
        .with_http_client(Wire::new(&address, runtime)?)
        .build()
        // The error may show the address.
        .map_err(|_| "the exporter of traces refuses its OTEL_ variables".to_owned())?;
    // 2,048 spans wait at most, and more are dropped; OTEL_BSP_ variables say otherwise.
    let processor = BatchSpanProcessor::builder(exporter).build();
    let provider = SdkTracerProvider::builder()
        .with_span_processor(processor)
        .with_resource(resource.build())
        .build();
    let provider = EXPORTED.get_or_init(|| provider);
    let layer = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("classiclinkd"))
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false);
    Ok(Some(layer.with_filter(Targets::new().with_target("classiclinkd", LevelFilter::DEBUG))))
}

/// Sends what is left, for two seconds at most. The runtime has to run still.
pub fn end() {
    if let Some(provider) = EXPORTED.get() {
        // What was not taken is lost; the wire has said so.
        let _lost = provider.shutdown_with_timeout(GRACE);
    }
}

fn address(variable: &impl Fn(&str) -> Option<String>) -> Result<Option<Address>, String> {
    let set = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
    let (name, url) = if let Some(url) = set("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") {
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", url)
    } else if let Some(base) = set("OTEL_EXPORTER_OTLP_ENDPOINT") {
        let url = format!("{}/v1/traces", base.trim().trim_end_matches('/'));
        ("OTEL_EXPORTER_OTLP_ENDPOINT", url)
    } else {
        return Ok(None);
    };
    let parsed = Address::parse(&url);
    parsed.map(Some).map_err(|error| format!("read {name}: it {}", error.why()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &'static str, value: &'static str) -> Result<Option<String>, String> {
        let found = address(&|asked: &str| (asked == name).then(|| value.to_owned()))?;
        Ok(found.map(|address| address.url()))
    }

    #[test]
    fn the_address_is_completed_and_held_to_https_or_this_machine() {
        let base = "OTEL_EXPORTER_OTLP_ENDPOINT";
        let whole = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
        assert_eq!(of("OTHER", "https://c"), Ok(None));
        assert_eq!(of(base, "  "), Ok(None));
        let of_base = |value| of(base, value).unwrap().unwrap();
        assert_eq!(of_base("http://127.0.0.1:4318"), "http://127.0.0.1:4318/v1/traces");
        assert_eq!(of_base("https://c.example/otlp/"), "https://c.example/otlp/v1/traces");
        assert_eq!(of(whole, "https://c.example/t"), Ok(Some("https://c.example/t".to_owned())));
        for bad in ["http://c.example/s3cret", "c.example:4318", "https://u:s3cret@c.example"] {
            let error = of(base, bad).unwrap_err();
            assert!(error.contains(base) && !error.contains("s3cret"), "{error}");
        }
    }
}
