# SPDX-License-Identifier: GPL-2.0-or-later
"""Case 18: a ring that is nearly full when something out of order comes, which needs
room for the record's beginning and for the packet. The queue must have been stopped
before that: once the driver has looked at a packet it cannot give it back."""

import socket

from lib import link, napi, nic, offload, system, trace
from lib.cases import Registry, at_least, check, equal
from lib.evidence import OUT_OF_ORDER
from lib.ktls import Call, Keys, Splice, Write
from lib.offload import Spec
from lib.system import NETIF, run, write
from . import ready
from .stream import COMBINATIONS, combination_name

registry = Registry()
ENTRIES = 64                    # an skb and a prefix of the worst kind take 36
CONNECTIONS = 4
URGENT = 6                      # in the first band of qdisc prio; 0 is in the second
LATE = 0.01                     # seconds between two looks at what was sent: the ring fills up
SEED = 18
# Records of nearly as many pieces as they may have, each of which takes a descriptor.
PIECES = (Splice(700, step=50),) * 8


def priority(value):
    """What the socket sends from now on waits in that band before the driver."""
    return Call(lambda sender: sender.sock.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, value))


# What is urgent overtakes the rest while the queue is stopped: just then, when the ring is
# as full as it may be, packets come out of order.
SCRIPT = tuple(step for size in (30_000, 20_000, 25_000, 5)
               for step in (priority(URGENT), *PIECES, priority(0), Write(size)))


class Refused:
    """Packets for which the driver's ndo_start_xmit returns NETDEV_TX_BUSY, which it must
    not. (The requeues of `tc -s qdisc` do not tell: a packet is also put back when the
    queue has been stopped by the one before it, and the driver never saw it.)"""

    EVENT = trace.TRACEFS / "events/net/net_dev_xmit"

    def __enter__(self):
        trace.ready()
        write(trace.TRACEFS / "trace", "0")
        write(self.EVENT / "filter", f'name == "{NETIF}" && rc != 0')
        write(self.EVENT / "enable", "1")
        return self

    def __exit__(self, *_):
        write(self.EVENT / "enable", "0")

    def lines(self):
        text = (trace.TRACEFS / "trace").read_text(encoding="ascii")
        return [line for line in text.splitlines() if "net_dev_xmit:" in line]


def queues_moved(state, what):
    return sum(state.moved(f"tx_queue_{queue}_{what}") for queue in (0, 1))


def small_ring(context, entries=ENTRIES):
    context.callback(run, "ethtool", "-G", NETIF, "tx", nic.ring_size("TX"))
    run("ethtool", "-G", NETIF, "tx", entries)
    nic.without_byte_limits(context)
    run("tc", "qdisc", "replace", "dev", NETIF, "root", "prio")
    context.callback(run, "tc", "qdisc", "del", "dev", NETIF, "root")


def play(context, spec, faults):
    """The same on several connections at once; what the counters were before."""
    with link.Link(**faults), napi.late(LATE):
        runs = [offload.Run(context, spec) for _ in range(CONNECTIONS)]
        state = offload.install_all(runs)
        offload.play_together(runs)
        for run_ in runs:
            run_.settled()
    return state, runs


def all_right(context, spec):
    """Play it, and see that nothing went wrong; the counters as they were before."""
    state, runs = play(context, spec, {"loss": "2%", "seed": SEED})
    context.note(f"stopped {queues_moved(state, 'stopped')}, woken {queues_moved(state, 'woken')}, "
                 f"linearized {queues_moved(state, 'linearized')}; {state.tls_counters()}")
    software = offload.software_stream(spec.script, spec.keys)
    results = [run_.finish() for run_ in runs]
    for result in results:
        check(result.stream == software, "the wire is not what software kTLS sends")
    state.gone()
    at_least(state.moved(OUT_OF_ORDER), 1, OUT_OF_ORDER)
    again = sum(result.again[0] for result in results)
    if system.REPLAYS:
        state.by_the_nic(CONNECTIONS * len(software), again)
    else:                       # what is overtaken before the driver is software's
        at_least(state.moved("hw_tls_tx_bytes") + state.moved("tx_tls_fallback_bytes"),
                 CONNECTIONS * len(software), "hw_tls_tx_bytes and tx_tls_fallback_bytes")
    state.no_errors(again=again)
    return state


def nearly_full(context, family, cipher, tso):
    ready(tso)
    spec = Spec(script=SCRIPT, keys=Keys(cipher), family=family, tso=tso, zerocopy=True)
    small_ring(context)
    with Refused() as refused:
        state = all_right(context, spec)
    equal(refused.lines(), [], "packets that the driver gave back")
    at_least(queues_moved(state, "stopped"), 1, "times that a queue was stopped")
    at_least(queues_moved(state, "woken"), 1, "times that a queue was woken")


for _combination in COMBINATIONS:
    registry.add(f"case-18-ring-nearly-full/{combination_name(*_combination)}", nearly_full,
                 *_combination, both=True)
