# SPDX-License-Identifier: GPL-2.0-or-later
"""A connection whose packets move from one TX queue to another. The context is one for
both rings, so it must not be used in both at once."""

import os

from lib import accounted, device_faults, egress, nic, offload, system, tcp, wait
from lib.cases import Registry, at_least, check, equal
from lib.evidence import TOO_LATE
from lib.ktls import Call, Keys, Sendfile, Write
from lib.offload import SETTLED, Spec
from lib.system import NETIF
from . import ready
from .stream import COMBINATIONS, PART, combination_name

registry = Registry()
WRITE = 6000
LAST = 20_000                   # bytes at the end, when both rings are idle
COUNTERS = ("tx_tls_ooo", "tx_tls_resync", "tx_tls_fallback", "tx_tls_other_queue")


def queue_packets():
    """Packets of each TX queue."""
    table = nic.statistics()
    return [table[f"tx_queue_{queue}_packets"] for queue in (0, 1)]


def used_both(before):
    moved = [now - then for then, now in zip(before, queue_packets())]
    check(min(moved) >= 5, f"packets through the TX queues: {moved}")


def finished(context, run):
    """The end of a run: the wire is software's, and each packet that the driver was given was
    encrypted once, by the NIC or, while the other ring was busy, by software. What moved."""
    result = run.finish()
    accounted.as_software(result, run.spec)
    result.evidence.no_errors(again=result.again[0])
    counters = result.evidence.counters()
    moved = {name: counters[name] for name in COUNTERS}
    context.note(f"{moved}, sent again {result.again}")
    if system.REPLAYS:          # else for what follows it, too, until the next record
        equal(moved["tx_tls_fallback"], moved["tx_tls_other_queue"],
              "tx_tls_fallback, which is to be for the other ring alone")
    if not counters[TOO_LATE]:
        equal(counters["hw_tls_tx_bytes"] + counters["tx_tls_fallback_bytes"],
              sum(unit.size for unit in run.units), "hw_tls_tx_bytes and tx_tls_fallback_bytes")
    return result, moved


def turns(run, busy):
    """Ten times to and fro; busy: while some of what was written is under way. (A segment
    goes where the mark of the moment of its sending says, so each write must have begun
    to leave.)"""
    def to(other):
        def do(_sender):
            if busy:
                wait.until(lambda: tcp.unsent(run().near) < WRITE, "some of the write is sent")
            else:
                run().settled()
            egress.mark(run().near, other)
        return Call(do)
    script = []
    for turn in range(20):
        script += [Write(WRITE + turn), to(turn % 2 == 0)]
    return (*script, SETTLED, Write(5), SETTLED, Sendfile(LAST))


def migrate(context, busy, family, cipher, tso):
    """Traffic control sends marked packets through queue 1, others through queue 0."""
    ready(tso)
    egress.two_queues(context, family)
    spec = Spec(script=turns(lambda: run, busy), keys=Keys(cipher), family=family, tso=tso,
                capture=True)
    before = queue_packets()
    run = accounted.Run(context, spec, one_ring=False)
    run.start()
    run.play()
    result, moved = finished(context, run)
    used_both(before)
    if not busy and not result.again[0]:
        equal(tuple(moved.values()), (0,) * len(COUNTERS), ", ".join(COUNTERS))
    at_least(result.evidence.moved("hw_tls_tx_bytes"), LAST, "hw_tls_tx_bytes")


def while_stuck(context, family, cipher, tso):
    """What is sent through one ring while the other does not get on with what is in it is
    encrypted by software; once the other is empty, the NIC goes on where it stood. (After a
    timeout TCP would send nothing new.)"""
    ready(tso)
    tcp.patient(context)
    context.callback(device_faults.stick_tx_rings, 0)
    egress.two_queues(context, family)

    def stick(_sender):
        device_faults.stick_tx_rings(1 << 0)

    def other(_sender):
        wait.until(lambda: not tcp.unsent(run.near), "the write is sent")
        egress.mark(run.near)

    def back(turn):
        def do(_sender):
            wait.until(lambda: run.evidence.moved("tx_tls_other_queue") > turn,
                       "software encrypts")
            device_faults.stick_tx_rings(0)
            run.settled()
            egress.mark(run.near, False)
        return Call(do)
    # One packet in the ring: for more of them TCP would not send the next.
    script = []
    for turn in range(5):
        script += [Write(WRITE + turn), SETTLED, Call(stick), Write(1000), Call(other),
                   Write(3000 + turn), back(turn)]
    spec = Spec(script=(*script, Sendfile(LAST)), keys=Keys(cipher), family=family, tso=tso,
                capture=True)
    run = accounted.Run(context, spec, one_ring=False)
    run.start()
    run.play()
    result, _ = finished(context, run)
    at_least(result.evidence.moved("hw_tls_tx_bytes"), 5 * WRITE + LAST, "hw_tls_tx_bytes")


def from_other_cpu(context, family, cipher, tso):
    """The writer moves from one CPU to the other with each write, and XPS takes its
    packets to that CPU's queue as soon as the connection is idle."""
    ready(tso)
    here = os.sched_getaffinity(0)
    context.callback(os.sched_setaffinity, 0, here)
    cpus = sorted(here)[:2]
    check(len(cpus) == 2, "this guest has one CPU")

    def on(cpu, idle):
        def do(_sender):
            if idle:
                run.settled()
            os.sched_setaffinity(0, {cpu})
        return Call(do)
    script = []
    for turn in range(24):
        script += [on(cpus[turn % 2], turn % 4 < 2), Write(3000 + turn)]
    spec = Spec(script=(*script, SETTLED, Write(5), SETTLED, Sendfile(LAST)), keys=Keys(cipher),
                family=family, tso=tso, capture=True)
    before = queue_packets()
    run = accounted.Run(context, spec, one_ring=False)
    run.start()
    run.play()
    result, _ = finished(context, run)
    used_both(before)
    at_least(result.evidence.moved("hw_tls_tx_bytes"), LAST, "hw_tls_tx_bytes")


for _combination in COMBINATIONS:
    _end = combination_name(*_combination)
    registry.add(f"case-28-other-queue-while-idle/{_end}", migrate, False, *_combination)
    registry.add(f"case-28-other-queue-while-busy/{_end}", migrate, True, *_combination)
    registry.add(f"case-28-other-queue-while-one-is-stuck/{_end}", while_stuck, *_combination)
    registry.add(f"case-28-writer-on-other-cpu/{_end}", from_other_cpu, *_combination)


@registry.case("ring-sizes-and-channels-change-live")
def rings_and_channels(context):
    """Both are done by stopping the port inside the driver; the core is not told,
    so contexts have to survive."""
    ready()
    context.callback(system.run, "ethtool", "-G", NETIF, "tx", nic.ring_size("TX"), check=False)
    context.callback(system.run, "ethtool", "-L", NETIF, "combined", nic.channels().now,
                     check=False)

    def change(*words):
        return Call(lambda _: system.run("ethtool", *words))
    spec = Spec(script=(*PART, change("-G", NETIF, "tx", 128), *PART,
                        change("-L", NETIF, "combined", 1), *PART), capture=True)
    result = offload.exact(context, spec)
    context.note(result.evidence.tls_counters())
    result.evidence.by_the_nic(len(result.stream))
    result.evidence.no_errors(again=result.again[0])
