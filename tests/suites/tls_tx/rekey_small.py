# SPDX-License-Identifier: GPL-2.0-or-later
"""KeyUpdates of a sender with a NIC that has few contexts. Its group boots it so (plan.py)."""

from lib import device_faults, ktls, nic, tcp, wait
from lib.cases import Registry, equal
from lib.ktls import Keys
from lib.sockdiag import txconf
from . import ready
from .rekey import Stream

registry = Registry()
CONTEXTS = 4


def other(context, number):
    """Both ends of another connection that has a context."""
    near, far = tcp.connect()
    context.enter_context(tcp.closing(near, far))
    ktls.install(near, Keys(seed=f"other {number}"))
    equal(txconf(near), "hw", "ss: txconf")
    return near, far


@registry.case("rekey-with-a-full-table")
def full(context):
    """A full table has the connection's own place for the new key. If another has got that in the
    meantime, software goes on with the new key; with the next one the NIC is asked again."""
    ready()
    for number in range(CONTEXTS - 1):
        other(context, number)
    stream = Stream(context)
    stream.sender.update()
    stream.settled()
    stream.with_the_nic()
    with device_faults.command(device_faults.TX_ADD):
        stream.sender.update()
        stream.settled()
        stream.with_software()
    ends = other(context, "last")
    stream.sender.update()
    stream.settled()
    stream.with_software()
    equal(stream.evidence.moved("tx_tls_no_space"), 1, "tx_tls_no_space")
    stream.rekeys(Ok=1, Fallback=2)
    tcp.end_first(ends[1:])
    ends[0].close()
    wait.until(lambda: nic.statistics()["hw_tls_tx_live"] == CONTEXTS - 1, "a place is free")
    stream.sender.update()
    stream.ends_with_the_nic(Ok=2, Fallback=2)
