# SPDX-License-Identifier: GPL-2.0-or-later
"""TCP's sequence wraps at 2^32, at every kind of place in a record."""

from lib import accounted, egress, link, tcp
from lib.cases import Registry, check, equal
from lib.ktls import Call, Keys, Write
from lib.offload import SETTLED, Spec
from . import ready
from .retransmit import M, whole
from .stream import COMBINATIONS, combination_name

registry = Registry()

# The second record begins with a segment of its own, and is one that spans five. Where
# in that record the sequence is 0. "boundary": at a segment's first byte.
SECOND = 2 * M
WRAPS = {"header": 2, "nonce": 9, "payload": M + 77, "boundary": 2 * M,
         "tag": 5 * M - 7, "record-start": 0}
WITHIN = ("header", "nonce", "payload", "tag")


def script_of(cipher):
    return tuple(whole(segments, cipher) for segments in (2, 5, 1))


def wrap_spec(wrap, family, cipher, tso, script=None):
    return Spec(script=(*(script or script_of(cipher)), SETTLED, Write(2 * M)),
                keys=Keys(cipher), family=family, tso=tso, mss=M + 12, capture=True,
                sequence=(1 << 32) - SECOND - wrap)


def begin(context, spec, spoiled=()):
    run = accounted.Run(context, spec, spoiled)
    run.near.setsockopt(tcp.socket.IPPROTO_TCP, tcp.socket.TCP_NODELAY, 1)
    run.start()
    return run


def wrapped(run, result):
    """The connection did begin where it was told, and did wrap."""
    equal(result.wire.first, run.spec.sequence, "TCP sequence of the first byte")
    check(any(seq < M * 10 for seq in result.wire.pieces), "no segment comes after the wrap")


def segment_of(place):
    return place // M * M, place // M * M + M


def clean(context, wrap, family, cipher, tso):
    ready(tso)
    run = begin(context, wrap_spec(wrap, family, cipher, tso))
    run.play()
    result = run.finish()
    wrapped(run, result)
    equal(accounted.exactly(context, run, result).resync, 0 if not result.again[0] else 2,
          "times that the context was moved")


def lost_on_the_wire(context, wrap, family, cipher, tso):
    """The segment that wraps is sent again."""
    ready(tso)
    place = SECOND + wrap
    first, last = segment_of(place)
    context.enter_context(link.Link(rules=f"corrupt conn 1 tx byte {place}"))
    run = begin(context, wrap_spec(wrap, family, cipher, tso), (place,))
    run.play()
    result = run.finish()
    wrapped(run, result)
    equal(result.wire.spoiled, 1, "segments that the link spoiled")
    accounted.exactly(context, run, result)
    accounted.sent_again(run, result, first, last)


def lost_before_the_driver(context, wrap, family, cipher, tso):
    """A packet out of the record that wraps never reaches the driver: it jumps forward
    within the record, and then back."""
    ready(tso)
    egress.small_units(context)

    def unmark(_sender):
        taken.happened()
        egress.mark(run.near, False)
    first, second, third = script_of(cipher)
    script = (first, Call(lambda _: egress.mark(run.near)), second, Call(unmark), third)
    spec = wrap_spec(wrap, family, cipher, tso, script)
    taken = egress.lose(context, family, spec.sequence + SECOND + 2 * M)
    run = begin(context, spec)
    run.play()
    result = run.finish()
    wrapped(run, result)
    after = SECOND + 4 * M
    check(any(unit.at == after > before.end for before, unit in zip(run.units, run.units[1:])),
          f"no packet at {after} came ahead of its turn: {run.units}")
    accounted.exactly(context, run, result)


for _combination in COMBINATIONS:
    _end = combination_name(*_combination)
    registry.add(f"case-24-wrap-clean/{_end}", clean, WRAPS["payload"], *_combination)
    _places = [name for name in WRAPS if name != "nonce" or _combination[1].nonce]
    for _name in _places:
        registry.add(f"case-24-wrap-in-{_name}/{_end}", lost_on_the_wire, WRAPS[_name],
                     *_combination)
    for _name in [name for name in _places if name in WITHIN]:
        registry.add(f"case-24-wrap-in-{_name}-lost-before-the-driver/{_end}",
                     lost_before_the_driver, WRAPS[_name], *_combination)
