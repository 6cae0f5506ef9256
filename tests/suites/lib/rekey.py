# SPDX-License-Identifier: GPL-2.0-or-later
"""TLS 1.3 with KeyUpdates: a stream whose keys change, and who reads it."""

import errno
import functools
import hashlib
import socket
import threading

from . import ktls, tcp
from .cases import Failed, check, equal
from .ktls import HANDSHAKE, SOL_TLS, TLS_RX, TLS_TX, Keys

CIPHERS = ktls.OURS_1_3
KEY_UPDATE = bytes([24, 0, 0, 1, 0])    # RFC 8446 4.6.3, update_not_requested
PIECE = 1 << 16


def keys(cipher, number, seed="rekey"):
    """Those after so many KeyUpdates."""
    return Keys(cipher, seed=f"{seed} {number}")


class Sender:
    """One direction's sending end."""

    def __init__(self, sock, cipher, seed="rekey", schedule=None):
        """schedule(n) are the keys after n KeyUpdates; default: keys()."""
        self.sock, self.cipher, self.seed = sock, cipher, seed
        self.schedule = schedule or functools.partial(keys, cipher, seed=seed)
        self.number = 0                 # KeyUpdates so far
        self.sent = hashlib.sha256()
        self.size = 0
        ktls.install_more(sock, self.schedule(0), TLS_TX)

    def send(self, size, flags=0):
        data = tcp.data(f"{self.seed} {self.size}", size)
        self.sock.sendall(data, flags)
        self.took(data)
        return data

    def took(self, data):
        """The socket has these bytes, however they got there."""
        self.sent.update(data)
        self.size += len(data)

    def announce(self):
        """Only the KeyUpdate, with the key that is in use."""
        self.sock.sendmsg([KEY_UPDATE], [(SOL_TLS, ktls.TLS_SET_RECORD_TYPE,
                                          bytes([HANDSHAKE]))])

    def change(self):
        """What the sender does after it: the next key."""
        self.number += 1
        self.sock.setsockopt(SOL_TLS, TLS_TX, self.schedule(self.number).crypto_info())

    def update(self):
        self.announce()
        self.change()


class Reader(threading.Thread):
    """One direction's receiving end: changes its key at each KeyUpdate, between the calls of
    `before` and `after` with the KeyUpdate's number."""

    def __init__(self, sock, cipher, seed="rekey", size=PIECE, before=None, after=None,
                 schedule=None):
        super().__init__(daemon=True)
        self.sock, self.size = sock, size
        self.schedule = schedule or functools.partial(keys, cipher, seed=seed)
        self.before, self.after = before, after
        self.number = 0                 # KeyUpdates of which it has the key
        self.size_read = 0
        self.read = hashlib.sha256()
        self.error = None
        ktls.install_more(sock, self.schedule(0), TLS_RX)

    def run(self):
        try:
            while self.piece():
                pass
        except (OSError, Failed) as error:
            self.error = error

    def piece(self):
        """Read once; nothing is left at the end of the stream."""
        data, control, _, _ = self.sock.recvmsg(self.size, socket.CMSG_SPACE(1))
        if ktls.kind_of(control) == HANDSHAKE:
            equal(data, KEY_UPDATE, "a handshake record")
            self._change()
        else:
            self.took(data)
        return data

    def took(self, data):
        """This is next in the stream."""
        self.read.update(data)
        self.size_read += len(data)

    def _change(self):
        refuses("EKEYEXPIRED", self.sock.recv, 1, socket.MSG_DONTWAIT)
        number = self.number + 1
        if self.before:
            self.before(number)
        self.sock.setsockopt(SOL_TLS, TLS_RX, self.schedule(number).crypto_info())
        self.number = number
        if self.after:
            self.after(number)

    def finish(self, sender, seconds=tcp.SECONDS):
        """The stream has ended: all of it is what was sent."""
        self.join(seconds)
        check(not self.is_alive(), f"the stream had no end after {seconds} s")
        if self.error:
            raise self.error
        equal(self.number, sender.number, "KeyUpdates that were read")
        equal(self.read.hexdigest(), sender.sent.hexdigest(), "SHA-256 of the content")


def refuses(code, function, *arguments, **options):
    """The call fails with this error and no other."""
    try:
        function(*arguments, **options)
    except OSError as error:
        equal(errno.errorcode[error.errno], code, f"{function.__name__}()")
        return
    raise Failed(f"{function.__name__}() did not say {code}")


def outcome(evidence, way, **wanted):
    """What became of the KeyUpdates of the local end's "Tx" or "Rx"; none waits any more."""
    names = ("Ok", "Fallback", "Aborted", "Error")
    moved = evidence.kernel_moved()
    equal({name: moved[f"Tls{way}Rekey{name}"] for name in names},
          {name: wanted.get(name, 0) for name in names}, f"Tls{way}Rekey*")
    equal(moved[f"TlsCurr{way}Rekey"], wanted.get("waiting", 0), f"TlsCurr{way}Rekey")


def prepare(*socks):
    for sock in socks:
        sock.setsockopt(socket.IPPROTO_TCP, ktls.TCP_ULP, b"tls")
