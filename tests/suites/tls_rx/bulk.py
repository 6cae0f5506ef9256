# SPDX-License-Identifier: GPL-2.0-or-later
"""How much of long streams the NIC decrypts: on a clean link, under loss, and after it.
What a case measures it writes down."""

import itertools
import statistics
import threading
import time

from lib import link, netem, pace, rx, system, tcp, tlstrace, wait
from lib.cases import Registry, at_least, check, equal
from lib.ktls import Keys, Write

registry = Registry()
MEGABYTE = 1 << 20
CLEAN, AFTER = pace.shorter(5 * MEGABYTE), pace.shorter(10 * MEGABYTE)
MEANWHILE = MEGABYTE + pace.shorter(2 * MEGABYTE)
MISSED = MEGABYTE // 2          # 5 % of 10 MB: what getting back may cost a connection
LOSS_SEED = 3
SEED = 0x9e3779b97f4a7c15     # netem wants one with many bits


def clean_share(context):
    """Eight connections at a time, 40 MB in all (less on a slow kernel)."""
    state = rx.Evidence()
    flows = start(context, 8)
    transfer(flows, CLEAN, "clean")
    for flow in flows:
        flow.finish()
    state.gone()
    share = state.share(8 * CLEAN)
    context.note(f"decrypted: {100 * share:.3f} % of the payload")
    at_least(share, 0.999, "share that was decrypted")
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

def curve(context, percent, least):
    """Steady loss on the wire, segments of a full MSS, records of 16 KB; least is the
    share of the payload that must have been decrypted."""
    faults = context.enter_context(link.Link(dir="rx", data_only="on", loss=f"{percent}%",
                                             seed=LOSS_SEED))
    trace = tlstrace.Trace(context)
    flow = rx.Flow(context)
    size = max(MEGABYTE, pace.shorter((8 if percent < 3 else 4) * MEGABYTE))
    begin = time.monotonic()
    flow.sender.play((Write(size),), tcp.data("curve", size))
    again = flow.finish()
    seconds = time.monotonic() - begin
    flow.evidence.gone()
    fates = trace.fates()
    share = flow.evidence.share(size)
    wire = faults.report()["rx"]
    context.note(f"loss {percent} % ({wire['dropped']} of {wire['frames']} frames): decrypted {100 * share:.1f} % of the payload; "
                 f"of {len(fates)} records hw {fates.count('hw')} mixed {fates.count('mixed')} "
                 f"sw {fates.count('sw')}; {again[0]} segments sent again, {seconds:.1f} s; "
                 f"{flow.evidence.resync_counters()}")
    if percent:
        at_least(again[0], 1, "segments sent again")
    at_least(share, least, "share of the payload that was decrypted")
    flow.evidence.no_errors()


PERCENT = (0, 0.5, 1, 2, 3, 5)
for _percent in PERCENT:
    registry.add(f"must-hold/loss-{_percent}-percent", curve, _percent,
                 0.999 if not _percent else 0.7 if _percent <= 1 else 0, seconds=200)


# ---- bursts

class Distances:
    """What the kernel's trace says of connections after a certain moment. lost: each of
    them has lost its place then, so that records which come decrypted at first are
    those that were through the NIC before."""

    def __init__(self, trace, moment, lost=False):
        self.moment = moment
        self.lost = lost
        self.all = [self._distance(table) for table in trace.records().values()]

    def _distance(self, table):
        """(records, bytes) from the moment to the first record that the NIC decrypts; None
        if it never does again."""
        later = [(event, how) for event, how in table if event.time >= self.moment]
        if self.lost:
            later = list(itertools.dropwhile(lambda pair: pair[1] == "hw", later))
        for i, (_event, how) in enumerate(later):
            if how == "hw":
                return i, sum(event.len for event, _how in later[:i])
        return None


def note_distances(context, seen, what, bound):
    back = [distance for distance in seen.all if distance]
    context.note(f"{len(back)} of {len(seen.all)} connections got back")
    check(not bound or len(back) == len(seen.all), f"a connection never got back: {seen.all}")
    for unit, values in zip(("records", "bytes"), zip(*back)):
        context.note(f"{unit} from {what} to the first decrypted record: median "
                     f"{statistics.median(values):.0f}, worst {max(values)}: {sorted(values)}")


def sent_again(flows):
    return sum(tcp.retransmitted(flow.far)[0] for flow in flows)


def accounted(context, trace, state):
    """Each time that the kernel spoke up was of use, or came too late. With hint it keeps
    to its own schedule, and waits as long as data is queued behind the record."""
    delays = trace.events("tls_device_rx_resync_nh_delay")
    context.note(f"the kernel spoke up {len(trace.sent())} times, and put it off "
                 f"{len(delays)} times because data was queued")
    spoken = state.moved("rx_tls_resync_res_ok") + state.moved("rx_tls_resync_res_skip")
    equal(len(trace.sent()), spoken, "times that the kernel spoke up")
    state.no_errors()


