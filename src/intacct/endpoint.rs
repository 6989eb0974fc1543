//! Which endpoint may have our credentials.
//!
//! `getAPISession` hands back the address to use next, and every request to it repeats the sender password: a forged address would
//! collect it. So the address is not interpreted but recognised: it must be, letter for letter, a scheme, a plain host name and the
//! one known path. Whatever a URL could also be — user-info, escapes, other ports, queries, addresses in digits — is refused.

use std::net::Ipv4Addr;

/// The path of the gateway.
pub const PATH: &str = "/ia/xml/xmlgw.phtml";

/// An address that may be used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Endpoint {
    url: String,
    host: String,
}

impl Endpoint {
    /// The address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its host, and its port where it is not the default.
    pub fn host(&self) -> &str {
        &self.host
    }
}

/// Why an address is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum EndpointRefused {
    /// Not an address of the plain form.
    #[error("it is not a plain https address")]
    Form,
    /// http, other than on loopback.
    #[error("it is not https")]
    Scheme,
    /// A user before the host.
    #[error("it carries a user name")]
    UserInfo,
    /// Another port than the default.
    #[error("it is not on the default port")]
    Port,
    /// An address in digits.
    #[error("its host is an IP address, not a name")]
    IpLiteral,
    /// A host outside of the list.
    #[error("its host is not one of `allowed_hosts`")]
    Host,
    /// Loopback although the configured gateway is not on the same loopback address over http.
    #[error("it is on loopback, and the configured gateway is not on the same address")]
    Loopback,
    /// Another path.
    #[error("its path is not /ia/xml/xmlgw.phtml")]
    Path,
}

/// Checks the configured gateway: https, or http on loopback. Its host is the user's own choice.
pub fn first_endpoint(configured: &str) -> Result<Endpoint, EndpointRefused> {
    let parts = split(configured)?;
    if parts.path != PATH {
        return Err(EndpointRefused::Path);
    }
    match parts.loopback {
        None if !parts.https => Err(EndpointRefused::Scheme),
        _ => Ok(parts.endpoint()),
    }
}

/// Checks the address that a session offers. `allowed_hosts` are exact names or `*.domain`.
pub fn check_endpoint(configured: &str, allowed_hosts: &[String], offered: &str) -> Result<Endpoint, EndpointRefused> {
    let parts = split(offered)?;
    if parts.path != PATH {
        return Err(EndpointRefused::Path);
    }
    if parts.loopback.is_some() {
        let home = split(configured).map_err(|_| EndpointRefused::Loopback)?;
        let same = !home.https && home.loopback.is_some() && home.loopback == parts.loopback;
        return if same { Ok(parts.endpoint()) } else { Err(EndpointRefused::Loopback) };
    }
    if !parts.https {
        return Err(EndpointRefused::Scheme);
    }
    if parts.port.is_some_and(|port| port != 443) {
        return Err(EndpointRefused::Port);
    }
    if parts.ip_literal {
        return Err(EndpointRefused::IpLiteral);
    }
    if !allowed_hosts.iter().any(|allowed| matches(allowed, &parts.host)) {
        return Err(EndpointRefused::Host);
    }
    Ok(parts.endpoint())
}

/// Whether a host is meant by an entry of the list: the same name, or for `*.domain` at least one label more.
fn matches(allowed: &str, host: &str) -> bool {
    let allowed = allowed.trim().trim_end_matches('.').to_ascii_lowercase();
    match allowed.strip_prefix("*.") {
        // A wildcard for a whole top-level domain is nobody's intention.
        Some(domain) => {
            domain.contains('.') && host.strip_suffix(domain).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
        }
        None => !allowed.is_empty() && allowed == host,
    }
}

struct Parts<'a> {
    https: bool,
    host: String,
    port: Option<u16>,
    path: &'a str,
    /// The address, if it is on loopback.
    loopback: Option<String>,
    ip_literal: bool,
}

impl Parts<'_> {
    fn endpoint(&self) -> Endpoint {
        let scheme = if self.https { "https" } else { "http" };
        let default = if self.https { 443 } else { 80 };
        let host = match self.port.filter(|port| *port != default) {
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.clone(),
        };
        Endpoint { url: format!("{scheme}://{host}{}", self.path), host }
    }
}

