# SPDX-License-Identifier: GPL-2.0-or-later
"""TLS 1.2 records made by OpenSSL's libcrypto, good ones and forged ones."""

import ctypes
import struct

from . import ktls, records

_GET_TAG = 0x10


class Sealer:
    """Makes the records of one direction, in order."""

    def __init__(self, keys):
        self.keys = keys
        self.number = keys.first
        self.lib = records._crypto()                # pylint: disable=protected-access
        self.context = ctypes.c_void_p(self.lib.EVP_CIPHER_CTX_new())

    def __del__(self):
        self.lib.EVP_CIPHER_CTX_free(self.context)

    def _encrypt(self, nonce, associated, plain):
        lib, context, length = self.lib, self.context, ctypes.c_int()
        cipher = records._evp(self.keys.cipher)     # pylint: disable=protected-access
        lib.EVP_EncryptInit_ex(context, cipher, None, self.keys.key, nonce)
        lib.EVP_EncryptUpdate(context, None, ctypes.byref(length), associated, len(associated))
        sealed = ctypes.create_string_buffer(len(plain) or 1)
        lib.EVP_EncryptUpdate(context, sealed, ctypes.byref(length), plain, len(plain))
        rest, tag = (ctypes.create_string_buffer(16) for _ in range(2))
        lib.EVP_EncryptFinal_ex(context, rest, ctypes.byref(length))
        lib.EVP_CIPHER_CTX_ctrl(context, _GET_TAG, 16, tag)
        return sealed.raw[:len(plain)], tag.raw

    def _explicit(self):
        first = int.from_bytes(self.keys.iv, "big")
        number = (first + self.number - self.keys.first) & (1 << 64) - 1
        return number.to_bytes(8, "big")

    def seal(self, plain, kind=ktls.DATA, forge=False):
        """The next record. forge: a tag that is wrong in its last bit."""
        explicit = self._explicit()
        associated = struct.pack("!QBHH", self.number, kind, 0x0303, len(plain))
        sealed, tag = self._encrypt(self.keys.salt + explicit, associated, plain)
        if forge:
            tag = tag[:-1] + bytes([tag[-1] ^ 1])
        self.number += 1
        body = explicit + sealed + tag
        return struct.pack("!BHH", kind, 0x0303, len(body)) + body

    def plain_for(self, size, wanted):
        """Plaintext of that size for the next record, so that its ciphertext shows
        what is wanted at the given places of the payload: {place: bytes}."""
        nonce = self.keys.salt + self._explicit()
        stream, _ = self._encrypt(nonce, b"", bytes(size))
        plain = bytearray(size)
        for place, text in wanted.items():
            for i, byte in enumerate(text):
                plain[place + i] = stream[place + i] ^ byte
        return bytes(plain)


def stream(keys, plains, kind=ktls.DATA):
    """Records with these payloads, as one byte string."""
    sealer = Sealer(keys)
    return b"".join(sealer.seal(plain, kind) for plain in plains)
