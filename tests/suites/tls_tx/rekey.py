# SPDX-License-Identifier: GPL-2.0-or-later
"""KeyUpdates of a sender with a NIC: the NIC gets the new key when all that it was given
with the old one is acknowledged; until then software encrypts. The far end reads with
software, so that it takes nothing but what was encrypted with the right key."""

import contextlib
import hashlib
import socket
import threading

from lib import (device_faults, handshake, ktls, link, netem, nic, openssl, rekey, rx, system,
                 tcp, wait)
from lib.cases import Failed, Registry, at_least, check, equal
from lib.evidence import Evidence
from lib.ktls import GCM128, GCM256_1_3, MSG_MORE, Keys, Sendfile
from lib.sockdiag import rxconf, txconf
from lib.system import NETIF, REMOTE_NS, ip, write
from . import ready

registry = Registry()
HELD = 20_000               # bytes for which the send buffer has room several times
LARGE = 60_000              # bytes of a message of several records
LITTLE, TRIES = 2000, 100   # bytes of the send buffer
GCM_LIMIT = 23_726_566      # 2^24.5


class Stream:
    """From the local port to software at the far one."""

    def __init__(self, context, cipher=rekey.CIPHERS[0], family=4, reading=True):
        ready()
        self.evidence = Evidence()
        self.near, self.far = tcp.connect(family)
        context.enter_context(tcp.closing(self.near, self.far))
        rekey.prepare(self.near, self.far)
        self.sender = rekey.Sender(self.near, cipher)
        equal(txconf(self.near), "hw", "ss: txconf")
        self.reader = rekey.Reader(self.far, cipher)
        if reading:
            self.reader.start()

    def send(self, size, flags=0):
        self.sender.send(size, flags)

    def settled(self):
        tcp.settled(self.near)

    def encrypted_of(self, size):
        """Send so much; how much the NIC encrypted of it."""
        before = self.evidence.moved("tx_tls_encrypted_bytes")
        self.send(size)
        self.settled()
        return self.evidence.moved("tx_tls_encrypted_bytes") - before

    def with_the_nic(self, size=50_000):
        """The NIC encrypts what is sent from now on, with the key of now."""
        at_least(self.encrypted_of(size), size, "bytes of these that the NIC encrypted")
        equal(txconf(self.near), "hw", "ss: txconf")

    def with_software(self, size=50_000):
        equal(self.encrypted_of(size), 0, "bytes of these that the NIC encrypted")

    def fill(self):
        """Send without waiting until the send buffer is full, while nothing is acknowledged. For
        some of what was taken TCP has no room yet: where the room ends just with a record, there
        is a little more."""
        self.near.setblocking(False)
        for _ in range(TRIES):
            with contextlib.suppress(BlockingIOError):
                while True:
                    data = tcp.data(f"{self.sender.size}", LARGE)
                    self.sender.took(data[:self.near.send(data)])
            if self.sender.size > tcp.unacknowledged(self.near):
                return
            room = self.near.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) // 2 + LITTLE
            self.near.setsockopt(socket.SOL_SOCKET, system.SO_SNDBUFFORCE, room)
        raise Failed("TCP has room for all that is sent")

    def finish(self):
        """What was sent arrived, and no context is left."""
        self.near.shutdown(socket.SHUT_WR)
        self.reader.finish(self.sender)
        self.near.close()
        self.far.close()
        self.evidence.gone()

    def rekeys(self, **wanted):
        rekey.outcome(self.evidence, "Tx", **wanted)

    def ends_with_the_nic(self, **wanted):
        """All is acknowledged, the NIC has the last key, what was sent arrived, and that is what
        became of the KeyUpdates."""
        self.settled()
        self.with_the_nic()
        self.finish()
        self.rekeys(**wanted)

    def waiting(self):
        """A KeyUpdate waits for data that the stack holds back, and software encrypts."""
        self.send(HELD)
        self.sender.update()
        self.rekeys(waiting=1)


def once(context, family, cipher):
    stream = Stream(context, cipher, family)
    stream.with_the_nic()
    stream.sender.update()
    stream.ends_with_the_nic(Ok=1)


