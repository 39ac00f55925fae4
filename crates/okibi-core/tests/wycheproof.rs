//! Wycheproof's vectors for every primitive that okibi uses (S26): XChaCha20-Poly1305, HMAC-SHA256, HKDF-SHA256.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, aead::AeadInOut};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use wycheproof::{
    TestResult, aead,
    hkdf::{TestName as HkdfName, TestSet as HkdfSet},
    mac::{TestName as MacName, TestSet as MacSet},
};

#[test]
fn s26_xchacha20_poly1305() {
    let set = aead::TestSet::load(aead::TestName::XChaCha20Poly1305).unwrap();
    let mut run = 0;
    for group in set.test_groups.iter().filter(|group| group.nonce_size == 192) {
        for test in &group.tests {
            let cipher = XChaCha20Poly1305::new_from_slice(&test.key).unwrap();
            let nonce: [u8; 24] = test.nonce[..].try_into().unwrap();
            let tag: Result<[u8; 16], _> = test.tag[..].try_into();
            let mut text = test.ct.to_vec();
            let opened = tag.is_ok_and(|tag| {
                cipher.decrypt_inout_detached(&nonce.into(), &test.aad, text.as_mut_slice().into(), &tag.into()).is_ok()
            });
            assert_eq!(opened, test.result == TestResult::Valid, "test {}", test.tc_id);
            if opened {
                assert_eq!(text, test.pt.to_vec());
                let tag = cipher.encrypt_inout_detached(&nonce.into(), &test.aad, text.as_mut_slice().into()).unwrap();
                assert_eq!((text, tag.to_vec()), (test.ct.to_vec(), test.tag.to_vec()));
            }
            run += 1;
        }
    }
    assert!(run > 200, "{run} vectors");
}

#[test]
fn s26_hmac_sha256() {
    let set = MacSet::load(MacName::HmacSha256).unwrap();
    let mut run = 0;
    // okibi uses whole tags only.
    for group in set.test_groups.iter().filter(|group| group.tag_size == 256) {
        for test in &group.tests {
            let mut mac = Hmac::<Sha256>::new_from_slice(&test.key).unwrap();
            mac.update(&test.msg);
            assert_eq!(mac.verify_slice(&test.tag).is_ok(), test.result == TestResult::Valid, "test {}", test.tc_id);
            run += 1;
        }
    }
    assert!(run > 50, "{run} vectors");
}

#[test]
fn s26_hkdf_sha256() {
    let set = HkdfSet::load(HkdfName::HkdfSha256).unwrap();
    let mut run = 0;
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let mut key = vec![0; test.size];
        let made = Hkdf::<Sha256>::new(Some(&test.salt), &test.ikm).expand(&test.info, &mut key).is_ok();
        assert_eq!(made && key == test.okm.to_vec(), test.result == TestResult::Valid, "test {}", test.tc_id);
        run += 1;
    }
    assert!(run > 50, "{run} vectors");
}
