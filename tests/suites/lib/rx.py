# SPDX-License-Identifier: GPL-2.0-or-later
"""One kTLS stream to the local port, and what kernel and NIC must say of it."""

import errno
import hashlib
import socket
import threading

from . import ktls, nic, tcp, wait
from .cases import Failed, check, equal
from .evidence import Readings
from .sockdiag import rxconf

FLAG = nic.TLS_RX_FLAG

# Counters that no case may move, but one that is made for it.
NEVER = ("rx_tls_err", "rx_tls_add_failed", "rx_tls_del_failed", "rx_tls_given_up",
         "hw_tls_rx_auth_failed", "hw_tls_rx_bad_headers", "tx_timeouts", "cmd_timeouts")


def ready(on=True):
    nic.local().set(**{FLAG: on})


class Evidence(Readings):
    """Made before the socket; asked while it lives, and after it is gone."""

    def offloaded(self, sock, count=1):
        """Right after the keys were installed: this is the NIC's connection."""
        moved = self.kernel_moved()
        equal(moved["TlsRxDevice"], count, "TlsRxDevice")
        equal(moved["TlsCurrRxDevice"], count, "TlsCurrRxDevice")
        equal(moved["TlsRxSw"], 0, "TlsRxSw")
        equal(rxconf(sock), "hw", "ss: rxconf")
        equal(self.moved("rx_tls_ctx"), count, "rx_tls_ctx")
        equal(self.moved("hw_tls_rx_live"), count, "hw_tls_rx_live")

    def in_software(self, sock, count=1):
        """The connection runs, and the NIC was given nothing of it."""
        moved = self.kernel_moved()
        equal(moved["TlsRxSw"], count, "TlsRxSw")
        equal(moved["TlsRxDevice"], 0, "TlsRxDevice")
        equal(rxconf(sock), "sw", "ss: rxconf")
        equal(self.moved("rx_tls_ctx"), 0, "rx_tls_ctx")

    def decrypted(self, packets, payload, stream):
        """Exactly so many packets, TLS payload and stream bytes in them."""
        now = self.counters()
        for name, want in (("rx_tls_decrypted_packets", packets),
                           ("hw_tls_rx_packets", packets),
                           ("rx_tls_decrypted_bytes", payload),
                           ("hw_tls_rx_bytes", stream)):
            equal(now[name], want, name)

    def all_decrypted(self, payload, stream, records, again=0):
        """The NIC decrypted everything, and every record was authentic. again: bytes of the
        stream that TCP sent a second time though the link lost nothing (a slow machine's
        timeout). Each byte has reached the NIC in its order before that, so that what comes
        again costs nothing but is left as it is."""
        now = self.counters()
        equal(now["rx_tls_decrypted_bytes"], payload, "rx_tls_decrypted_bytes")
        equal(now["hw_tls_rx_bytes"], stream, "hw_tls_rx_bytes")
        equal(now["hw_tls_rx_seen_bytes"], stream + again, "hw_tls_rx_seen_bytes")
        equal(now["hw_tls_rx_records"], records, "hw_tls_rx_records")
        equal(now["rx_tls_packets"], now["hw_tls_rx_seen_packets"], "rx_tls_packets")
        equal(now["rx_tls_decrypted_packets"], now["hw_tls_rx_packets"],
              "rx_tls_decrypted_packets")
        if not again:
            equal(now["hw_tls_rx_packets"], now["hw_tls_rx_seen_packets"], "hw_tls_rx_packets")
        self.no_errors()

    def script_decrypted(self, script, again=0, count=1, cipher=ktls.GCM128):
        """The same for so many streams made of this script."""
        sizes = records_of(script) * count
        self.all_decrypted(cipher.encrypted(sizes), cipher.stream(sizes), len(sizes), again)

    def share(self, payload):
        """Of that much TLS payload, what the NIC has decrypted."""
        return self.moved("rx_tls_decrypted_bytes") / payload

    def no_errors(self, but=()):
        now = self.counters()
        for name in NEVER:
            if name not in but:
                equal(now[name], 0, name)
        if "TlsDecryptError" not in but:
            equal(self.kernel_moved()["TlsDecryptError"], 0, "TlsDecryptError")
        self.requests_balance()

    def requests_balance(self):
        """start = end + skip, once nothing is outstanding; and the device's count of
        what it asked is the driver's count of what it was asked."""
        def balanced():
            now = self.counters()
            return (now["rx_tls_resync_req_start"]
                    == now["rx_tls_resync_req_end"] + now["rx_tls_resync_req_skip"]
                    and now["hw_tls_rx_requests"] == now["rx_tls_resync_req_pkt"]
                    and now["hw_tls_rx_resyncs"] == now["rx_tls_resync_res_ok"])
        wait.until(balanced, lambda: f"resync requests balance: {self.resync_counters()}")

    def resync_counters(self):
        return {name: value for name, value in self.counters().items()
                if "resync" in name or "request" in name or "false" in name}

    def gone(self):
        """Everything that was added is deleted again, here and in the NIC."""
        self.back(("TlsCurrRxDevice", "TlsCurrRxSw", "TlsCurrTxDevice", "TlsCurrTxSw"))

        def balanced():
            now = self.counters()
            return ("hw_tls_rx_live" not in now
                    and now["rx_tls_ctx"] == now["rx_tls_del"]
                    and now["hw_tls_rx_added"] == now["hw_tls_rx_deleted"])
        wait.until(balanced, "contexts deleted equal contexts added")


