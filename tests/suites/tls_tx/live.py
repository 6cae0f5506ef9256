# SPDX-License-Identifier: GPL-2.0-or-later
"""Things that happen to the NIC while it encrypts."""

import itertools
import socket
import struct
import threading

from lib import evidence, faulted, ktls, nic, offload, records, system, tcp, wait
from lib.cases import Registry, at_least, check, equal
from lib.ktls import GCM128, GCM256, Call, Control, Keys, Sendfile, Write
from lib.offload import Spec
from lib.system import NETIF, ip, run, write
from . import ready
from .stream import COMBINATIONS, combination_name, snd_mss

registry = Registry()
PART = (Write(60_000), Write(333, more=True), Sendfile(20_000), Write(1447))


def switched(context, spec, again_allowed=False):
    """A run whose script holds Calls that change the NIC; offloaded to the end. Where
    segments may be lost on the way (again_allowed) the case itself looks at how much."""
    result = offload.exact(context, spec)
    if not again_allowed:
        result.evidence.encrypted(len(result.stream), result.records, result.again)
    return result


def feature_toggle(context, feature, family, cipher, tso):
    """Off and on again with a live connection; the capture proves each checksum."""
    ready(tso)
    before = nic.features()
    context.callback(nic.local().restore, before)

    def turn(on):
        return Call(lambda _sender: nic.local().set(**{feature: on}))
    spec = Spec(script=(*PART, turn(False), *PART, turn(True), *PART),
                keys=Keys(cipher), family=family, tso=tso, capture=True)
    switched(context, spec)


for _combination in COMBINATIONS:
    _end = combination_name(*_combination)
    registry.add(f"case-22-tx-checksum-off-live/{_end}", feature_toggle, "tx", *_combination)
    for _feature in ("tso", "sg", "gso"):
        registry.add(f"case-23-toggle-{_feature}-live/{_end}", feature_toggle, _feature,
                     *_combination)


@registry.case("toggle-offload-flag-live")
def toggle_flag(context):
    """Old connections stay, new ones follow the flag."""
    ready()
    flag = nic.TLS_TX_FLAG
    before = nic.features()
    context.callback(nic.local().restore, before)
    new = []

    def turn(on):
        def do(_sender):
            nic.local().set(**{flag: on})
            near, far = tcp.connect(4)
            with tcp.closing(near, far):
                ktls.install(near, Keys(seed="new"))
                new.append(evidence.txconf(near))
        return Call(do)
    run_ = offload.Run(context, Spec(script=(*PART, turn(False), *PART, turn(True), *PART)))
    run_.install()
    run_.evidence.offloaded(run_.near)
    run_.play()
    equal(evidence.txconf(run_.near), "hw", "ss: txconf of the old connection")
    equal(new, ["sw", "hw"], "ss: txconf of the new connections")
    result = run_.finish()
    result.evidence.gone()
    at_least(result.evidence.nic_moved("hw_tls_tx_bytes"), len(result.stream),
             "hw_tls_tx_bytes")


class Busy(threading.Thread):
    """Plays a run again and again until it is told to stop; something is always on its
    way, but never much, since all of it is looked at afterwards."""

    def __init__(self, run_):
        super().__init__(daemon=True)
        self.run_ = run_
        self.done = threading.Event()
        self.turns = 0
        self.start()

    def run(self):
        while not self.done.is_set():
            self.run_.play()
            self.run_.settled()
            self.turns += 1

    def finish(self):
        self.done.set()
        self.join(tcp.SECONDS)
        return self.run_.finish()


def flag_under_load(context, family, cipher, tso):
    """The flag goes off and on while connections send: those stay with the NIC, new ones
    follow the flag as it is."""
    ready(tso)
    context.callback(nic.local().restore, nic.features())
    old = [offload.Run(context, Spec(script=(Write(1500), Write(700)), family=family, tso=tso,
                                     keys=Keys(cipher, seed=f"old {i}"))) for i in range(2)]
    for run_ in old:
        run_.install()
    busy, new = [Busy(run_) for run_ in old], []
    for turn in range(4):
        nic.local().set(**{nic.TLS_TX_FLAG: bool(turn % 2)})
        run_ = offload.Run(context, Spec(script=PART, keys=Keys(cipher, seed=f"new {turn}"),
                                         family=family, tso=tso))
        run_.install()
        new.append(evidence.txconf(run_.near))
        run_.play()
        run_.finish()
    equal(new, ["sw", "hw"] * 2, "ss: txconf of the new connections")
    equal([evidence.txconf(run_.near) for run_ in old], ["hw"] * 2,
          "ss: txconf of the old connections")
    results = [thread.finish() for thread in busy]
    check(all(thread.turns for thread in busy), "the load was none")
    state = old[0].evidence
    state.gone()
    state.no_errors()
    equal(state.nic_moved("tx_tls_ctx"), 4, "tx_tls_ctx")
    at_least(state.nic_moved("tx_tls_encrypted_bytes"),
             sum(len(record.plain) for result in results for record in result.records),
             "tx_tls_encrypted_bytes")
    equal(state.nic_moved("tx_tls_fallback"), 0, "tx_tls_fallback")


