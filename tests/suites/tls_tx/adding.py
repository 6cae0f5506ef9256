# SPDX-License-Identifier: GPL-2.0-or-later
"""What may happen while a connection is being added to the NIC."""

from lib import kmsg, ktls, offload, tcp
from lib.adding import (ENDS, MANY, SEED, adding, ended_while_added, forgotten, many_at_once,
                        many_come_back, port_down_while_added)
from lib.cases import Registry, equal
from lib.evidence import Evidence, txconf
from lib.ktls import Keys, Write
from lib.offload import Spec
from . import ready

registry = Registry()
SPEC = Spec(script=(Write(50_000), Write(17)), keys=Keys(seed=SEED))


def ends(context, what, status):
    """Something ends a connection in the moment in which it is added: its context is deleted
    as soon as it is there, and the kernel's log is silent."""
    ready()
    log = kmsg.Log()
    state = Evidence()
    ended_while_added(context, ktls.TLS_TX, what, status)
    state.gone()
    for name in ("tx_tls_ctx", "tx_tls_del", "hw_tls_tx_added", "hw_tls_tx_deleted"):
        equal(state.moved(name), 1, name)
    state.no_errors()
    log.is_silent()


for _what, _status in ENDS:
    registry.add(f"case-44-{_what.__name__}-while-it-is-added", ends, _what, _status)


@registry.case("case-44-added-while-the-port-goes-down")
def port_goes_down(context):
    """The connection goes on in software, and its context is deleted."""
    ready()
    run = offload.Run(context, SPEC)
    port_down_while_added(context, run.near, ktls.TLS_TX)
    ready()
    run.play()
    run.finish()
    state = run.evidence
    state.gone()
    forgotten(context, state.moved("tx_tls_orphans"))
    for name, count in (("hw_tls_tx_added", 1), ("hw_tls_tx_deleted", 1), ("hw_tls_tx_bytes", 0)):
        equal(state.moved(name), count, name)
    offload.offloaded(context, SPEC)


@registry.case("case-44-added-while-others-send")
def others_send(context):
    """A connection that waits for the device does not keep others from sending, and is
    offloaded when the device has answered."""
    ready()
    other = offload.Run(context, Spec(script=SPEC.script, keys=Keys(seed="other")))
    other.install()
    other.evidence.offloaded(other.near)
    run = offload.Run(context, SPEC)
    with adding(run.near, ktls.TLS_TX) as process:
        other.play()
        other.settled()
        other.evidence.by_the_nic(tcp.sent(other.near))
    equal(process.done(), 0, "status of the process that adds the connection")
    equal(txconf(run.near), "hw", "ss: txconf")
    run.play()
    size = sum(len(each.finish().stream) for each in (other, run))
    other.evidence.gone()
    other.evidence.by_the_nic(size)
    other.evidence.no_errors()


@registry.case("case-44-many-at-once")
def many(context):
    ready()
    state = Evidence()
    many_at_once(context, ktls.TLS_TX,
                 lambda socks: equal([txconf(sock) for sock in socks], ["hw"] * MANY, "ss: txconf"))
    state.gone()
    equal((state.moved("tx_tls_ctx"), state.moved("tx_tls_del")), (MANY, MANY),
          "tx_tls_ctx, tx_tls_del")
    state.no_errors()


@registry.case("case-31b-many-come-back-at-once")
def come_back(context):
    ready()
    state = Evidence()
    many_come_back(context, ktls.TLS_TX, "tx_tls_restored")
    state.no_errors()
