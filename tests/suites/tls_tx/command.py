# SPDX-License-Identifier: GPL-2.0-or-later
"""A card that cannot replay a record's beginning: what is out of order is encrypted by
software, and the core is asked for the start of the next record, where the card goes
on (Documentation/contract.md, case 08). Its group boots the card so (see plan.py)."""

import socket

from lib import (device_faults, egress, kernel_features, link, netem, nic, offload, system, tcp,
                 trace, wait)
from lib.cases import Registry, at_least, equal, skip
from lib.evidence import TOO_LATE
from lib.ktls import Call, Control, Keys, Sendfile, Write, records_of
from lib.offload import SETTLED, Spec
from lib.system import NETIF, SO_SNDBUFFORCE, ip, run, with_sysctl, write
from . import ready
from .stream import COMBINATIONS, PART, combination_name

registry = Registry()
SMALL = 700                     # one record, one segment
BIG = Write(1 << 20)
MSS = 1448
QUEUE = "tx_queue_1_packets"
CWND = 500                      # segments, at the beginning and after any time without data


def lost(context, size=SMALL):
    """A record that the stack believes it has sent and the driver never sees: the next
    one jumps forward. No timer is to bring it again before that."""
    tcp.patient(context)

    def begin(sender):
        tcp.settled(sender.sock)
        netem.before_the_nic(context, "loss", "100%")

    def end(_sender):
        wait.until(lambda: netem.dropped(NETIF) >= 1, "the record is lost")
        run("tc", "qdisc", "del", "dev", NETIF, "root")
    return (Call(begin), Write(size), Call(end))


def started(context, script, family, cipher, tso):
    """A run of this script, offloaded; nothing is held back to make larger segments."""
    ready(tso)
    run_ = offload.Run(context, Spec(script=script, keys=Keys(cipher), family=family, tso=tso))
    run_.near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    run_.install()
    run_.evidence.offloaded(run_.near)
    return run_


def arrived(run_):
    result = run_.finish()
    spec = run_.spec
    equal(result.stream == offload.software_stream(spec.script, spec.keys), True,
          "the wire is what software kTLS sends")
    result.evidence.gone()
    return result


def finished(run_, but=()):
    result = arrived(run_)
    result.evidence.no_errors(but=but, again=result.again[0])
    return result


def encrypted(result):
    """Bytes that are encrypted of all its records."""
    return sum(record.encrypted for record in result.records)


def moved(result, *names):
    return tuple(result.evidence.moved(f"tx_tls_{name}") for name in names)


def forward_jump(context, family, cipher, tso):
    """Case 8: one request; software until the next record, then the card again."""
    script = (Write(SMALL), *lost(context), Write(SMALL), SETTLED, Write(30_000))
    run_ = started(context, script, family, cipher, tso)
    run_.play()
    result = finished(run_)
    equal(moved(result, "resync_req", "resync_res_ok", "resync_res_skip", "resync"),
          (1, 1, 0, 0), "requests, answers, answers in vain, replays")
    # The record after the gap, and the lost one itself.
    equal(moved(result, "fallback"), (2,), "tx_tls_fallback")
    equal(moved(result, "encrypted_bytes"), (cipher.encrypted([SMALL, *records_of(30_000)]),),
          "tx_tls_encrypted_bytes")


def asked_once(context, family, cipher, tso):
    """Cases 9 and 10: the card refuses to be moved, three times. More segments get lost
    meanwhile; the driver does not ask again (that would be a warning), software goes on
    encrypting, and each new record is another chance."""
    refusals = 3
    script = (Write(SMALL), *lost(context), Write(SMALL), SETTLED, Write(SMALL),
              *lost(context), Write(SMALL), SETTLED, Write(30_000))
    with device_faults.command(device_faults.TX_RESYNC, count=refusals):
        run_ = started(context, script, family, cipher, tso)
        run_.play()
        equal(device_faults.left(), 0, "refusals that the driver did not meet")
    result = finished(run_)
    equal(moved(result, "resync_req", "resync_res_ok", "resync_res_skip"),
          (1, 1, refusals), "requests, answers, answers in vain")
    at_least(moved(result, "fallback")[0], 5, "tx_tls_fallback")
    at_least(moved(result, "encrypted_bytes")[0], SMALL + 16384, "tx_tls_encrypted_bytes")


