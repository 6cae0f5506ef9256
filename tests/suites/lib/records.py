# SPDX-License-Identifier: GPL-2.0-or-later
"""TLS records taken apart and decrypted by OpenSSL's libcrypto: the second
opinion, which shares no code with the kernel nor with the NIC."""

import ctypes
import functools
import struct

from . import ktls
from .cases import Failed

HEADER, TAG = 5, 16
_SET_IV_LENGTH, _SET_TAG = 0x9, 0x11


@functools.cache
def _crypto():
    lib = ctypes.CDLL("libcrypto.so.3")
    for name in ("EVP_CIPHER_CTX_new", "EVP_aes_128_gcm", "EVP_aes_256_gcm",
                 "EVP_aes_128_ccm", "EVP_chacha20_poly1305"):
        getattr(lib, name).restype = ctypes.c_void_p
    return lib


def _evp(cipher):
    names = {ktls.GCM128: "EVP_aes_128_gcm", ktls.GCM256: "EVP_aes_256_gcm",
             ktls.CCM128: "EVP_aes_128_ccm", ktls.CHACHA: "EVP_chacha20_poly1305"}
    return ctypes.c_void_p(getattr(_crypto(), names[cipher])())


class Opener:
    """Opens sealed records of one key."""

    def __init__(self, cipher, key):
        self.lib = _crypto()
        self.cipher = cipher
        self.key = key
        self.context = ctypes.c_void_p(self.lib.EVP_CIPHER_CTX_new())
        self.length = ctypes.c_int()

    def __del__(self):
        self.lib.EVP_CIPHER_CTX_free(self.context)

    def open(self, nonce, associated, sealed, tag):
        """The plaintext, or None if the tag is wrong."""
        lib, context, length = self.lib, self.context, ctypes.byref(self.length)
        ccm = self.cipher is ktls.CCM128
        lib.EVP_DecryptInit_ex(context, _evp(self.cipher), None, None, None)
        lib.EVP_CIPHER_CTX_ctrl(context, _SET_IV_LENGTH, len(nonce), None)
        if ccm:
            lib.EVP_CIPHER_CTX_ctrl(context, _SET_TAG, TAG, tag)
        lib.EVP_DecryptInit_ex(context, None, None, self.key, nonce)
        if ccm:
            lib.EVP_DecryptUpdate(context, None, length, None, len(sealed))
        lib.EVP_DecryptUpdate(context, None, length, associated, len(associated))
        plain = ctypes.create_string_buffer(len(sealed) or 1)
        good = lib.EVP_DecryptUpdate(context, plain, length, sealed, len(sealed))
        if not ccm:
            lib.EVP_CIPHER_CTX_ctrl(context, _SET_TAG, TAG, tag)
            rest = ctypes.create_string_buffer(TAG)
            good = lib.EVP_DecryptFinal_ex(context, rest, length)
        return plain.raw[:len(sealed)] if good > 0 else None


class Record:
    def __init__(self, kind, plain):
        self.kind = kind
        self.plain = plain


def split(stream):
    """Cut a byte stream into (header, body); fails on anything that is no record."""
    at, found = 0, []
    while at < len(stream):
        if at + HEADER > len(stream):
            raise Failed(f"the stream ends inside a record header, at {at}")
        kind, version, length = struct.unpack_from("!BHH", stream, at)
        if version != 0x0303 or not 20 <= kind <= 24:
            raise Failed(f"no record header at {at}: {bytes(stream[at:at + 5]).hex()}")
        if at + HEADER + length > len(stream):
            raise Failed(f"the record at {at} is cut short")
        found.append((bytes(stream[at:at + HEADER]),
                      bytes(stream[at + HEADER:at + HEADER + length])))
        at += HEADER + length
    return found


def _nonce(keys, number, explicit):
    if explicit:
        return keys.salt + explicit
    iv = (keys.salt + keys.iv)
    low = int.from_bytes(iv[4:], "big") ^ number
    return iv[:4] + low.to_bytes(8, "big")


def _open_one(opener, keys, number, header, body):
    size = keys.cipher.explicit_nonce(keys.version)
    explicit, sealed, tag = body[:size], body[size:-TAG], body[-TAG:]
    if size:
        want = (int.from_bytes(keys.iv, "big") + number - keys.first) & (1 << 64) - 1
        if int.from_bytes(explicit, "big") != want:
            raise Failed(f"record {number}: explicit nonce {explicit.hex()}, not {want:016x}")
    if keys.version == ktls.TLS_1_3:
        associated = header
    else:
        associated = struct.pack("!QBHH", number, header[0], 0x0303, len(sealed))
    plain = opener.open(_nonce(keys, number, explicit), associated, sealed, tag)
    if plain is None:
        raise Failed(f"record {number} ({len(sealed)} bytes): the tag is wrong")
    if keys.version == ktls.TLS_1_3:
        plain = plain.rstrip(b"\0")
        return Record(plain[-1], plain[:-1])
    return Record(header[0], plain)


def decrypt(stream, keys):
    """All records of the stream, each authenticated with the number it must have."""
    opener = Opener(keys.cipher, keys.key)
    return [_open_one(opener, keys, (keys.first + i) & (1 << 64) - 1, header, body)
            for i, (header, body) in enumerate(split(stream))]


class Stream:
    """The same for a stream that comes in pieces."""

    def __init__(self, keys):
        self.keys = keys
        self.opener = Opener(keys.cipher, keys.key)
        self.number = keys.first
        self.rest = b""

    def take(self, data):
        """The records that end with this piece."""
        stream = self.rest + bytes(data)
        at, found = 0, []
        while at + HEADER <= len(stream):
            end = at + HEADER + int.from_bytes(stream[at + 3:at + 5], "big")
            if end > len(stream):
                break
            (header, body), = split(stream[at:end])
            found.append(_open_one(self.opener, self.keys, self.number, header, body))
            self.number = (self.number + 1) & (1 << 64) - 1
            at = end
        self.rest = stream[at:]
        return found


def joined(records):
    """[[content type, bytes], ...] with neighbours of application data joined."""
    kinds = []
    for record in records:
        if kinds and kinds[-1][0] == record.kind == ktls.DATA:
            kinds[-1][1] += len(record.plain)
        else:
            kinds.append([record.kind, len(record.plain)])
    return kinds
