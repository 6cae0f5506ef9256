# SPDX-License-Identifier: GPL-2.0-or-later
"""A NIC that can do little: four TX contexts and not every cipher. Its group boots it so
(see plan.py)."""

from lib import evidence, kmsg, nic, offload, wait
from lib.cases import Registry, equal
from lib.ktls import CCM128, CHACHA_1_3, GCM256, GCM256_1_3, Keys, Write, offered
from lib.offload import Spec
from . import ready

registry = Registry()
CONTEXTS = 4
# What the options of this group's device take away.
SWITCHED_OFF = (GCM256, CCM128, GCM256_1_3, CHACHA_1_3)
REFUSED = 20                # connections beyond these: enough to see a flood
SCRIPT = (Write(40_001), Write(17))


def _open(context, count, **options):
    runs = []
    for i in range(count):
        run = offload.Run(context, Spec(script=SCRIPT, keys=Keys(seed=f"connection {i}"),
                                        **options))
        run.install()
        runs.append(run)
    return runs


def _send_and_close(runs):
    """Bytes of all their streams."""
    for run in runs:
        run.play()
    return sum(len(run.finish().stream) for run in runs)


@registry.case("case-44-table-full")
def table_full(context):
    """Connections beyond the table run in software, with the right data; a counter says so,
    and the kernel's log is silent. When one has gone, the next is the NIC's again."""
    ready()
    log = kmsg.Log()
    before = evidence.Evidence()
    runs = _open(context, CONTEXTS + REFUSED)
    modes = [evidence.txconf(run.near) for run in runs]
    equal(modes, ["hw"] * CONTEXTS + ["sw"] * REFUSED, "ss: txconf of all connections")
    moved = before.kernel_moved()
    equal((moved["TlsTxDevice"], moved["TlsTxSw"]), (CONTEXTS, REFUSED),
          "TlsTxDevice, TlsTxSw")
    equal(before.moved("tx_tls_ctx"), CONTEXTS, "tx_tls_ctx")
    equal(before.moved("tx_tls_no_space"), REFUSED, "tx_tls_no_space")
    size = _send_and_close(runs[:CONTEXTS])
    before.by_the_nic(size)
    then = before.moved("hw_tls_tx_bytes")
    _send_and_close(runs[CONTEXTS:])
    equal(before.moved("hw_tls_tx_bytes"), then, "hw_tls_tx_bytes after the last in software")
    before.gone()
    log.is_silent()
    offload.offloaded(context, Spec(script=SCRIPT))


@registry.case("case-44-table-fills-again-and-again")
def churn(context):
    """No context is lost over many rounds of filling and emptying the table."""
    ready()
    before = evidence.Evidence()
    size = 0
    for _ in range(6):
        runs = _open(context, CONTEXTS)
        equal([evidence.txconf(run.near) for run in runs], ["hw"] * CONTEXTS, "ss: txconf")
        size += _send_and_close(runs)
        before.gone()
    equal(before.moved("tx_tls_ctx"), 6 * CONTEXTS, "tx_tls_ctx")
    before.by_the_nic(size)


@registry.case("case-44-one-of-many-closes")
def one_closes(context):
    """The slot of a connection that closed is used while the others live on."""
    ready()
    before = evidence.Evidence()
    runs = _open(context, CONTEXTS)
    size = _send_and_close([runs[1]])
    wait.until(lambda: before.moved("tx_tls_del") == 1, "the context is deleted")
    fresh = offload.Run(context, Spec(script=SCRIPT, keys=Keys(seed="late")))
    fresh.install()
    equal(evidence.txconf(fresh.near), "hw", "ss: txconf of the late connection")
    size += _send_and_close([runs[0], runs[2], runs[3], fresh])
    before.by_the_nic(size)
    before.gone()


@registry.case("case-44-cipher-not-in-the-capabilities")
def cipher_missing(context):
    """What this NIC has not runs in software, quietly, and the rest in the NIC."""
    ready()
    for cipher in offered():
        run = offload.in_software if cipher in SWITCHED_OFF else offload.offloaded
        run(context, Spec(script=SCRIPT, keys=Keys(cipher)))
    equal(nic.statistics()["hw_tls_tx_errors"], 0, "hw_tls_tx_errors")
