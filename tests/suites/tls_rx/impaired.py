# SPDX-License-Identifier: GPL-2.0-or-later
"""A wire that loses, reorders, doubles and spoils segments: the link between the
ports does it, with rules for chosen segments of each connection and with seeded
chance for the others (plan.py)."""

import socket
import threading

from lib import ktls, rx, tcp, tlstrace
from lib.cases import Registry, at_least, check
from lib.ktls import ALERT, Control, Keys, Write
from .framing import COMBINATIONS

registry = Registry()
SCRIPT = tuple(step for i in range(60) for step in
               (Write(16384), Write(1 + 97 * i), Control(2, ALERT), Write(3000 + 100 * i)))


def one(context, family, cipher):
    """One connection."""
    trace = tlstrace.Trace(context)
    flow = rx.Flow(context, Keys(cipher), family)
    flow.evidence.offloaded(flow.near)
    flow.sender.play(SCRIPT, tcp.data("impaired", ktls.size_of(SCRIPT)))
    again = flow.finish()
    flow.evidence.gone()
    report(context, flow.evidence, trace, again[0], ktls.size_of(SCRIPT))


def report(context, state, trace, again, size):
    fates = [how for table in trace.records().values() for _event, how in table]
    context.note(f"{again} segments sent again; of {len(fates)} records hw {fates.count('hw')} "
                 f"mixed {fates.count('mixed')} sw {fates.count('sw')}; decrypted "
                 f"{100 * state.share(size):.1f} % of the payload; {state.resync_counters()}")
    at_least(again, 1, "segments sent again: the link did nothing")
    check(fates.count("sw") + fates.count("mixed") > 0, "every record was decrypted by the NIC")
    at_least(state.share(size), 0.3, "share of the payload that was decrypted")
    state.no_errors()


for _family, _cipher in COMBINATIONS:
    registry.add(f"impaired/one/v{_family}/{_cipher.name[-3:]}", one, _family, _cipher)


@registry.case("impaired/many", seconds=200)
def many(context):
    """Twelve at once, both ciphers and families."""
    trace = tlstrace.Trace(context, 32768)
    state = rx.Evidence()
    flows = [rx.Flow(context, Keys(cipher, seed=f"many {i}"), family)
             for i in range(3) for family, cipher in COMBINATIONS]
    size = ktls.size_of(SCRIPT)
    threads = [threading.Thread(target=flow.sender.play,
                                args=(SCRIPT, tcp.data(f"{i}", size)))
               for i, flow in enumerate(flows)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(150)
    again = sum(flow.finish()[0] for flow in flows)
    state.gone()
    report(context, state, trace, again, size * len(flows))


@registry.case("impaired/close-in-mid-stream", seconds=200)
def closing(context):
    """Connections go while they have lost their place and ask for it."""
    state = rx.Evidence()
    for turn in range(10):
        flow = rx.Flow(context, Keys(seed=f"close {turn}"))
        script = SCRIPT[:40 + 8 * turn]
        flow.sender.play(script, tcp.data("close", ktls.size_of(script)))
        flow.near.shutdown(socket.SHUT_RDWR)
        flow.reader.join(tcp.SECONDS)
        flow.near.close()
        flow.far.close()
    state.gone()
    state.no_errors()
