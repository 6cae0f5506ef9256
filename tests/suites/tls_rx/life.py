# SPDX-License-Identifier: GPL-2.0-or-later
"""The life of contexts: the port, its driver or its flag goes while connections live."""

import socket
import threading

from lib import capture, evidence, ktls, nic, rx, sockdiag, system, tcp, wait
from lib.cases import Registry, at_least, check, equal
from lib.ktls import ALERT, Control, Keys, Write
from lib.system import NETIF, SO_SNDBUFFORCE, ip, run, write
from . import setup
from .framing import COMBINATIONS

registry = Registry()
SCRIPT = tuple(step for i in range(20) for step in
               (Write(16384), Write(1 + 700 * i), Control(2, ALERT), Write(5000)))


class Duplex(rx.Flow):
    """A connection that is offloaded in both directions; order: that of its keys."""

    def __init__(self, context, keys=Keys(), family=4, order=(ktls.TLS_RX, ktls.TLS_TX)):
        self.order = order
        self.back = Keys(keys.cipher, seed=f"{keys.seed}, the other direction")
        self.far_reader = self.back_sender = None
        super().__init__(context, keys, family)

    def install(self):
        keys = {ktls.TLS_RX: self.keys, ktls.TLS_TX: self.back}
        first, second = self.order
        ktls.install(self.near, keys[first], first)
        ktls.install_more(self.near, keys[second], second)
        ktls.install(self.far, self.keys, ktls.TLS_TX)
        ktls.install_more(self.far, self.back, ktls.TLS_RX)
        equal((sockdiag.rxconf(self.near), sockdiag.txconf(self.near)), ("hw", "hw"),
              "ss: rxconf, txconf")
        self.reader, self.far_reader = rx.Reader(self.near), rx.Reader(self.far)
        self.back_sender = ktls.Sender(self.near)

    def talk(self, script=SCRIPT, seed="talk"):
        """Both ends send a script at once."""
        back = threading.Thread(target=self.back_sender.play, args=(
            script, tcp.data(f"{seed} back", ktls.size_of(script))))
        back.start()
        self.play(script, seed)
        back.join(tcp.SECONDS)
        check(not back.is_alive(), "sending takes too long")

    def received(self):
        """Bytes that have been read at both ends."""
        return len(self.reader.bytes), len(self.far_reader.bytes)

    def sent(self):
        """Bytes that have been written at both ends."""
        return len(self.sender.sent) + len(self.back_sender.sent)

    def all_received(self):
        self.reader.wait_for(len(self.sender.sent))
        self.far_reader.wait_for(len(self.back_sender.sent))

    def finish(self):
        """Both ends have received what was sent, and close. What the far end, and the near
        one, has sent again."""
        self.all_received()
        back = tcp.retransmitted(self.near)
        self.near.shutdown(socket.SHUT_WR)
        equal(rx.sha(self.far_reader.finish()), rx.sha(self.back_sender.sent),
              "SHA-256 of what was sent back")
        equal(self.far_reader.kinds, self.back_sender.kinds, "content types of what was sent back")
        return super().finish(), back


def both_flags(context):
    nic.local().set(**{nic.TLS_TX_FLAG: True})
    context.callback(lambda: nic.local().set(**{nic.TLS_TX_FLAG: False}))
    rx.ready()


QUEUED = 1 << 20            # what is still to be sent when the socket is closed


