# SPDX-License-Identifier: GPL-2.0-or-later
"""Long streams: how much of them the NIC decrypts on a clean link, under loss, and
after it. What a case measures it writes down."""

import statistics
import threading
import time

from lib import ktls, netem, rx, tcp, tlstrace, wait
from lib.cases import Registry, at_least, check, equal
from lib.ktls import ALERT, HANDSHAKE, Control, Keys, Write
from .framing import COMBINATIONS

registry = Registry()
MEGABYTE = 1 << 20
SIZES = (1, 2, 3, 5, 12, 13, 15, 16, 17, 28, 29, 31, 32, 33, 100, 255, 256, 257, 1000, 1399,
         1400, 1418, 1419, 1420, 1447, 1448, 1449, 2896, 4095, 4096, 4097, 8191, 9000, 16383,
         16384)
SCRIPTS = {
    "record-sizes": tuple(Write(size) for size in SIZES * 3),
    "one-big-write": (Write(2 * MEGABYTE),),
    "many-tiny-records": tuple(Write(1 + i % 40) for i in range(1500)),
    "control-records": (Write(5000), Control(2, ALERT), Write(100), Control(300, HANDSHAKE),
                        Write(20_000), Control(1, ALERT)),
}
MSS = {"record-sizes": 1337, "many-tiny-records": 1001}


def content(script, seed):
    return tcp.data(seed, ktls.size_of(script))


def clean(context, script, mss, family, cipher):
    """On a clean link everything is decrypted by the NIC."""
    flow = rx.Flow(context, Keys(cipher), family, mss)
    flow.evidence.offloaded(flow.near)
    flow.sender.play(script, content(script, "clean"))
    again = flow.finish()
    flow.evidence.gone()
    if again[0]:        # a slow machine's timeout
        at_least(flow.evidence.share(), 0.5, "share that was decrypted")
        flow.evidence.no_errors()
        return
    sizes = rx.records_of(script)
    flow.evidence.all_decrypted(sum(sizes), rx.stream_size(sizes), len(sizes))


def record_numbers(context, family, cipher):
    """Record numbers that need all 64 bits, on the way there and in resyncs."""
    flow = rx.Flow(context, Keys(cipher, first=(1 << 63) + (1 << 32) - 3), family)
    script = (Write(200_000), Write(17))
    flow.sender.play(script, content(script, "numbers"))
    flow.finish()
    flow.evidence.gone()
    at_least(flow.evidence.share(), 0.99, "share that was decrypted")
    flow.evidence.no_errors()


for _family, _cipher in COMBINATIONS:
    _end = f"v{_family}/{_cipher.name[-3:]}"
    for _name, _script in SCRIPTS.items():
        registry.add(f"stream/{_name}/{_end}", clean, _script, MSS.get(_name), _family, _cipher)
    registry.add(f"stream/record-numbers/{_end}", record_numbers, _family, _cipher)


@registry.case("must-hold/clean-link-99.9-percent", seconds=200)
def clean_share(context):
    """Eight connections at a time, 40 MB in all."""
    state = rx.Evidence()
    flows = start(context, 8)
    transfer(flows, 5 * MEGABYTE, "clean")
    for flow in flows:
        flow.finish()
    state.gone()
    context.note(f"decrypted: {100 * state.share():.3f} % of "
                 f"{state.moved('hw_tls_rx_seen_bytes')} bytes")
    at_least(state.share(), 0.999, "share that was decrypted")
    state.no_errors()


def start(context, count):
    return [rx.Flow(context, Keys(seed=f"connection {i}"), 4 if i % 2 else 6)
            for i in range(count)]


def transfer(flows, size, seed):
    """All of them send that much at once, in records of 16 KB, and it is read."""
    data = tcp.data(seed, size)
    threads = [threading.Thread(target=flow.sender.play, args=((Write(size),), data))
               for flow in flows]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
        check(not thread.is_alive(), "sending took more than 120 s")
    for flow in flows:
        flow.reader.wait_for(len(flow.sender.sent))


# ---- the curve

def curve(context, percent):
    """Steady loss, segments of a full MSS, records of 16 KB."""
    if percent:
        netem.before_the_wire(context, "loss", f"{percent}%", "seed", 31 + int(10 * percent))
    trace = tlstrace.Trace(context)
    flow = rx.Flow(context)
    size = (8 if percent < 3 else 4) * MEGABYTE
    begin = time.monotonic()
    flow.sender.play((Write(size),), tcp.data("curve", size))
    again = flow.finish()
    seconds = time.monotonic() - begin
    flow.evidence.gone()
    fates = trace.fates()
    context.note(f"loss {percent} %: decrypted {100 * flow.evidence.share():.1f} % of the bytes; "
                 f"of {len(fates)} records hw {fates.count('hw')} mixed {fates.count('mixed')} "
                 f"sw {fates.count('sw')}; {again[0]} segments sent again, {seconds:.1f} s; "
                 f"{flow.evidence.resync_counters()}")
    if percent:
        at_least(again[0], 1, "segments sent again")
    if percent <= 1:
        at_least(flow.evidence.share(), 0.999 if not percent else 0.7,
                 "share that was decrypted")
    flow.evidence.no_errors()


