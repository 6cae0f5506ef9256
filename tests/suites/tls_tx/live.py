# SPDX-License-Identifier: GPL-2.0-or-later
"""Things that happen to the NIC while it encrypts."""

import socket
import struct
import threading

from lib import evidence, ktls, nic, offload, records, system, tcp, wait
from lib.cases import Registry, at_least, check, equal
from lib.ktls import GCM128, GCM256, Call, Control, Keys, Sendfile, Write
from lib.offload import Spec
from lib.system import NETIF, ip, run, write
from . import ready
from .stream import COMBINATIONS, combination_name

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
    for _feature in ("tx", "tso", "sg", "gso"):
        registry.add(f"toggle-{_feature}-live/{combination_name(*_combination)}",
                     feature_toggle, _feature, *_combination)


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


@registry.case("mtu-change-live")
def mtu_change(context):
    ready()
    context.enter_context(nic.with_mtu(1500))
    spec = Spec(script=(*PART, Call(lambda _: nic.set_mtu(1280)), *PART,
                        Call(lambda _: nic.set_mtu(4000)), *PART), capture=True)
    switched(context, spec)


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
    equal(moved.get("TlsCurrTxDevice"), len(runs), "TlsCurrTxDevice")
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


@registry.case("close-with-data-queued")
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


@registry.case("reset-with-data-queued")
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


@registry.case("peer-resets")
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


@registry.case("both-ends-close-at-once")
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

