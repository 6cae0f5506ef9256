# SPDX-License-Identifier: GPL-2.0-or-later
"""A NIC with four RX contexts and without AES-256-GCM: what it cannot take."""

import threading

from lib import kmsg, ktls, rx, system
from lib.cases import Failed, Registry, at_least, equal, must_fail
from lib.ktls import CCM128, CHACHA, GCM128, GCM256, TLS_1_2, TLS_1_3, Keys, Write
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


UNSUPPORTED = {
    "aes-gcm-256-switched-off": Keys(GCM256),
    "chacha20-poly1305": Keys(CHACHA, TLS_1_2),
    "aes-ccm-128": Keys(CCM128, TLS_1_2),
}
NEVER_ASKED = {
    "tls-1.3/aes-gcm-128": Keys(GCM128, TLS_1_3),
    "tls-1.3/aes-gcm-256": Keys(GCM256, TLS_1_3),
    "tls-1.3/chacha20-poly1305": Keys(CHACHA, TLS_1_3),
}


def in_software(context, keys, refused):
    flow = rx.Flow(context, keys, where="sw")
    flow.evidence.in_software(flow.near)
    equal(flow.evidence.moved("rx_tls_unsupported"), refused, "rx_tls_unsupported")
    flow.play(SCRIPT)
    flow.finish()
    flow.evidence.gone()
    equal(flow.evidence.moved("hw_tls_rx_seen_packets"), 0, "hw_tls_rx_seen_packets")
    flow.evidence.no_errors()


for _name, _keys in UNSUPPORTED.items():
    registry.add(f"case-44-unsupported-runs-in-software/{_name}", in_software, _keys, 1)
for _name, _keys in NEVER_ASKED.items():
    registry.add(f"case-44-unsupported-runs-in-software/{_name}", in_software, _keys, 0)


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
