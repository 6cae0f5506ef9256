# SPDX-License-Identifier: GPL-2.0-or-later
"""Commands that the card refuses or never answers: the connection goes on in software,
the others go on as they were, and nothing is left behind."""

from lib import adding, device_faults, evidence, ktls, nic, offload, system, tcp, wait
from lib.cases import Registry, at_least, check, equal
from lib.ktls import Call, Keys, Write
from lib.offload import Spec
from . import ready

registry = Registry()
SCRIPT = (Write(70_001), Write(13))


def moved(state, *names):
    return tuple(state.moved(name) for name in names)


def reset_is_over(state, count=1):
    wait.until(lambda: state.moved("resets") == count and nic.carrier(),
               "the card was reset")
    wait.until(nic.reachable, "both addresses of the far end answer after the reset")


def play_to_the_end(run_):
    """The rest of the script; the wire must be software's, whoever encrypts."""
    run_.play()
    result = run_.finish()
    equal(result.stream == offload.software_stream(run_.spec.script, run_.spec.keys), True,
          "the wire is what software kTLS sends")
    return result


@registry.case("command-error-at-add")
def add_refused(context):
    """The card refuses a context: that connection runs in software, the next does not."""
    ready()
    with device_faults.command(device_faults.TX_ADD):
        result = offload.in_software(context, Spec(script=SCRIPT))
    equal(moved(result.evidence, "tx_tls_add_failed", "hw_tls_tx_added"), (1, 0),
          "tx_tls_add_failed, hw_tls_tx_added")
    offload.offloaded(context, Spec(script=SCRIPT))


@registry.case("command-timeout-at-add")
def add_unanswered(context):
    """The card never answers: it is reset. A connection that it had before is its own
    again afterwards; the one that was to be added runs in software."""
    ready()
    old = offload.Run(context, Spec(script=(Write(50_000), Call(lambda _: None), *SCRIPT),
                                    keys=Keys(seed="old")))
    old.install()
    old.evidence.offloaded(old.near)
    state = evidence.Evidence()
    with device_faults.command(device_faults.TX_ADD, device_faults.HANG):
        new = offload.Run(context, Spec(script=SCRIPT, keys=Keys(seed="new")))
        new.install()
        equal(evidence.txconf(new.near), "sw", "ss: txconf of the new connection")
    reset_is_over(state)
    equal(moved(state, "tx_tls_add_failed", "cmd_timeouts", "tx_tls_restored"), (1, 1, 1),
          "tx_tls_add_failed, cmd_timeouts, tx_tls_restored")
    play_to_the_end(new)
    result = play_to_the_end(old)
    state.encrypted_as_sent(sum(record.encrypted for record in result.records),
                            result.again[1])
    equal(state.moved("tx_tls_fallback"), 0, "tx_tls_fallback")
    wait.until(lambda: nic.statistics()["hw_tls_tx_live"] == 0, "no context is left")
    offload.offloaded(context, Spec(script=SCRIPT))


@registry.case("command-timeout-at-many-adds")
def adds_unanswered(context):
    """The card answers nothing while many connections are added. Each of them finds out by
    itself, within the same moment; that is one failure of the card, and one reset."""
    ready()
    state = evidence.Evidence()
    with device_faults.command(device_faults.TX_ADD, device_faults.HANG):
        adding.many_in_vain(context, ktls.TLS_TX, lambda: state.moved("tx_tls_add_failed"))
    reset_is_over(state)
    wait.unchanged(lambda: state.moved("resets"), "resets", seconds=2)
    equal(moved(state, "cmd_timeouts", "resets"), (1, 1), "cmd_timeouts, resets")
    offload.offloaded(context, Spec(script=SCRIPT))


def deleted_in_vain(context, status):
    """A connection whose context the card does not delete."""
    ready()
    state = evidence.Evidence()
    with device_faults.command(device_faults.TX_DEL, status):
        near, far = tcp.connect(4)
        with tcp.closing(near, far):
            ktls.install(near, Keys())
            equal(evidence.txconf(near), "hw", "ss: txconf")
        wait.until(lambda: state.moved("tx_tls_del") == 1, "the context was deleted")
    equal(moved(state, "tx_tls_ctx", "tx_tls_del_failed"), (1, 1),
          "tx_tls_ctx, tx_tls_del_failed")
    return state


@registry.case("command-error-at-delete")
def delete_refused(context):
    """The place of a context that the card keeps is not used again before a reset: it
    would encrypt with the old key."""
    state = deleted_in_vain(context, device_faults.BAD_PARAM)
    equal(nic.statistics()["hw_tls_tx_live"], 1, "hw_tls_tx_live before the reset")
    run_ = offload.Run(context, Spec(script=SCRIPT))
    run_.install()
    equal(nic.statistics()["hw_tls_tx_live"], 2, "hw_tls_tx_live with a new connection")
    play_to_the_end(run_)
    system.write(system.pci_device() / "reset", "1")
    wait.until(nic.reachable, "both addresses of the far end answer after the reset")
    equal(nic.statistics()["hw_tls_tx_live"], 0, "hw_tls_tx_live after the reset")
    equal(state.moved("hw_tls_tx_added"), state.moved("hw_tls_tx_deleted"),
          "contexts that the card added and deleted")
    offload.offloaded(context, Spec(script=SCRIPT))


@registry.case("command-timeout-at-delete")
def delete_unanswered(context):
    state = deleted_in_vain(context, device_faults.HANG)
    reset_is_over(state)
    check(nic.statistics()["hw_tls_tx_live"] == 0, "a context is left after the reset")
    offload.offloaded(context, Spec(script=SCRIPT))


@registry.case("context-that-the-card-has-not")
def missing(context):
    """The card says that it has made a context, and has not. It refuses what it is given;
    TCP sends that again, and software encrypts it and the rest."""
    ready()
    with device_faults.command(device_faults.TX_ADD, device_faults.OK):
        run_ = offload.Run(context, Spec(script=SCRIPT))
        run_.install()
    equal(evidence.txconf(run_.near), "hw", "ss: txconf")
    result = play_to_the_end(run_)
    wait.until(lambda: result.evidence.moved("tx_tls_del") == 1, "the context is gone")
    equal(moved(result.evidence, "tx_tls_given_up", "tx_tls_encrypted_bytes",
                "tx_tls_del_failed"), (1, 0, 0),
          "tx_tls_given_up, tx_tls_encrypted_bytes, tx_tls_del_failed")
    at_least(result.evidence.moved("hw_tls_tx_errors"), 1, "packets that the card refused")
    at_least(result.evidence.moved("tx_tls_fallback_bytes"), 70_001 + 13,
             "tx_tls_fallback_bytes")
    offload.offloaded(context, Spec(script=SCRIPT))
