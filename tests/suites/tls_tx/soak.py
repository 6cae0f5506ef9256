# SPDX-License-Identifier: GPL-2.0-or-later
"""Many connections, every way to send, a bad link, for long: what only shows after
thousands of retransmissions."""

import hashlib
import math
import multiprocessing
import pathlib
import random
import re
import resource
import threading
import time

from lib import ktls, link, nic, pageowner, records, tcp, timescale, wait
from lib.cases import Context, Failed, Registry, at_least, check, equal
from lib.evidence import Evidence, txconf
from lib.ktls import ALERT, HANDSHAKE, Control, Keys, Sendfile, Splice, Write
from lib.system import NETIF, REMOTE_NS, free_deferred, ip, remote_netif
from . import ready

registry = Registry()
CONNECTIONS = 8
ROUNDS = 2
ROUND_BYTES = timescale.shorter(104 << 20)   # of content, all connections: 208 MB in two rounds
LINK = {"loss": "2%", "reorder": "2%", "seed": 20}
PROGRESS_SECONDS = 10
LEAK = 8 << 20                  # bytes of memory that may be gone: with a page lost in
                                # each resync it would be three times as much


def next_step(dice):
    """Sizes from 1 byte to 1 MB, each order of magnitude as often as the others."""
    size = int(math.exp(dice.uniform(0, math.log(1 << 20))))
    more = dice.random() < 0.3
    kind = dice.random()
    if kind < 0.55:
        return Write(size, more)
    if kind < 0.75:
        return Sendfile(size)
    if kind < 0.9:
        return Splice(min(size, 30_000), more)
    return Control(min(size, 300), dice.choice((ALERT, HANDSHAKE)), more)


class Digest:
    """Of a run of records: their bytes, and where one of another type stands."""

    def __init__(self):
        self.sha = hashlib.sha256()
        self.size = 0

    def update(self, kind, data):
        if kind != ktls.DATA:
            self.sha.update(b"record of type %d, %d bytes" % (kind, len(data)))
        self.sha.update(data)
        self.size += len(data)


class Writer(threading.Thread):
    """Sends until it has sent enough."""

    def __init__(self, sock, seed, size):
        super().__init__(daemon=True)
        self.sock, self.seed, self.size = sock, seed, size
        self.sent = Digest()
        self.error = None

    def run(self):
        dice = random.Random(self.seed)
        try:
            while self.sent.size < self.size:
                self._do(next_step(dice), dice)
            # The kernel drops a record that is still open at close().
            self._do(Write(1), dice)
        except OSError as error:
            self.error = error

    def _do(self, step, dice):
        piece = dice.randbytes(step.size)
        step.do(self, piece)
        self.sent.update(getattr(step, "kind", ktls.DATA), piece)


class Receiver(threading.Thread):
    """The far end: OpenSSL opens each record as soon as it is whole."""

    def __init__(self, sock, keys):
        super().__init__(daemon=True)
        self.sock, self.keys = sock, keys
        self.got = Digest()
        self.error = None
        self.start()

    def run(self):
        opener = records.Stream(self.keys)
        buffer = memoryview(bytearray(1 << 18))
        try:
            while size := self.sock.recv_into(buffer):
                for record in opener.take(buffer[:size]):
                    self.got.update(record.kind, record.plain)
            check(not opener.rest, "the stream ends inside a record")
        except (OSError, Failed) as error:
            self.error = error


