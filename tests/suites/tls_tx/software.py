# SPDX-License-Identifier: GPL-2.0-or-later
"""What must not be offloaded runs in software, quietly; and proof that the checks
of this suite can tell the two apart."""

import os

from lib import evidence, nic, offload, tcp
from lib.cases import Registry, check, equal, must_fail
from lib.ktls import OURS, STOCK, Keys, Write, install
from lib.offload import Spec
from . import ready

registry = Registry()
SCRIPT = (Write(70_001), Write(13))


def unsupported(context, cipher):
    """The kernel's own tls.ko gives it to no NIC."""
    ready()
    offload.in_software(context, Spec(script=SCRIPT, keys=Keys(cipher)))


for _cipher in OURS:
    if _cipher not in STOCK:
        registry.add(f"unsupported-runs-in-software/{_cipher.label}", unsupported, _cipher,
                     tls="stock")


def flag_off(context):
    ready()
    flag = nic.TLS_TX_FLAG
    context.enter_context(nic.local().with_(**{flag: False}))
    offload.in_software(context, Spec(script=SCRIPT))


registry.add("flag-off-runs-in-software", flag_off)


@registry.case("flag-is-off-by-default")
def default_flag(_context):
    """As the guest booted; the suite itself has not touched the far port's flag."""
    from lib.system import REMOTE_NS, remote_netif
    table = nic.features(remote_netif(), REMOTE_NS)
    equal(table.get(nic.TLS_TX_FLAG), (False, False), "tls-hw-tx-offload (on, fixed)")
    equal(table.get("tls-hw-rx-offload", (False, True))[0], False, "tls-hw-rx-offload")


@registry.case("checks-notice-software-fallback")
def checks_notice(context):
    """With the offload off every single check of offload must fail. A connection
    that works all the same is how a broken offload looks."""
    ready()
    context.enter_context(nic.local().with_(**{nic.TLS_TX_FLAG: False}))
    run = offload.Run(context, Spec(script=SCRIPT))
    run.install()
    must_fail("the kernel's and ss's check", run.evidence.offloaded, run.near)
    run.play()
    result = run.finish()
    result.evidence.gone()
    must_fail("the NIC's check", result.evidence.encrypted, len(result.stream),
              result.records, result.again)
    must_fail("a whole offload case", offload.offloaded, context, Spec(script=SCRIPT))


@registry.case("checks-notice-plaintext")
def checks_notice_plaintext(_context):
    """The search for plaintext finds it at any alignment."""
    content = tcp.data("plain", 10_000)
    offload.no_plaintext(content, tcp.data("cipher", 20_000))
    for shift in (0, 1, 7):
        must_fail("the search for plaintext", offload.no_plaintext, content,
                  os.urandom(5000 + shift) + content[4000:5000])


@registry.case("flag-off-keeps-live-connections")
def flag_off_live(context):
    """The flag only gates new connections."""
    ready()
    run = offload.Run(context, Spec(script=SCRIPT))
    run.install()
    run.evidence.offloaded(run.near)
    context.enter_context(nic.local().with_(**{nic.TLS_TX_FLAG: False}))
    equal(evidence.txconf(run.near), "hw", "ss: txconf after the flag went off")
    run.play()
    result = run.finish()
    result.evidence.gone()
    result.evidence.encrypted(len(result.stream), result.records, result.again)


@registry.case("keys-twice-refused")
def keys_twice(context):
    """A second key on the same socket is refused and changes nothing."""
    ready()
    run = offload.Run(context, Spec(script=SCRIPT))
    run.install()
    try:
        install(run.near, Keys(seed="other"))
        check(False, "a second TLS_TX was accepted")
    except OSError:
        pass
    run.evidence.offloaded(run.near)
    run.play()
    result = run.finish()
    result.evidence.gone()
    result.evidence.encrypted(len(result.stream), result.records, result.again)
