# SPDX-License-Identifier: GPL-2.0-or-later
"""How much of long streams the NIC decrypts: on a clean link, under loss, and after it.
What a case measures it writes down."""

import itertools
import statistics
import threading
import time

from lib import link, netem, rx, system, tcp, timescale, tlstrace, wait
from lib.cases import Registry, at_least, check, equal
from lib.ktls import MAX_RECORD, Keys, Write

registry = Registry()
MEGABYTE = 1 << 20
CLEAN = AFTER = timescale.shorter(MEGABYTE)
MEANWHILE = MEGABYTE + timescale.shorter(MEGABYTE // 2)
MISSED = MEGABYTE // 2          # what a burst may cost a connection after its end
LOSS_SEED = 3
SEED = 0x9e3779b97f4a7c15     # netem wants one with many bits


def clean(context):
    """Eight connections at a time: everything is decrypted."""
    state = rx.Evidence()
    flows = start(context, 8)
    transfer(flows, CLEAN, "clean")
    again = sum(flow.finish()[1] for flow in flows)
    state.gone()
    state.script_decrypted((Write(CLEAN),), again, len(flows))


def start(context, count):
    return [rx.Flow(context, Keys(seed=f"connection {i}"), 4 if i % 2 else 6)
            for i in range(count)]


def transfer(flows, size, seed):
    """All of them send that much at once, in records of 16 KB, and it is read."""
    threads = [threading.Thread(target=flow.play, args=((Write(size),), seed))
               for flow in flows]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
        check(not thread.is_alive(), "sending took more than 120 s")
    for flow in flows:
        flow.reader.wait_for(len(flow.sender.sent))


PIECE = 8 * MAX_RECORD


def decrypts_again(flow, most=10 * MEGABYTE):
    """Nothing is lost any more: before so many bytes have come the NIC has found its place,
    and decrypts everything. Bytes that it took."""
    everything = flow.encrypted((Write(PIECE),))
    for size in range(0, most, PIECE):
        before = flow.evidence.moved("rx_tls_decrypted_bytes")
        transfer([flow], PIECE, f"again {size}")
        if flow.evidence.moved("rx_tls_decrypted_bytes") - before == everything:
            return size
    return check(False, f"after {most} bytes not everything is decrypted: "
                 f"{flow.evidence.resync_counters()}")


# ---- the curve

RECORDS_OF_A_LOSS = 2           # that are not decrypted for one lost segment, on the average


def curve(context, percent, bound=True, finds=True):
    """Steady loss on the wire, segments of a full MSS, records of 16 KB. bound: what is not
    decrypted is as little as what was lost explains. finds: as soon as nothing is lost any
    more the NIC finds its place."""
    faults = context.enter_context(link.Link(dir="rx", data_only="on", loss=f"{percent}%",
                                             seed=LOSS_SEED))
    trace = tlstrace.Trace(context)
    flow = rx.Flow(context)
    flow.evidence.offloaded(flow.near)
    size = max(MEGABYTE, timescale.shorter(2 * MEGABYTE))
    begin = time.monotonic()
    transfer([flow], size, "curve")
    seconds = time.monotonic() - begin
    decrypted = flow.evidence.moved("rx_tls_decrypted_bytes")
    fates = trace.fates()
    faults.stop()
    took = decrypts_again(flow) if finds else None
    again = flow.finish()
    flow.evidence.gone()
    wire = faults.report()["rx"]
    context.note(f"loss {percent} % ({wire['dropped']} of {wire['frames']} frames): decrypted "
                 f"{100 * decrypted / size:.1f} % of the payload; of {len(fates)} records hw "
                 f"{fates.count('hw')} mixed {fates.count('mixed')} sw {fates.count('sw')}; "
                 f"{again[0]} segments sent again, {seconds:.1f} s; then {took} bytes until all "
                 f"is decrypted; {flow.evidence.resync_counters()}")
    at_least(wire["dropped"], 1, "frames that the link dropped")
    at_least(again[0], wire["dropped"], "segments sent again")
    at_least(decrypted, 1, "rx_tls_decrypted_bytes")
    if bound:
        at_least(decrypted, size - wire["dropped"] * RECORDS_OF_A_LOSS * MAX_RECORD,
                 f"payload decrypted of {size} bytes with {wire['dropped']} segments lost")
    flow.evidence.no_errors()


PERCENT = (0.5, 1, 2, 3, 5)
DEFAULT_PERCENT = 1             # the others are a curve, which --every draws
for _percent in PERCENT:
    registry.add(f"share/loss-{_percent}-percent", curve, _percent, _percent <= 1, seconds=200,
                 every=_percent != DEFAULT_PERCENT)


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


def note_distances(context, seen, what):
    found = [distance for distance in seen.all if distance]
    context.note(f"{len(found)} of {len(seen.all)} connections were decrypted again")
    for unit, values in zip(("records", "bytes"), zip(*found)):
        context.note(f"{unit} from {what} to the first decrypted record: median "
                     f"{statistics.median(values):.0f}, worst {max(values)}: {sorted(values)}")


def sent_again(flows):
    return sum(tcp.retransmitted(flow.far)[0] for flow in flows)


def accounted(context, trace, state):
    """Each number that the kernel gave was of use, or came too late. With hint it keeps
    to its own schedule, and waits as long as data is queued after the record."""
    delays = trace.events("tls_device_rx_resync_nh_delay")
    context.note(f"the kernel gave {len(trace.sent())} numbers, and put that off "
                 f"{len(delays)} times because data was queued")
    now = state.counters()
    equal(len(trace.sent()), now["rx_tls_resync_res_ok"] + now["rx_tls_resync_res_skip"],
          "numbers that the kernel gave")
    state.no_errors()


def burst(context, finds=True):
    """Eight connections lose much for a while. When that is over each one finds its place,
    and of what comes then, read as it comes, little is not decrypted."""
    trace = tlstrace.Trace(context, 32768)
    netem.before_the_wire(context, "loss", "0%")
    state = rx.Evidence()
    flows = start(context, 8)
    transfer(flows, MEGABYTE // 2, "before")
    equal(state.moved("rx_tls_decrypted_bytes"), len(flows) * MEGABYTE // 2,
          "rx_tls_decrypted_bytes before the burst")
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
    missed = len(flows) * AFTER - after.moved("rx_tls_decrypted_bytes")
    if finds:
        for flow in flows:
            decrypts_again(flow)
    for flow in flows:
        flow.finish()
    state.gone()
    seen = Distances(trace, end)
    equal(len(seen.all), len(flows), "connections in the trace")
    context.note(f"of the next {AFTER >> 10} KB of each {missed} bytes in all were not decrypted; "
                 f"{state.resync_counters()}")
    note_distances(context, seen, "the end of the burst")
    if finds:
        check(missed <= len(flows) * MISSED, f"{missed} bytes after the burst were not decrypted")
    accounted(context, trace, state)


def all_lost(context, finds=True):
    """Eight connections under traffic lose their place in the same moment: the NIC is
    reset. Each one needs a number from the kernel, and is decrypted again. How soon is
    written down, and not judged: while the readers do not keep up a question waits, or is in
    vain (case-37-header-parsed-in-copy-mode), and the NIC asks at growing distances
    (SPEC 10.5)."""
    trace = tlstrace.Trace(context, 32768)
    state = rx.Evidence()
    flows = start(context, 8)
    transfer(flows, MEGABYTE // 2, "before")
    equal(state.moved("rx_tls_decrypted_bytes"), len(flows) * MEGABYTE // 2,
          "rx_tls_decrypted_bytes before the reset")
    sender = threading.Thread(target=transfer, args=(flows, MEANWHILE, "meanwhile"))
    sender.start()
    wait.until(lambda: all(len(flow.reader.bytes) > MEGABYTE for flow in flows), "all receive",
               seconds=60)
    system.write(f"{system.pci_device()}/reset", "1")
    end = time.clock_gettime(time.CLOCK_MONOTONIC)
    sender.join(120)
    if finds:
        context.note("bytes sent until all is decrypted: "
                     f"{[decrypts_again(flow) for flow in flows]}")
    for flow in flows:
        flow.finish()
    state.gone()
    equal(state.moved("rx_tls_restored"), len(flows), "rx_tls_restored")
    note_distances(context, Distances(trace, end, lost=True), "the reset")
    if finds:
        at_least(state.moved("rx_tls_resync_res_ok"), len(flows), "rx_tls_resync_res_ok")
    accounted(context, trace, state)


def lagging(context, asks=True):
    """Nobody reads while the NIC has lost its place: it asks, if it can, and the kernel
    gives a number when it gets to a header, which is not before somebody reads."""
    trace = tlstrace.Trace(context, 16384)
    pause = threading.Event()
    pause.set()
    flow = rx.Flow(context, pause=pause)
    transfer([flow], MEGABYTE, "before")
    equal(flow.evidence.moved("rx_tls_decrypted_bytes"), MEGABYTE,
          "rx_tls_decrypted_bytes before the reset")
    pause.clear()
    # The call that reads now ends with the next byte.
    flow.sender.play((Write(1),), b"x")
    wait.until(flow.reader.paused.is_set, "nobody reads")
    # The kernel looks for the next header when this one's record has been read.
    flow.play((Write(MAX_RECORD),), "unread")
    wait.until(lambda: tcp.queued(flow.near) > MAX_RECORD, "a record waits for its reader")
    system.write(f"{system.pci_device()}/reset", "1")
    sender = threading.Thread(target=flow.play, args=((Write(8 * MEGABYTE),), "lag"))
    sender.start()
    # TCP may pause for long after the reset; how much it takes then depends on how fast
    # was read before.
    wait.until(lambda: tcp.queued(flow.near) >= 2 * MAX_RECORD and
               (not asks or flow.evidence.moved("rx_tls_resync_req_pkt")),
               lambda: f"the NIC is lost: {tcp.queued(flow.near)} bytes are queued", seconds=60)
    queued = wait.unchanged(lambda: tcp.queued(flow.near), "data is queued", seconds=1)
    asleep, answered = flow.evidence.counters(), len(trace.sent())
    pause.set()
    sender.join(60)
    flow.reader.wait_for(len(flow.sender.sent))
    took = decrypts_again(flow)
    flow.finish()
    flow.evidence.gone()
    context.note(f"{queued} bytes unread; asked {asleep['rx_tls_resync_req_pkt']} times and "
                 f"answered {answered} times by then; {took} bytes more until all is decrypted; "
                 f"in the end {flow.evidence.resync_counters()}")
    equal(answered, 0, "answers of the kernel while nobody read")
    at_least(flow.evidence.moved("rx_tls_resync_res_ok"), 1, "rx_tls_resync_res_ok")
    flow.evidence.no_errors()


CASES = {
    "clean-link": clean, "burst-of-loss": burst, "all-lose-their-place": all_lost,
    "reader-that-lags": lagging,
}
for _name, _case in CASES.items():
    registry.add(f"share/{_name}", _case, seconds=250)
