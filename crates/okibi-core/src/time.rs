//! Points in time, in whole milliseconds since the Unix epoch.
//!
//! The engine has no clock. The caller passes the current time.

use alloc::string::String;
use core::{fmt::Write as _, time::Duration};
#[cfg(feature = "std")]
use std::time::SystemTime;

/// A point in time, in milliseconds since the Unix epoch.
///
/// Arithmetic saturates, so a wrong value in a damaged record cannot overflow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The latest time of a JavaScript `Date`. A record has no later time.
    pub const MAX: Self = Self(8_640_000_000_000_000);

    /// The time `millis` milliseconds after the Unix epoch, at most [`Timestamp::MAX`].
    pub const fn from_millis(millis: u64) -> Self {
        if millis > Self::MAX.0 { Self::MAX } else { Self(millis) }
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// This time plus `span`, at most [`Timestamp::MAX`].
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self::from_millis(self.0.saturating_add(millis(span)))
    }

    /// This time minus `span`, at least the Unix epoch.
    #[must_use]
    pub(crate) fn minus(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(millis(span)))
    }

    /// Appends the time in the format of JavaScript's `toISOString`: `2026-11-23T04:14:18.000Z`.
    pub(crate) fn push_iso(self, text: &mut String) {
        let (days, millis) = (self.0 / DAY, self.0 % DAY);
        let (year, month, day) = date(days);
        let (hour, minute, second, milli) =
            (millis / 3_600_000, millis / 60_000 % 60, millis / 1000 % 60, millis % 1000);
        // Years above 9999 have a sign and six digits (ECMA-262, section "Expanded Years"). Writing
        // to a string cannot fail.
        let _ = if year > 9999 { write!(text, "+{year:06}") } else { write!(text, "{year:04}") };
        let _ = write!(text, "-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z");
    }

    /// Parses that format, and the other ISO 8601 formats that JavaScript parses: a date alone, a
    /// time without seconds or fractions, an offset. Without an offset the time is UTC. A time
    /// before 1970 becomes the Unix epoch.
    pub(crate) fn parse_iso(text: &str) -> Option<Self> {
        let mut rest = text;
        let year = if skip(&mut rest, '+') { number(&mut rest, 6)? } else { number(&mut rest, 4)? };
        let month = after(&mut rest, '-')?;
        let day = after(&mut rest, '-')?;
        let (mut hour, mut minute, mut second, mut milli) = (0, 0, 0, 0);
        let mut ahead = None;
        if skip(&mut rest, 'T') {
            hour = number(&mut rest, 2)?;
            minute = after(&mut rest, ':')?;
            if rest.starts_with(':') {
                second = after(&mut rest, ':')?;
            }
            if skip(&mut rest, '.') {
                milli = fraction(&mut rest)?;
            }
            if !skip(&mut rest, 'Z') && !rest.is_empty() {
                let is_east = skip(&mut rest, '+');
                if !is_east && !skip(&mut rest, '-') {
                    return None;
                }
                ahead = Some((is_east, (number(&mut rest, 2)? * 60 + after(&mut rest, ':')?) * 60_000));
            }
        }
        let fits = (1..=12).contains(&month) && (1..=31).contains(&day) && minute < 60 && second < 60;
        if !fits || hour > 24 || !rest.is_empty() {
            return None;
        }
        let Some(days) = days(year, month, day) else { return Some(Self::default()) };
        let millis = days * DAY + hour * 3_600_000 + minute * 60_000 + second * 1000 + milli;
        Some(Self::from_millis(match ahead {
            Some((true, offset)) => millis.saturating_sub(offset),
            Some((false, offset)) => millis + offset,
            None => millis,
        }))
    }

    /// The duration from `earlier` to this time; zero if `earlier` is not earlier.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// A time before 1970 becomes the Unix epoch. Fractions of a millisecond are dropped.
#[cfg(feature = "std")]
impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self::default().plus(since)
    }
}

/// A time that the system cannot represent becomes the last second of the year 9999.
#[cfg(feature = "std")]
impl From<Timestamp> for SystemTime {
    fn from(time: Timestamp) -> Self {
        let last = || Self::UNIX_EPOCH + Duration::from_secs(253_402_300_799);
        Self::UNIX_EPOCH.checked_add(Duration::from_millis(time.as_millis())).unwrap_or_else(last)
    }
}

const DAY: u64 = 86_400_000;
/// Days in 400 years. Then the Gregorian calendar repeats.
const CYCLE: u64 = 146_097;
/// Days from 1 March of the year 0 to the Unix epoch.
const EPOCH: u64 = 719_468;

/// Year, month and day of a day since the Unix epoch. Here a year begins in March, so that a leap
/// day is its last day.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + EPOCH;
    let (cycle, day) = (days / CYCLE, days % CYCLE);
    let year = (day - day / 1460 + day / 36_524 - day / (CYCLE - 1)) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (cycle * 400 + year + next, month, day)
}

/// The day since the Unix epoch of a date. `None` before the epoch.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year.checked_sub(1)?, month + 9) };
    let (cycle, year) = (year / 400, year % 400);
    let of_year = (153 * month + 2) / 5 + day - 1;
    (cycle * CYCLE + year * 365 + year / 4 - year / 100 + of_year).checked_sub(EPOCH)
}

/// Removes a character from the front, if it is there.
fn skip(rest: &mut &str, mark: char) -> bool {
    let after = rest.strip_prefix(mark);
    *rest = after.unwrap_or(rest);
    after.is_some()
}

/// Reads a number of `length` digits from the front.
fn number(rest: &mut &str, length: usize) -> Option<u64> {
    let (number, after) = rest.split_at_checked(length)?;
    *rest = after;
    digits(number)
}

/// Reads a character and two digits from the front.
fn after(rest: &mut &str, mark: char) -> Option<u64> {
    if skip(rest, mark) { number(rest, 2) } else { None }
}

/// Reads a fraction of a second from the front, in milliseconds.
fn fraction(rest: &mut &str) -> Option<u64> {
    let length = rest.bytes().take_while(u8::is_ascii_digit).count();
    let all = number(rest, length)?;
    let places = u32::try_from(length).ok().filter(|places| (1..=9).contains(places))?;
    Some(all * 1000 / 10_u64.pow(places))
}

fn digits(text: &str) -> Option<u64> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

/// A duration in whole milliseconds. Saturates.
pub(crate) fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
