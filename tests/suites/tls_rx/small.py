# SPDX-License-Identifier: GPL-2.0-or-later
"""A NIC with four RX contexts and not every cipher: what it cannot take. Its group boots it so
(see plan.py)."""

import threading

from lib import kmsg, ktls, rx, system
from lib.cases import Failed, Registry, at_least, equal, must_fail
from lib.ktls import (CCM128, CHACHA_1_3, GCM256, GCM256_1_3, OURS, STOCK, TLS_1_2, Keys,
                      Write)
from lib.system import run

registry = Registry()
CONTEXTS = 4
SCRIPT = (Write(70_001), Write(13), Write(16384))


def opened(context, count, name, where="hw"):
    return [rx.Flow(context, Keys(seed=f"{name} {i}"), 4 if i % 2 else 6, where=where)
            for i in range(count)]


def occupied():
    """What devlink says of the table: (in use, size)."""
    text = run("devlink", "resource", "show", f"pci/{system.pci_device().name}")
    words = next(line for line in text.splitlines() if "tls_rx_contexts" in line).split()
    return int(words[words.index("occ") + 1]), int(words[words.index("size") + 1])


REFUSED = 20                # connections beyond the table


@registry.case("case-44-table-full")
def table_full(context):
    """Connections for which there is no room run in software, and the kernel's log is silent
    about that; when another one has gone, the next has room again."""
    log = kmsg.Log()
    state = rx.Evidence()
    flows = opened(context, CONTEXTS, "first")
    equal(occupied(), (CONTEXTS, CONTEXTS), "devlink: contexts in use, size")
    more = opened(context, REFUSED, "more", where="sw")
    equal(state.moved("rx_tls_no_space"), REFUSED, "rx_tls_no_space")
    for flow in (*flows, *more):
        flow.play(SCRIPT)
    again = flows.pop().finish()[1]
    equal(occupied(), (CONTEXTS - 1, CONTEXTS), "devlink: contexts in use, size")
    flows += opened(context, 1, "again")
    flows[-1].play(SCRIPT)
    again += sum(flow.finish()[1] for flow in flows)
    for flow in more:
        flow.finish()
    state.gone()
    state.script_decrypted(SCRIPT, again, CONTEXTS + 1)
    log.is_silent()


@registry.case("case-44-churn", seconds=200)
def churn(context):
    """Connections come and go in six threads over four contexts: what is added is
    deleted, and every stream is right."""
    state = rx.Evidence()
    failures = []

    def work(name):
        try:
            for turn in range(12):
                flow = rx.Flow(context, Keys(seed=f"{name} {turn}"), where=None)
                flow.play(SCRIPT, f"{name} {turn}")
                flow.finish()
        except (Failed, OSError) as error:
            failures.append(error)
    threads = [threading.Thread(target=work, args=(name,)) for name in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(150)
    equal(failures, [], "failures")
    state.gone()
    now = state.counters()
    equal(now["rx_tls_ctx"] + now["rx_tls_no_space"], 72, "rx_tls_ctx and rx_tls_no_space")
    at_least(now["rx_tls_ctx"], CONTEXTS, "rx_tls_ctx")
    equal(now["rx_tls_decrypted_bytes"], now["rx_tls_ctx"] * ktls.size_of(SCRIPT),
          "rx_tls_decrypted_bytes")
    state.no_errors()


# What the options of this group's device take away.
SWITCHED_OFF = (GCM256, CCM128, GCM256_1_3, CHACHA_1_3)


def in_software(context, keys, refused):
    flow = rx.Flow(context, keys, where="sw")
    flow.evidence.in_software(flow.near)
    equal(flow.evidence.moved("rx_tls_unsupported"), refused, "rx_tls_unsupported")
    flow.play(SCRIPT)
    flow.finish()
    flow.evidence.gone()
    equal(flow.evidence.moved("hw_tls_rx_seen_packets"), 0, "hw_tls_rx_seen_packets")
    flow.evidence.no_errors()


def unsupported(context, cipher):
    """The kernel's own tls.ko asks a NIC for TLS 1.2 with whatever cipher, for nothing else."""
    in_software(context, Keys(cipher), int(cipher.version == TLS_1_2))


def switched_off(context, cipher):
    in_software(context, Keys(cipher), 1)


for _cipher in OURS:
    if _cipher not in STOCK:
        registry.add(f"case-44-unsupported-runs-in-software/{_cipher.label}", unsupported, _cipher,
                     tls="stock")
    if _cipher in SWITCHED_OFF:
        registry.add(f"case-44-switched-off-runs-in-software/{_cipher.label}", switched_off,
                     _cipher)


@registry.case("flag-off-runs-in-software")
def flag_off(context):
    rx.ready(False)
    context.callback(rx.ready)
    in_software(context, Keys(), 0)


@registry.case("checks-notice-software-fallback")
def checks_notice(context):
    """With the offload off every single check of offload must fail. A connection that
    works all the same is how a broken offload looks."""
    rx.ready(False)
    context.callback(rx.ready)
    must_fail("the check of each connection", rx.Flow, context)
    flow = rx.Flow(context, where=None)
    must_fail("the kernel's and ss's check", flow.evidence.offloaded, flow.near)
    flow.play(SCRIPT)
    flow.finish()
    must_fail("the NIC's check", flow.evidence.script_decrypted, SCRIPT)
