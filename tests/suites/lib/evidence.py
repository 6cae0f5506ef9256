# SPDX-License-Identifier: GPL-2.0-or-later
"""What the kernel and the NIC say about TLS offload, and what they have to say.

A test that only looks at the bytes cannot tell offload from software. Every
offload case therefore goes through Evidence, and fails when the offload did not
happen."""

import os
import re

from . import nic, system, wait
from .cases import at_least, check, equal
from .sockdiag import txconf

TLS_STAT = "/proc/thread-self/net/tls_stat"


# Counters that no case may move, but one that is made for it.
NEVER = ("hw_tls_tx_errors", "hw_tx_errors", "tx_tls_drop_no_sync_data",
         "tx_tls_drop_bypass_req", "tx_tls_drop_fallback", "tx_tls_add_failed",
         "tx_tls_del_failed", "tx_tls_errors", "tx_tls_given_up", "tx_timeouts",
         "cmd_timeouts")


CONTEXTS = r"tx_tls_(ctx|del|add|no_space|live)|hw_tls_tx_(added|deleted|live)"
# A segment that is sent again may be acknowledged, and its record forgotten, on its way from
# TCP to the driver, which has to drop it then (case 13).
TOO_LATE = "tx_tls_drop_no_sync_data"
# The same in software: a packet of which a part is acknowledged on its way (case 14).
TOO_LATE_FOR_SOFTWARE = "tx_tls_drop_fallback"
# Counts packets out of order that were encrypted all the same.
OUT_OF_ORDER = "tx_tls_resync" if system.REPLAYS else "tx_tls_fallback"


def tls_stat():
    with open(TLS_STAT, encoding="ascii") as file:
        return {name: int(value) for name, value in (line.split() for line in file)}


def nothing_left():
    """Between two cases: no socket has kTLS any more. What a case leaves behind, the next would
    take for its own: a closed socket may wait for some seconds (see tcp.forget_orphans())."""
    def left():
        return {name: count for name, count in tls_stat().items()
                if name.startswith("TlsCurr") and count}
    if os.path.exists(TLS_STAT):
        wait.until(lambda: not left(), lambda: f"all kTLS sockets are gone: {left()}")


class Readings:
    """The counters of the kernel's TLS and of the NIC when it was made, and by how much each
    has moved since."""

    def __init__(self):
        self.kernel = tls_stat()
        self.nic = nic.statistics()

    def kernel_moved(self):
        return nic.change(self.kernel, tls_stat())

    def counters(self):
        return nic.change(self.nic, nic.statistics())

    def moved(self, name):
        return self.counters()[name]

    def back(self, names):
        """Wait until these of the kernel's counters are what they were."""
        def away():
            moved = self.kernel_moved()
            return {name: moved[name] for name in names if moved[name]}
        wait.until(lambda: not away(), lambda: f"back where they were: {away()} are off")


