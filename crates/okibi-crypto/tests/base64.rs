//! Base64: what is written is read back, and no other spelling is.
#![allow(clippy::unwrap_used, missing_docs)]

use okibi_crypto::base64;

#[test]
fn bytes_of_every_length_come_back() {
    for length in 0..100_u8 {
        let bytes: Vec<u8> = (0..length).map(|byte| byte.wrapping_mul(37)).collect();
        let (text, mut appended, mut standard) = (base64::url(&bytes), String::from("x"), String::new());
        base64::push_url(&mut appended, &bytes);
        base64::push_standard(&mut standard, &bytes);
        assert_eq!(appended.strip_prefix('x'), Some(text.as_str()));
        assert_eq!(base64::from_url(text.as_bytes()).as_ref(), Some(&bytes));
        assert_eq!(base64::from_standard(standard.as_bytes()).as_ref(), Some(&bytes));
        let mut exactly = vec![0; bytes.len()];
        assert!(base64::from_url_exactly(text.as_bytes(), &mut exactly));
        assert_eq!(exactly, bytes);
        assert!(!base64::from_url_exactly(text.as_bytes(), &mut vec![0; bytes.len() + 1]));
    }
}

#[test]
fn only_the_canonical_spelling_is_read() {
    for text in ["AB", "A", "AA==", "A+/A", "AA A", "\u{e9}AA"] {
        assert_eq!(base64::from_url(text.as_bytes()), None, "{text}");
    }
    for text in ["AB==", "AA", "AA=", "A-_A"] {
        assert_eq!(base64::from_standard(text.as_bytes()), None, "{text}");
    }
}