def burst(context, bound=True):
    """Eight connections lose much for a while. When that is over each one gets back,
    and of the next 10 MB of each, read as they come, 95 % are decrypted (of less, if the
    kernel is slow, all but as many bytes)."""
    trace = tlstrace.Trace(context, 32768)
    netem.before_the_wire(context, "loss", "0%")
    state = rx.Evidence()
    flows = start(context, 8)
    transfer(flows, MEGABYTE // 2, "before")
    netem.change_before_the_wire("loss", "25%", "seed", SEED)
    sender = threading.Thread(target=transfer, args=(flows, MEGABYTE // 2, "in the burst"))
    sender.start()
    wait.until(lambda: sent_again(flows) >= 150,
               "a hundred segments and more were lost", seconds=60)
    netem.change_before_the_wire("loss", "0%")
    end = time.clock_gettime(time.CLOCK_MONOTONIC)
    sender.join(120)
    after = rx.Evidence()
    transfer(flows, AFTER, "after")
    share = after.share(8 * AFTER)
    for flow in flows:
        flow.finish()
    state.gone()
    seen = Distances(trace, end)
    equal(len(seen.all), len(flows), "connections in the trace")
    context.note(f"share of the next {AFTER >> 10} KB of each: {100 * share:.2f} %; "
                 f"{state.resync_counters()}")
    note_distances(context, seen, "the end of the burst", bound)
    if bound:
        at_least(share, 1 - MISSED / AFTER, "share of the payload that came last")
    accounted(context, trace, state)


def all_lost(context, bound=True):
    """Eight connections under traffic lose their place in the same moment: the NIC is
    reset. Each one needs the kernel to get back, and gets back. How soon is written down,
    and not judged: while the readers do not keep up a question waits, or is in vain (case
    37-header-parsed-in-copy-mode), and the NIC asks at growing distances (SPEC 10.5)."""
    trace = tlstrace.Trace(context, 32768)
    state = rx.Evidence()
    flows = start(context, 8)
    transfer(flows, MEGABYTE // 2, "before")
    sender = threading.Thread(target=transfer, args=(flows, MEANWHILE, "meanwhile"))
    sender.start()
    wait.until(lambda: all(len(flow.reader.bytes) > MEGABYTE for flow in flows), "all receive",
               seconds=60)
    system.write(f"{system.pci_device()}/reset", "1")
    end = time.clock_gettime(time.CLOCK_MONOTONIC)
    sender.join(120)
    after, again = rx.Evidence(), sent_again(flows)
    for flow in flows:
        transfer([flow], AFTER, "after")
    share = after.share(8 * AFTER)
    again = sent_again(flows) - again
    for flow in flows:
        flow.finish()
    state.gone()
    equal(state.moved("rx_tls_restored"), len(flows), "rx_tls_restored")
    context.note(f"share of the last {AFTER >> 10} KB of each: {100 * share:.2f} %, "
                 f"{again} segments sent again; {state.resync_counters()}")
    note_distances(context, Distances(trace, end, lost=True), "the reset", bound)
    if bound:
        at_least(state.moved("rx_tls_resync_res_ok"), len(flows), "rx_tls_resync_res_ok")
    accounted(context, trace, state)


def lagging(context):
    """Nobody reads while the NIC has lost its place: it asks, and the kernel answers
    when it gets to the header, which is not before somebody reads."""
    trace = tlstrace.Trace(context, 16384)
    pause = threading.Event()
    pause.set()
    flow = rx.Flow(context, pause=pause)
    transfer([flow], MEGABYTE, "before")
    pause.clear()
    # The call that reads now ends with the next byte.
    flow.sender.play((Write(1),), b"x")
    wait.until(flow.reader.paused.is_set, "nobody reads")
    system.write(f"{system.pci_device()}/reset", "1")
    sender = threading.Thread(target=flow.sender.play,
                              args=((Write(8 * MEGABYTE),), tcp.data("lag", 8 * MEGABYTE)))
    sender.start()
    queued = wait.unchanged(lambda: tcp.queued(flow.near), "data is queued", seconds=2)
    asleep, answered = flow.evidence.counters(), len(trace.sent())
    pause.set()
    sender.join(60)
    flow.reader.wait_for(len(flow.sender.sent))
    transfer([flow], 4 * MEGABYTE, "after")
    flow.finish()
    flow.evidence.gone()
    context.note(f"{queued} bytes unread; asked {asleep.get('rx_tls_resync_req_pkt', 0)} times and "
                 f"answered {answered} times by then; in the end {flow.evidence.resync_counters()}")
    equal(answered, 0, "answers of the kernel while nobody read")
    at_least(flow.evidence.moved("rx_tls_resync_res_ok"), 1, "rx_tls_resync_res_ok")
    at_least(trace.fates()[-200:].count("hw"), 190, "of the last 200 records, decrypted ones")
    flow.evidence.no_errors()


CASES = {
    "clean-link-99.9-percent": clean_share, "burst-of-loss": burst,
    "all-lose-their-place": all_lost, "reader-that-lags": lagging,
}
for _name, _case in CASES.items():
    registry.add(f"must-hold/{_name}", _case, seconds=250)
