# SPDX-License-Identifier: GPL-2.0-or-later
"""Packets that the stack sends only in a race, or never: traffic control gives one of
them another TCP sequence. The driver must drop it, count it, and stay where it was."""

from lib import accounted, egress, link, netem, system, wait
from lib.cases import Registry, at_least, equal
from lib.ktls import Keys, Write
from lib.offload import Spec
from . import ready
from .retransmit import M, whole
from .stream import COMBINATIONS, combination_name

registry = Registry()
START = 0x10000000              # sequence of the connection's first byte


def begin(context, family, cipher, tso, script, preamble=0):
    """A connection whose sequence numbers are known, with its keys in place."""
    ready(tso)
    spec = Spec(script=script, keys=Keys(cipher), family=family, tso=tso, mss=M + 12,
                capture=True, sequence=START, preamble=preamble)
    run_ = accounted.Run(context, spec)
    if preamble:
        run_.settled()
    run_.start()
    return run_


def write(run_, place, size):
    """The next bytes of the content in one record; what they become is acknowledged."""
    piece = run_.spec.content()[place:place + size]
    run_.sender.play((Write(size),), piece)


def moved(result, **want):
    """The driver's counters of packets that it could not encrypt, and of moves. TCP sends the
    forged record again; whatever else it repeats, since a slow machine's acknowledgement came
    late, moves the context there and back."""
    counters = result.evidence.counters()
    for name in ("drop_no_sync_data", "drop_bypass_req", "skip_no_sync_data"):
        equal(counters[f"tx_tls_{name}"], want.get(name, 0), f"tx_tls_{name}")
    most = 2 * max(0, result.again[0] - 1)
    at_least(most, counters["tx_tls_resync"], "twice the segments that TCP repeated for no reason")
    equal(counters["tx_tls_ooo"], sum(want.values()) + counters["tx_tls_resync"], "tx_tls_ooo")


def whole_stream(run_, again=False):
    """The stream arrived as software would have sent it; the wire never saw another
    byte at any place (capture.Stream checks that), nor plaintext. again: TCP may have sent
    something again that is not too late, which without replay is software's."""
    result = run_.finish()
    accounted.as_software(result, run_.spec)
    counters = result.evidence.counters()
    for name in ("hw_tls_tx_errors", "tx_tls_errors", "tx_tls_drop_fallback"):
        equal(counters[name], 0, name)
    if system.REPLAYS or not again:
        equal(counters["tx_tls_fallback"], 0, "tx_tls_fallback")
    return result


def forge(context, run_, place, size, sequence):
    """Send a record of which the driver sees another sequence. TCP takes the drop for
    a loss, and sends the record again as it is."""
    egress.renumber(context, run_.spec.family, sequence)
    with egress.marked(run_.near):
        write(run_, place, size)
        wait.until(lambda: any(run_.evidence.moved(f"tx_tls_drop_{name}")
                               for name in ("no_sync_data", "bypass_req")),
                   "the driver drops the record")
    run_.settled()


# Where the second record, which follows the first of 2 * M bytes, pretends to begin: in
# what is acknowledged, in front of all, astride of what is and what is not, after
# everything.
ACKNOWLEDGED = {
    "case-13-retransmit-of-acknowledged-record": 0,
    "case-13-retransmit-within-acknowledged-record": 100,
    "case-13-retransmit-of-the-end-of-an-acknowledged-record": 2 * M - 500,
    "case-13-sequence-ahead-of-all-records": 40 * M,
    "case-14-acknowledged-and-unacknowledged-record": 2 * M - 100,
    "case-14-all-but-one-byte-unacknowledged": 2 * M - 1,
}


def acknowledged(context, place, family, cipher, tso):
    first, last = whole(2, cipher), whole(3, cipher)
    run_ = begin(context, family, cipher, tso, (first, Write(400), last))
    write(run_, 0, first.size)
    run_.settled()
    forge(context, run_, first.size, 400, START + place)
    write(run_, first.size + 400, last.size)
    result = whole_stream(run_)
    moved(result, drop_no_sync_data=1)


