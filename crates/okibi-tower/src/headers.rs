//! Adds the response headers of a session: `Set-Cookie`, `Vary` and `Cache-Control`.

use http::{HeaderMap, HeaderName, HeaderValue, Response, header};
use okibi_core::Outcome;

use crate::{Error, ErrorKind};

/// Appends the session's cookies and sets the headers for caches. The app's own cookies stay. An
/// upgrade gets only the cookies. An interim response gets nothing.
pub(crate) fn add<B>(
    response: &mut Response<B>,
    cookies: Vec<String>,
    accessed: bool,
    is_live: bool,
) -> Result<(), Error> {
    let Outcome { upgrades, interim, .. } = Outcome::of(Some(response.status().as_u16()), false, None);
    if interim {
        return Ok(());
    }
    let headers = response.headers_mut();
    if accessed && !upgrades {
        add_vary(headers);
    }
    let sends_cookie = !cookies.is_empty();
    for cookie in cookies {
        let value = HeaderValue::try_from(cookie)
            .map_err(|_| Error::new(ErrorKind::Internal, "session cookie: it is not a valid header value"))?;
        headers.append(header::SET_COOKIE, value);
    }
    if upgrades || !(sends_cookie || (is_live && headers.contains_key(header::CACHE_CONTROL))) {
        return Ok(());
    }
    // A `Cache-Control` that is not ASCII has no meaning, so it is replaced.
    let caching = joined(headers, &header::CACHE_CONTROL).unwrap_or_else(|| "public".to_owned());
    if let Some(Ok(value)) = okibi_core::cache_control(&caching, sends_cookie, is_live).map(HeaderValue::try_from) {
        headers.insert(header::CACHE_CONTROL, value);
    }
    Ok(())
}

fn add_vary(headers: &mut HeaderMap) {
    if !headers.contains_key(header::VARY) {
        headers.insert(header::VARY, HeaderValue::from_static("Cookie"));
        return;
    }
    let Some(present) = joined(headers, &header::VARY) else {
        // A value that is not ASCII stays as it is. A second header has the same effect.
        headers.append(header::VARY, HeaderValue::from_static("Cookie"));
        return;
    };
    if let Some(Ok(merged)) = okibi_core::vary(&present).map(HeaderValue::try_from) {
        headers.insert(header::VARY, merged);
    }
}

/// The values of all headers of one name, joined by commas. `None` if one of them is not ASCII.
fn joined(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let values = headers.get_all(name).iter().map(|value| value.to_str().ok());
    Some(values.collect::<Option<Vec<_>>>()?.join(", "))
}
