# SPDX-License-Identifier: GPL-2.0-or-later
"""The NIC is reset, or closes its queues, and the core of kTLS is not told."""

from lib import nic, rx, system, wait
from lib.cases import Registry, equal
from lib.ktls import ALERT, FAMILIES, OURS, Control, Keys, Write
from lib.system import NETIF, run, write
from .bulk import decrypts_again

registry = Registry()
SCRIPT = tuple(step for i in range(20) for step in
               (Write(16384), Write(1 + 700 * i), Control(2, ALERT), Write(5000)))


def resets():
    """Through PCI's function level reset; the port is back afterwards."""
    write(f"{system.pci_device()}/reset", "1")
    wait.until(nic.carrier, "carrier")


def rings():
    run("ethtool", "-G", NETIF, "rx", 128)
    run("ethtool", "-G", NETIF, "rx", 512)


def channels():
    run("ethtool", "-L", NETIF, "combined", 1)
    run("ethtool", "-L", NETIF, "combined", 2)


def play(flow, seed):
    flow.play(SCRIPT, seed)
    flow.reader.wait_for(len(flow.sender.sent))


def disturbed(context, disturb, restored, family, cipher):
    """Contexts survive, or come back without their place and find it: the data is right, and
    as soon as the NIC has its place everything is decrypted again."""
    flow = rx.Flow(context, Keys(cipher), family)
    flow.evidence.offloaded(flow.near)
    play(flow, "before")
    equal(flow.evidence.moved("rx_tls_decrypted_bytes"), flow.encrypted(SCRIPT),
          "rx_tls_decrypted_bytes before")
    disturb()
    wait.until(nic.carrier, "carrier")
    equal(rx.rxconf(flow.near), "hw", "ss: rxconf")
    took = decrypts_again(flow)
    before = flow.evidence.moved("rx_tls_decrypted_bytes")
    play(flow, "last")
    equal(flow.evidence.moved("rx_tls_decrypted_bytes") - before, flow.encrypted(SCRIPT),
          "rx_tls_decrypted_bytes of the last part")
    flow.finish()
    flow.evidence.gone()
    context.note(f"{took} bytes until all is decrypted; {flow.evidence.resync_counters()}")
    equal(flow.evidence.moved("rx_tls_restored"), restored, "rx_tls_restored")
    flow.evidence.no_errors()


for _family, _cipher in zip(FAMILIES * len(OURS), OURS):
    _end = f"v{_family}/{_cipher.label}"
    registry.add(f"case-31b-function-level-reset/{_end}", disturbed, resets, 1, _family, _cipher)
    registry.add(f"case-31-ring-sizes/{_end}", disturbed, rings, 0, _family, _cipher)
    registry.add(f"case-31-channels/{_end}", disturbed, channels, 0, _family, _cipher)


@registry.case("case-31-reset-before-the-first-byte")
def reset_first(context):
    """Nothing had come: the context is put back where it was, and nothing is lost."""
    flow = rx.Flow(context)
    resets()
    flow.play(SCRIPT)
    again = flow.finish()
    flow.evidence.gone()
    equal(flow.evidence.moved("rx_tls_restored"), 1, "rx_tls_restored")
    flow.evidence.script_decrypted(SCRIPT, again[1])