def rx_goes_first(context, order, family, cipher):
    """Both directions, installed in this order. When the socket is closed the RX context goes
    at once, and the TX context when all that was queued is sent: it encrypts that to its
    end."""
    both_flags(context)
    tx = evidence.Evidence()
    flow = Duplex(context, Keys(cipher), family, order)
    flow.evidence.offloaded(flow.near)
    flow.near.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, 2 * QUEUED)
    flow.far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, QUEUED // 16)
    flow.talk()
    flow.all_received()
    again = flow.ended()
    pause = threading.Event()
    flow.far_reader.pause = pause           # from the next record on
    flow.back_sender.play((Write(QUEUED),), tcp.data("queued", QUEUED))
    flow.near.close()
    now = flow.evidence.counters()
    equal((now["rx_tls_del"], now["hw_tls_rx_deleted"]), (1, 1), "RX contexts deleted")
    equal((now["tx_tls_del"], now["hw_tls_tx_deleted"]), (0, 0), "TX contexts deleted")
    pause.set()
    equal(rx.sha(flow.far_reader.finish()), rx.sha(flow.back_sender.sent),
          "SHA-256 of what was sent back")
    flow.far.close()
    flow.evidence.gone()
    tx.gone()                   # a work deletes that one, and counts it when the card has
    flow.evidence.script_decrypted(SCRIPT, again[1], cipher=cipher)
    now = flow.evidence.counters()
    sizes = rx.records_of((*SCRIPT, Write(QUEUED)))
    for name, least in (("hw_tls_tx_bytes", cipher.stream(sizes)),
                        ("tx_tls_encrypted_bytes", cipher.encrypted(sizes))):
        at_least(now[name], least, name)
    equal(now["tx_tls_fallback"], 0, "tx_tls_fallback")
    equal((now["tx_tls_del"], now["hw_tls_tx_deleted"]), (1, 1), "TX contexts deleted")
    tx.no_errors()


for _family, _cipher in COMBINATIONS:
    _end = f"v{_family}/{_cipher.label}"
    registry.add(f"case-44-both-directions/rx-first/{_end}", rx_goes_first,
                 (ktls.TLS_RX, ktls.TLS_TX), _family, _cipher)
    registry.add(f"case-44-both-directions/tx-first/{_end}", rx_goes_first,
                 (ktls.TLS_TX, ktls.TLS_RX), _family, _cipher)


# ---- 43: the port goes while connections send and receive

def down():
    ip("link", "set", NETIF, "down")


def to_other_namespace():
    ip("link", "set", NETIF, "netns", OTHER_NS)


def from_other_namespace():
    ip("link", "set", NETIF, "netns", "1", ns=OTHER_NS)


def bind(what):
    write(f"/sys/bus/pci/drivers/ktlsnic/{what}", PORT["device"])


def unload():
    run("rmmod", "ktlsnic")


def load():
    run("modprobe", "ktlsnic")
    wait.until(port_exists, "the port is back")
    system.give_to_remote(PORT["far"])
    setup()


def port_exists():
    return system.succeeds("ip", "link", "show", NETIF)


OTHER_NS = "ns-moved"
PORT = {}                   # its PCI device, and the far one's address: gone when they are asked
# name -> (what is done, what takes it back, whether the driver's own counters survive that)
WAYS = {
    "43a-down": (down, lambda: None, True),
    "43b-unbind": (lambda: bind("unbind"), lambda: bind("bind"), False),
    "43c-other-namespace": (to_other_namespace, from_other_namespace, True),
    "43d-rmmod": (unload, load, False),
}


def talk_until(flow, event):
    """Again and again, so that something is under way when the event comes."""
    while not event.is_set():
        flow.talk()