fn split(text: &str) -> Result<Parts<'_>, EndpointRefused> {
    let (scheme, rest) = text.split_once("://").ok_or(EndpointRefused::Form)?;
    let https = match scheme.to_ascii_lowercase().as_str() {
        "https" => true,
        "http" => false,
        _ => return Err(EndpointRefused::Scheme),
    };
    let (authority, path) = rest.split_at(rest.find(['/', '\\', '?', '#']).ok_or(EndpointRefused::Path)?);
    if authority.contains('@') {
        return Err(EndpointRefused::UserInfo);
    }
    let (host, port) = if let Some(inner) = authority.strip_prefix('[') {
        let (_, after) = inner.split_once(']').ok_or(EndpointRefused::Form)?;
        (authority.get(..authority.len() - after.len()).unwrap_or_default(), after.strip_prefix(':'))
    } else {
        match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        }
    };
    let port = match port {
        None => None,
        Some(digits) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
            Some(digits.parse::<u16>().ok().filter(|port| *port > 0).ok_or(EndpointRefused::Port)?)
        }
        Some(_) => return Err(EndpointRefused::Port),
    };
    let lower = host.to_ascii_lowercase();
    let bare = lower.strip_suffix('.').unwrap_or(&lower);
    if bare.starts_with('[') {
        let loopback = (lower == "[::1]").then(|| lower.clone());
        return Ok(Parts { https, host: lower, port, path, ip_literal: true, loopback });
    }
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if bare.len() > 253 || !bare.split('.').all(label) {
        return Err(EndpointRefused::Form);
    }
    // A last label that is a number makes the whole host an IPv4 address to a resolver, in one of many notations.
    let last = bare.rsplit('.').next().unwrap_or_default();
    let ip_literal = last.bytes().all(|b| b.is_ascii_digit()) || last.starts_with("0x");
    let is_loopback = bare == "localhost" || bare.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback());
    let loopback = is_loopback.then(|| bare.to_owned());
    Ok(Parts { https, host: bare.to_owned(), port, path, ip_literal, loopback })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GATEWAY: &str = "https://api.intacct.com/ia/xml/xmlgw.phtml";

    fn allowed() -> Vec<String> {
        vec!["*.intacct.com".to_owned(), "gateway.example.org".to_owned()]
    }

    #[test]
    fn the_gateways_own_hosts_are_taken() {
        for (offered, url) in [
            ("https://eu07.intacct.com/ia/xml/xmlgw.phtml", "https://eu07.intacct.com/ia/xml/xmlgw.phtml"),
            ("HTTPS://EU07.Intacct.COM/ia/xml/xmlgw.phtml", "https://eu07.intacct.com/ia/xml/xmlgw.phtml"),
            ("https://a.b.intacct.com./ia/xml/xmlgw.phtml", "https://a.b.intacct.com/ia/xml/xmlgw.phtml"),
            ("https://eu07.intacct.com:443/ia/xml/xmlgw.phtml", "https://eu07.intacct.com/ia/xml/xmlgw.phtml"),
            ("https://gateway.example.org/ia/xml/xmlgw.phtml", "https://gateway.example.org/ia/xml/xmlgw.phtml"),
        ] {
            assert_eq!(check_endpoint(GATEWAY, &allowed(), offered).unwrap().url(), url);
        }
    }

    #[test]
    fn whatever_is_hostile_is_refused_for_its_reason() {
        use EndpointRefused::*;
        for (offered, why) in [
            ("", Form),
            ("eu07.intacct.com/ia/xml/xmlgw.phtml", Form),
            ("ftp://eu07.intacct.com/ia/xml/xmlgw.phtml", Scheme),
            ("http://eu07.intacct.com/ia/xml/xmlgw.phtml", Scheme),
            (" https://eu07.intacct.com/ia/xml/xmlgw.phtml", Scheme),
            ("https://evil.example/ia/xml/xmlgw.phtml", Host),
            ("https://intacct.com/ia/xml/xmlgw.phtml", Host),
            ("https://evilintacct.com/ia/xml/xmlgw.phtml", Host),
            ("https://eu07.intacct.com.evil.example/ia/xml/xmlgw.phtml", Host),
            ("https://sub.gateway.example.org/ia/xml/xmlgw.phtml", Host),
            ("https://.intacct.com/ia/xml/xmlgw.phtml", Form),
            ("https://eu07.intacct.com../ia/xml/xmlgw.phtml", Form),
            ("https://eu07..intacct.com/ia/xml/xmlgw.phtml", Form),
            ("https://eu07.intacct.com@evil.example/ia/xml/xmlgw.phtml", UserInfo),
            ("https://user:pw@eu07.intacct.com/ia/xml/xmlgw.phtml", UserInfo),
            ("https://evil.example\\@eu07.intacct.com/ia/xml/xmlgw.phtml", Path),
            ("https://evil.example\\.intacct.com/ia/xml/xmlgw.phtml", Path),
            ("https://evil.example#.intacct.com/ia/xml/xmlgw.phtml", Path),
            ("https://evil.example?.intacct.com/ia/xml/xmlgw.phtml", Path),
            ("https://evil.example%2f.intacct.com/ia/xml/xmlgw.phtml", Form),
            ("https://evil.example%00.intacct.com/ia/xml/xmlgw.phtml", Form),
            ("https://evil.example\t.intacct.com/ia/xml/xmlgw.phtml", Form),
            ("https://evil.example\u{2044}.intacct.com/ia/xml/xmlgw.phtml", Form),
            ("https://еu07.intacct.com/ia/xml/xmlgw.phtml", Form),
            ("https://eu07.intacct.com:8443/ia/xml/xmlgw.phtml", Port),
            ("https://eu07.intacct.com:/ia/xml/xmlgw.phtml", Port),
            ("https://eu07.intacct.com:443:443/ia/xml/xmlgw.phtml", Port),
            ("https://eu07.intacct.com:99999/ia/xml/xmlgw.phtml", Port),
            ("https://eu07.intacct.com:+443/ia/xml/xmlgw.phtml", Port),
            ("https://93.184.216.34/ia/xml/xmlgw.phtml", IpLiteral),
            ("https://0x5db8d822/ia/xml/xmlgw.phtml", IpLiteral),
            ("https://1572395042/ia/xml/xmlgw.phtml", IpLiteral),
            ("https://[2001:db8::1]/ia/xml/xmlgw.phtml", IpLiteral),
            ("https://127.1/ia/xml/xmlgw.phtml", IpLiteral),
            ("https://127.0.0.1/ia/xml/xmlgw.phtml", Loopback),
            ("http://127.0.0.1:8080/ia/xml/xmlgw.phtml", Loopback),
            ("https://localhost/ia/xml/xmlgw.phtml", Loopback),
            ("https://[::1]/ia/xml/xmlgw.phtml", Loopback),
            ("https://eu07.intacct.com", Path),
            ("https://eu07.intacct.com/", Path),
            ("https://eu07.intacct.com/ia/xml/xmlgw.phtml/", Path),
            ("https://eu07.intacct.com/ia/xml/xmlgw.phtml?x=1", Path),
            ("https://eu07.intacct.com/ia/xml/xmlgw.phtml#x", Path),
            ("https://eu07.intacct.com/ia/xml/../collect", Path),
            ("https://eu07.intacct.com//ia/xml/xmlgw.phtml", Path),
        ] {
            assert_eq!(check_endpoint(GATEWAY, &allowed(), offered), Err(why), "{offered:?}");
        }
    }

    #[test]
    fn loopback_hands_over_to_the_same_loopback_address_only() {
        let home = "http://127.0.0.1:9100/ia/xml/xmlgw.phtml";
        let moved = check_endpoint(home, &allowed(), "http://127.0.0.1:9200/ia/xml/xmlgw.phtml").unwrap();
        assert_eq!((moved.url(), moved.host()), ("http://127.0.0.1:9200/ia/xml/xmlgw.phtml", "127.0.0.1:9200"));
        for other in ["http://127.0.0.2:9200", "http://localhost:9200", "http://[::1]:9200"] {
            let offered = format!("{other}{PATH}");
            assert_eq!(check_endpoint(home, &allowed(), &offered), Err(EndpointRefused::Loopback), "{offered}");
        }
        assert_eq!(
            check_endpoint(home, &allowed(), "http://eu07.intacct.com/ia/xml/xmlgw.phtml"),
            Err(EndpointRefused::Scheme)
        );
        let tls = "https://127.0.0.1:9100/ia/xml/xmlgw.phtml";
        assert_eq!(
            check_endpoint(tls, &allowed(), home),
            Err(EndpointRefused::Loopback),
            "https never hands over to http"
        );
    }

    #[test]
    fn the_configured_gateway_is_https_or_on_loopback() {
        assert!(first_endpoint(GATEWAY).is_ok());
        assert!(first_endpoint("http://127.0.0.1:9100/ia/xml/xmlgw.phtml").is_ok());
        assert_eq!(first_endpoint("http://api.intacct.com/ia/xml/xmlgw.phtml"), Err(EndpointRefused::Scheme));
        assert_eq!(first_endpoint("https://api.intacct.com/"), Err(EndpointRefused::Path));
    }

    #[test]
    fn a_wildcard_for_everything_matches_nothing() {
        for entry in ["*", "*.", "*.com", ""] {
            assert!(check_endpoint(GATEWAY, &[entry.to_owned()], GATEWAY).is_err(), "{entry}");
        }
    }

    proptest! {
        #[test]
        fn what_is_taken_is_read_the_same_by_the_http_library(offered in "(https|HTTPS|http)://([a-z0-9]{1,4}\\.|[a-z0-9.@:%\\\\#?/_ \t-]{0,12})(intacct\\.com|example)([.:0-9@a-z]{1,6})?(/ia/xml/xmlgw\\.phtml)(.{1,2})?") {
            if let Ok(endpoint) = check_endpoint(GATEWAY, &allowed(), &offered) {
                let url = reqwest::Url::parse(endpoint.url()).unwrap();
                prop_assert_eq!(url.scheme(), "https");
                prop_assert!(url.host_str().unwrap().ends_with(".intacct.com"));
                prop_assert_eq!(url.port(), None);
                prop_assert_eq!(url.path(), PATH);
                prop_assert!(url.username().is_empty() && url.password().is_none() && url.query().is_none());
            }
        }

        #[test]
        fn arbitrary_text_never_panics(offered in any::<String>(), configured in any::<String>()) {
            let _ = check_endpoint(&configured, &allowed(), &offered);
        }
    }
}
