//! Which proxy a cluster is reached through.
//!
//! `proxy-url` of a kubeconfig counts always; otherwise `HTTPS_PROXY` or `ALL_PROXY` of the process, except for this machine
//! itself and for what `NO_PROXY` names, as `kubectl` does.

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;

use crate::explain::{ClusterFailure, code};

/// The protocols of a proxy.
const SCHEMES: [&str; 3] = ["http", "https", "socks5"];

/// What the environment says of proxies.
#[derive(Debug, Default)]
pub(super) struct Environment {
    proxy: Option<String>,
    except: String,
}

impl Environment {
    /// That of this process.
    pub(super) fn of_process() -> Self {
        Self::of(|name| std::env::var(name).ok())
    }

    /// Names in capitals count first.
    pub(super) fn of(variable: impl Fn(&str) -> Option<String>) -> Self {
        let first =
            |names: &[&str]| names.iter().find_map(|name| variable(name).filter(|value| !value.trim().is_empty()));
        Self {
            proxy: first(&["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]),
            except: first(&["NO_PROXY", "no_proxy"]).unwrap_or_default(),
        }
    }

    /// The proxy before `server`.
    fn before(&self, server: &Uri) -> Option<&str> {
        let proxy = self.proxy.as_deref()?;
        // Asked with a proxy that can be read: one that cannot is to be refused, not overlooked.
        let any = Matcher::builder().all("http://proxy").no(self.except.as_str()).build();
        (!is_this_machine(server) && any.intercept(server).is_some()).then_some(proxy)
    }
}

/// The proxy through which `server` is reached; `own` is the one that its kubeconfig names.
///
/// # Errors
/// When it is none.
pub(super) fn proxy_of(
    server: &Uri,
    own: Option<&str>,
    environment: &Environment,
) -> Result<Option<Uri>, ClusterFailure> {
    let (text, source) = match own.filter(|own| !own.is_empty()) {
        Some(own) => (own, "`proxy-url` of the kubeconfig"),
        None => match environment.before(server) {
            Some(proxy) => (proxy, "the environment (HTTPS_PROXY or ALL_PROXY)"),
            None => return Ok(None),
        },
    };
    parse(text).map(Some).ok_or_else(|| {
        // The text itself may hold a password.
        let message = format!("the proxy that {source} names cannot be used for {server}");
        let advice =
            "Write it as http://HOST:PORT, https://HOST:PORT or socks5://HOST:PORT, or name the server in NO_PROXY.";
        ClusterFailure::failed(code::BAD_KUBECONFIG, message, advice)
    })
}

/// A proxy without a protocol speaks HTTP.
fn parse(text: &str) -> Option<Uri> {
    let text = text.trim();
    let whole = match text.split_once("://") {
        // The name is resolved by the proxy in either.
        Some(("socks5h", rest)) => format!("socks5://{rest}"),
        Some(_) => text.to_owned(),
        None => format!("http://{text}"),
    };
    let uri: Uri = whole.parse().ok()?;
    let known = uri.scheme_str().is_some_and(|scheme| SCHEMES.contains(&scheme));
    let (place, host) = (uri.authority()?.as_str().rsplit('@').next()?, uri.host()?);
    let is_whole = !host.is_empty() && (place == host || uri.port_u16().is_some());
    (known && is_whole).then_some(uri)
}

fn is_this_machine(server: &Uri) -> bool {
    let host = server.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