for _percent in (0, 0.1, 0.5, 1, 2, 3, 5):
    registry.add(f"must-hold/loss-{_percent}-percent", curve, _percent, seconds=200)


# ---- bursts

class Burst:
    """What the kernel's trace says of connections that went through a burst of loss."""

    def __init__(self, trace, end):
        self.end = end
        self.records = trace.records()
        self.distances = [self._distance(table) for table in self.records.values()]

    def _distance(self, table):
        """(records, bytes) from the end of the burst to the first of the records from
        which on the NIC decrypts; None if it never does again."""
        later = [(event, how) for event, how in table if event.time >= self.end]
        for i, (_event, how) in enumerate(later):
            if how == "hw":
                return i, sum(event.len for event, _how in later[:i])
        return None


@registry.case("must-hold/burst-of-loss", seconds=250)
def burst(context):
    """Eight connections lose much for a while. When that is over each one gets back,
    and of the next 10 MB of each, read as they come, 95 % are decrypted."""
    trace = tlstrace.Trace(context, 32768)
    netem.before_the_wire(context, "loss", "0%")
    state = rx.Evidence()
    flows = start(context, 8)
    transfer(flows, MEGABYTE // 2, "before")
    netem.change_before_the_wire("loss", "25%", "seed", 77)
    sender = threading.Thread(target=transfer, args=(flows, MEGABYTE // 2, "in the burst"))
    sender.start()
    wait.until(lambda: sum(tcp.retransmitted(flow.far)[0] for flow in flows) >= 150,
               "a hundred segments and more were lost", seconds=60)
    netem.change_before_the_wire("loss", "0%")
    end = time.clock_gettime(time.CLOCK_MONOTONIC)
    sender.join(120)
    after = rx.Evidence()
    transfer(flows, 10 * MEGABYTE, "after")
    share = after.share()
    for flow in flows:
        flow.finish()
    state.gone()
    seen = Burst(trace, end)
    equal(len(seen.distances), len(flows), "connections in the trace")
    context.note(f"share of the next 10 MB of each: {100 * share:.2f} %; "
                 f"{state.resync_counters()}")
    check(None not in seen.distances, f"a connection never got back: {seen.distances}")
    for what, values in zip(("records", "bytes"), zip(*seen.distances)):
        context.note(f"{what} from the end of the burst to the first decrypted record: median "
                     f"{statistics.median(values):.0f}, worst {max(values)}: {sorted(values)}")
    at_least(share, 0.95, "share of the next 10 MB")
    state.no_errors()


@registry.case("must-hold/reader-that-lags", seconds=200)
def lagging(context):
    """Nobody reads for a while after the loss: the NIC asks, and the kernel answers
    when it gets to the header, not before. Then everything is decrypted again."""
    trace = tlstrace.Trace(context, 16384)
    pause = threading.Event()
    pause.set()
    netem.before_the_wire(context, "loss", "0%")
    flow = rx.Flow(context, pause=pause)
    transfer([flow], MEGABYTE, "before")
    netem.change_before_the_wire("loss", "30%", "seed", 5)
    sender = threading.Thread(target=flow.sender.play,
                              args=((Write(4 * MEGABYTE),), tcp.data("lag", 4 * MEGABYTE)))
    sender.start()
    wait.until(lambda: tcp.retransmitted(flow.far)[0] >= 20, "segments were lost", seconds=60)
    pause.clear()
    netem.change_before_the_wire("loss", "0%")
    queued = wait.unchanged(lambda: tcp.queued(flow.near), "data is queued", seconds=1)
    answered = len(trace.sent())
    asleep = flow.evidence.counters()
    wake = time.clock_gettime(time.CLOCK_MONOTONIC)
    pause.set()
    sender.join(60)
    flow.reader.wait_for(len(flow.sender.sent))
    transfer([flow], 4 * MEGABYTE, "after")
    flow.finish()
    flow.evidence.gone()
    late = [event for event in trace.sent() if event.time > wake]
    context.note(f"{queued} bytes unread; asked {asleep.get('rx_tls_resync_req_pkt', 0)} times "
                 f"by then, answered {answered} times by then and {len(late)} times afterwards; "
                 f"{flow.evidence.resync_counters()}")
    at_least(trace.fates()[-200:].count("hw"), 190, "of the last 200 records, decrypted ones")
    flow.evidence.no_errors()
