# SPDX-License-Identifier: GPL-2.0-or-later
"""KeyUpdates of a receiver with a NIC that has few contexts. Its group boots it so (plan.py)."""

from lib import device_faults, ktls, nic, rx, tcp, wait
from lib.cases import Registry, equal
from lib.ktls import Keys
from .rekey import Stream

registry = Registry()
CONTEXTS = 4


def other(context, number):
    """The near end of another connection that has a context."""
    near, far = tcp.connect()
    context.enter_context(tcp.closing(near, far))
    ktls.install(near, Keys(seed=f"other {number}"), ktls.TLS_RX)
    equal(rx.rxconf(near), "hw", "ss: rxconf")
    return near


@registry.case("rekey-with-a-full-table")
def full(context):
    """A full table has the connection's own place for the new key. If another has got that in the
    meantime, software goes on with the new key; with the next one the NIC is asked again."""
    rx.ready()
    for number in range(CONTEXTS - 1):
        other(context, number)
    stream = Stream(context)
    stream.sender.update()
    stream.updated(1)
    stream.with_the_nic()
    with device_faults.command(device_faults.RX_ADD):
        stream.sender.update()
        stream.updated(2)
    near = other(context, "last")
    stream.sender.update()
    stream.updated(3)
    equal(stream.decrypted_of(50_000), 0, "bytes that the NIC decrypted")
    equal(stream.evidence.moved("rx_tls_no_space"), 1, "rx_tls_no_space")
    stream.rekeys(3, Ok=1, Fallback=2)
    near.close()
    wait.until(lambda: nic.statistics()["hw_tls_rx_live"] == CONTEXTS - 1, "a place is free")
    stream.sender.update()
    stream.updated(4)
    stream.with_the_nic()
    stream.finish(but=("rx_tls_add_failed",))
    stream.rekeys(4, Ok=2, Fallback=2)
