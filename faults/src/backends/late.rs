//! Writes that arrive late at a server: their connections end for the app, and the bytes reach the
//! server afterwards.

use std::sync::Arc;

use futures_util::future::join_all;
use okibi_servers::{Proxy, Then};
use tokio::time::sleep;

use crate::{
    backend::{BoxFuture, Failure, Fault},
    random::Random,
};

/// The first bytes of every record and of every marker.
const RECORD: &[u8] = br#"{"v":1,"w":""#;

/// Single writes are held back, the app asks again over another connection, and the held write
/// arrives when the visitor may have logged out.
pub(super) struct LateWrites {
    pub(super) proxies: Arc<Vec<Proxy>>,
    /// The number of proxies, from the first, with clients that close a silent connection.
    pub(super) alert: usize,
}

impl Fault for LateWrites {
    fn name(&self) -> &'static str {
        "late"
    }

    fn inject<'a>(&'a self, random: &'a mut Random) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async {
            loop {
                let count = 4 + random.index(8);
                let writes: Vec<_> = (0..count).filter_map(|_| self.one(random)).collect();
                // If the server had closed every connection, no write was late.
                if join_all(writes).await.contains(&true) {
                    return Ok(());
                }
            }
        })
    }
}

impl LateWrites {
    /// Holds one write back for a while. Returns whether it was executed, according to the server's
    /// answer.
    fn one<'a>(&'a self, random: &mut Random) -> Option<impl Future<Output = bool> + use<'a>> {
        let place = random.index(self.proxies.len());
        let then = match random.index(3) {
            0 if place < self.alert => Then::Silence,
            0 | 1 => Then::Reset,
            _ => Then::Close,
        };
        let is_meant = if random.chance(80) { is_creation } else { is_write };
        let span = random.millis(100..1800);
        let proxy = self.proxies.get(place)?;
        Some(async move {
            let held = proxy.hold_next(is_meant, then);
            held.caught().await;
            sleep(span).await;
            held.arrives().await
        })
    }
}

/// Whether a client's bytes write a record or a marker.
fn is_write(bytes: &[u8]) -> bool {
    written(bytes).is_some()
}

/// Whether a client's bytes write the record of a new session or of a login: a swap that expects
/// nothing. Such a record has equal times of creation and last activity.
fn is_creation(bytes: &[u8]) -> bool {
    let Some(record) = written(bytes) else { return false };
    let time = |name: &[u8]| {
        let at = record.windows(name.len()).position(|part| part == name)?;
        let digits = record.iter().skip(at + name.len()).take_while(|byte| byte.is_ascii_digit());
        Some(digits.copied().collect::<Vec<u8>>())
    };
    time(br#""c":"#).is_some_and(|created| time(br#""a":"#) == Some(created))
}

/// The record in the bytes, raw or hexadecimal as some clients send it, and the bytes after it.
fn written(bytes: &[u8]) -> Option<Vec<u8>> {
    let find = |what: &[u8]| bytes.windows(what.len()).position(|part| part == what);
    if let Some(at) = find(RECORD) {
        return Some(bytes.get(at..)?.to_vec());
    }
    let hex: Vec<u8> = RECORD.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect();
    let lower = find(&hex).or_else(|| find(&hex.to_ascii_uppercase()))?;
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let digits: Vec<u8> = bytes.get(lower..)?.iter().map_while(digit).collect();
    Some(digits.chunks_exact(2).filter_map(|pair| Some(pair.first()? << 4 | pair.get(1)?)).collect())
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::{is_creation, is_write};

    fn record(created: u64, active: u64) -> String {
        format!(r#"{{"v":1,"w":"AAAAAAAAAAA","h":"x","c":{created},"a":{active},"i":5,"d":{{}}}}"#)
    }

    #[test]
    fn a_creation_is_known_from_another_write_and_from_a_read_as_bytes_and_as_digits() {
        let marker = r#"{"v":1,"w":"AAAAAAAAAAA","r":"rotate","until":17}"#;
        for (text, write, creation) in [
            (record(17, 17), true, true),
            (record(17, 18), true, false),
            (record(17, 170), true, false),
            (marker.to_owned(), true, false),
            ("EVALSHA load s:key".to_owned(), false, false),
        ] {
            let hex = text.bytes().fold(String::new(), |mut hex, byte| {
                write!(hex, "{byte:02x}").unwrap();
                hex
            });
            for text in [format!("SET {text} PX"), format!("X'{hex}'"), format!("X'{}'", hex.to_uppercase())] {
                assert_eq!((is_write(text.as_bytes()), is_creation(text.as_bytes())), (write, creation), "{text}");
            }
        }
    }
}
