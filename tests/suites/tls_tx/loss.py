# SPDX-License-Identifier: GPL-2.0-or-later
"""Retransmission, reordering and drops: whoever encrypts what is sent again, the
bytes on the wire are those of the first time."""

import threading

from lib import capture, ktls, netem, offload, tcp, wait
from lib.cases import Registry, at_least, check, equal
from lib.ktls import Control, Keys, Sendfile, Write
from lib.offload import Spec
from lib.system import NETIF, run
from . import ready
from .stream import COMBINATIONS, combination_name

registry = Registry()
SCRIPT = (Write(150_000), Write(77, more=True), Sendfile(90_000), Control(9), Write(5),
          Write(60_000))


def lossy(context, impair, impairment, family, cipher, tso):
    ready(tso)
    impair(context, *impairment)
    spec = Spec(script=SCRIPT, keys=Keys(cipher), family=family, tso=tso, mss=1201)
    for left in reversed(range(1 if netem.seeded() else TRIES)):
        again, ooo = lossy_stream(context, spec)
        if again and ooo:
            break
        check(left, f"the link lost nothing: segments sent again {again}, tx_tls_ooo {ooo}")


def lossy_stream(context, spec):
    """How many segments were sent again, and how many packets of them the driver saw."""
    run_ = offload.Run(context, spec)
    run_.install()
    run_.evidence.offloaded(run_.near)
    run_.play()
    result = run_.finish()
    context.note(f"sent again: {result.again[0]} segments, {result.again[1]} bytes; "
                 f"ooo {result.evidence.nic_moved('tx_tls_ooo')}")
    equal(result.stream == offload.software_stream(spec.script, spec.keys), True,
          "the wire is what software kTLS sends")
    result.evidence.gone()
    result.evidence.encrypted(len(result.stream), result.records,
                              (max(1, result.again[0]), result.again[1]))
    return result.again[0], result.evidence.nic_moved("tx_tls_ooo")


TRIES = 10                      # to lose something, where it is left to chance
LOSS = ("limit", 100_000, "loss", "4%", "seed", 11)
REORDER = ("limit", 100_000, "delay", "2ms", "reorder", "20%", "25%", "seed", 12)

for _combination in COMBINATIONS:
    _end = combination_name(*_combination)
    registry.add(f"loss-on-the-wire/{_end}", lossy, netem.behind_the_wire, LOSS,
                 *_combination)
    registry.add(f"loss-before-the-driver/{_end}", lossy, netem.before_the_nic, LOSS,
                 *_combination)


def reordered(context, family, cipher, tso):
    """Segments overtake each other behind the wire: TCP sends some again for nothing."""
    ready(tso)
    netem.behind_the_wire(context, *REORDER)
    spec = Spec(script=SCRIPT, keys=Keys(cipher), family=family, tso=tso, mss=1201)
    result = offload.exact(context, spec)
    result.evidence.no_errors()


for _combination in COMBINATIONS:
    registry.add(f"reorder-on-the-wire/{combination_name(*_combination)}",
                 reordered, *_combination)


def orphaned(context, family, cipher, tso):
    """A queueing discipline that takes the socket from packets (netem with a delay)
    makes them useless: nobody can encrypt them any more. They must be dropped."""
    ready(tso)
    content = tcp.data("orphan", 30_000)
    with capture.Capture() as seen:
        near, far = tcp.connect(family)
        context.enter_context(tcp.closing(near, far))
        netem.before_the_nic(context, "delay", "1ms")
        ktls.install(near, Keys(cipher))
        near.sendall(content)
        wait.until(lambda: netem.sent(NETIF) >= 5, "packets went through netem")
        run("tc", "qdisc", "del", "dev", NETIF, "root")
        wait.until(lambda: tcp.unacknowledged(near) == 0, "the rest was sent in the end",
                   seconds=40)
        stream = b"".join(frame.payload for frame in seen.frames() if frame.protocol == 6)
    offload.no_plaintext(content, stream)


for _combination in COMBINATIONS:
    registry.add(f"case-21-orphaned-before-the-driver/{combination_name(*_combination)}",
                 orphaned, *_combination)


@registry.case("same-bytes-when-sent-again")
def same_bytes(context):
    """Every byte that crosses the wire twice is the same both times: the capture
    stands in front of the loss."""
    ready()
    netem.behind_the_wire(context, *LOSS)
    spec = Spec(script=SCRIPT * 3, mss=1201, capture=True)
    run_ = offload.Run(context, spec)
    run_.install()
    run_.evidence.offloaded(run_.near)
    run_.play()
    result = run_.finish()
    at_least(result.wire.repeated, 1, "bytes captured twice")
    context.note(f"{result.wire.repeated} bytes captured twice, all the same")
    result.evidence.gone()
    result.evidence.no_errors()


@registry.case("loss-with-many-connections", seconds=120)
def many_lossy(context):
    ready()
    netem.behind_the_wire(context, *LOSS)
    runs = [offload.Run(context, Spec(script=SCRIPT, keys=Keys(seed=f"lossy {i}"),
                                      family=4 if i % 2 else 6)) for i in range(8)]
    for run_ in runs:
        run_.install()
    threads = [threading.Thread(target=run_.play) for run_ in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(tcp.SECONDS)
    results = [run_.finish() for run_ in runs]
    at_least(sum(result.again[0] for result in results), 1, "segments sent again")
    runs[0].evidence.gone()
    runs[0].evidence.no_errors()