def many(context, family, cipher):
    """One after the other, with no regard to what is acknowledged."""
    stream = Stream(context, cipher, family)
    for turn in range(99):
        stream.send(1 + 37 * turn % 30_000)
        stream.sender.update()
    stream.ends_with_the_nic(Ok=99)


for _family, _cipher in zip((4, 6, 4, 6), rekey.CIPHERS):
    registry.add(f"rekey-once/v{_family}/{_cipher.label}", once, _family, _cipher)
    registry.add(f"rekey-many/v{_family}/{_cipher.label}", many, _family, _cipher)


@registry.case("rekey-waits-for-acknowledgements")
def waits(context):
    """What was given to the NIC with the old key is held back before it: it comes to the NIC
    after the KeyUpdate, and is encrypted with the old key. A second KeyUpdate in that time
    is one that the NIC never hears of."""
    stream = Stream(context)
    stream.with_the_nic()
    before = stream.evidence.moved("tx_tls_encrypted_bytes")
    netem.held_before_the_nic(context)
    stream.waiting()
    stream.send(5000)
    stream.sender.update()
    stream.rekeys(Ok=1, waiting=1)
    stream.send(5000)
    equal(stream.evidence.moved("tx_tls_ctx"), 1, "tx_tls_ctx while it waits")
    netem.let_go()
    stream.settled()
    keyed = stream.evidence.moved("tx_tls_encrypted_bytes") - before
    at_least(keyed, HELD, "bytes of the old key that the NIC encrypted")
    again = tcp.retransmitted(stream.near)[1]       # held back for too long, on a slow kernel
    check(keyed < HELD + 1000 + again,
          f"the NIC encrypted {keyed} bytes with the old key, not {HELD} ({again} sent again)")
    stream.with_the_nic()
    stream.finish()
    stream.rekeys(Ok=2)
    equal(stream.evidence.moved("tx_tls_ctx"), 2, "tx_tls_ctx")


@registry.case("rekey-old-key-is-sent-again")
def again(context):
    """A segment of the old key is lost, and comes again after the KeyUpdate."""
    lost = context.enter_context(link.Link(rules="drop conn 1 tx byte 30000"))
    stream = Stream(context)
    stream.send(60_000)
    stream.sender.update()
    stream.send(60_000)
    stream.settled()
    equal(lost.hits(), 1, "segments that were lost")
    stream.with_the_nic()
    stream.finish()
    stream.rekeys(Ok=1)


@registry.case("rekey-open-record")
def open_record(context):
    """A record is open when the KeyUpdate comes: it is sent first, with the old key."""
    stream = Stream(context)
    stream.send(100, MSG_MORE)
    stream.sender.update()
    stream.send(100, MSG_MORE)
    stream.ends_with_the_nic(Ok=1)


@registry.case("rekey-without-room")
def without_room(context):
    """The send buffer is full: the KeyUpdate and its key wait until there is room."""
    stream = Stream(context, reading=False)
    stream.near.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            stream.send(1000)
    stream.near.setblocking(True)
    stream.reader.start()
    stream.sender.update()
    stream.ends_with_the_nic(Ok=1)


@registry.case("rekey-without-room-or-waiting")
def without_waiting(context):
    """The same if the socket is not to wait: there is no new key, and the old one stays."""
    stream = Stream(context)
    netem.held_before_the_nic(context)
    stream.fill()
    rekey.refuses("EAGAIN", stream.near.setsockopt, ktls.SOL_TLS, ktls.TLS_TX,
                  stream.sender.schedule(1).crypto_info())
    stream.near.setblocking(True)
    netem.let_go()
    stream.send(5000)
    stream.sender.update()
    stream.ends_with_the_nic(Ok=1)


@registry.case("rekey-waits-with-a-full-send-buffer")
def full_while_waiting(context):
    """While the key waits, software has records for which TCP has no room, and a work pushes
    them when it has. Then they are acknowledged, and the NIC gets the key."""
    stream = Stream(context)
    netem.held_before_the_nic(context)
    stream.waiting()
    stream.fill()
    stream.near.setblocking(True)
    netem.let_go()
    wait.until(lambda: stream.reader.size_read == stream.sender.size, "all has arrived")
    stream.ends_with_the_nic(Ok=1)