class Connection:
    def __init__(self, context, number, turn):
        family, cipher = ktls.mixed(CONNECTIONS)[number]
        keys = Keys(cipher, seed=f"soak {number} {turn}")
        self.near, self.far = tcp.connect(family)
        context.enter_context(tcp.closing(self.near, self.far))
        ktls.install(self.near, keys)
        equal(txconf(self.near), "hw", "ss: txconf")
        self.receiver = Receiver(self.far, keys)
        self.writer = Writer(self.near, f"soak {number} {turn}", ROUND_BYTES // CONNECTIONS)

    def finish(self):
        """Bytes that crossed the wire, and of these what was sent again."""
        check(not self.writer.error, f"sending: {self.writer.error}")
        wait.until(lambda: tcp.unacknowledged(self.near) == 0, "all data acknowledged", 60)
        crossed = tcp.sent(self.near), tcp.retransmitted(self.near)[1]
        self.near.close()
        self.receiver.join(60)
        check(not self.receiver.is_alive() and not self.receiver.error,
              f"receiving: {self.receiver.error or 'no end'}")
        equal(self.receiver.got.sha.hexdigest(), self.writer.sent.sha.hexdigest(),
              f"SHA-256 of {self.writer.sent.size} bytes ({self.receiver.got.size} arrived)")
        return crossed


def watch(connections, turn):
    """Wait for the writers, and say now and then how far they are."""
    next_report = time.monotonic() + PROGRESS_SECONDS
    for connection in connections:
        while connection.writer.is_alive():
            connection.writer.join(0.2)
            if time.monotonic() > next_report:
                done = sum(each.writer.sent.size for each in connections) >> 20
                print(f"# round {turn} of {ROUNDS}: {done} of {ROUND_BYTES >> 20} MB", flush=True)
                next_report += PROGRESS_SECONDS


def free_memory():
    """In units of 256 KB, with the pages that a CPU keeps for what it allocates next; of
    one file, for they go over from one to the other by 8 MB at a time."""
    zones = pathlib.Path("/proc/zoneinfo").read_text()
    pages = sum(map(int, re.findall(r"\b(?:pages free|count:) +(\d+)", zones)))
    return (pages * resource.getpagesize()) >> 18


def memory():
    """Bytes that are free, with nothing kept that need not be: while the ports are down
    their rings and pools hold nothing. Read when nothing is on its way back any more."""
    ports = (NETIF, None), (remote_netif(), REMOTE_NS)
    for netif, ns in ports:
        ip("link", "set", netif, "down", ns=ns)
    free_deferred()
    pathlib.Path("/proc/sys/vm/drop_caches").write_text("3")
    free = wait.unchanged(free_memory, "free memory") << 18
    nic.recover()
    return free


def one_round(turn):
    """All connections once; (bytes that crossed the wire, of these sent again)."""
    with Context(f"round {turn}") as context:
        connections = [Connection(context, number, turn) for number in range(CONNECTIONS)]
        for connection in connections:
            connection.writer.start()
        watch(connections, turn)
        crossed = [connection.finish() for connection in connections]
        return [sum(column) for column in zip(*crossed)]


def apart(function, *arguments):
    """Call it in a process of its own, whose memory is nobody's when it has ended."""
    with multiprocessing.get_context("fork").Pool(1) as pool:
        return pool.apply(function, arguments)


@registry.case("soak", seconds=600)
def soak(context):
    """At least 200 MB, less on a slow kernel; nearly all that crosses the wire, sent again
    or not, is encrypted by the card, nothing by software; contexts and memory come back."""
    ready()
    state = Evidence()
    begin = time.monotonic()
    crossed, again, free = 0, 0, memory()
    for turn in range(1, ROUNDS + 1):
        with link.Link(**LINK):
            sums = apart(one_round, turn)
        state.gone()
        crossed, again = crossed + sums[0], again + sums[1]
    lost = free - memory()
    encrypted = state.moved("hw_tls_tx_bytes")
    resyncs = state.moved("tx_tls_resync")
    context.note(f"{crossed >> 20} MB crossed the wire in {time.monotonic() - begin:.0f} s, "
                 f"{again} bytes of it again; encrypted by the card: {encrypted / crossed:.4f}")
    context.note(state.tls_counters())
    context.note(f"memory gone after {resyncs} resyncs: {lost >> 10} KB")
    at_least(crossed, timescale.shorter(200_000_000), "bytes that crossed the wire")
    at_least(again, crossed // 100, "bytes that were sent again")
    at_least(encrypted / crossed, 0.99, "share of the bytes that the card encrypted")
    # A segment that is sent again needlessly may meet its connection in the other CPU's
    # ring (case 28); for no other reason does software encrypt.
    state.no_software(state.counters(), resyncs // 200)
    equal(nic.statistics()["hw_tls_tx_live"], 0, "hw_tls_tx_live")
    equal((state.moved("tx_tls_ctx"), state.moved("tx_tls_del")),
          (CONNECTIONS * ROUNDS,) * 2, "tx_tls_ctx, tx_tls_del")
    # A kernel that tells whose pages are left also keeps what is freed in quarantine.
    check(lost < LEAK or pageowner.exists(), f"{lost >> 10} KB of memory are gone")
    # With eight connections a segment that is sent again may wait its turn in the qdisc
    # until what it repeats has been acknowledged, and is dropped (case 13).
    late = state.moved("tx_tls_drop_no_sync_data")
    check(late <= resyncs // 200, f"{late} segments without a record, after {resyncs} resyncs")
    state.no_errors(but=["tx_tls_drop_no_sync_data"])
