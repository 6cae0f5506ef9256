# SPDX-License-Identifier: GPL-2.0-or-later
"""Segments of another size while records are on their way."""

import itertools

from lib import accounted, nic, offload, system, tcp
from lib.cases import Registry, at_least, check
from lib.ktls import Call, Keys, Write
from lib.offload import Spec
from . import ready
from .features import switched
from .stream import COMBINATIONS, PART, combination_name

registry = Registry()


def mtu_change(context, family, cipher, tso):
    """With records on their way, down and up; the NIC's rings are made anew each time."""
    ready(tso)
    context.enter_context(nic.with_mtu(1500))
    spec = Spec(script=(*PART, Call(lambda _: nic.set_mtu(1280)), *PART,
                        Call(lambda _: nic.set_mtu(4000)), *PART), keys=Keys(cipher),
                family=family, tso=tso, capture=True)
    switched(context, spec)


def tcp_ext(name):
    """A counter of TCP's in /proc/net/netstat."""
    with open("/proc/thread-self/net/netstat", encoding="ascii") as file:
        for names, values in itertools.batched(file, 2):
            table = dict(zip(names.split(), values.split()))
            if name in table:
                return int(table[name])
    return 0


def mtu_probing(context, family, cipher, tso):
    """TCP tries larger segments by itself: it makes one out of what several packets were
    to carry, records or parts of them, which must all be encrypted."""
    ready(tso)
    for name, value in (("tcp_mtu_probing", 2), ("tcp_base_mss", 512)):
        system.with_sysctl(context, f"net.ipv4.{name}", value)
    before = tcp_ext("TCPMTUPSuccess")
    spec = Spec(script=(Write(300_000), *PART * 2), keys=Keys(cipher), family=family, tso=tso,
                capture=True)
    run_ = accounted.Run(context, spec)
    run_.start()
    first = tcp.segment_size(run_.near)
    run_.play()
    run_.settled()
    last = tcp.segment_size(run_.near)
    result = run_.finish()
    context.note(f"segments of {first} bytes first, {last} at the end")
    at_least(tcp_ext("TCPMTUPSuccess") - before, 1, "probes that arrived")
    check(last > first, "segments did not grow")
    accounted.exactly(context, run_, result)


for _combination in COMBINATIONS:
    _end = combination_name(*_combination)
    registry.add(f"case-27-mtu-change-live/{_end}", mtu_change, *_combination)
    registry.add(f"case-27-mtu-probing/{_end}", mtu_probing, *_combination)


@registry.case("jumbo-frames")
def jumbo(context):
    ready()
    context.enter_context(nic.with_mtu(9000))
    for tso in (True, False):
        ready(tso)
        offload.offloaded(context, Spec(script=PART * 3, capture=True))