@registry.case("rekey-refused")
def refused(context):
    """The NIC does not take the new key: software goes on with it. With the next KeyUpdate
    the NIC is asked again."""
    stream = Stream(context)
    stream.with_the_nic()
    with device_faults.command(device_faults.TX_ADD):
        stream.sender.update()
        stream.settled()
        stream.with_software()
    equal(txconf(stream.near), "sw", "ss: txconf")
    moved = stream.evidence.kernel_moved()
    equal((moved["TlsCurrTxDevice"], moved["TlsCurrTxSw"]), (0, 1), "TlsCurrTx*")
    stream.rekeys(Fallback=1)
    stream.sender.update()
    stream.ends_with_the_nic(Fallback=1, Ok=1)


@registry.case("rekey-close-while-waiting")
def closed(context):
    """The connection ends before the NIC could get the key."""
    stream = Stream(context)
    netem.held_before_the_nic(context)
    stream.waiting()
    stream.send(5000)
    stream.near.close()
    stream.rekeys(Aborted=1)
    netem.let_go()
    stream.reader.finish(stream.sender)
    stream.far.close()
    stream.evidence.gone()


@registry.case("rekey-reset-while-waiting")
def reset(context):
    """The card is reset while the old key is still needed: software does what is left."""
    stream = Stream(context)
    stream.with_the_nic()
    netem.held_before_the_nic(context)
    stream.waiting()
    write(f"{system.pci_device()}/reset", "1")
    wait.until(lambda: nic.carrier(), "the link is back")
    netem.let_go()
    stream.ends_with_the_nic(Ok=1)


@registry.case("rekey-down-while-waiting")
def down(context):
    """The interface goes down meanwhile: the connection stays in software."""
    stream = Stream(context)
    stream.with_the_nic()
    netem.held_before_the_nic(context)
    stream.waiting()
    ip("link", "set", NETIF, "down")
    equal(stream.evidence.moved("tx_tls_del"), 1, "tx_tls_del after link down")
    netem.let_go()
    nic.up_again()
    stream.settled()
    stream.with_software()
    stream.rekeys(Fallback=1)
    stream.sender.update()
    stream.settled()
    stream.with_software()
    stream.finish()
    stream.rekeys(Fallback=2)


@registry.case("rekey-sendfile")
def sendfile(context):
    """Data that is not copied, around a KeyUpdate."""
    stream = Stream(context)
    data = tcp.data("a file", 200_000)
    for _ in range(3):
        Sendfile(len(data)).do(stream.sender, data)
        stream.sender.took(data)
        stream.sender.update()
    stream.ends_with_the_nic(Ok=3)


@registry.case("rekey-impaired", seconds=120)
def impaired(context):
    """A link that loses, reorders and doubles frames both ways."""
    stream = Stream(context)
    context.enter_context(link.Link(seed=7, **dict.fromkeys(
        ("loss", "reorder", "duplicate"), "1%")))
    for turn in range(200):
        stream.send(1 + 997 * turn % 20_000)
        stream.sender.update()
    stream.ends_with_the_nic(Ok=200)


def with_openssl(context, cipher):
    """The far end is OpenSSL in user space: it opens what the NIC encrypts with each key, and the
    NIC decrypts what it sends with each of its own."""
    ready()
    rx.ready()
    state = Evidence()
    expected = hashlib.sha256()
    connection = openssl.Connection(context, cipher)
    equal((txconf(connection.near), rxconf(connection.near)), ("hw", "hw"), "ss: conf")
    for number in range(3):
        before = state.counters()
        text = b"line %d of OpenSSL's\n" % number * 100
        data = connection.exchange(50_000, text)
        expected.update(text)
        now = state.counters()
        for name, least in (("tx_tls_encrypted_bytes", len(data)),
                            ("rx_tls_decrypted_bytes", len(text))):
            at_least(now[name] - before[name], least, f"{name} after {number} KeyUpdates")
        connection.update()
    equal(connection.reader.read.hexdigest(), expected.hexdigest(), "SHA-256 of the content")
    moved = state.kernel_moved()
    for way in ("Tx", "Rx"):        # the last may wait for more to be sent, or to come
        equal(moved[f"Tls{way}RekeyOk"] + moved[f"TlsCurr{way}Rekey"], 3,
              f"Tls{way}RekeyOk + TlsCurr{way}Rekey")
    connection.end()
    state.gone()