class Evidence(Readings):
    """Made before the socket; asked while it lives, and after it is gone."""

    def offloaded(self, sock, count=1):
        """Right after the keys were installed: this is the NIC's connection."""
        moved = self.kernel_moved()
        equal(moved["TlsTxDevice"], count, "TlsTxDevice")
        equal(moved["TlsCurrTxDevice"], count, "TlsCurrTxDevice")
        equal(moved["TlsTxSw"], 0, "TlsTxSw")
        equal(txconf(sock), "hw", "ss: txconf")
        equal(self.moved("tx_tls_ctx"), count, "tx_tls_ctx")

    def in_software(self, sock, count=1):
        """The connection runs, and the NIC was given nothing of it."""
        moved = self.kernel_moved()
        equal(moved["TlsTxSw"], count, "TlsTxSw")
        equal(moved["TlsTxDevice"], 0, "TlsTxDevice")
        equal(txconf(sock), "sw", "ss: txconf")
        equal(self.moved("tx_tls_ctx"), 0, "tx_tls_ctx")

    def encrypted(self, size, records, again=(0, 0), segments=0):
        """The NIC encrypted that many bytes of stream, which are these records (and
        segments, if they were counted on the wire). again: segments and bytes that
        TCP sent a second time, which the NIC encrypts as well."""
        counters = self.counters()
        self.encrypted_as_sent(sum(record.encrypted for record in records), again[1])
        self.no_software(counters, again[0])
        if not again[0]:
            equal(counters["hw_tls_tx_bytes"], size, "hw_tls_tx_bytes")
            equal(counters["hw_tls_tx_records"], len(records), "hw_tls_tx_records")
            for name in ("tx_tls_ooo", "tx_tls_resync"):
                equal(counters[name], 0, name)
            if segments:
                for name in ("tx_tls_encrypted_packets", "hw_tls_tx_packets"):
                    equal(counters[name], segments, name)
        at_least(counters["tx_tls_encrypted_packets"], 1, "tx_tls_encrypted_packets")
        self.no_errors(counters, again=again[0])

    def encrypted_as_sent(self, payload, again, besides=0):
        """The NIC encrypted each byte of that much payload once, or as often as it was sent.
        again: bytes that TCP sent a second time; besides: at most, those of records that are
        no payload."""
        done = self.moved("tx_tls_encrypted_bytes")
        check(payload <= done <= payload + again + besides, f"tx_tls_encrypted_bytes: {done}, "
              f"of {payload} bytes, and {again} that were sent again")

    def by_the_nic(self, size, again=0):
        """The NIC encrypted that many bytes of stream, and more only if some were sent again;
        software encrypted nothing (see no_software())."""
        counters = self.counters()
        self.no_software(counters, again)
        at_least(counters["hw_tls_tx_bytes"], size, "hw_tls_tx_bytes")

    @staticmethod
    def no_software(counters, most=0):
        """Software encrypted nothing; but a segment that TCP sends again needlessly may be sent
        on another CPU, and meet units of its connection in that CPU's ring (case 28). most: so
        many at most, of those that were sent again. Without replay all of these are software's."""
        name, only = "tx_tls_fallback", "tx_tls_other_queue"
        check((counters[name] == counters[only] or not system.REPLAYS)
              and counters[name] <= most,
              f"{name}: {counters[name]}, {only}: {counters[only]}, of which {most} may be")

    def tls_counters(self):
        """Those of the NIC's TLS counters that moved, for a note."""
        moved = self.counters()
        return ", ".join(f"{name} {n}" for name, n in moved.items()
                         if name.startswith(("tx_tls_", "rx_tls_")))

    def no_errors(self, counters=None, but=(), again=0):
        """No counter of NEVER moved; again: segments that TCP sent a second time, which may
        come too late."""
        counters = counters or self.counters()
        for name in NEVER:
            if name not in but and not (again and name in (TOO_LATE, TOO_LATE_FOR_SOFTWARE)):
                equal(counters[name], 0, name)
        for name in (TOO_LATE, TOO_LATE_FOR_SOFTWARE):
            if name not in but:
                check(counters[name] <= again,
                      f"{name}: {counters[name]}, of {again} segments that were sent again")
        equal(self.kernel_moved()["TlsDecryptError"], 0, "TlsDecryptError")

    def gone(self):
        """Everything that was added is deleted again, here and in the NIC."""
        self.back(("TlsCurrTxDevice", "TlsCurrTxSw"))

        def balanced():
            now = self.counters()
            return ("hw_tls_tx_live" not in now and now["tx_tls_ctx"] == now["tx_tls_del"]
                    and now["hw_tls_tx_added"] == now["hw_tls_tx_deleted"])
        wait.until(balanced, lambda: f"contexts deleted equal contexts added: {self.contexts()}")

    def gone_in_software(self):
        """The same of a connection that ran without the NIC, whatever others come to their end
        meanwhile: contexts are deleted some time after the end of a connection."""
        wait.until(lambda: tls_stat()["TlsCurrTxSw"] <= self.kernel["TlsCurrTxSw"],
                   "TlsCurrTxSw is back where it was")
        equal(self.moved("tx_tls_ctx"), 0, "tx_tls_ctx")

    def contexts(self):
        """Those counters of contexts that moved."""
        return {name: n for name, n in self.counters().items() if re.search(CONTEXTS, name)}