for _combination in COMBINATIONS:
    registry.add(f"toggle-offload-flag-under-load/{combination_name(*_combination)}",
                 flag_under_load, *_combination)


@registry.case("down-up-with-live-connection")
def down_up(context):
    """The interface goes down and up in mid-transfer: the connection goes on in
    software, its context is deleted once, and new connections are offloaded."""
    ready()
    state = evidence.Evidence()

    def bounce(_sender):
        ip("link", "set", NETIF, "down")
        equal(state.nic_moved("tx_tls_del"), 1, "tx_tls_del after link down")
        nic.up_again()
    run_ = offload.Run(context, Spec(script=(*PART, Call(bounce), *PART)))
    run_.install()
    run_.evidence.offloaded(run_.near)
    ready()
    run_.play()
    run_.finish()
    equal(state.nic_moved("tx_tls_ctx"), 1, "tx_tls_ctx: not offloaded again")
    state.gone()
    equal(state.nic_moved("tx_tls_del"), 1, "tx_tls_del at the end")
    ready()
    offload.offloaded(context, Spec(script=PART))


@registry.case("down-loop-with-many-connections", seconds=120)
def down_many(context):
    """Connections close while the interface goes down: none is lost or deleted twice."""
    ready()
    state = evidence.Evidence()
    for turn in range(3):
        runs = [offload.Run(context, Spec(script=(Write(20_000),), keys=Keys(seed=f"{i}")))
                for i in range(6)]
        for run_ in runs:
            run_.install()
            run_.play()
        closer = threading.Thread(target=lambda some=runs[::2]: [r.near.close() for r in some])
        closer.start()
        ip("link", "set", NETIF, "down")
        closer.join()
        nic.up_again()
        for run_ in runs[1::2]:
            run_.finish()
        equal(state.nic_moved("tx_tls_ctx"), 6 * (turn + 1), "tx_tls_ctx")
        state.gone()


def mtu_change(context, family, cipher, tso):
    """With records on their way, down and up; the NIC's rings are made anew each time."""
    ready(tso)
    context.enter_context(nic.with_mtu(1500))
    spec = Spec(script=(*PART, Call(lambda _: nic.set_mtu(1280)), *PART,
                        Call(lambda _: nic.set_mtu(4000)), *PART), keys=Keys(cipher),
                family=family, tso=tso, capture=True)
    switched(context, spec)


def tcp_ext(name):
    """A counter of TCP's in /proc/net/netstat."""
    with open("/proc/thread-self/net/netstat", encoding="ascii") as file:
        for names, values in itertools.batched(file, 2):
            table = dict(zip(names.split(), values.split()))
            if name in table:
                return int(table[name])
    return 0


def mtu_probing(context, family, cipher, tso):
    """TCP tries larger segments by itself: it makes one out of what several packets were
    to carry, records or parts of them, which must all be encrypted."""
    ready(tso)
    for name, value in (("tcp_mtu_probing", 2), ("tcp_base_mss", 512)):
        system.with_sysctl(context, f"net.ipv4.{name}", value)
    before = tcp_ext("TCPMTUPSuccess")
    spec = Spec(script=(Write(300_000), *PART * 2), keys=Keys(cipher), family=family, tso=tso,
                capture=True)
    run_ = faulted.Run(context, spec)
    run_.start()
    first = snd_mss(run_.near)
    run_.play()
    run_.settled()
    last = snd_mss(run_.near)
    result = run_.finish()
    context.note(f"segments of {first} bytes first, {last} at the end")
    at_least(tcp_ext("TCPMTUPSuccess") - before, 1, "probes that arrived")
    check(last > first, "segments did not grow")
    faulted.exactly(context, run_, result)


for _combination in COMBINATIONS:
    _end = combination_name(*_combination)
    registry.add(f"case-27-mtu-change-live/{_end}", mtu_change, *_combination)
    registry.add(f"case-27-mtu-probing/{_end}", mtu_probing, *_combination)


@registry.case("jumbo-frames")
def jumbo(context):
    ready()
    context.enter_context(nic.with_mtu(9000))
    for tso in (True, False):
        ready(tso)
        offload.offloaded(context, Spec(script=PART * 3, capture=True))


