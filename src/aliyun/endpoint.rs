//! Where to send a region's requests, and those of no region (`api-contract.md` 7).

use crate::https::is_loopback;
use crate::model::{Region, printable};
use reqwest::Url;

/// Old regions that the SDKs send to the central host. Classic network exists only in old regions,
/// so this is the common case (`api-contract.md` 7).
const CENTRAL: &[(&str, &str)] = &[
    ("cn-hangzhou", HANGZHOU),
    ("cn-beijing", HANGZHOU),
    ("cn-qingdao", HANGZHOU),
    ("cn-shanghai", HANGZHOU),
    ("cn-shenzhen", HANGZHOU),
    ("cn-hongkong", HANGZHOU),
    ("ap-southeast-1", HANGZHOU),
    ("us-west-1", HANGZHOU),
    ("us-east-1", HANGZHOU),
    ("cn-shanghai-finance-1", HANGZHOU),
    ("cn-shenzhen-finance-1", HANGZHOU),
    ("cn-hangzhou-finance", WORLD),
    ("cn-beijing-gov-1", WORLD),
    ("cn-north-2-gov-1", WORLD),
];
const HANGZHOU: &str = "ecs-cn-hangzhou.aliyuncs.com";
const WORLD: &str = "ecs.aliyuncs.com";
/// Knows every account, wherever it is used.
const STS: &str = "sts.aliyuncs.com";

/// Why a text is not an endpoint. Never shows a user name, password or query.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the endpoint {shown}is refused: {why}; write {advice}")]
pub struct EndpointError {
    shown: String,
    why: &'static str,
    advice: &'static str,
}

const EXAMPLE: &str =
    "a URL such as `https://ecs.cn-hangzhou.aliyuncs.com` or `http://127.0.0.1:8080`";

/// A checked base URL: https, or http on this machine; no path, query or user name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    url: Url,
    authority: String,
}

