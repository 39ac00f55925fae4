//! Wycheproof's vectors for every primitive that okibi uses, but for AES-CTR, of which it has none:
//! XChaCha20-Poly1305, HMAC-SHA256, HKDF-SHA256, and for Iron AES-CBC, HMAC-SHA1 and PBKDF2-HMAC-SHA1.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use aes::{Aes128, Aes192};
use cbc::cipher::{
    BlockCipherDecrypt, BlockCipherEncrypt, BlockModeDecrypt, BlockModeEncrypt, KeyIvInit, block_padding::Pkcs7,
};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use okibi_crypto::{Aes, HmacSha256, XChaCha20Poly1305, expand, pbkdf2_sha1};
use sha1::Sha1;
use sha2::Sha256;
use wycheproof::{
    TestResult, aead,
    cipher::{TestName as CipherName, TestSet as CipherSet},
    hkdf::{TestName as HkdfName, TestSet as HkdfSet},
    mac::{TestName as MacName, TestSet as MacSet},
    pbkdf2::{TestName as Pbkdf2Name, TestSet as Pbkdf2Set},
};

#[test]
fn s26_xchacha20_poly1305() {
    let set = aead::TestSet::load(aead::TestName::XChaCha20Poly1305).unwrap();
    let mut run = 0;
    for group in set.test_groups.iter().filter(|group| group.nonce_size == 192) {
        for test in &group.tests {
            let cipher = XChaCha20Poly1305::new(test.key[..].try_into().unwrap());
            let nonce: [u8; 24] = test.nonce[..].try_into().unwrap();
            let tag: Result<[u8; 16], _> = test.tag[..].try_into();
            let mut text = test.ct.to_vec();
            let opened = tag.is_ok_and(|tag| cipher.decrypt(&nonce, &test.aad, &mut text, &tag));
            assert_eq!(opened, test.result == TestResult::Valid, "test {}", test.tc_id);
            if opened {
                assert_eq!(text, test.pt.to_vec());
                let tag = cipher.encrypt(&nonce, &test.aad, &mut text).unwrap();
                assert_eq!((text, tag.to_vec()), (test.ct.to_vec(), test.tag.to_vec()));
            }
            run += 1;
        }
    }
    assert!(run > 200, "{run} vectors");
}

#[test]
fn s26_hmac_sha256() {
    hmac(MacName::HmacSha256, 256, |key, message, tag| {
        let mut mac = HmacSha256::new(key);
        mac.update(message);
        mac.verify(tag)
    });
}

/// What PBKDF2 is made of.
#[test]
fn s26_hmac_sha1() {
    hmac(MacName::HmacSha1, 160, |key, message, tag| {
        let mut mac = <Hmac<Sha1> as hmac::KeyInit>::new_from_slice(key).unwrap();
        mac.update(message);
        mac.verify_slice(tag).is_ok()
    });
}

fn hmac(name: MacName, bits: usize, verifies: impl Fn(&[u8], &[u8], &[u8]) -> bool) {
    let set = MacSet::load(name).unwrap();
    let mut run = 0;
    // okibi uses whole tags only.
    for group in set.test_groups.iter().filter(|group| group.tag_size == bits) {
        for test in &group.tests {
            let accepted = verifies(&test.key, &test.msg, &test.tag);
            assert_eq!(accepted, test.result == TestResult::Valid, "test {}", test.tc_id);
            run += 1;
        }
    }
    assert!(run > 50, "{run} vectors");
}

#[test]
fn s26_pbkdf2_hmac_sha1() {
    let set = Pbkdf2Set::load(Pbkdf2Name::Pbkdf2HmacSha1).unwrap();
    let mut run = 0;
    // One vector takes sixteen million rounds, which shows no more than those with 4096.
    let tests = set.test_groups.iter().flat_map(|group| &group.tests);
    for test in tests.filter(|test| test.iteration_count <= 1_000_000) {
        let mut key = vec![0; test.dk_len];
        let rounds = u32::try_from(test.iteration_count).unwrap();
        pbkdf2_sha1(&test.password, &test.salt, rounds, &mut key);
        assert_eq!(key == test.dk.to_vec(), test.result == TestResult::Valid, "test {}", test.tc_id);
        run += 1;
    }
    assert!(run > 50, "{run} vectors");
}

#[test]
fn s26_aes_cbc() {
    let set = CipherSet::load(CipherName::AesCbcPkcs5).unwrap();
    let mut run = 0;
    for group in &set.test_groups {
        for test in &group.tests {
            let (opened, sealed) = match group.key_size {
                128 => cbc::<Aes128>(&test.key, &test.nonce, &test.ct, &test.pt),
                192 => cbc::<Aes192>(&test.key, &test.nonce, &test.ct, &test.pt),
                _ => ours(&test.key, &test.nonce, &test.ct, &test.pt),
            };
            let valid = test.result == TestResult::Valid;
            assert_eq!(opened.as_deref() == Some(&test.pt), valid, "test {}", test.tc_id);
            assert!(!valid || sealed == test.ct.to_vec(), "test {}", test.tc_id);
            run += 1;
        }
    }
    assert!(run > 100, "{run} vectors");
}

/// The ciphertext decrypted, and the text encrypted.
fn ours(key: &[u8], iv: &[u8], ciphertext: &[u8], text: &[u8]) -> (Option<Vec<u8>>, Vec<u8>) {
    let (cipher, iv) = (|| Aes::cbc(key).unwrap(), iv.try_into().unwrap());
    (cipher().decrypt(iv, ciphertext.to_vec()), cipher().encrypt(iv, text).unwrap())
}

/// The same with the key lengths that nothing uses: the ciphers beneath are the same.
fn cbc<C>(key: &[u8], iv: &[u8], ciphertext: &[u8], text: &[u8]) -> (Option<Vec<u8>>, Vec<u8>)
where
    C: BlockCipherEncrypt + BlockCipherDecrypt + cbc::cipher::KeyInit,
{
    let decryptor = cbc::Decryptor::<C>::new_from_slices(key, iv).unwrap();
    let mut opened = ciphertext.to_vec();
    let opened = decryptor.decrypt_padded::<Pkcs7>(&mut opened).ok().map(<[u8]>::to_vec);
    let mut sealed = text.to_vec();
    sealed.resize(text.len() + 16 - text.len() % 16, 0);
    cbc::Encryptor::<C>::new_from_slices(key, iv).unwrap().encrypt_padded::<Pkcs7>(&mut sealed, text.len()).unwrap();
    (opened, sealed)
}

#[test]
fn s26_hkdf_sha256() {
    let set = HkdfSet::load(HkdfName::HkdfSha256).unwrap();
    let mut run = 0;
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let mut key = vec![0; test.size];
        let made = if test.salt.is_empty() {
            expand(&test.ikm, &test.info, &mut key)
        } else {
            Hkdf::<Sha256>::new(Some(&test.salt), &test.ikm).expand(&test.info, &mut key).is_ok()
        };
        assert_eq!(made && key == test.okm.to_vec(), test.result == TestResult::Valid, "test {}", test.tc_id);
        run += 1;
    }
    assert!(run > 50, "{run} vectors");
}