def not_done(context, family, cipher, tso):
    """The card says that it has been moved, and has not. It refuses the record that comes
    next: the driver learns that the context is lost, software sends the record again, and
    the core is asked once more."""
    script = (Write(SMALL), *lost(context), Write(SMALL), SETTLED, Write(SMALL),
              SETTLED, Write(30_000), SETTLED, Write(30_000))
    with device_faults.command(device_faults.TX_RESYNC, device_faults.OK):
        run_ = started(context, script, family, cipher, tso)
        run_.play()
        equal(device_faults.left(), 0, "answers that the card did not act on")
    result = arrived(run_)
    equal(moved(result, "resync_req", "resync_res_ok", "errors", "given_up"), (2, 2, 1, 0),
          "requests, answers, contexts that were lost, given up")
    at_least(result.evidence.moved("hw_tls_tx_errors"), 1, "packets that the card refused")
    at_least(moved(result, "encrypted_bytes")[0], SMALL + 30_000, "tx_tls_encrypted_bytes")


def retransmission(context, family, cipher, tso):
    """What is only sent again costs the card nothing: software does it, and the card
    goes on where it was."""
    ready(tso)
    spec = Spec(script=(Write(50_000), Write(60_000)), keys=Keys(cipher), family=family,
                tso=tso)
    with link.Link(rules="drop conn 1 tx byte 20000"):
        run_ = offload.Run(context, spec)
        run_.install()
        run_.evidence.offloaded(run_.near)
        run_.play()
        result = finished(run_)
    equal(moved(result, "resync_req", "resync"), (0, 0), "requests, replays")
    at_least(moved(result, "fallback")[0], 1, "tx_tls_fallback")
    equal(moved(result, "encrypted_bytes"), (encrypted(result),), "tx_tls_encrypted_bytes")


def lossy(context, family, cipher, tso):
    """A bad link: software encrypts what is sent again. All that is new the card encrypts, in
    its order, and so nobody asks for a resync."""
    ready(tso)
    spec = Spec(script=(Write(200_000), Control(5), Sendfile(100_000), Write(77, more=True),
                        Write(150_000)), keys=Keys(cipher), family=family, tso=tso)
    with link.Link(loss="2%", reorder="2%", duplicate="1%", seed=5):
        run_ = offload.Run(context, spec)
        run_.install()
        run_.evidence.offloaded(run_.near)
        run_.play()
        result = finished(run_)
    at_least(result.again[0], 1, "segments sent again")
    context.note(result.evidence.tls_counters())
    ooo, software = moved(result, "ooo", "fallback")
    at_least(software, 1, "tx_tls_fallback")
    equal(moved(result, "resync_req", "resync", "encrypted_bytes"), (0, 0, encrypted(result)),
          "requests, replays, tx_tls_encrypted_bytes")
    if not result.evidence.moved(TOO_LATE):
        equal(software, ooo, "tx_tls_fallback, of the packets out of order")


def refuse_after_reset(_sender):
    """The card is reset and does not take its contexts back."""
    with device_faults.command(device_faults.TX_ADD, count=device_faults.FOR_EVER):
        write(system.pci_device() / "reset", "1")
    wait.until(nic.reachable, "both addresses of the far end answer after the reset")


def its_queue(context, family, cipher, tso):
    """Case 28: what software encrypts leaves through the queue that it came to. The card
    has refused the context, so that all of it goes this way."""
    ready(tso)
    egress.two_queues(context, family)
    before = []

    def to_the_other(sender):
        before.append(nic.statistics()[QUEUE])
        egress.mark(sender.sock)
    script = (Write(SMALL), SETTLED, Call(refuse_after_reset), Call(to_the_other), *PART, SETTLED)
    run_ = started(context, script, family, cipher, tso)
    run_.play()
    sent = nic.statistics()[QUEUE] - before[0]
    result = finished(run_, but=("tx_tls_given_up",))
    fallback, = moved(result, "fallback")
    at_least(fallback, 5, "tx_tls_fallback")
    at_least(sent, fallback, f"{QUEUE}, in which the packets came")


