# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel's TLS on a socket: keys given by setsockopt, no handshake, so that
every byte of a run can be foretold and repeated."""

import os
import socket
import struct
import tempfile
from dataclasses import dataclass, field

from . import tcp

SOL_TLS, TCP_ULP = 282, 31
TLS_TX, TLS_RX, TLS_TX_ZEROCOPY_RO = 1, 2, 3
TLS_SET_RECORD_TYPE = 1
MSG_MORE = 0x8000
TLS_1_2, TLS_1_3 = 0x0303, 0x0304
DATA, ALERT, HANDSHAKE = 23, 21, 22
MAX_RECORD = 16384


@dataclass(frozen=True)
class Cipher:
    """kind, and the sizes, are those of <linux/tls.h>; ss is how `ss` calls it."""
    name: str
    kind: int
    key: int
    salt: int
    iv: int

    def explicit_nonce(self, version):
        return self.iv if version == TLS_1_2 and self.salt else 0


GCM128 = Cipher("aes-gcm-128", 51, 16, 4, 8)
GCM256 = Cipher("aes-gcm-256", 52, 32, 4, 8)
CCM128 = Cipher("aes-ccm-128", 53, 16, 4, 8)
CHACHA = Cipher("chacha20-poly1305", 54, 32, 0, 12)


@dataclass(frozen=True)
class Keys:
    """All that both ends must agree on; everything secret comes from the seed."""
    cipher: Cipher = GCM128
    version: int = TLS_1_2
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

    def crypto_info(self):
        return (struct.pack("HH", self.version, self.cipher.kind)
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
        if self.kinds and self.kinds[-1][0] == kind == DATA:
            self.kinds[-1][1] += len(piece)
        else:
            self.kinds.append([kind, len(piece)])


def size_of(script):
    return sum(step.size for step in script)


def records_of(size, record=MAX_RECORD):
    """Sizes of the records that one write of that size makes."""
    return [min(record, size - at) for at in range(0, size, record)]
