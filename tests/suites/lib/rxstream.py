# SPDX-License-Identifier: GPL-2.0-or-later
"""A stream of records whose segments the case makes itself."""

import socket

from . import ktls, rawpeer, rx, seal, tlstrace, wait
from .cases import equal
from .ktls import Keys
from .system import SO_RCVBUFFORCE


class Stream:
    """Records on their way to an offloaded socket, through a raw peer."""

    def __init__(self, context, keys=Keys(), family=4, alone=True, install=True,
                 reading=True, room=None, peer=rawpeer.Peer, traced=True, **options):
        """alone: the kernel's and the NIC's counters count this connection only."""
        self.evidence = rx.Evidence()
        self.trace = tlstrace.Trace(context) if traced else None
        self.keys = keys
        self.peer = peer(context, family, **options)
        self.sealer = seal.Sealer(keys)
        self.stream = b""               # all records so far
        self.sent = bytearray()         # their payload
        self.sizes = []
        self.starts = []                # where each record begins
        self.reading = reading
        self.reader = None
        if room:
            self.peer.sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, room)
        if install:
            self.install(alone)

    def install(self, alone=True):
        ktls.install(self.peer.sock, self.keys, ktls.TLS_RX)
        equal(rx.rxconf(self.peer.sock), "hw", "ss: rxconf")
        if alone:
            self.evidence.offloaded(self.peer.sock)
        if self.reading:
            self.read()

    def read(self):
        """Somebody reads from now on."""
        self.reader = rx.Reader(self.peer.sock)

    def record(self, plain, **how):
        """Make the next record; where it lies in the stream."""
        at = len(self.stream)
        self.starts.append(at)
        self.stream += self.sealer.seal(plain, **how)
        self.sent += plain
        self.sizes.append(len(plain))
        return at, len(self.stream)

    @property
    def encrypted(self):
        """Bytes that are encrypted of all records so far."""
        return len(self.stream) - len(self.sizes) * (self.keys.cipher.front + ktls.TAG)

    def put(self, start, end, plainly=True, **how):
        """Send these bytes as one segment; plainly: the NIC can decrypt it."""
        start -= not plainly
        self.peer.put(start, self.stream[start:end], **how)

    def answered(self, count=1):
        """So many requests were made, and the NIC has answered the driver's question after
        each (async): what the kernel knows of a header is complete, and the next one that
        it meets tells the NIC its place, however long the answer took."""
        def closed():
            now = self.evidence.counters()
            started = now["rx_tls_resync_req_start"]
            return (started + now["rx_tls_resync_req_scan"] >= count
                    and started == now["rx_tls_resync_req_end"] + now["rx_tls_resync_req_skip"])
        wait.until(closed, lambda: f"{count} requests were answered: "
                                   f"{self.evidence.resync_counters()}")

    def resynced(self, count=1):
        wait.until(lambda: self.evidence.moved("rx_tls_resync_res_ok") >= count,
                   lambda: f"resync {count}: {self.evidence.resync_counters()}")

    def arrived(self):
        """All of it was acknowledged and read, and it is what was sent."""
        self.peer.wait_acked()
        self.reader.wait_for(len(self.sent))
        equal(rx.sha(self.reader.bytes), rx.sha(self.sent), "SHA-256 of the content")

    def end(self):
        """Close both ends."""
        self.peer.fin()
        self.reader.finish()
        self.peer.sock.close()
        self.peer.reset()

    def finish(self):
        """Everything arrived, and nothing is left."""
        self.arrived()
        self.end()
        self.evidence.gone()
