# SPDX-License-Identifier: GPL-2.0-or-later
"""Retransmission, reordering and drops: whoever encrypts what is sent again, the
bytes on the wire are those of the first time."""

from lib import netem, nic, offload, tcp
from lib.cases import Registry, at_least, check, equal
from lib.ktls import Control, Keys, Sendfile, Write
from lib.offload import Spec
from . import ready
from .stream import COMBINATIONS, combination_name

registry = Registry()
SCRIPT = (Write(150_000), Write(77, more=True), Sendfile(90_000), Control(9), Write(5),
          Write(60_000))


def lossy(context, impair, impairment, family, cipher, tso):
    ready(tso)
    impair(context, *impairment)
    spec = Spec(script=SCRIPT, keys=Keys(cipher), family=family, tso=tso, mss=1201)
    run = offload.Run(context, spec)
    run.install()
    run.evidence.offloaded(run.near)
    run.play()
    result = run.finish()
    context.note(f"sent again: {result.again[0]} segments, {result.again[1]} bytes; "
                 f"ooo {result.evidence.nic_moved('tx_tls_ooo')}")
    equal(result.stream == offload.software_stream(spec.script, spec.keys), True,
          "the wire is what software kTLS sends")
    result.evidence.gone()
    result.evidence.encrypted(len(result.stream), len(result.records),
                              (max(1, result.again[0]), result.again[1]))
    at_least(result.again[0], 1, "segments sent again: the link lost nothing")
    at_least(result.evidence.nic_moved("tx_tls_ooo"), 1, "tx_tls_ooo")


LOSS = ("limit", 100_000, "loss", "4%", "seed", 11)
REORDER = ("limit", 100_000, "delay", "2ms", "reorder", "20%", "25%", "seed", 12)

for _combination in COMBINATIONS:
    _end = combination_name(*_combination)
    registry.add(f"loss-on-the-wire/{_end}", lossy, netem.behind_the_wire, LOSS,
                 *_combination)
    registry.add(f"loss-before-the-driver/{_end}", lossy, netem.before_the_nic, LOSS,
                 *_combination)


def reordered(context, family, cipher, tso):
    """Segments reach the driver out of order, though none is lost."""
    ready(tso)
    netem.before_the_nic(context, *REORDER)
    spec = Spec(script=SCRIPT, keys=Keys(cipher), family=family, tso=tso, mss=1201)
    run = offload.Run(context, spec)
    run.install()
    run.evidence.offloaded(run.near)
    run.play()
    result = run.finish()
    equal(result.stream == offload.software_stream(spec.script, spec.keys), True,
          "the wire is what software kTLS sends")
    result.evidence.gone()
    at_least(result.evidence.nic_moved("tx_tls_ooo"), 1, "tx_tls_ooo")
    result.evidence.no_errors()


for _combination in COMBINATIONS:
    registry.add(f"reorder-before-the-driver/{combination_name(*_combination)}",
                 reordered, *_combination)


@registry.case("same-bytes-when-sent-again", seconds=90)
def same_bytes(context):
    """Every byte that crosses the wire twice is the same both times: the capture
    stands in front of the loss."""
    ready()
    netem.behind_the_wire(context, *LOSS)
    spec = Spec(script=SCRIPT * 3, mss=1201, capture=True)
    run = offload.Run(context, spec)
    run.install()
    run.evidence.offloaded(run.near)
    run.play()
    result = run.finish()
    at_least(result.wire.repeated, 1, "bytes captured twice")
    context.note(f"{result.wire.repeated} bytes captured twice, all the same")
    result.evidence.gone()
    result.evidence.no_errors()


@registry.case("preamble-sent-again")
def preamble_again(context):
    """Bytes from before the keys that are lost and sent again stay in the clear."""
    ready()
    netem.behind_the_wire(context, "limit", 10_000, "loss", "60%", "seed", 5)
    spec = Spec(script=(Write(3000), Write(20)), preamble=4000)
    near_before = nic.statistics()
    run = offload.Run(context, spec)
    run.install()
    run.evidence.offloaded(run.near)
    run.play()
    result = run.finish()
    check(result.again[0] > 0, "the link lost nothing")
    context.note(str(nic.change(near_before, nic.statistics())))
    result.evidence.gone()
    result.evidence.no_errors()


@registry.case("loss-with-many-connections", seconds=120)
def many_lossy(context):
    import threading
    ready()
    netem.behind_the_wire(context, *LOSS)
    runs = [offload.Run(context, Spec(script=SCRIPT, keys=Keys(seed=f"lossy {i}"),
                                      family=4 if i % 2 else 6)) for i in range(8)]
    for run in runs:
        run.install()
    threads = [threading.Thread(target=run.play) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(tcp.SECONDS)
    results = [run.finish() for run in runs]
    at_least(sum(result.again[0] for result in results), 1, "segments sent again")
    runs[0].evidence.gone()
    runs[0].evidence.no_errors()