def port_goes(context, go, come_back, counted):
    """Connections send and receive while the port goes: they go on in software. All their
    contexts are deleted, each once, and nothing of them is offloaded again; new connections
    are."""
    ip("netns", "add", OTHER_NS)
    context.callback(ip, "netns", "del", OTHER_NS, check=False)
    context.callback(rx.ready)
    PORT.update(device=system.pci_device().name, far=capture.mac_of(remote=True))
    both_flags(context)
    state = rx.Evidence()
    flows = [Duplex(context, Keys(cipher, seed=f"{family} {cipher.label}"), family)
             for family, cipher in ktls.mixed(len(ktls.offered()))]
    gone = threading.Event()
    context.callback(gone.set)
    threads = [threading.Thread(target=talk_until, args=(flow, gone)) for flow in flows]
    for thread in threads:
        thread.start()
    wait.until(lambda: all(min(flow.received()) > 50_000 for flow in flows), "all receive")
    now = state.counters()
    for name in ("hw_tls_rx_added", "hw_tls_tx_added"):
        equal(now[name], len(flows), name)
    for name in ("rx_tls_decrypted_bytes", "tx_tls_encrypted_bytes"):
        at_least(now[name], 50_000 * len(flows), name)
    then = [sum(flow.received()) for flow in flows]
    go()
    gone.set()
    moved = state.kernel_moved()
    for name in ("TlsRxDevice", "TlsTxDevice"):
        equal(moved[name], len(flows), name)
    come_back()
    nic.up_again()
    both_flags(context)
    new_ones_are_offloaded(context, state, len(flows))
    for thread in threads:
        thread.join(tcp.SECONDS)
    check(all(flow.sent() > received for flow, received in zip(flows, then)),
          "everything was received before the port went")
    for flow in flows:
        flow.talk((Write(20_000),), "after")
        flow.finish()
    wait.until(lambda: not any(state.kernel_moved()[name] for name in
                               ("TlsCurrRxDevice", "TlsCurrTxDevice")), "TlsCurr*Device")
    for direction in ("rx", "tx"):
        now = state.counters()
        equal((now[f"hw_tls_{direction}_added"], now[f"hw_tls_{direction}_deleted"]),
              (len(flows) + 1, len(flows) + 1), f"{direction.upper()} contexts added, deleted")
    for name in ("hw_tls_rx_auth_failed", "hw_tls_tx_errors"):
        equal(state.moved(name), 0, name)
    for name in ("rx_tls_ctx", "rx_tls_del", "tx_tls_ctx", "tx_tls_del") if counted else ():
        equal(state.moved(name), len(flows) + 1, name)


def new_ones_are_offloaded(context, state, old):
    """Contexts of the old connections are deleted; and a new one has one in each direction."""
    for direction in ("rx", "tx"):
        now = state.counters()
        equal((now[f"hw_tls_{direction}_added"], now[f"hw_tls_{direction}_deleted"]),
              (old, old), f"{direction.upper()} contexts added, deleted")
    flow = Duplex(context, Keys(seed="new"))
    before = state.counters()
    flow.talk()
    flow.finish()
    wait.until(lambda: state.moved("hw_tls_tx_deleted") == old + 1, "its TX context is deleted")
    now = state.counters()
    size = ktls.size_of(SCRIPT)
    equal(now["rx_tls_decrypted_bytes"] - before["rx_tls_decrypted_bytes"], size,
          "rx_tls_decrypted_bytes of the new connection")
    at_least(now["tx_tls_encrypted_bytes"] - before["tx_tls_encrypted_bytes"], size,
             "tx_tls_encrypted_bytes of the new connection")


for _name, _way in WAYS.items():
    registry.add(f"case-{_name}-under-traffic", port_goes, *_way, seconds=200)


@registry.case("case-43a-down-in-mid-record")
def down_up(context):
    """The port goes down in mid-record: the connection goes on in software, its context is
    deleted once, and new connections are offloaded."""
    flow = rx.Flow(context)
    flow.evidence.offloaded(flow.near)
    flow.play((*SCRIPT, Write(9000, more=True)), "before")
    flow.reader.wait_for(ktls.size_of(SCRIPT))
    equal(flow.evidence.moved("rx_tls_decrypted_bytes"), ktls.size_of(SCRIPT),
          "rx_tls_decrypted_bytes before link down")
    down()
    equal(flow.evidence.moved("rx_tls_del"), 1, "rx_tls_del after link down")
    equal(flow.evidence.moved("hw_tls_rx_live"), 0, "hw_tls_rx_live after link down")
    nic.up_again()
    rx.ready()
    flow.play((Write(100), *SCRIPT), "after")
    flow.finish()
    equal(flow.evidence.moved("rx_tls_ctx"), 1, "rx_tls_ctx: not offloaded again")
    equal(flow.evidence.moved("rx_tls_decrypted_bytes"), ktls.size_of(SCRIPT),
          "rx_tls_decrypted_bytes at the end")
    flow.evidence.gone()
    flow.evidence.no_errors()
    offloaded_as_ever(context)


