#!/usr/bin/env python3
"""Makes the vectors of okibi's formats with other libraries than okibi uses (hashlib, hmac, PyNaCl).

Run it only to add cases: what is pinned here never changes. `pip install pynacl`, then `python3 vectors/make.py`.
cookies.json, replay.json and cache.json are written by hand.
"""

import base64
import hashlib
import hmac
import json
import pathlib

from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_encrypt as xchacha

HERE = pathlib.Path(__file__).parent


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def hkdf(secret: bytes, info: bytes, length: int) -> bytes:
    key = hmac.new(bytes(32), secret, hashlib.sha256).digest()
    out, block = b"", b""
    while len(out) < length:
        block = hmac.new(key, block + info + bytes([len(out) // 32 + 1]), hashlib.sha256).digest()
        out += block
    return out[:length]


def pattern(length: int, start: int = 0, step: int = 1) -> bytes:
    return bytes((start + step * i) % 256 for i in range(length))


def seal(secret: str, cookie: str, record: str, nonce: bytes, purpose: str = "record") -> str:
    raw = secret.encode()
    header = b"\x01" + hkdf(raw, b"okibi kid v1", 4) + nonce
    bound = header
    for part in (purpose, cookie):
        bound += len(part).to_bytes(2, "big") + part.encode()
    text = record.encode()
    text += b" " * (-len(text) % 32)
    return b64(header + xchacha(text, bound, nonce, hkdf(raw, b"okibi seal v1|" + purpose.encode(), 32)))


def sign(secret: str, cookie: str, id_bytes: bytes) -> str:
    text = b64(id_bytes)
    key = hkdf(secret.encode(), b"okibi seal v1|sign", 32)
    return text + "." + b64(hmac.new(key, cookie.encode() + b"\0" + text.encode(), hashlib.sha256).digest())


def store_key(namespace: str, id_bytes: bytes) -> str:
    return namespace + ":" + b64(hashlib.sha256(id_bytes).digest())


def hide(new: bytes, old: bytes, namespace: str, nonce: bytes) -> str:
    key = hkdf(old, b"okibi renew v1", 32)
    return b64(nonce + xchacha(new, store_key(namespace, old).encode(), nonce, key))


IDS = [bytes(32), b"\xff" * 32, pattern(32), pattern(32, 7, 31)]
A = "a secret of thirty-two bytes: no more"
B = "another secret, also long enough to be one"
UMLAUT = "ein Schlüssel mit Umlauten: äöüß, zählt als UTF-8"
RECORD = (
    '{"v":1,"w":"AAECAwQFBgc","h":"AAECAwQFBgcICQoLDA0ODw","c":1700000000000,"a":1700000060000,"i":3600000,'
    '"x":1700086400000,"p":true,"d":{"visits":3,"user":"ember"}}'
)


def ids():
    good = [
        {"bytes": raw.hex(), "text": b64(raw), "keys": {ns: store_key(ns, raw) for ns in ("session", "cart")}}
        for raw in IDS
    ]
    text = b64(IDS[2])
    bad = ["", "A", text[:-1], text + "A", text + "=", text[:-1] + "9", text.replace("A", "+", 1), " " + text, '"' + text + '"',
           text[:20] + " " + text[21:], text[:20] + "é" + text[21:]]
    return {"good": good, "bad": bad}


def seals():
    nonce = pattern(24, 100)
    cases = [
        {"secret": secret, "cookie": cookie, "record": record, "nonce": nonce.hex(), "value": seal(secret, cookie, record, nonce)}
        for secret in (A, UMLAUT)
        for cookie in ("__Host-session", "a")
        for record in (RECORD, RECORD[:-2] + ',"pad":"' + "x" * 11 + '"}}', "{}" + " " * 0)
    ]
    value = cases[0]["value"]
    other_version = b64(b"\x02" + base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))[1:])
    bad = {
        "sealed for another cookie": seal(A, "other", RECORD, nonce),
        "sealed with a secret that is not in the ring": seal(B, "__Host-session", RECORD, nonce),
        "sealed for another purpose": seal(A, "__Host-session", RECORD, nonce, "other"),
        "another version": other_version,
        "truncated": value[:-4],
        "longer": value + "AAAA",
        "last bits not canonical": value[:-1] + chr(ord(value[-1]) + 1),
        "one bit of the text flipped": value[:60] + ("A" if value[60] != "A" else "B") + value[61:],
        "one bit of the tag flipped": value[:-3] + ("A" if value[-3] != "A" else "B") + value[-2:],
        "empty": "",
        "too short": value[:59],
        "padded": value + "=",
        "standard base64": value.replace("-", "+").replace("_", "/") + "+",
    }
    return {"good": cases, "ring": [A], "cookie": "__Host-session", "bad": bad}


def signed():
    cases = [
        {"secret": secret, "cookie": cookie, "id": b64(raw), "value": sign(secret, cookie, raw)}
        for secret in (A, UMLAUT)
        for cookie in ("__Host-session", "a")
        for raw in IDS[1:3]
    ]
    value = cases[0]["value"]
    bad = {
        "signed for another cookie": sign(A, "other", IDS[1]),
        "signed with a secret that is not in the ring": sign(B, "__Host-session", IDS[1]),
        "the bare id": value[:43],
        "no signature": value[:44],
        "signature of another id": b64(IDS[2]) + value[43:],
        "signature truncated": value[:-1],
        "one bit flipped": value[:50] + ("A" if value[50] != "A" else "B") + value[51:],
        "empty": "",
    }
    return {"good": cases, "ring": [A], "cookie": "__Host-session", "bad": bad}


def renewals():
    nonce = pattern(24, 200)
    return [
        {"old": b64(old), "new": b64(new), "namespace": "session", "nonce": nonce.hex(), "n": hide(new, old, "session", nonce)}
        for old, new in ((IDS[0], IDS[1]), (IDS[2], IDS[3]))
    ]


for name, content in (("id", ids()), ("seal", seals()), ("sign", signed()), ("renew", renewals())):
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    (HERE / f"{name}.json").write_text(text, encoding="utf-8")
