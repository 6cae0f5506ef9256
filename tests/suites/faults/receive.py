# SPDX-License-Identifier: GPL-2.0-or-later
"""kTLS connections that receive while allocations fail in the driver or in tls.ko."""

from lib import alloc_failures, ktls, netem, rx, tcp, timescale
from lib.cases import Registry, at_least, check
from lib.ktls import GCM128, GCM256, Keys, Write
from lib.without_memory import broken, ended, installed, until_enough
from .streams import sent

registry = Registry()
SIZE = 200_000


def one(number):
    """A connection of its own: "refused", "broken" off by an error, or the mode in which
    it ran, "hw" or "sw". What was read is right as far as it goes."""
    keys = Keys((GCM128, GCM256)[number % 2], seed=f"receive {number}")
    content = tcp.data(f"receive {number}", SIZE)
    near, far = tcp.connect((4, 6)[number // 2 % 2])
    with tcp.closing(near, far):
        if not installed(near, keys, ktls.TLS_RX) or not installed(far, keys, ktls.TLS_TX):
            ended(near)
            ended(far)
            return "refused"
        mode = rx.rxconf(near)
        reader = rx.Reader(near)
        complete = sent(far, content)
        ended(far)
        reader.join(timescale.scaled(tcp.SECONDS))
        check(not reader.is_alive(), f"the stream had no end, {len(reader.bytes)} bytes")
        ended(near)
    if reader.error:
        check(reader.error.errno in broken(), f"reading: {reader.error}")
        complete = False
    check(reader.bytes == content if complete else content.startswith(bytes(reader.bytes)),
          f"{len(reader.bytes)} bytes were read and differ from what was sent")
    return mode if complete else "broken"


def connections(context, module, percent, rounds, wanted):
    rx.ready()
    state = rx.Evidence()
    seen = until_enough(context, one, module, percent, rounds, wanted, state.resync_counters)
    at_least(seen.get("hw", 0), 1, "connections that the NIC decrypted")
    state.gone()


def as_ever(context):
    """A connection is decrypted from its first byte to its last."""
    flow = rx.Flow(context)
    flow.play((Write(50_000),))
    again = flow.finish()
    flow.evidence.script_decrypted((Write(50_000),), again[1])


@registry.case("case-44-receiving-without-memory/driver", seconds=300, splats=alloc_failures.SPLATS)
def contexts(context):
    """Contexts are added and deleted, and frames taken in: refused connections run in
    software, lost frames come again."""
    connections(context, "ktlsnic", 10, 30, 50)
    as_ever(context)


@registry.case("case-44-receiving-without-memory/tls", seconds=300, splats=alloc_failures.SPLATS)
def contexts_tls(context):
    connections(context, "tls", 3, 30, 10)
    as_ever(context)


@registry.case("case-44-receiving-without-memory/loss", seconds=400, splats=alloc_failures.SPLATS)
def with_loss(context):
    """Segments are lost on the way, so that contexts lose their place and ask for it while
    the driver's memory is short."""
    netem.before_the_wire(context, "loss", "1%")
    connections(context, "ktlsnic", 3, 12, 50)
    netem.change_before_the_wire("loss", "0%")
    as_ever(context)