class Reader(threading.Thread):
    """Reads records to the end of the stream in the background, of any type."""

    def __init__(self, sock, pause=None, limit=1 << 17):
        super().__init__(daemon=True)
        self.sock = sock
        self.pause = pause          # an Event: read only while it is set
        self.paused = threading.Event()     # it is not, and no call reads any more
        self.limit = limit
        self.bytes = bytearray()
        self.kinds = []             # [content type, bytes], neighbours of one type joined
        self.error = None
        self.start()

    def run(self):
        try:
            while True:
                if self.pause and not self.pause.is_set():
                    self.paused.set()
                    self.pause.wait()
                    self.paused.clear()
                got, control, _flags, _source = self.sock.recvmsg(self.limit, 64)
                if not got:
                    return
                self.bytes += got
                ktls.join(self.kinds, ktls.kind_of(control), len(got))
        except OSError as error:
            self.error = error

    def wait_for(self, size):
        wait.until(lambda: len(self.bytes) >= size or self.error,
                   f"{size} bytes read", seconds=tcp.SECONDS)
        if self.error:
            raise Failed(f"reading: {self.error}")

    def finish(self, seconds=tcp.SECONDS):
        """Wait for the end of the stream; what came."""
        self.join(seconds)
        check(not self.is_alive(), f"the stream had no end after {seconds} s, "
              f"{len(self.bytes)} bytes")
        if self.error:
            raise Failed(f"reading: {self.error}")
        return bytes(self.bytes)

    def fails(self, seconds=tcp.SECONDS):
        """Wait for EBADMSG; what came before."""
        self.join(seconds)
        equal(self.error and errno.errorcode[self.error.errno], "EBADMSG", "reading ended with")
        return bytes(self.bytes)


class Flow:
    """A connection whose far end encrypts in software (kTLS) and whose near end
    decrypts in the NIC; or, if the case says so, "sw", or None: where it may."""

    def __init__(self, context, keys=ktls.Keys(), family=4, mss=None, pause=None, install=True,
                 rcvbuf=None, where="hw"):
        self.keys = keys
        self.where = where
        self.evidence = Evidence()
        self.near, self.far = tcp.connect(family, mss)
        context.enter_context(tcp.closing(self.near, self.far))
        if rcvbuf:
            self.near.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        self.sender = ktls.Sender(self.far)
        self.pause = pause
        self.reader = None
        if install:
            self.install()

    def install(self):
        ktls.install(self.near, self.keys, ktls.TLS_RX)
        ktls.install(self.far, self.keys, ktls.TLS_TX)
        if self.where:
            equal(rxconf(self.near), self.where, "ss: rxconf")
        self.reader = Reader(self.near, self.pause)

    def encrypted(self, script):
        """Bytes that are encrypted when a script is sent."""
        return self.keys.cipher.encrypted(records_of(script))

    def play(self, script, seed="content"):
        """The far end sends a script."""
        self.sender.play(script, tcp.data(seed, ktls.size_of(script)))

    def ended(self):
        """The far end has sent everything; what arrived is what was sent. (segments, bytes)
        that TCP sent again."""
        self.far.shutdown(socket.SHUT_WR)
        got = self.reader.finish()
        wait.until(lambda: not tcp.unacknowledged(self.far), "all is acknowledged")
        equal(sha(got), sha(self.sender.sent), "SHA-256 of the content")
        equal(self.reader.kinds, self.sender.kinds, "content types")
        return tcp.retransmitted(self.far)

    def finish(self):
        """The same, and both ends close."""
        again = self.ended()
        self.near.close()
        self.far.close()
        return again


def sha(data):
    return hashlib.sha256(data).hexdigest()


def records_of(script):
    """Sizes of the records that software kTLS makes of a script of Writes without
    MSG_MORE and Controls."""
    return [size for step in script for size in ktls.records_of(step.size)]

