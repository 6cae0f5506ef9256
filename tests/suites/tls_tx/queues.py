# SPDX-License-Identifier: GPL-2.0-or-later
"""A connection whose packets move from one TX queue to another. The context is one for
both rings, so it must not be used in both at once."""

import os

from lib import egress, faulted, nic, tcp, wait
from lib.cases import Registry, at_least, check, equal
from lib.ktls import Call, Keys, Sendfile, Write
from lib.offload import Spec
from . import ready
from .stream import COMBINATIONS, combination_name

registry = Registry()
WRITE = 6000
COUNTERS = ("tx_tls_ooo", "tx_tls_resync", "tx_tls_fallback")


def queue_packets():
    """Packets of each TX queue."""
    table = nic.statistics()
    return [table[f"tx_queue_{queue}_packets"] for queue in (0, 1)]


def used_both(before):
    moved = [now - then for then, now in zip(before, queue_packets())]
    check(min(moved) >= 5, f"packets through the TX queues: {moved}")


def by_the_nic(result):
    """Software takes what comes while the other ring is still busy, and no more."""
    at_least(result.evidence.nic_moved("hw_tls_tx_bytes"), len(result.stream) // 2,
             "hw_tls_tx_bytes")


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
    return (*script, Sendfile(20_000), Call(lambda _: run().settled()), Write(5))


def migrate(context, busy, family, cipher, tso):
    """Traffic control sends marked packets through queue 1, others through queue 0."""
    ready(tso)
    egress.two_queues(context, family)
    spec = Spec(script=turns(lambda: run, busy), keys=Keys(cipher), family=family, tso=tso,
                capture=True)
    before = queue_packets()
    run = faulted.Run(context, spec)
    run.start()
    run.play()
    result = run.finish()
    used_both(before)
    faulted.as_software(result, spec)
    moved = {name: result.evidence.nic_moved(name) for name in COUNTERS}
    context.note(f"{moved}, sent again {result.again}")
    by_the_nic(result)
    if not busy and not result.again[0]:
        equal(tuple(moved.values()), (0, 0, 0), ", ".join(COUNTERS))
    result.evidence.no_errors()


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
    spec = Spec(script=tuple(script), keys=Keys(cipher), family=family, tso=tso, capture=True)
    before = queue_packets()
    run = faulted.Run(context, spec)
    run.start()
    run.play()
    result = run.finish()
    used_both(before)
    faulted.as_software(result, spec)
    by_the_nic(result)
    context.note({name: result.evidence.nic_moved(name) for name in COUNTERS})
    result.evidence.no_errors()


for _combination in COMBINATIONS:
    _end = combination_name(*_combination)
    registry.add(f"case-28-other-queue-while-idle/{_end}", migrate, False, *_combination)
    registry.add(f"case-28-other-queue-while-busy/{_end}", migrate, True, *_combination)
    registry.add(f"case-28-writer-on-other-cpu/{_end}", from_other_cpu, *_combination)
