# SPDX-License-Identifier: GPL-2.0-or-later
"""kTLS connections while allocations fail in the driver or in tls.ko."""

import struct

from lib import alloc_failures, evidence, netem, nic, offload, records, tcp
from lib.cases import Registry, at_least, check
from lib.ktls import GCM128, GCM256, Keys, Write
from lib.offload import Spec
from lib.without_memory import broken, ended, installed, until_enough
from tls_tx import ready

registry = Registry()
SIZE = 200_000
TOTAL = 500                 # failures in the driver that this suite is to survive


def whole(stream):
    """The stream without a record at its end that has been cut short."""
    at = 0
    while at + records.HEADER <= len(stream):
        end = at + records.HEADER + struct.unpack_from("!H", stream, at + 3)[0]
        if end > len(stream):
            break
        at = end
    return stream[:at]


def sent(sock, content):
    """Send it all; False if that failed for want of memory."""
    try:
        sock.sendall(content)
        return True
    except OSError as error:
        check(error.errno in broken(), f"send: {error}")
        return False


def one(number):
    """A connection of its own: "refused", "broken" off by an error, or the mode in which
    it ran, "hw" or "sw". What arrived is right as far as it goes."""
    keys = Keys((GCM128, GCM256)[number % 2], seed=f"faults {number}")
    content = tcp.data(f"faults {number}", SIZE)
    near, far = tcp.connect((4, 6)[number // 2 % 2])
    with tcp.closing(near, far):
        reader = tcp.Reader(far)
        if not installed(near, keys):
            ended(near)
            return "refused"
        mode = evidence.txconf(near)
        complete = sent(near, content)
        ended(near)
        stream = bytes(reader.finish())
    found = records.decrypt(stream if complete else whole(stream), keys)
    plain = b"".join(record.plain for record in found)
    check(plain == content if complete else content.startswith(plain),
          f"{len(plain)} bytes arrived and differ from what was sent")
    offload.no_plaintext(content, stream)
    return mode if complete else "broken"


def connections(context, module, percent, rounds, wanted):
    ready()
    state = evidence.Evidence()
    until_enough(context, one, module, percent, rounds, wanted, state.tls_counters)
    state.gone()
    offload.offloaded(context, Spec(script=(Write(50_000),)))


@registry.case("case-44-contexts-without-memory/driver", seconds=300, splats=alloc_failures.SPLATS)
def contexts(context):
    """Adding and deleting contexts: refused ones run in software."""
    connections(context, "ktlsnic", 20, 30, 50)


@registry.case("case-44-contexts-without-memory/tls", seconds=300, splats=alloc_failures.SPLATS)
def contexts_tls(context):
    connections(context, "tls", 5, 30, 10)


def with_loss(context, module, percent, wanted):
    """Segments are lost before the driver and on the way, so that it has to move
    contexts, and the stack has to fall back, with memory short."""
    netem.before_the_nic(context, "loss", "1%", "limit", "10000")
    netem.after_the_wire(context, "loss", "1%", "limit", "10000")
    connections(context, module, percent, 12, wanted)


for _module, _percent, _wanted in (("ktlsnic", 3, 100), ("tls", 3, 10)):
    registry.add(f"case-44-loss-without-memory/{_module}", with_loss, _module, _percent, _wanted,
                 seconds=400, splats=alloc_failures.SPLATS)


@registry.case("plain-traffic", seconds=200, splats=alloc_failures.SPLATS)
def plain(context):
    """TCP without TLS, both ways: a frame that no memory is there for is lost and sent
    again, and the rings fill up again by themselves."""
    nic.up_again()
    with alloc_failures.below("ktlsnic", 3) as failures:
        for number in range(6):
            tcp.transfer(tcp.data(f"plain {number}", 1_000_000), upward=number % 2 == 0,
                         clean=False)
        count = failures()
    context.note(f"{count} allocations failed")
    at_least(count, 20, "failed allocations")


@registry.case("enough-has-failed")
def enough(context):
    context.note(f"allocations that failed: {alloc_failures.hits}")
    at_least(alloc_failures.hits.get("ktlsnic", 0), TOTAL, "failed allocations in the driver")
