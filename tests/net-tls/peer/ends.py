# SPDX-License-Identifier: GPL-2.0-or-later
"""A connection over loopback between TLS in user space and kTLS. No key is made up: the end
with kTLS shakes hands by GnuTLS, or by OpenSSL, and goes on with what that agreed upon."""

import concurrent.futures
import contextlib
import functools
import pathlib
import socket
import tempfile

from lib import counters, evidence, handshake, ktls, sockdiag, tcp, timescale
from lib.cases import Failed, check, equal
from lib.ktls import DATA, SOL_TLS, TLS_RX, TLS_TX
from .libraries import SUITES, GnuTls

NAMES = {TLS_TX: "sending", TLS_RX: "receiving"}


@functools.cache
def certificate():
    """A directory with key.pem and cert.pem, for all cases."""
    work = pathlib.Path(tempfile.mkdtemp())
    handshake.certificate(work, "127.0.0.1")
    return work


class Connection:
    """`far` is TLS in user space; `near` is TLS in user space, too, until it has kTLS."""

    def __init__(self, context, cipher, far, near=GnuTls, serves=True, far_options=None,
                 near_options=None):
        """far, near: whose; serves: the near end is the server."""
        self.cipher = cipher
        self.before = evidence.tls_stat()
        near_sock, far_sock = tcp.loopback()
        context.enter_context(tcp.closing(far_sock))
        self.far = far(context, far_sock, cipher, certificate(), not serves, **far_options or {})
        # What the far end does, it does in a thread, which ends when the near end is closed.
        self.pool = context.enter_context(concurrent.futures.ThreadPoolExecutor(1))
        context.enter_context(tcp.closing(near_sock))
        self.near = near(context, near_sock, cipher, certificate(), serves, **near_options or {})
        self.together(self.near.handshake, self.far.handshake)
        for end in (self.near, self.far):
            equal(end.negotiated(), (f"TLSv{self.version}", SUITES[cipher]), "version and suite")

    @property
    def version(self):
        return sockdiag.VERSIONS[self.cipher.version]

    def together(self, near, far):
        """Each end does something: what the two functions return. An error of the near end may
        only come of the far one's."""
        doing = self.pool.submit(self._far, far)
        try:
            return near(), doing.result(timescale.scaled(tcp.SECONDS))
        except (OSError, Failed) as error:
            with contextlib.suppress(OSError):
                self.near.sock.shutdown(socket.SHUT_RDWR)
            other = doing.exception(timescale.scaled(tcp.SECONDS))
            also = "" if other in (None, error) else f"; at the far end: {other}"
            raise Failed(f"{error}{also}") from error

    def _far(self, function):
        """Nobody waits for a far end that has failed."""
        try:
            return function()
        except Failed:
            with contextlib.suppress(OSError):
                self.far.sock.shutdown(socket.SHUT_RDWR)
            raise

    def moved(self):
        return counters.Moved(self.before, evidence.tls_stat())

    def in_software(self, **others):
        """kTLS does both directions of the near end with the version and the cipher that were
        agreed upon; of the counters that may tell something else only the others moved."""
        equal(sockdiag.tls(self.near.sock),
              sockdiag.Tls(self.version, self.cipher.name, "sw", "sw"), "ss")
        wanted = {"TlsTxSw": 1, "TlsRxSw": 1, "TlsTxDevice": 0, "TlsRxDevice": 0,
                  "TlsDecryptError": 0, "TlsRxNoPadViolation": 0} | others
        moved = self.moved()
        equal({name: moved[name] for name in wanted}, wanted, "tls_stat")


def records(end, size):
    """Read so much data of a library, record by record."""
    found = []
    while sum(map(len, found)) < size:
        found.append(end.receive())
        check(found[-1], f"a close_notify instead of {size} bytes")
    return found


class Kernel:
    """The near end of a connection, now with kTLS. spoil: in this direction a bit of the key is
    another."""

    def __init__(self, connection, spoil=None):
        self.sock = connection.near.sock
        self.keys = {TLS_TX: connection.near.keys(reading=False),
                     TLS_RX: connection.near.keys(reading=True)}
        if spoil:
            self.keys[spoil] = spoiled(self.keys[spoil])
        self.next = {way: keys.first for way, keys in self.keys.items()}
        ktls.install(self.sock, self.keys[TLS_TX])
        ktls.install_more(self.sock, self.keys[TLS_RX], TLS_RX)

    def counted(self, way, count):
        """The kernel has sent or received so many records since this was last asked."""
        self.next[way] += count
        info = self.sock.getsockopt(SOL_TLS, way, len(self.keys[way].crypto_info()))
        equal(int.from_bytes(info[-8:], "big"), self.next[way],
              f"number of the next record when {NAMES[way]}")

    def send(self, data):
        self.sock.sendall(data)

    def control(self, kind, data):
        """Send a record that is not data."""
        ktls.Control(len(data), kind).do(self, data)

    def record(self, room=1 << 17, flags=0):
        """(type, content) of what comes next: one record, or data of several."""
        data, control, _, _ = self.sock.recvmsg(room, socket.CMSG_SPACE(1), flags)
        return ktls.kind_of(control), data

    def read(self, size, room=1 << 17):
        """So much data, and no other records before its end."""
        got = bytearray()
        while len(got) < size:
            kind, data = self.record(room)
            check(kind == DATA and data, f"record {kind} {data.hex()} after {len(got)} bytes")
            got += data
        return bytes(got)


def spoiled(keys):
    """The same with one bit of the key changed."""
    return ktls.Keys.of(keys.cipher, bytes([keys.key[0] ^ 1]) + keys.key[1:],
                        keys.salt + keys.iv, keys.first)
