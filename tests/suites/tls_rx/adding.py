# SPDX-License-Identifier: GPL-2.0-or-later
"""The device refuses to add or delete a context, or what happens to a connection while it is
being added."""

import re

from lib import device_faults, kmsg, ktls, nic, rx, sockdiag, wait
from lib.adding import (ENDS, MANY, SEED, ended_while_added, forgotten, many_at_once,
                        many_come_back, port_down_while_added)
from lib.cases import Registry, equal
from lib.ktls import GCM128, Keys, Write
from lib.rxstream import Stream
from .framing import COMBINATIONS
from .reset import resets
from .lost import pieces, send

registry = Registry()
SCRIPT = (Write(30_000), Write(7), Write(16_384))


# ---- the device says no

def refused(context, family, cipher):
    """The device does not take a connection: it runs in software, and the next one in the
    device again."""
    log = kmsg.Log()
    state = rx.Evidence()
    with device_faults.command(device_faults.RX_ADD):
        flow = rx.Flow(context, Keys(cipher), family, where="sw")
        equal(device_faults.left(), 0, "commands that are still to fail")
    equal(state.moved("rx_tls_add_failed"), 1, "rx_tls_add_failed")
    state.in_software(flow.near)
    flow.play(SCRIPT)
    flow.finish()
    equal(state.moved("hw_tls_rx_seen_packets"), 0, "hw_tls_rx_seen_packets")
    next_one(context, cipher, family)
    log.is_silent()


def next_one(context, cipher=GCM128, family=4):
    """Another connection is decrypted as ever."""
    flow = rx.Flow(context, Keys(cipher, seed="next"), family)
    flow.play(SCRIPT)
    again = flow.finish()
    flow.evidence.script_decrypted(SCRIPT, again[1], cipher=cipher)


def not_deleted(context, family, cipher):
    """The device keeps a context that it was told to delete. What it decrypts with it is
    dropped, since nobody could make anything of it, and its place in the table stays empty
    until a reset deletes it."""
    log = kmsg.Log()
    stream = Stream(context, Keys(cipher), family)
    send(stream, *pieces(stream))
    stream.arrived()
    with device_faults.command(device_faults.RX_DEL):
        stream.end()
        equal(device_faults.left(), 0, "commands that are still to fail")
    now = stream.evidence.counters()
    equal(now["rx_tls_del_failed"], 1, "rx_tls_del_failed")
    equal((now["hw_tls_rx_live"], now["rx_tls_del"]), (1, 1), "hw_tls_rx_live, rx_tls_del")
    before = now["hw_tls_rx_packets"], dropped()
    for piece in pieces(stream):
        stream.put(*piece)
    wait.until(lambda: stream.evidence.moved("hw_tls_rx_packets") == before[0] + 3,
               "the device has decrypted three packets more")
    wait.until(lambda: dropped() == before[1] + 3, "these packets were dropped")
    equal(stream.evidence.moved("rx_tls_err"), 3, "rx_tls_err")
    next_one(context, cipher, family)
    log.is_silent()
    resets()
    equal(stream.evidence.moved("hw_tls_rx_live"), 0, "hw_tls_rx_live after a reset")
    stream.evidence.gone()


def dropped():
    """Frames that the driver has received and not given to the stack."""
    return sum(value for name, value in nic.statistics().items()
               if re.fullmatch(r"rx_queue_\d+_dropped", name))


for _family, _cipher in COMBINATIONS:
    _end = f"v{_family}/{_cipher.label}"
    registry.add(f"case-44-device-refuses/{_end}", refused, _family, _cipher)
    registry.add(f"case-44-device-does-not-delete/{_end}", not_deleted, _family, _cipher)


# ---- while a connection is being added

def is_added(context, ends, status):
    """Something ends a connection in the moment in which it is added: its context is deleted
    as soon as it is there."""
    log = kmsg.Log()
    state = rx.Evidence()
    ended_while_added(context, ktls.TLS_RX, ends, status)
    state.gone()
    now = state.counters()
    for name in ("rx_tls_ctx", "rx_tls_del", "hw_tls_rx_added", "hw_tls_rx_deleted"):
        equal(now[name], 1, name)
    state.no_errors()
    next_one(context)
    log.is_silent()


@registry.case("case-44-added-while-the-port-goes-down")
def port_goes_down(context):
    """The connection goes on in software, and its context is deleted."""
    state = rx.Evidence()
    flow = rx.Flow(context, Keys(seed=SEED), install=False)
    port_down_while_added(context, flow.near, ktls.TLS_RX)
    rx.ready()
    ktls.install(flow.far, flow.keys, ktls.TLS_TX)
    flow.reader = rx.Reader(flow.near)
    flow.play(SCRIPT)
    flow.finish()
    state.gone()
    forgotten(context, state.moved("rx_tls_orphans"))
    equal(state.moved("hw_tls_rx_added"), state.moved("hw_tls_rx_deleted"), "hw_tls_rx_added")
    equal(state.moved("rx_tls_decrypted_packets"), 0, "rx_tls_decrypted_packets")
    next_one(context)


for _ends, _status in ENDS:
    registry.add(f"case-44-{_ends.__name__}-while-it-is-added", is_added, _ends, _status)


@registry.case("case-44-many-at-once")
def many(context):
    state = rx.Evidence()
    many_at_once(context, ktls.TLS_RX,
                 lambda socks: equal([sockdiag.rxconf(sock) for sock in socks], ["hw"] * MANY,
                                     "ss: rxconf"))
    state.gone()
    now = state.counters()
    equal((now["rx_tls_ctx"], now["rx_tls_del"]), (MANY, MANY), "rx_tls_ctx, rx_tls_del")
    state.no_errors()


@registry.case("case-31b-many-come-back-at-once")
def come_back(context):
    state = rx.Evidence()
    many_come_back(context, ktls.TLS_RX, "rx_tls_restored")
    state.no_errors()