for _cipher in handshake.UNASKED:
    registry.add(f"rekey-with-openssl/{handshake.SUITES[_cipher]}", with_openssl, _cipher)


class Pair:
    """One connection, both ways; the NIC encrypts and decrypts at the local port."""

    def __init__(self, context, number):
        self.near, self.far = tcp.connect(4 if number % 2 else 6)
        context.enter_context(tcp.closing(self.near, self.far))
        rekey.prepare(self.near, self.far)
        cipher = rekey.CIPHERS[number % len(rekey.CIPHERS)]
        self.ways = []
        for name, source, sink in (("up", self.near, self.far), ("down", self.far, self.near)):
            seed = f"{name} {number}"
            reader = rekey.Reader(sink, cipher, seed)
            self.ways.append((rekey.Sender(source, cipher, seed), reader))
            reader.start()

    def play(self, way, turns):
        """Data and KeyUpdates, and the end of the stream."""
        sender, _ = self.ways[way]
        for turn in range(turns):
            sender.send(1 + 997 * turn % 5000)
            sender.update()
        sender.send(1000)
        sender.sock.shutdown(socket.SHUT_WR)

    def finish(self):
        for sender, reader in self.ways:
            reader.finish(sender, seconds=10 * tcp.SECONDS)


def both_ways(context, connections, turns):
    """So many connections, so many KeyUpdates on each in each direction, over a link that
    loses 1 % of the frames. The local end's are counted."""
    ready()
    rx.ready()
    state = Evidence()
    faults = context.enter_context(link.Link(seed=3, loss="1%"))
    pairs = [Pair(context, number) for number in range(connections)]
    threads = [threading.Thread(target=pair.play, args=(way, turns))
               for pair in pairs for way in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for pair in pairs:
        pair.finish()
        pair.near.close()
        pair.far.close()
    moved = state.kernel_moved()
    for way in ("Tx", "Rx"):
        names = [f"Tls{way}Rekey{what}" for what in ("Ok", "Aborted", "Fallback")]
        context.note(" ".join(f"{name} {moved[name]}" for name in names))
        equal(sum(moved[name] for name in names), connections * turns, " + ".join(names))
        equal((moved[f"TlsCurr{way}Rekey"], moved[f"Tls{way}RekeyError"]), (0, 0),
              f"TlsCurr{way}Rekey, Tls{way}RekeyError")
    equal(moved["TlsDecryptError"], 0, "TlsDecryptError")
    at_least(faults.report()["rx"]["dropped"], 1, "frames that were lost")
    state.gone()


registry.add("rekey-both-ways", both_ways, 2, 100)
registry.add("rekey-ten-thousand", both_ways, 8, 625, seconds=900, every=True)


def limit(context, cipher):
    """A key is used for more records than it is good for: sender and receiver are told, once,
    and go on."""
    ready()
    state = Evidence()
    with system.in_ns(REMOTE_NS):
        far_state = Evidence()
    near, far = tcp.connect()
    context.enter_context(tcp.closing(near, far))
    keys = Keys(cipher, first=GCM_LIMIT - 3)
    ktls.install(near, keys)
    ktls.install(far, keys, ktls.TLS_RX)
    for number in range(6):
        near.sendall(b"%d" % number)
        equal(far.recv(100), b"%d" % number, "a record")
        passed = int(number > 1)
        with system.in_ns(REMOTE_NS):
            received = far_state.kernel_moved()["TlsRxKeyLimit"]
        equal((state.kernel_moved()["TlsTxKeyLimit"], received), (passed, passed),
              f"TlsTxKeyLimit, TlsRxKeyLimit after record {number}")


for _cipher in (GCM128, GCM256_1_3):
    registry.add(f"key-limit/{_cipher.label}", limit, _cipher)
