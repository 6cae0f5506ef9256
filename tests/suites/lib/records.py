# SPDX-License-Identifier: GPL-2.0-or-later
"""TLS records: what stands around their content, and how they are taken apart, without the
kernel and without the NIC."""

import struct

from . import ktls
from .aead import Aead
from .cases import Failed, check, equal
from .ktls import HEADER, TAG

WIRE_VERSION = 0x0303           # in the headers of TLS 1.2 and 1.3
NUMBERS = 1 << 64
KINDS = range(20, 25)


class Record:
    """encrypted: how many bytes were encrypted for it, what TLS 1.3 adds included."""

    def __init__(self, kind, plain, encrypted):
        self.kind = kind
        self.plain = plain
        self.encrypted = encrypted


# ---- the format

def outer_kind(cipher, kind):
    """The content type in a header: TLS 1.3 shows the same for all."""
    return ktls.DATA if cipher.inner else kind


def header(kind, size):
    """The header of a record with so many bytes after it."""
    return struct.pack("!BHH", kind, WIRE_VERSION, size)


def explicit_nonce(keys, number):
    """What stands between header and content of a record: the kernel counts it on from the
    connection's IV."""
    counted = (int.from_bytes(keys.iv, "big") + number - keys.first) % NUMBERS
    return counted.to_bytes(8, "big") if keys.cipher.nonce else b""


def nonce(keys, number):
    """Of the cipher, for a record."""
    explicit = explicit_nonce(keys, number)
    if explicit:
        return keys.salt + explicit
    iv = keys.salt + keys.iv
    return iv[:4] + (int.from_bytes(iv[4:], "big") ^ number).to_bytes(8, "big")


def associated(keys, number, head, size):
    """What is authenticated besides the size bytes that are encrypted."""
    if keys.cipher.version == ktls.TLS_1_3:
        return head
    return struct.pack("!QBHH", number, head[0], WIRE_VERSION, size)


# ---- a stream

def split(stream, kinds=KINDS):
    """Cut a byte stream into (header, body); fails on anything that is no record of these
    content types."""
    at, found = 0, []
    while at < len(stream):
        if at + HEADER > len(stream):
            raise Failed(f"the stream ends inside a record header, at {at}")
        kind, version, length = struct.unpack_from("!BHH", stream, at)
        if version != WIRE_VERSION or kind not in kinds:
            raise Failed(f"no record header at {at}: {bytes(stream[at:at + 5]).hex()}")
        if at + HEADER + length > len(stream):
            raise Failed(f"the record at {at} is cut short")
        found.append((bytes(stream[at:at + HEADER]),
                      bytes(stream[at + HEADER:at + HEADER + length])))
        at += HEADER + length
    return found


def _kinds(keys):
    """Content types that headers may have."""
    return (ktls.DATA,) if keys.cipher.inner else KINDS


def _open_one(opener, keys, number, head, body):
    size = keys.cipher.nonce
    explicit, sealed, tag = body[:size], body[size:-TAG], body[-TAG:]
    want = explicit_nonce(keys, number)
    if explicit != want:
        raise Failed(f"record {number}: explicit nonce {explicit.hex()}, not {want.hex()}")
    plain = opener.open(nonce(keys, number), associated(keys, number, head, len(sealed)), sealed,
                        tag)
    if plain is None:
        raise Failed(f"record {number} ({len(sealed)} bytes): the tag is wrong")
    if not keys.cipher.inner:
        return Record(head[0], plain, len(sealed))
    content = plain.rstrip(b"\0")
    if not content or content[-1] not in KINDS:
        raise Failed(f"record {number} ({len(sealed)} bytes) has no content type")
    return Record(content[-1], content[:-1], len(sealed))


def decrypt(stream, keys):
    """All records of the stream, each authenticated with the number it must have."""
    opener = Aead(keys.cipher, keys.key)
    return [_open_one(opener, keys, (keys.first + i) % NUMBERS, head, body)
            for i, (head, body) in enumerate(split(stream, _kinds(keys)))]


class Stream:
    """The same for a stream that comes in pieces."""

    def __init__(self, keys):
        self.keys = keys
        self.opener = Aead(keys.cipher, keys.key)
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
            (head, body), = split(stream[at:end], _kinds(self.keys))
            found.append(_open_one(self.opener, self.keys, self.number, head, body))
            self.number = (self.number + 1) % NUMBERS
            at = end
        self.rest = stream[at:]
        return found


def are(records, *expected):
    """Fails unless these are all records, as (type, content)."""
    equal([(record.kind, len(record.plain)) for record in records],
          [(kind, len(plain)) for kind, plain in expected], "types and sizes of the records")
    equal([record.plain for record in records], [plain for _kind, plain in expected],
          "what is in the records")


def are_data(records, content):
    """Fails unless all of them are data, and this is in them."""
    equal({record.kind for record in records}, {ktls.DATA}, "types of the records")
    check(b"".join(record.plain for record in records) == content,
          "what arrived is not what was sent")


def joined(records):
    """[[content type, bytes], ...] with neighbours of application data joined."""
    kinds = []
    for record in records:
        ktls.join(kinds, record.kind, len(record.plain))
    return kinds