def data_reaches_back(context, family, cipher, tso, back, size):
    """Data to be encrypted that pretends to begin before the keys. Half of it, or all,
    would leave in plaintext if the driver believed it."""
    last = whole(3, cipher)
    run_ = begin(context, family, cipher, tso, (Write(size), last), preamble=900)
    forge(context, run_, 0, size, START + 900 - back)
    write(run_, size, last.size)
    result = whole_stream(run_)
    moved(result, drop_bypass_req=1)


def clear_reaches_forward(context, family, cipher, tso, forward):
    """Bytes from before the keys, sent again, that pretend to lie in records: encrypting
    them would use the record's keystream for something else."""
    ready(tso)
    lost = context.enter_context(link.Link(rules="drop conn 1 tx byte 10 times 1000"))
    egress.renumber(context, family, START + forward, only=START)
    spec = Spec(script=(Write(300),), keys=Keys(cipher), family=family, tso=tso, mss=M + 12,
                capture=True, sequence=START, preamble=500)
    run_ = accounted.Run(context, spec)
    run_.install()
    with egress.marked(run_.near):
        run_.play()
        run_.evidence.offloaded(run_.near)
        wait.until(lambda: run_.evidence.moved("tx_tls_drop_bypass_req"),
                   "the forged packet is dropped")
    lost.stop()
    result = whole_stream(run_)
    at_least(result.evidence.moved("tx_tls_skip_no_sync_data"), 1,
             "tx_tls_skip_no_sync_data")


def overtaken_by_the_acknowledgement(context, family, cipher, tso):
    """The race itself, without a forged number: a repetition waits before the driver
    until what it repeats is acknowledged and its record forgotten."""
    first, last = whole(2, cipher), whole(3, cipher)
    run_ = begin(context, family, cipher, tso, (first, last))
    lost = context.enter_context(link.Link(loss="100%", dir="rx", data_only="off"))
    write(run_, 0, first.size)
    wait.until(lambda: run_.reader.count >= 2 * M, "the record arrived")
    netem.held_before_the_nic(context)
    # Not how often TCP has repeated it: while one waits there, TCP does not do so again.
    wait.until(lambda: netem.held() >= M, "TCP sends it again")
    lost.stop()
    run_.reader.sock.sendall(b"x")              # brings the acknowledgement
    run_.settled()
    equal(run_.near.recv(10), b"x", "what the far end sent")
    ooo = run_.evidence.moved("tx_tls_ooo")
    netem.let_go()
    wait.until(lambda: run_.evidence.moved("tx_tls_ooo") > ooo, "the driver has seen it")
    write(run_, first.size, last.size)
    result = whole_stream(run_, again=True)
    at_least(result.evidence.moved("tx_tls_drop_no_sync_data"), 1,
             "tx_tls_drop_no_sync_data")


for _combination in COMBINATIONS:
    _end = combination_name(*_combination)
    for _name, _place in ACKNOWLEDGED.items():
        registry.add(f"{_name}/{_end}", acknowledged, _place, *_combination)
    registry.add(f"case-12-data-astride-the-start/{_end}", data_reaches_back, *_combination,
                 100, 400)
    registry.add(f"case-12-data-all-before-the-start/{_end}", data_reaches_back,
                 *_combination, 800, 400)
    registry.add(f"case-12-clear-bytes-astride-the-start/{_end}", clear_reaches_forward,
                 *_combination, 250)
    registry.add(f"case-12-one-clear-byte-of-a-record/{_end}", clear_reaches_forward,
                 *_combination, 1)
    registry.add(f"case-12-clear-bytes-within-a-record/{_end}", clear_reaches_forward,
                 *_combination, 520)
    registry.add(f"case-13-acknowledged-while-it-waits/{_end}",
                 overtaken_by_the_acknowledgement, *_combination)