def offloaded_as_ever(context):
    flow = rx.Flow(context, Keys(seed="again"))
    flow.evidence.offloaded(flow.near)
    flow.play(SCRIPT)
    again = flow.finish()
    flow.evidence.gone()
    flow.evidence.script_decrypted(SCRIPT, again[1])


@registry.case("case-43a-down-while-some-close", seconds=200)
def down_while_some_close(context):
    """Of six connections every second one is closed while the port goes down; three times."""
    state = rx.Evidence()
    for turn in range(3):
        before = state.moved("rx_tls_decrypted_bytes")
        flows = [rx.Flow(context, Keys(seed=f"{turn} {i}")) for i in range(6)]
        threads = [threading.Thread(target=until_closed, args=(flow,)) for flow in flows]
        for thread in threads:
            thread.start()
        wait.until(lambda flows=flows: all(len(flow.reader.bytes) > 50_000 for flow in flows),
                   "all receive")
        at_least(state.moved("rx_tls_decrypted_bytes") - before, 50_000 * 6,
                 "rx_tls_decrypted_bytes before the port went down")
        closers = [threading.Thread(target=close, args=(flow,)) for flow in flows[::2]]
        for closer in closers:
            closer.start()
        down()
        nic.up_again()
        for thread in (*closers, *threads):
            thread.join(tcp.SECONDS)
        for flow in flows[1::2]:
            flow.finish()
        equal(state.moved("rx_tls_ctx"), 6 * (turn + 1), "rx_tls_ctx")
        state.gone()
    state.no_errors()


def until_closed(flow):
    """Send, until the other end is closed if it is."""
    try:
        flow.play(SCRIPT[:32])
    except OSError:
        pass


def close(flow):
    flow.near.shutdown(socket.SHUT_RDWR)
    flow.reader.join(tcp.SECONDS)
    flow.near.close()
    flow.far.close()


@registry.case("case-43e-flag-off-and-on")
def flag(context):
    """Old connections stay, new ones follow the flag."""
    flow = rx.Flow(context)
    flow.evidence.offloaded(flow.near)
    rx.ready(False)
    context.callback(rx.ready)
    other = rx.Flow(context, Keys(seed="off"), where="sw")
    flow.play(SCRIPT)
    other.play(SCRIPT)
    other.finish()
    again = flow.finish()
    flow.evidence.gone()
    flow.evidence.script_decrypted(SCRIPT, again[1])
    rx.ready()
    offloaded_as_ever(context)


@registry.case("case-44-closed-with-data-coming")
def close_early(context):
    """close() while the far end goes on sending: the context goes, the rest is refused. (The
    kernel's own kTLS would let the far end write on when its connection is gone.)"""
    state = rx.Evidence()
    for turn in range(6):
        flow = rx.Flow(context, Keys(seed=f"{turn}"), install=False)
        ktls.install(flow.near, flow.keys, ktls.TLS_RX)
        ktls.install(flow.far, flow.keys, ktls.TLS_TX)
        before = state.moved("rx_tls_decrypted_bytes")
        sender = threading.Thread(target=broken_pipe, args=(flow.far,))
        sender.start()
        got = flow.near.recv(10_000)
        check(got == tcp.data("pipe", 1 << 16)[:len(got)], "what was read before")
        at_least(state.moved("rx_tls_decrypted_bytes") - before, len(got),
                 "rx_tls_decrypted_bytes")
        flow.near.close()
        sender.join(tcp.SECONDS)
        flow.far.close()
    state.gone()
    equal(state.moved("rx_tls_ctx"), 6, "rx_tls_ctx")
    state.no_errors()


def broken_pipe(sock):
    try:
        while tcp.state(sock) == tcp.ESTABLISHED:
            sock.sendall(tcp.data("pipe", 1 << 16))
    except OSError:
        pass
