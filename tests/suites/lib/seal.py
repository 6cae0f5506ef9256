# SPDX-License-Identifier: GPL-2.0-or-later
"""Records made by OpenSSL's libcrypto, good ones and forged ones."""

from . import ktls, records
from .aead import Aead
from .ktls import TAG


class Sealer:
    """Makes the records of one direction, in order."""

    def __init__(self, keys):
        self.keys = keys
        self.number = keys.first
        self.aead = Aead(keys.cipher, keys.key)

    def seal(self, plain, kind=ktls.DATA, forge=False, pad=0):
        """The next record. forge: a tag that is wrong in its last bit; pad: so many zeros
        after the content type, which TLS 1.3 allows."""
        keys, number = self.keys, self.number
        inner = plain + bytes([kind]) + bytes(pad) if keys.cipher.inner else plain
        explicit = records.explicit_nonce(keys, number)
        head = records.header(records.outer_kind(keys.cipher, kind),
                              len(explicit) + len(inner) + TAG)
        sealed, tag = self.aead.seal(records.nonce(keys, number), records.associated(
            keys, number, head, len(inner)), inner)
        if forge:
            tag = tag[:-1] + bytes([tag[-1] ^ 1])
        self.number += 1
        return head + explicit + sealed + tag

    def plain_for(self, size, wanted):
        """Plaintext of that size for the next record, so that its ciphertext shows
        what is wanted at the given places of the content: {place: bytes}."""
        stream, _ = self.aead.seal(records.nonce(self.keys, self.number), b"", bytes(size))
        plain = bytearray(size)
        for place, text in wanted.items():
            for i, byte in enumerate(text):
                plain[place + i] = stream[place + i] ^ byte
        return bytes(plain)