impl Endpoint {
    /// Checks an endpoint that an operator gave; it then serves every region.
    ///
    /// # Errors
    /// [`EndpointError`] says what is wrong and what to write instead.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        let shown = format!("`{}` ", printable(text));
        let fail = |why, advice| Err(EndpointError { shown: shown.clone(), why, advice });
        // What stands before an `@` can be a password, and behind a `?` a token.
        if text.contains(['@', '?', '#']) {
            let why = "it has a user name, a query or a fragment, which may be secret";
            return Err(EndpointError { shown: String::new(), why, advice: EXAMPLE });
        }
        let Ok(url) = Url::parse(text) else {
            return fail("it is not a URL", EXAMPLE);
        };
        let Some(host) = url.host_str().filter(|host| !host.is_empty()) else {
            return fail("it names no host", EXAMPLE);
        };
        if url.path() != "/" {
            return fail("it has a path", "the scheme, host and port only");
        }
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(host) => {}
            "http" => {
                return fail(
                    "requests are signed but readable over plain http, which is only for this \
                     machine (127.0.0.0/8, ::1, localhost)",
                    "`https://`",
                );
            }
            _ => return fail("its scheme is neither https nor http", EXAMPLE),
        }
        let authority = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        Ok(Self { url, authority })
    }

    /// The public endpoint of a region, or with `vpc` the one that is reached from inside a VPC of
    /// that region without internet (`api-contract.md` 7).
    ///
    /// # Errors
    /// [`EndpointError`] if the region makes no host name.
    pub fn of_region(region: &Region, vpc: bool) -> Result<Self, EndpointError> {
        let region = region.as_str();
        let central = CENTRAL.iter().find(|(name, _)| *name == region);
        let host = match central {
            _ if vpc => format!("ecs-vpc.{region}.aliyuncs.com"),
            Some((_, host)) => (*host).to_owned(),
            None => format!("ecs.{region}.aliyuncs.com"),
        };
        Self::of_host(&host)
    }

    /// The endpoint of STS: the central one, or with a region the one that is reached from inside a
    /// VPC of that region without internet (`api-contract.md` 7).
    ///
    /// # Errors
    /// [`EndpointError`] if the region makes no host name.
    pub fn of_sts(inside: Option<&Region>) -> Result<Self, EndpointError> {
        match inside {
            Some(region) => Self::of_host(&format!("sts-vpc.{region}.aliyuncs.com")),
            None => Self::of_host(STS),
        }
    }

    /// The endpoint of STS of a region: the public one, or with `inside` the one that is reached from inside
    /// a VPC of it (`api-contract.md` 9, STS host).
    ///
    /// # Errors
    /// [`EndpointError`] if the region makes no host name.
    pub fn of_sts_in(region: &Region, inside: bool) -> Result<Self, EndpointError> {
        match inside {
            true => Self::of_sts(Some(region)),
            false => Self::of_host(&format!("sts.{region}.aliyuncs.com")),
        }
    }

    fn of_host(host: &str) -> Result<Self, EndpointError> {
        let endpoint = Self::parse(&format!("https://{host}"))?;
        // A name that a resolver would read differently is not the host that was meant.
        if endpoint.authority != host {
            let shown = format!("`{host}` ");
            let advice = "a region id such as `cn-hangzhou`";
            return Err(EndpointError { shown, why: "the region makes no host name", advice });
        }
        Ok(endpoint)
    }

    /// Host, and port where it is not the scheme's own: the value of the `Host` header.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Whom to connect to; an address of version 6 is without its brackets.
    pub fn host_and_port(&self) -> (String, u16) {
        let host = self.url.host_str().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        (host, self.url.port_or_known_default().unwrap_or(443))
    }

    /// Whether it is plain http, and so on this machine.
    pub fn is_plain(&self) -> bool {
        self.url.scheme() == "http"
    }

    /// The URL to send to, with an encoded query or without any.
    pub(super) fn url(&self, query: Option<&str>) -> Url {
        let mut url = self.url.clone();
        url.set_query(query);
        url
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(text: &str) -> Region {
        Region::parse(text).unwrap()
    }

    #[test]
    fn an_old_region_goes_to_the_central_host_and_any_other_to_its_own() {
        let host = |name| Endpoint::of_region(&region(name), false).unwrap().authority().to_owned();
        assert_eq!(host("cn-hangzhou"), "ecs-cn-hangzhou.aliyuncs.com");
        assert_eq!(host("us-east-1"), "ecs-cn-hangzhou.aliyuncs.com");
        assert_eq!(host("cn-hangzhou-finance"), "ecs.aliyuncs.com");
        assert_eq!(host("cn-shanghai-finance-1"), "ecs-cn-hangzhou.aliyuncs.com");
        assert_eq!(host("eu-central-1"), "ecs.eu-central-1.aliyuncs.com");
        assert_eq!(host("cn-zhangjiakou"), "ecs.cn-zhangjiakou.aliyuncs.com");
        for (name, _) in CENTRAL {
            assert!(!Endpoint::of_region(&region(name), false).unwrap().is_plain());
        }
    }

    #[test]
    fn from_inside_a_vpc_every_region_has_its_own_host() {
        for name in ["cn-hangzhou", "eu-central-1"] {
            let endpoint = Endpoint::of_region(&region(name), true).unwrap();
            assert_eq!(endpoint.authority(), format!("ecs-vpc.{name}.aliyuncs.com"));
        }
    }

    #[test]
    fn sts_is_asked_at_its_central_host_or_inside_the_vpc() {
        let host = |inside| Endpoint::of_sts(inside).unwrap().authority().to_owned();
        assert_eq!(host(None), "sts.aliyuncs.com");
        assert_eq!(host(Some(&region("cn-beijing"))), "sts-vpc.cn-beijing.aliyuncs.com");
        let of = |inside| {
            Endpoint::of_sts_in(&region("cn-beijing"), inside).unwrap().authority().to_owned()
        };
        assert_eq!(of(false), "sts.cn-beijing.aliyuncs.com");
        assert_eq!(of(true), "sts-vpc.cn-beijing.aliyuncs.com");
    }

    #[test]
    fn a_region_that_makes_no_host_name_is_an_error() {
        assert!(Endpoint::of_region(&region("xn--a"), false).is_err());
        assert!(Endpoint::of_sts(Some(&region("xn--a"))).is_err());
        assert!(Endpoint::of_sts_in(&region("xn--a"), false).is_err());
    }

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for good in [
            "http://127.0.0.1:8080",
            "http://127.8.9.1",
            "http://[::1]:80/",
            "http://localhost:1",
            "http://LOCALHOST",
        ] {
            assert!(Endpoint::parse(good).unwrap().is_plain(), "{good}");
        }
        for bad in [
            "http://ecs.aliyuncs.com",
            "http://128.0.0.1",
            "http://10.0.0.1",
            "http://0.0.0.0",
            "http://localhost.example.com",
            "http://127.0.0.1.example.com",
            "http://[::2]",
            "http://[::ffff:8.8.8.8]",
        ] {
            let error = Endpoint::parse(bad).unwrap_err().to_string();
            assert!(error.contains("plain http") && error.contains("https://"), "{error}");
        }
    }

    #[test]
    fn an_endpoint_is_a_scheme_a_host_and_a_port() {
        assert_eq!(
            Endpoint::parse("https://ecs.example:8443").unwrap().authority(),
            "ecs.example:8443"
        );
        assert_eq!(Endpoint::parse("https://ecs.example:443/").unwrap().authority(), "ecs.example");
        assert_eq!(Endpoint::parse("http://[::1]:81").unwrap().authority(), "[::1]:81");
        let socket = |text| Endpoint::parse(text).unwrap().host_and_port();
        assert_eq!(socket("http://[::1]:81"), ("::1".to_owned(), 81));
        assert_eq!(socket("https://ecs.example"), ("ecs.example".to_owned(), 443));
        for bad in [
            "",
            "ecs.aliyuncs.com",
            "https://",
            "ftp://ecs.aliyuncs.com",
            "file:///etc/passwd",
            "https://ecs.aliyuncs.com/v1",
            "unix:/run/x",
        ] {
            assert!(Endpoint::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_may_be_secret_is_refused_and_not_shown() {
        for bad in [
            "https://user:hunter2@ecs.aliyuncs.com",
            "https://hunter2@ecs.aliyuncs.com",
            "https://ecs.aliyuncs.com/?token=hunter2",
            "https://ecs.aliyuncs.com/#hunter2",
        ] {
            let error = Endpoint::parse(bad).unwrap_err();
            assert!(!error.to_string().contains("hunter2"), "{error}");
            assert!(!format!("{error:?}").contains("hunter2"));
        }
    }
}
