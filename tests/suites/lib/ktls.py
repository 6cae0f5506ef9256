# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel's TLS on a socket: keys given by setsockopt, no handshake, so that
every byte of a run can be foretold and repeated."""

import os
import socket
import struct
import tempfile
from dataclasses import dataclass, field, replace

from . import system, tcp

SOL_TLS, TCP_ULP = 282, 31
TLS_TX, TLS_RX, TLS_TX_ZEROCOPY_RO, TLS_RX_EXPECT_NO_PAD = 1, 2, 3, 4
TLS_SET_RECORD_TYPE, TLS_GET_RECORD_TYPE = 1, 2
MSG_MORE = 0x8000
TLS_1_2, TLS_1_3 = 0x0303, 0x0304
DATA, ALERT, HANDSHAKE = 23, 21, 22
MAX_RECORD = 16384
HEADER, TAG = 5, 16             # bytes of each record's header and tag


@dataclass(frozen=True)
class Cipher:
    """A cipher in a version of TLS. label is what names of cases call it, name what `ss` calls
    it; kind, and the sizes of key, salt and IV, are those of <linux/tls.h>."""
    label: str
    name: str
    kind: int
    key: int
    salt: int
    iv: int
    version: int = TLS_1_2

    @property
    def nonce(self):
        """Bytes of the nonce that stand in each record."""
        return self.iv if self.version == TLS_1_2 and self.salt else 0

    @property
    def front(self):
        """Bytes of a record before its content."""
        return HEADER + self.nonce

    @property
    def inner(self):
        """Bytes after the content that are encrypted like it: its type, in TLS 1.3."""
        return int(self.version == TLS_1_3)

    @property
    def over(self):
        """Bytes of a record that are not its content."""
        return self.front + self.inner + TAG

    @property
    def tls(self):
        """"ours" if only our tls.ko gives it to a NIC, None if any does."""
        return None if self in STOCK else "ours"

    def encrypted(self, sizes):
        """Bytes that are encrypted of records with contents of these sizes."""
        return sum(sizes) + self.inner * len(sizes)

    def stream(self, sizes):
        """Bytes of stream that these records are."""
        return sum(sizes) + self.over * len(sizes)


GCM128 = Cipher("128", "aes-gcm-128", 51, 16, 4, 8)
GCM256 = Cipher("256", "aes-gcm-256", 52, 32, 4, 8)
CCM128 = Cipher("1.2-ccm", "aes-ccm-128", 53, 16, 4, 8)
CHACHA = Cipher("1.2-chacha", "chacha20-poly1305", 54, 32, 0, 12)
GCM128_1_3 = replace(GCM128, label="1.3-gcm128", version=TLS_1_3)
GCM256_1_3 = replace(GCM256, label="1.3-gcm256", version=TLS_1_3)
CCM128_1_3 = replace(CCM128, label="1.3-ccm", version=TLS_1_3)
CHACHA_1_3 = replace(CHACHA, label="1.3-chacha", version=TLS_1_3)
STOCK = (GCM128, GCM256)        # what the kernel's own tls.ko gives to a NIC
OURS = (*STOCK, GCM128_1_3, GCM256_1_3, CCM128, CCM128_1_3, CHACHA, CHACHA_1_3)
# What those are called with their version that have the short names of TLS 1.2's AES-GCM.
SHORT = {"128": "1.2-gcm128", "256": "1.2-gcm256"}
BY_NAME = {SHORT.get(cipher.label, cipher.label): cipher for cipher in OURS}
OURS_1_3 = tuple(cipher for cipher in OURS if cipher.version == TLS_1_3)
FAMILIES = (4, 6)


def offered():
    """The ciphers that this guest's tls.ko gives to a NIC."""
    return STOCK if system.stock_tls() else OURS