for _combination in COMBINATIONS:
    _end = combination_name(*_combination)
    registry.add(f"case-08-forward-jump-next-record/{_end}", forward_jump, *_combination)
    registry.add(f"case-09-10-asked-once-refused-thrice/{_end}", asked_once, *_combination)
    registry.add(f"resync-that-is-not-done/{_end}", not_done, *_combination)
    registry.add(f"next-record-retransmission/{_end}", retransmission, *_combination)
    registry.add(f"next-record-on-a-bad-link/{_end}", lossy, *_combination)
    registry.add(f"case-28-fallback-through-its-queue/{_end}", its_queue, *_combination)


def in_one_go(context, size):
    """Eight writes. While the first packets are held back the others grow as large as they
    may: up to 17 pages, and how many pieces a page is cut into is up to the size."""
    return (Call(lambda _: netem.held_before_the_nic(context)), *(Write(size),) * 8,
            Call(lambda _: netem.let_go()), SETTLED,
            Call(lambda _: run("tc", "qdisc", "del", "dev", NETIF, "root")))


def large_fallback(context, family, cipher, least, entries=None):
    """Case 17: what software makes of a whole TSO skb is linear, and goes to the card in
    one piece. The card has refused the context, so that all of it goes this way."""
    if entries:
        context.callback(run, "ethtool", "-G", NETIF, "tx", nic.ring_size("TX"))
        run("ethtool", "-G", NETIF, "tx", entries)
    # How much TCP sends at once is not to be up to how long the card's reset took it.
    nic.route_with(context, system.REMOTE[family], NETIF, "initcwnd", CWND)
    # The first megabytes open the far end's window; acknowledgments for much at a time make
    # room for much at a time.
    context.enter_context(nic.remote().with_(gro=True))
    with_sysctl(context, "net.ipv4.tcp_min_tso_segs", 3 + least // MSS)
    sizes = trace.Sent()
    script = (BIG, BIG, SETTLED, Call(refuse_after_reset), Call(sizes.start),
              *(step for size in (100_000, 98_304, 81_920, 65_536)
                for step in in_one_go(context, size)), Call(sizes.stop))
    run_ = started(context, script, family, cipher, True)
    run_.near.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, 4 << 20)
    run_.play()
    result = finished(run_, but=("tx_tls_given_up",))
    equal(moved(result, "given_up"), (1,), "tx_tls_given_up")
    count, size = moved(result, "fallback", "fallback_bytes")
    context.note(f"{count} skbs of {size // count} bytes on average, {max(sizes.lengths)} at most")
    equal(moved(result, "encrypted_bytes"), (cipher.encrypted(2 * records_of(BIG.size)),),
          "tx_tls_encrypted_bytes")
    at_least(max(sizes.lengths), least, "bytes of the longest skb into the fallback")


def big_tcp(context, family, cipher):
    """The same with skbs above 64 KB: a TLS stream's have 17 pages at most."""
    if family not in kernel_features.big_tcp_families():
        skip("this kernel has no BIG TCP over IPv4" if family == 4 else
             "BIG TCP over IPv6 puts a header into packets, which this kernel cannot take away")
    option = "gso_max_size" if family == 6 else "gso_ipv4_max_size"
    ip("link", "set", NETIF, option, 180_000)
    context.callback(ip, "link", "set", NETIF, option, 65_536)
    large_fallback(context, family, cipher, 65_537)


for _family, _cipher, _tso in COMBINATIONS:
    if _tso:
        _end = combination_name(_family, _cipher, _tso)
        registry.add(f"case-17-linear-64k-fallback/{_end}", large_fallback, _family, _cipher,
                     60_000)
        registry.add(f"case-17-linear-64k-small-ring/{_end}", large_fallback, _family, _cipher,
                     60_000, 64)
        registry.add(f"case-17-big-tcp-fallback/{_end}", big_tcp, _family, _cipher)
