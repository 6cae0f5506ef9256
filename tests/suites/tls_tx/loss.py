# SPDX-License-Identifier: GPL-2.0-or-later
"""Retransmission, reordering and drops by chance: the NIC encrypts whatever it is given,
in whatever order, and the bytes on the wire are those of the first time."""

from lib import accounted, netem, nic, offload, tcp, wait
from lib.cases import Registry, at_least, check, equal
from lib.driver_input import DriverInput
from lib.evidence import TOO_LATE
from lib.ktls import Control, Keys, Sendfile, Write
from lib.offload import Spec
from lib.system import NETIF, run
from . import ready
from .stream import COMBINATIONS, combination_name

registry = Registry()
SCRIPT = (Write(80_000), Write(77, more=True), Sendfile(50_000), Control(9), Write(5),
          Write(30_000))
TRIES = 10                      # to lose something, where it is left to chance
LOSS = ("limit", 100_000, "loss", "4%", "seed", 11)
REORDER = ("limit", 100_000, "delay", "2ms", "reorder", "20%", "25%", "seed", 12)


def encrypted_by_the_nic(context, spec):
    """A whole stream, of which the NIC encrypts each packet that the driver is given; the
    run, its result, and what it cost."""
    run_ = accounted.Run(context, spec)
    run_.start()
    run_.play()
    result = run_.finish()
    return run_, result, accounted.exactly(context, run_, result)


def lossy(context, impair, impairment, family, cipher, tso):
    ready(tso)
    impair(context, *impairment)
    spec = Spec(script=SCRIPT, keys=Keys(cipher), family=family, tso=tso, mss=1201)
    for left in reversed(range(1 if netem.seeded() else TRIES)):
        _, result, want = encrypted_by_the_nic(context, spec)
        if result.again[0] and want.ooo:
            break
        check(left, f"the link lost nothing: segments sent again {result.again[0]}, "
                    f"packets out of order {want.ooo}")


def reordered(context, family, cipher, tso):
    """Segments overtake each other after they left the NIC: TCP sends some again for
    nothing."""
    ready(tso)
    netem.after_the_wire(context, *REORDER)
    spec = Spec(script=SCRIPT, keys=Keys(cipher), family=family, tso=tso, mss=1201)
    run_ = accounted.Run(context, spec)
    run_.start()
    run_.play()
    run_.settled()
    at_least(tcp.out_of_order(run_.reader.sock), 1, "segments that came out of their order")
    accounted.exactly(context, run_, run_.finish())


def orphaned(context, family, cipher, tso):
    """A queueing discipline that takes the socket from packets (netem with a delay) makes
    them useless: nobody can encrypt them any more. The core drops and counts each of them.
    When the discipline has gone TCP sends all of it again, encrypted."""
    ready(tso)
    spec = Spec(script=(Write(30_000), Write(700)), keys=Keys(cipher), family=family, tso=tso,
                mss=1201, capture=True)
    run_ = accounted.Run(context, spec)
    run_.start()
    before = nic.stats64()["tx_dropped"]
    netem.before_the_nic(context, "delay", "1ms")
    run_.play()
    wait.until(lambda: nic.stats64()["tx_dropped"] - before >= 2, "packets are dropped")
    equal(run_.driver_input.units(run_.port), [], "packets with data that the driver was given")
    run("tc", "qdisc", "del", "dev", NETIF, "root")
    result = run_.finish()
    at_least(result.again[0], 1, "segments that were sent again")
    accounted.exactly(context, run_, result)


for _combination in COMBINATIONS:
    _end = combination_name(*_combination)
    registry.add(f"loss-on-the-wire/{_end}", lossy, netem.after_the_wire, LOSS,
                 *_combination)
    registry.add(f"loss-before-the-driver/{_end}", lossy, netem.before_the_nic, LOSS,
                 *_combination)
    registry.add(f"reorder-on-the-wire/{_end}", reordered, *_combination)
    registry.add(f"case-21-orphaned-before-the-driver/{_end}", orphaned, *_combination)


@registry.case("same-bytes-when-sent-again")
def same_bytes(context):
    """Every byte that crosses the wire twice is the same both times: the capture
    stands in front of the loss."""
    ready()
    netem.after_the_wire(context, *LOSS)
    spec = Spec(script=SCRIPT * 3, mss=1201, capture=True)
    _, result, _ = encrypted_by_the_nic(context, spec)
    at_least(result.wire.repeated, 1, "bytes captured twice")
    context.note(f"{result.wire.repeated} bytes captured twice, all the same")


@registry.case("loss-with-many-connections", seconds=120)
def many_lossy(context):
    """Of eight connections at once the NIC encrypts each packet, as often as the driver is
    given it."""
    ready()
    netem.after_the_wire(context, *LOSS)
    given = DriverInput(context)
    runs = [offload.Run(context, Spec(script=SCRIPT, keys=Keys(seed=f"lossy {i}"),
                                      family=4 if i % 2 else 6)) for i in range(8)]
    ports = [run_.near.getsockname()[1] for run_ in runs]
    state = offload.install_all(runs)
    offload.play_together(runs)
    results = [run_.finish() for run_ in runs]
    # before software sends the same: its connections may get one of these ports
    handed_over = given.bytes(ports)
    at_least(sum(result.again[0] for result in results), 1, "segments sent again")
    for run_, result in zip(runs, results):
        accounted.as_software(result, run_.spec)
    state.gone()
    again = sum(result.again[0] for result in results)
    context.note(f"{again} segments sent again; {state.tls_counters()}")
    state.no_errors(again=again)
    state.by_the_nic(sum(len(result.stream) for result in results), again)
    if not state.moved(TOO_LATE):
        equal(state.moved("hw_tls_tx_bytes") + state.moved("tx_tls_fallback_bytes"),
              handed_over, "hw_tls_tx_bytes and tx_tls_fallback_bytes")
