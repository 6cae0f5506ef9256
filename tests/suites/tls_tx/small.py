# SPDX-License-Identifier: GPL-2.0-or-later
"""A NIC that can do little: four TX contexts and one cipher. Its group boots it so
(see plan.py)."""

from lib import evidence, nic, offload, wait
from lib.cases import Registry, at_least, equal
from lib.ktls import GCM128, GCM256, Keys, Write
from lib.offload import Spec
from . import ready

registry = Registry()
CONTEXTS = 4
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
    for run in runs:
        run.play()
    for run in runs:
        run.finish()


@registry.case("table-full")
def table_full(context):
    """Connections beyond the table run in software, with the right data, and a
    counter says so; when one has gone, the next is the NIC's again."""
    ready()
    before = evidence.Evidence()
    runs = _open(context, CONTEXTS + 3)
    modes = [evidence.txconf(run.near) for run in runs]
    equal(modes, ["hw"] * CONTEXTS + ["sw"] * 3, "ss: txconf of all connections")
    moved = before.kernel_moved()
    equal((moved["TlsTxDevice"], moved["TlsTxSw"]), (CONTEXTS, 3),
          "TlsTxDevice, TlsTxSw")
    equal(before.nic_moved("tx_tls_ctx"), CONTEXTS, "tx_tls_ctx")
    equal(before.nic_moved("tx_tls_no_space"), 3, "tx_tls_no_space")
    _send_and_close(runs)
    before.gone()
    offload.offloaded(context, Spec(script=SCRIPT))


@registry.case("table-fills-again-and-again")
def churn(context):
    """No context is lost over many rounds of filling and emptying the table."""
    ready()
    before = evidence.Evidence()
    for _ in range(6):
        runs = _open(context, CONTEXTS)
        equal([evidence.txconf(run.near) for run in runs], ["hw"] * CONTEXTS, "ss: txconf")
        _send_and_close(runs)
        before.gone()
    at_least(before.nic_moved("tx_tls_ctx"), 6 * CONTEXTS, "tx_tls_ctx")


@registry.case("one-of-many-closes")
def one_closes(context):
    """The slot of a connection that closed is used while the others live on."""
    ready()
    before = evidence.Evidence()
    runs = _open(context, CONTEXTS)
    runs[1].play()
    runs[1].finish()
    wait.until(lambda: before.nic_moved("tx_tls_del") == 1, "the context is deleted")
    fresh = offload.Run(context, Spec(script=SCRIPT, keys=Keys(seed="late")))
    fresh.install()
    equal(evidence.txconf(fresh.near), "hw", "ss: txconf of the late connection")
    _send_and_close([runs[0], runs[2], runs[3], fresh])
    before.gone()


@registry.case("cipher-not-in-the-capabilities")
def cipher_missing(context):
    """This NIC has no AES-256-GCM: such a connection runs in software, quietly."""
    ready()
    offload.in_software(context, Spec(script=SCRIPT, keys=Keys(GCM256)))
    offload.offloaded(context, Spec(script=SCRIPT, keys=Keys(GCM128)))
    equal(nic.statistics()["hw_tls_tx_errors"], 0, "hw_tls_tx_errors")
