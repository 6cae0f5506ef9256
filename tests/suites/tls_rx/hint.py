# SPDX-License-Identifier: GPL-2.0-or-later
"""CORE_NEXT_HINT: the kernel says at its own will where a record begins."""

from lib import system, tcp
from lib.cases import Registry, at_least, equal
from lib.ktls import Keys
from . import bulk, impaired
from .framing import COMBINATIONS
from .lost import Lost, pieces, send

registry = Registry()
# Which of the records that came undecrypted in a row makes the kernel give a number.
SCHEDULE = (3, 5, 9, 17, 33, 65, 129, 257, 385)


def one_by_one(stream, count):
    """Records of a segment each, the next one when the last one was read."""
    for _ in range(count):
        send(stream, stream.record(tcp.data(f"one {len(stream.sizes)}", 50)))
        stream.peer.wait_acked()
        stream.reader.wait_for(len(stream.sent))


def put_right(stream):
    before = len(stream.sizes)
    one_by_one(stream, SCHEDULE[0] - 1)         # the first in a row is here already
    stream.resynced()
    after = len(stream.sizes)
    one_by_one(stream, 5)
    event, = stream.trace.sent()
    equal(event.tcp_seq, stream.peer.seq(stream.starts[after]), "place of the next record")
    stream.finish()
    fates = stream.trace.fates()
    equal(fates[before:], ["sw"] * (after - before) + ["hw"] * 5, "what became of the records")
    equal(stream.evidence.moved("rx_tls_resync_res_ok"), 1, "rx_tls_resync_res_ok")
    equal(stream.evidence.moved("rx_tls_resync_res_skip"), 0, "rx_tls_resync_res_skip")
    stream.evidence.no_errors()


@registry.case("case-38-schedule", seconds=200)
def schedule(context):
    """Nothing but the record being read is queued: the kernel gives a number at the 3rd,
    5th, 9th ... record. What its own tls.ko says then is of no use: the number is that of
    the next record, the place still that of this one. The NIC must not believe it. What
    ours says at the 3rd record puts the NIC right."""
    stream = Lost(context)
    stream.send_late()
    stream.arrived()
    if not system.stock_tls():
        put_right(stream)
        return
    one_by_one(stream, SCHEDULE[-1])
    records = stream.trace.records().popitem()[1]
    first = next(i for i, (_event, how) in enumerate(records) if how == "sw")
    sent = stream.trace.sent()
    starts = {}
    for event in sent:
        number = next(record.rec_no for record, _how in records if record.time > event.time) - 1 \
            if records[-1][0].time > event.time else records[-1][0].rec_no
        starts[number - first + 1] = event
    context.note("gave a number at the n-th undecrypted record: "
                 f"{sorted(starts)}; numbers are those of the next record: "
                 f"{[event.rec_no - first - n + 1 for n, event in sorted(starts.items())]}")
    equal(tuple(sorted(starts)), SCHEDULE, "records at which the kernel gave a number")
    equal([event.tcp_seq for event in sent],
          [stream.peer.seq(stream.starts[event.rec_no - 1]) for event in sent],
          "places: those of the records before the numbered ones")
    stream.finish()
    equal(stream.evidence.moved("rx_tls_resync_res_ok"), 0, "rx_tls_resync_res_ok")
    equal(stream.evidence.moved("rx_tls_resync_res_skip"), len(SCHEDULE),
          "rx_tls_resync_res_skip")
    stream.evidence.no_errors()


def next_head_is_in(context, family, cipher):
    """The head of the record after the next one has not come when the kernel gives
    a number: what it says is ahead of the NIC, and puts it right."""
    stream = Lost(context, Keys(cipher), family)
    stream.send_late()
    stream.arrived()
    one_by_one(stream, 1)                       # the second in a row
    first = stream.record(tcp.data("third", 300))
    second = stream.record(tcp.data("fourth", 300))
    send(stream, (first[0], second[0] + 20))    # a whole record, and the next one's head
    stream.peer.wait_acked()
    stream.resynced()
    send(stream, (second[0] + 20, second[1]))
    before = len(stream.sizes)
    for _ in range(5):
        send(stream, *pieces(stream))
    stream.finish()
    equal(stream.trace.fates()[before:], ["hw"] * 5, "what became of the records after it")
    equal(stream.evidence.moved("rx_tls_resync_res_ok"), 1, "rx_tls_resync_res_ok")
    stream.evidence.no_errors()


for _family, _cipher in COMBINATIONS:
    registry.add(f"case-38-next-head-is-in/v{_family}/{_cipher.label}", next_head_is_in,
                 _family, _cipher)


@registry.case("case-38-busy-reader")
def busy(context):
    """More than the record being read is queued: the kernel waits with what it has to
    say until there is no more. Six records come in one segment, so that they are queued
    at once however fast the reader is; the second of them is the third in a row."""
    stream = Lost(context)
    stream.send_late()
    stream.arrived()
    ahead = [stream.record(tcp.data(f"busy {i}", 200)) for i in range(40)]
    send(stream, (ahead[0][0], ahead[5][1]), *ahead[6:])
    stream.arrived()
    scheduled = stream.trace.events("tls_device_rx_resync_nh_schedule")
    delayed = stream.trace.events("tls_device_rx_resync_nh_delay")
    context.note(f"had to wait {len(scheduled)} times, put off {len(delayed)} times, "
                 f"gave a number {len(stream.trace.sent())} times")
    at_least(len(scheduled), 1, "times that more was queued when the kernel had to give a number")
    at_least(len(delayed), 3, "times that the kernel put it off")
    stream.finish()
    stream.evidence.no_errors()


# How soon the kernel gives a number is its own choice, and comes too late when the head of
# the record that it names is through the NIC: what is decrypted under loss depends on that
# alone, and so does whether a connection under traffic finds its place.
for _percent in bulk.PERCENT:
    registry.add(f"share/loss-{_percent}-percent", bulk.curve, _percent, False, False,
                 seconds=200, every=True)
for _name, _case in bulk.CASES.items():
    _asks = [] if _case is bulk.clean else [False]
    registry.add(f"share/{_name}", _case, *_asks, seconds=250,
                 every=_case in (bulk.burst, bulk.all_lost))
for _family, _cipher in COMBINATIONS:
    registry.add(f"impaired/one/v{_family}/{_cipher.label}", impaired.one, _family, _cipher,
                 False)
registry.add("impaired/many", impaired.many, False, seconds=200)
registry.add("impaired/close-in-mid-stream", impaired.closing, seconds=200)
