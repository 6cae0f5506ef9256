# SPDX-License-Identifier: GPL-2.0-or-later
"""Pages that are not copied, many in a packet: our tls.ko keeps a part of a packet for what splice()
brings next, and lets nothing wait for long that way. Its group boots with it (plan.py)."""

import socket
import statistics

from lib import ktls, offload, tcp, wait
from lib.cases import Registry, check, equal
from lib.ktls import MAX_RECORD, Keys, Sendfile, Splice, Write
from lib.offload import Spec
from . import ready

registry = Registry()
WARM, BURST, TRIES = 8 << 20, 256 << 10, 8
UNITS = 6                       # of a burst, in packets of 34 segments
PIPE = 64 << 10                 # bytes that a pipe holds, and so what comes in a call


def connection(context, script, cipher):
    """One that can play this script."""
    ready()
    run = offload.Run(context, Spec(script=script, keys=Keys(cipher), zerocopy=True))
    offload.install_all([run])
    return run


def full_packets(context, cipher):
    """64 KB in four records are 21 fragments: a packet of 17, and one of the rest, if TCP sends
    what each call brings at once. Here it does: the connection is idle, and its congestion window
    open."""
    run = connection(context, (Sendfile(WARM),), cipher)
    run.play()
    units = []
    for _ in range(TRIES):
        tcp.settled(run.near)
        before = run.evidence.moved("hw_tx_tso_units")
        run.sender.play((Sendfile(BURST),), tcp.data("burst", BURST))
        units.append(run.evidence.moved("hw_tx_tso_units") - before)
    run.finish()
    context.note(f"units: {units}")
    check(statistics.median(units) <= UNITS, f"most bursts are more than {UNITS} units")


def sent_without_more(context, cipher):
    """More was promised and does not come: what waits for it is sent all the same."""
    run = connection(context, (Splice(PIPE, more=True, step=PIPE),), cipher)
    run.play()
    whole = cipher.stream([MAX_RECORD] * (PIPE // MAX_RECORD))
    wait.until(lambda: run.reader.count == whole, "all records are at the far end")
    run.finish()


def shut_down(context, cipher):
    """Nothing more can come: what waits for it goes before the FIN, an open record as well."""
    run = connection(context, (Splice(PIPE, more=True, step=PIPE), Write(100, more=True)), cipher)
    run.play()
    run.near.shutdown(socket.SHUT_WR)
    run.reader.finish()
    equal(run.reader.count, cipher.stream([MAX_RECORD] * (PIPE // MAX_RECORD) + [100]),
          "bytes that came before the end")
    run.finish()


for _cipher in ktls.OURS:
    registry.add(f"full-packets-zerocopy/{_cipher.label}", full_packets, _cipher)
    registry.add(f"sent-without-more-zerocopy/{_cipher.label}", sent_without_more, _cipher)
    registry.add(f"shut-down-after-more-zerocopy/{_cipher.label}", shut_down, _cipher)
