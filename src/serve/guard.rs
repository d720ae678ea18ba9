//! Who may ask. A page of another site that the user has open must not reach the server through the user's browser, neither by
//! posting a form to it nor by giving its own name the server's address.

use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, ORIGIN, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::refusal::Refusal;

/// What the page may load: what comes from here, and pictures that it holds itself.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
                      img-src 'self' data: blob:; connect-src 'self'; frame-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'self'";

/// Lets a request through that comes from the server's own page, or from a program; `local` says that the server can be reached from
/// this machine only.
pub(super) async fn guard(State(local): State<bool>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    if let Some(why) = stranger(headers, local) {
        return Refusal::forbidden(why).into_response();
    }
    let mut response = next.run(request).await;
    let said: [(HeaderName, &'static str); 3] = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in said {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Why a request is not let through, if it is not.
fn stranger(headers: &HeaderMap, local: bool) -> Option<&'static str> {
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or(""));
    let host = text(HOST).unwrap_or("");
    if local && !["localhost", "127.0.0.1", "[::1]"].contains(&name_of(host)) {
        return Some("this server is asked by the name localhost only");
    }
    // A browser says whose page sends a form; programs say nothing.
    let foreign = text(ORIGIN)
        .is_some_and(|origin| origin.split_once("://").is_none_or(|(_, from)| from != host));
    foreign.then_some("another site's page has sent this request")
}

/// A host without its port.
fn name_of(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(host: &'static str, origin: Option<&'static str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static(host));
        if let Some(origin) = origin {
            headers.insert(ORIGIN, HeaderValue::from_static(origin));
        }
        headers
    }

    #[test]
    fn pages_of_other_sites_are_not_let_through() {
        let may = |host, origin, local| stranger(&headers(host, origin), local).is_none();
        for host in ["localhost:5000", "127.0.0.1:5000", "[::1]:5000", "localhost"] {
            assert!(may(host, None, true), "{host}");
        }
        assert!(may("localhost:5000", Some("http://localhost:5000"), true));
        assert!(!may("localhost:5000", Some("http://localhost:8000"), true));
        assert!(!may("localhost:5000", Some("http://site.example"), true));
        assert!(!may("localhost:5000", Some("null"), true));
        assert!(!may("site.example", None, true), "a name that was given this address");
        assert!(may("box.lan:5000", Some("http://box.lan:5000"), false));
        assert!(!may("box.lan:5000", Some("http://site.example"), false));
    }
}