@registry.case("ring-sizes-and-channels-change-live")
def rings_and_channels(context):
    """Both are done by stopping the port inside the driver; the core is not told,
    so contexts have to survive."""
    ready()
    channels = int(run("ethtool", "-l", NETIF).rsplit("Combined:", 1)[1].split()[0])
    context.callback(run, "ethtool", "-G", NETIF, "tx", nic.ring_size("TX"), check=False)
    context.callback(run, "ethtool", "-L", NETIF, "combined", channels, check=False)

    def change(*words):
        return Call(lambda _: run("ethtool", *words))
    spec = Spec(script=(*PART, change("-G", NETIF, "tx", 128), *PART,
                        change("-L", NETIF, "combined", 1), *PART), capture=True)
    result = switched(context, spec, again_allowed=True)
    context.note(result.evidence.tls_counters())
    at_least(result.evidence.nic_moved("hw_tls_tx_bytes"), len(result.stream),
             "hw_tls_tx_bytes")
    result.evidence.no_errors()


@registry.case("many-connections-at-once")
def many(context):
    """Sixteen connections, both ciphers and families, their segments interleaved."""
    ready()
    state = evidence.Evidence()
    specs = [Spec(script=PART * 3, keys=Keys(cipher, seed=f"many {i}"), family=family)
             for i in range(4) for cipher in (GCM128, GCM256) for family in (4, 6)]
    runs = [offload.Run(context, spec) for spec in specs]
    for run_ in runs:
        run_.install()
    moved = state.kernel_moved()
    equal(moved["TlsCurrTxDevice"], len(runs), "TlsCurrTxDevice")
    threads = [threading.Thread(target=run_.play) for run_ in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    results = [run_.finish() for run_ in runs]
    state.gone()
    again = [sum(result.again[i] for result in results) for i in (0, 1)]
    state.encrypted(sum(len(result.stream) for result in results),
                    [record for result in results for record in result.records], again)


@registry.case("case-15-close-with-data-queued")
def close_queued(context):
    """close() while most of the data still waits for the peer: it arrives, encrypted
    by the NIC, and the context lives exactly that long."""
    ready()
    state = evidence.Evidence()
    spec = Spec(script=(Write(400_000),), capture=True)
    near, far = tcp.connect(4)
    context.enter_context(tcp.closing(near, far))
    near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    ktls.install(near, spec.keys)
    state.offloaded(near)
    near.sendall(spec.content())
    check(tcp.unacknowledged(near) > 100_000, "nothing was left to send at close()")
    near.close()
    equal(state.nic_moved("tx_tls_del"), 0, "tx_tls_del while data is queued")
    stream = bytes(tcp.Reader(far).finish())
    plain = b"".join(r.plain for r in records.decrypt(stream, spec.keys))
    equal(plain == spec.content(), True, "the content arrived")
    state.gone()


@registry.case("case-16-abortive-close-with-data-queued")
def reset_queued(context):
    """An abortive close in mid-record leaks no context."""
    ready()
    state = evidence.Evidence()
    near, far = tcp.connect(4)
    context.enter_context(tcp.closing(near, far))
    ktls.install(near, Keys())
    near.sendall(tcp.data("reset", 100_000))
    near.sendall(b"open record", ktls.MSG_MORE)
    near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    near.close()
    state.gone()
    equal(state.nic_moved("tx_tls_ctx"), 1, "tx_tls_ctx")


@registry.case("case-16-peer-resets")
def peer_resets(context):
    ready()
    state = evidence.Evidence()
    near, far = tcp.connect(4)
    context.enter_context(tcp.closing(near, far))
    ktls.install(near, Keys())
    near.sendall(tcp.data("reset", 50_000))
    far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    far.close()
    wait.until(lambda: tcp_closed(near), "the reset arrived")
    near.close()
    state.gone()
    equal(state.nic_moved("tx_tls_ctx"), 1, "tx_tls_ctx")


def tcp_closed(sock):
    return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == 7


@registry.case("case-16-half-close-and-an-answer")
def half_close(context):
    """shutdown(SHUT_WR) behind the last record, then data the other way."""
    ready()
    run_ = offload.Run(context, Spec(script=(Write(30_000), Control(2))))
    run_.install()
    run_.evidence.offloaded(run_.near)
    run_.play()
    run_.near.shutdown(socket.SHUT_WR)
    run_.reader.finish()
    run_.reader.sock.sendall(b"answer")
    equal(run_.near.recv(100), b"answer", "what came back")
    result = run_.finish()
    result.evidence.gone()
    result.evidence.encrypted(len(result.stream), result.records, result.again)


@registry.case("driver-unload-refused-or-clean")
def unload(context):
    """With a live connection the driver's removal must leave the connection right."""
    ready()
    device = system.pci_device().name
    driver = "/sys/bus/pci/drivers/ktlsnic"

    def rebind(_sender):
        write(f"{driver}/unbind", device)
        write(f"{driver}/bind", device)
        wait.until(lambda: system.succeeds("ip", "link", "show", NETIF), "the port is back")
        nic.up_again()
    run_ = offload.Run(context, Spec(script=(*PART, Call(rebind), *PART)))
    run_.install()
    run_.play()
    run_.finish()
    wait.until(lambda: evidence.tls_stat()["TlsCurrTxDevice"] == 0, "TlsCurrTxDevice 0")
    ready()
    offload.offloaded(context, Spec(script=PART))