def mixed(count):
    """Families and ciphers for so many connections, each cipher as often as another."""
    ciphers = offered()
    return [(FAMILIES[(i // len(ciphers) + i) % 2], ciphers[i % len(ciphers)])
            for i in range(count)]


@dataclass(frozen=True)
class Keys:
    """All that both ends must agree on; everything secret comes from the seed."""
    cipher: Cipher = GCM128
    seed: str = "keys"
    first: int = 0                      # number of the first record
    key: bytes = field(init=False)
    salt: bytes = field(init=False)
    iv: bytes = field(init=False)

    def __post_init__(self):
        secret = tcp.data(f"{self.seed} {self.cipher.name}", 64)
        object.__setattr__(self, "key", secret[:self.cipher.key])
        object.__setattr__(self, "salt", secret[32:32 + self.cipher.salt])
        object.__setattr__(self, "iv", secret[40:40 + self.cipher.iv])

    @classmethod
    def of(cls, cipher, key, nonce, first=0):
        """Those of a handshake: the nonce is salt and IV."""
        keys = cls(cipher, first=first)
        for name, value in (("key", key), ("salt", nonce[:cipher.salt]),
                            ("iv", nonce[cipher.salt:])):
            object.__setattr__(keys, name, value)
        return keys

    def crypto_info(self):
        return (struct.pack("HH", self.cipher.version, self.cipher.kind)
                + self.iv + self.key + self.salt + struct.pack("!Q", self.first))


def install(sock, keys, direction=TLS_TX):
    """Turn the socket into a kTLS one, in one direction."""
    sock.setsockopt(socket.IPPROTO_TCP, TCP_ULP, b"tls")
    install_more(sock, keys, direction)


def install_more(sock, keys, direction):
    """The keys of the other direction of a kTLS socket."""
    sock.setsockopt(SOL_TLS, direction, keys.crypto_info())


# What a sender does. A script is a list of these; each takes its bytes from
# the content, in order.

@dataclass(frozen=True)
class Write:
    size: int
    more: bool = False                  # MSG_MORE: leave the record open

    def do(self, sender, piece):
        sender.sock.sendall(piece, MSG_MORE if self.more else 0)


@dataclass(frozen=True)
class Control:
    """A record of another content type; it ends the open record before it."""
    size: int
    kind: int = ALERT
    more: bool = False

    def do(self, sender, piece):
        message = [(SOL_TLS, TLS_SET_RECORD_TYPE, bytes([self.kind]))]
        sent = sender.sock.sendmsg([piece], message)
        if sent != len(piece):
            raise OSError(f"a control record was cut: {sent} of {len(piece)} bytes")


@dataclass(frozen=True)
class Sendfile:
    size: int
    more: bool = False

    def do(self, sender, piece):
        with tempfile.TemporaryFile() as file:
            file.write(piece)
            file.flush()
            at = 0
            while at < len(piece):
                at += os.sendfile(sender.sock.fileno(), file.fileno(), at, len(piece) - at)


@dataclass(frozen=True)
class Splice:
    """Through a pipe, at most a page at a time."""
    size: int
    more: bool = False
    step: int = 4096

    def do(self, sender, piece):
        out, into = os.pipe()
        try:
            for at in range(0, len(piece), self.step):
                part = piece[at:at + self.step]
                last = at + self.step >= len(piece)
                os.write(into, part)
                left = len(part)
                while left:
                    left -= os.splice(out, sender.sock.fileno(), left,
                                      flags=0 if last and not self.more else SPLICE_F_MORE)
        finally:
            os.close(out)
            os.close(into)


SPLICE_F_MORE = 4


@dataclass(frozen=True)
class Call:
    """Not data: something that the case does between two writes."""
    function: object
    size: int = 0

    def do(self, sender, _piece):
        self.function(sender)


class Sender:
    """Plays a script on a socket; knows what content types are to be expected."""

    def __init__(self, sock):
        self.sock = sock
        self.sent = bytearray()
        self.kinds = []                 # (content type, bytes), neighbours of one type joined

    def play(self, script, content):
        at = 0
        for step in script:
            piece = content[at:at + step.size]
            step.do(self, piece)
            at += step.size
            if piece:
                self._remember(getattr(step, "kind", DATA), piece)

    def _remember(self, kind, piece):
        self.sent += piece
        join(self.kinds, kind, len(piece))


def join(kinds, kind, size):
    """Add a record to a list of [content type, bytes], in which neighbours of application data
    are one."""
    if kinds and kinds[-1][0] == kind == DATA:
        kinds[-1][1] += size
    else:
        kinds.append([kind, size])


def kind_of(control):
    """The content type that recvmsg() told in these control messages."""
    return next((body[0] for level, kind, body in control
                 if (level, kind) == (SOL_TLS, TLS_GET_RECORD_TYPE)), DATA)


def size_of(script):
    return sum(step.size for step in script)


def records_of(size, record=MAX_RECORD):
    """Sizes of the records that one write of that size makes."""
    return [min(record, size - at) for at in range(0, size, record)]
