//! Whether each endpoint in use is there, secure, and the cloud's; and what time it is there.

use super::finding::Finding;
use super::{Case, clock};
use crate::aliyun::{Endpoint, EndpointError, Operation, Probed, Reached, probe};
use crate::cli::setup;
use futures_util::{StreamExt as _, stream};
use std::collections::BTreeMap;

const CHECK: &str = "endpoint";
/// Endpoints asked at the same time; an estate has few.
const AT_ONCE: usize = 8;

pub(super) async fn look(case: &Case) -> Vec<Finding> {
    let endpoints = match endpoints(case) {
        Ok(endpoints) => endpoints,
        Err(error) => {
            return vec![Finding::of_error(CHECK, &error.to_string(), "correct the endpoint")];
        }
    };
    let none = case.regions().is_empty();
    let operation = if none { Operation::Identify } else { Operation::Describe };
    let asked = endpoints.into_values().map(|(endpoint, regions)| async move {
        let probed = probe(&endpoint, operation, case.clock.as_ref()).await;
        (endpoint, regions, probed)
    });
    let asked: Vec<_> = asked.collect();
    let asked: Vec<_> = stream::iter(asked).buffered(AT_ONCE).collect().await;
    let mut findings = Vec::new();
    if none {
        let found = "no region is known, so STS is asked: give --manifests, or name regions of the \
                     account in the configuration";
        findings.push(Finding::note(CHECK, found));
    }
    for (endpoint, regions, probed) in &asked {
        let finding = match probed {
            Ok(probed) => judge(endpoint, probed),
            Err(error) => Finding::of_error(CHECK, &error.to_string(), "install CA certificates"),
        };
        findings.push(finding.about(regions.join(",")));
    }
    findings.push(clock::judge(asked.iter().filter_map(|(_, _, probed)| probed.as_ref().ok())));
    findings
}

/// By authority, for what they are.
fn endpoints(case: &Case) -> Result<BTreeMap<String, (Endpoint, Vec<String>)>, EndpointError> {
    let config = &case.config;
    let replaced = setup::endpoint(config)?;
    let mut found: BTreeMap<String, (Endpoint, Vec<String>)> = BTreeMap::new();
    let mut add = |endpoint: Endpoint, name: &str| {
        let entry = found.entry(endpoint.authority().to_owned());
        entry.or_insert((endpoint, Vec::new())).1.push(name.to_owned());
    };
    for region in case.regions() {
        let endpoint = match &replaced {
            Some(endpoint) => endpoint.clone(),
            None => Endpoint::of_region(&region, config.vpc_endpoint)?,
        };
        add(endpoint, region.as_str());
    }
    if case.regions().is_empty() {
        let inside = config.accounts.values().find_map(|account| account.ceiling.regions.first());
        let sts = Endpoint::of_sts(inside.filter(|_| config.vpc_endpoint))?;
        add(replaced.unwrap_or(sts), "sts");
    }
    Ok(found)
}

fn judge(endpoint: &Endpoint, probed: &Probed) -> Finding {
    let host = endpoint.authority();
    match &probed.reached {
        Reached::Cloud(_) if endpoint.is_plain() => Finding::ok(
            CHECK,
            format!(
                "{host} answers, over plain http on this machine: a simulator, not Alibaba Cloud"
            ),
        ),
        Reached::Cloud(_) => {
            Finding::ok(CHECK, format!("{host} answers over TLS, as the cloud does"))
        }
        Reached::NoAddress(why) => Finding::fail(
            CHECK,
            format!("{host} has no address: {why}"),
            "check regionId, the resolver of this host, and `vpcEndpoint`, whose names are known inside \
             VPCs only",
        ),
        Reached::NoConnection(why) => Finding::fail(
            CHECK,
            why,
            "let this host out to it: firewall, security group, route; inside a VPC without internet set \
             `vpcEndpoint: true`",
        ),
        Reached::NoTls(why) => Finding::fail(CHECK, why, certificate(why)),
        Reached::NoAnswer(why) => Finding::fail(
            CHECK,
            why,
            "look at what stands between: a proxy, a firewall, a load balancer",
        ),
        Reached::Stranger(how) => Finding::fail(
            CHECK,
            format!("{host} answers, but not as the cloud does: {how}"),
            "correct `endpoint`; a portal or proxy may be answering in its place",
        ),
    }
}

/// What to do about a certificate, by the words of TLS for what is wrong with it.
fn certificate(why: &str) -> &'static str {
    let says = |word: &str| why.to_ascii_lowercase().contains(word);
    if says("unknownissuer") || says("unknown issuer") || says("self-signed") || says("selfsigned")
    {
        "nobody whom this host trusts vouches for that certificate: install ca-certificates; behind a \
         proxy that opens TLS, put its CA into a bundle, and name that in SSL_CERT_FILE; if there is \
         none, somebody stands in between"
    } else if says("notvalidforname") || says("not valid for name") {
        "the certificate is of another host: correct `endpoint`, or look for what answers in its place"
    } else if says("expired") || says("notvalidyet") || says("not valid yet") {
        "the certificate is not valid now: check this host's clock; if that is right, the endpoint's owner \
         has to renew it"
    } else {
        "check that `endpoint` speaks TLS 1.2 or 1.3 on that port, and what stands between"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::finding::Level;

    fn finding(url: &str, reached: Reached) -> Finding {
        let now = "2026-05-01T12:00:00Z".parse().unwrap();
        let probed = Probed { reached, date: None, began: now, ended: now };
        judge(&Endpoint::parse(url).unwrap(), &probed)
    }

    #[test]
    fn plain_http_is_named_and_is_not_the_cloud() {
        let code = || Reached::Cloud("MissingParameter".to_owned());
        let plain = finding("http://127.0.0.1:9180", code());
        assert!(plain.level == Level::Ok && plain.found.contains("plain http"), "{plain:?}");
        let secure = finding("https://ecs.aliyuncs.com", code());
        assert!(secure.level == Level::Ok && secure.found.contains("TLS"), "{secure:?}");
    }

    #[test]
    fn every_other_end_is_a_failure_with_its_own_way_out() {
        let why = || "why".to_owned();
        let all = [
            Reached::NoAddress(why()),
            Reached::NoConnection(why()),
            Reached::NoTls(why()),
            Reached::NoAnswer(why()),
            Reached::Stranger(why()),
        ];
        let found = all.map(|reached| finding("https://ecs.aliyuncs.com", reached));
        assert!(found.iter().all(|finding| finding.level == Level::Fail));
        let advice: std::collections::BTreeSet<_> =
            found.iter().filter_map(|finding| finding.advice.as_ref()).collect();
        assert_eq!(advice.len(), 5, "{found:?}");
    }

    #[test]
    fn what_is_wrong_with_a_certificate_decides_what_to_do() {
        let advice = |why: &str| certificate(&format!("invalid peer certificate: {why}"));
        assert!(advice("UnknownIssuer").contains("SSL_CERT_FILE"));
        assert!(advice("NotValidForName").contains("another host"));
        assert!(advice("Expired").contains("clock"));
        assert!(advice("BadEncoding").contains("TLS 1.2"));
    }
}
