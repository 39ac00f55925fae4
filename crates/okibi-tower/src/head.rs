//! What a session adds to the head of an answer: its cookies, and what keeps caches out.

use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};

use crate::{Error, ErrorKind};

/// Appends the session's cookies and says what caches need to know. The app's own cookies stay.
pub(crate) fn add<B>(response: &mut Response<B>, cookies: Vec<String>, accessed: bool) -> Result<(), Error> {
    let upgrade = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    if accessed && !upgrade {
        add_vary(headers);
    }
    if cookies.is_empty() {
        return Ok(());
    }
    for cookie in cookies {
        let value = HeaderValue::try_from(cookie)
            .map_err(|_| Error::new(ErrorKind::Internal, "session cookie: it cannot stand in a header"))?;
        headers.append(header::SET_COOKIE, value);
    }
    if !upgrade && let Some(value) = okibi_core::cache_control(&joined(headers, &header::CACHE_CONTROL)) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(value));
    }
    Ok(())
}

fn add_vary(headers: &mut HeaderMap) {
    if !headers.contains_key(header::VARY) {
        headers.insert(header::VARY, HeaderValue::from_static("Cookie"));
        return;
    }
    let Some(merged) = okibi_core::vary(&joined(headers, &header::VARY)) else { return };
    // What was joined of header values is one, so this cannot fail; if it did, a second line says the same.
    match HeaderValue::try_from(merged) {
        Ok(value) => headers.insert(header::VARY, value).is_some(),
        Err(_) => headers.append(header::VARY, HeaderValue::from_static("Cookie")),
    };
}

/// The values of all headers of one name as one list; values that are not text say nothing.
fn joined(headers: &HeaderMap, name: &HeaderName) -> String {
    let mut list = String::new();
    for value in headers.get_all(name).iter().filter_map(|value| value.to_str().ok()) {
        if !list.is_empty() {
            list.push_str(", ");
        }
        list.push_str(value);
    }
    list
}
