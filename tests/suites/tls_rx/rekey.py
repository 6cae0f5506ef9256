# SPDX-License-Identifier: GPL-2.0-or-later
"""KeyUpdates of a receiver with a NIC: the NIC loses its key with the KeyUpdate and gets the
new one when no record can come any more that has met the old one."""

import os
import select
import socket
import threading

from lib import device_faults, link, nic, rekey, rx, system, tcp, tlstrace, wait
from lib.cases import Registry, at_least, check, equal
from lib.ktls import MAX_RECORD, SOL_TLS, TLS_RX
from lib.system import NETIF, ip, write

registry = Registry()
PIECE = 8 * MAX_RECORD
MSS = 1000
FINDS_ITS_PLACE = 10 << 20  # bytes that are enough for a NIC to ask and to be answered
# A KeyUpdate among records that nobody has read yet is unknown: the NIC may get a key too early
# and find out by the tags.
TOO_EARLY = ("rx_tls_err", "hw_tls_rx_auth_failed")


class Stream:
    """To the local port, from software at the far one."""

    def __init__(self, context, cipher=rekey.CIPHERS[0], family=4, reading=True, mss=None,
                 **reader):
        rx.ready()
        self.evidence = rx.Evidence()
        self.near, self.far = tcp.connect(family, mss)
        context.enter_context(tcp.closing(self.near, self.far))
        rekey.prepare(self.near, self.far)
        self.reader = rekey.Reader(self.near, cipher, **reader)
        equal(rx.rxconf(self.near), "hw", "ss: rxconf")
        self.sender = rekey.Sender(self.far, cipher)
        if reading:
            self.reader.start()

    def send(self, size):
        self.sender.send(size)

    def read(self):
        """All that was sent so far is read."""
        wait.until(lambda: self.reader.size_read == self.sender.size or self.reader.error,
                   lambda: f"{self.sender.size} bytes are read, not {self.reader.size_read}")

    def updated(self, number):
        wait.until(lambda: self.reader.number == number or self.reader.error,
                   f"KeyUpdate {number} is read")

    def decrypted_of(self, size):
        before = self.evidence.moved("rx_tls_decrypted_bytes")
        self.send(size)
        self.read()
        return self.evidence.moved("rx_tls_decrypted_bytes") - before

    def with_the_nic(self, size=50_000):
        """The NIC decrypts what is sent from now on, with the key of now."""
        at_least(self.decrypted_of(size), size, "bytes of these that the NIC decrypted")
        equal(rx.rxconf(self.near), "hw", "ss: rxconf")

    def found_again(self):
        """Before so much has come the NIC has found its place, and decrypts everything."""
        for _ in range(0, FINDS_ITS_PLACE, PIECE):
            if self.decrypted_of(PIECE) >= PIECE:
                return
        check(False, f"after {FINDS_ITS_PLACE} bytes not everything is decrypted: "
              f"{self.evidence.resync_counters()}")

    def finish(self, **options):
        """What was sent arrived, and no context is left."""
        self.far.shutdown(socket.SHUT_WR)
        self.reader.finish(self.sender)
        self.near.close()
        self.far.close()
        self.evidence.gone()
        self.evidence.no_errors(**options)

    def rekeys(self, received, **wanted):
        rekey.outcome(self.evidence, "Rx", **wanted)
        equal(self.evidence.kernel_moved()["TlsRxRekeyReceived"], received, "TlsRxRekeyReceived")

    def ends_with_the_nic(self, updates, **options):
        """The NIC gets each key, finds its place and decrypts, and what was sent arrived."""
        self.found_again()
        self.finish(**options)
        self.rekeys(updates, Ok=updates)


class Late(Stream):
    """The new keys come only after arrive(): records that need them are here first."""

    def __init__(self, context, *arguments, **reader):
        self.arrived = threading.Event()
        super().__init__(context, *arguments, before=self._wait, **reader)

    def _wait(self, _number):
        self.arrived.wait(tcp.SECONDS)

    def arrive(self, size):
        """So many bytes are here, and the KeyUpdate is read; from now on keys are installed."""
        wait.until(lambda: tcp.queued(self.near) > size, "records of the new key are here")
        self.rekeys(1)
        self.arrived.set()


def cork(sock, on):
    """While it is on, only full segments leave."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, on)


def once(context, family, cipher):
    """Nothing follows the KeyUpdate until its key is there: the NIC need not search."""
    stream = Stream(context, cipher, family)
    stream.with_the_nic()
    stream.sender.update()
    stream.updated(1)
    stream.rekeys(1, Ok=1)
    stream.with_the_nic()
    stream.finish()
    equal(stream.evidence.moved("rx_tls_resync_req_pkt"), 0, "rx_tls_resync_req_pkt")
    stream.rekeys(1, Ok=1)


def followed(context, family, cipher):
    """Records of the new key are there before it is."""
    stream = Late(context, cipher, family)
    stream.with_the_nic()
    stream.sender.update()
    for _ in range(20):
        stream.send(3000)
    stream.arrive(50_000)
    stream.ends_with_the_nic(1)


def many(context, family, cipher):
    """One after the other, with no regard to what is read."""
    stream = Stream(context, cipher, family)
    for turn in range(99):
        stream.send(1 + 370 * turn % 30_000)
        stream.sender.update()
    stream.ends_with_the_nic(99, but=TOO_EARLY)


for _family, _cipher in zip((4, 6, 4, 6), rekey.CIPHERS):
    registry.add(f"rekey-once/v{_family}/{_cipher.label}", once, _family, _cipher)
    registry.add(f"rekey-followed/v{_family}/{_cipher.label}", followed, _family, _cipher)
    registry.add(f"rekey-many/v{_family}/{_cipher.label}", many, _family, _cipher)


@registry.case("rekey-without-a-key-update")
def unannounced(context):
    """An application may set another key though it has read no KeyUpdate."""
    stream = Stream(context, reading=False)
    reader = stream.reader
    stream.send(50_000)
    while reader.size_read < stream.sender.size:
        reader.piece()
    stream.near.setsockopt(SOL_TLS, TLS_RX, reader.schedule(1).crypto_info())
    reader.number = 1
    stream.sender.change()
    reader.start()
    stream.with_the_nic()
    stream.finish()
    stream.rekeys(0, Ok=1)


@registry.case("rekey-not-seen-by-the-nic")
def unseen(context):
    """The end of a KeyUpdate is a segment of its own, and is lost: the NIC cannot know what it
    was, and goes on with the old key. What it makes of records of the new one is undone."""
    events = tlstrace.Trace(context)
    near, far = tcp.connect(mss=MSS)
    with tcp.closing(near, far):
        mss = tcp.segment_size(far)
    faults = context.enter_context(link.Link(rules=f"drop conn 1 rx byte {3 * mss + 1}"))
    stream = Stream(context, mss=MSS)
    stream.far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    cork(stream.far, True)
    stream.send(3 * mss - 10 - stream.sender.cipher.over)
    stream.sender.announce()
    cork(stream.far, False)
    stream.sender.change()
    stream.send(5 * MSS)        # the tag, which is wrong, is in the last segment
    stream.found_again()
    undone = len(events.events("tls_device_rekey_reencrypt"))
    context.note(f"{undone} records were undone")
    equal(faults.hits(), 1, "segments that were lost")
    at_least(undone, 1, "records of the new key that the NIC had met with the old one")
    stream.finish(but=TOO_EARLY)
    stream.rekeys(1, Ok=1)


@registry.case("rekey-refused")
def refused(context):
    """The NIC does not take the new key: software goes on with it. With the next KeyUpdate
    the NIC is asked again."""
    stream = Stream(context)
    with device_faults.command(device_faults.RX_ADD):
        stream.sender.update()
        stream.updated(1)
        equal(stream.decrypted_of(50_000), 0, "bytes that the NIC decrypted")
    equal(rx.rxconf(stream.near), "sw", "ss: rxconf")
    moved = stream.evidence.kernel_moved()
    equal((moved["TlsCurrRxDevice"], moved["TlsCurrRxSw"]), (0, 1), "TlsCurrRx*")
    stream.rekeys(1, Fallback=1)
    stream.sender.update()
    stream.updated(2)
    stream.with_the_nic()
    stream.finish(but=("rx_tls_add_failed",))
    stream.rekeys(2, Fallback=1, Ok=1)


def held(context):
    """A stream whose new key waits for the NIC: what may have met the old one is not read."""
    go_on = threading.Event()
    stream = Late(context, after=lambda number: go_on.wait(tcp.SECONDS))
    stream.with_the_nic()
    stream.sender.update()
    for _ in range(10):
        stream.send(3000)
    stream.arrive(30_000)
    wait.until(lambda: stream.evidence.kernel_moved()["TlsCurrRxRekey"], "the new key waits")
    return stream, go_on


@registry.case("rekey-poll")
def poll(context):
    """Without the new key there is nothing to read, though records are there."""
    seen = []
    arrived = threading.Event()

    def look(number):
        arrived.wait(tcp.SECONDS)
        seen.append(select.select([stream.near], [], [], 0.2)[0])
    stream = Stream(context, before=look)
    stream.sender.update()
    stream.send(30_000)
    wait.until(lambda: tcp.queued(stream.near) > 30_000, "records of the new key are here")
    arrived.set()
    stream.found_again()
    equal(seen, [[]], "sockets that can be read without the key")
    stream.finish()
    stream.rekeys(1, Ok=1)


@registry.case("rekey-close-while-waiting")
def closed(context):
    stream, go_on = held(context)
    stream.near.close()
    stream.rekeys(1, Aborted=1)
    go_on.set()
    stream.far.close()
    stream.evidence.gone()


@registry.case("rekey-reset-while-waiting")
def reset(context):
    """The card is reset while it has no key of the connection."""
    stream, go_on = held(context)
    write(f"{system.pci_device()}/reset", "1")
    wait.until(nic.carrier, "the link is back")
    go_on.set()
    stream.ends_with_the_nic(1)


@registry.case("rekey-down-while-waiting")
def down(context):
    """The interface goes down meanwhile: the connection stays in software."""
    stream, go_on = held(context)
    ip("link", "set", NETIF, "down")
    nic.up_again()
    go_on.set()
    equal(stream.decrypted_of(50_000), 0, "bytes that the NIC decrypted")
    stream.rekeys(1, Fallback=1)
    stream.finish()


@registry.case("rekey-twice-while-waiting")
def twice(context):
    """Another KeyUpdate comes among records that may have met the first key: of the key
    between the two the NIC never hears."""
    stream = Late(context)
    stream.with_the_nic()
    for _ in range(2):
        stream.sender.update()
        for _ in range(5):
            stream.send(3000)
    stream.arrive(30_000)
    stream.ends_with_the_nic(2)
    equal(stream.evidence.moved("rx_tls_ctx"), 2, "rx_tls_ctx")


@registry.case("rekey-impaired", seconds=120)
def impaired(context):
    """A link that loses, reorders and doubles frames both ways."""
    stream = Stream(context)
    faults = context.enter_context(link.Link(seed=7, **dict.fromkeys(
        ("loss", "reorder", "duplicate"), "1%")))
    for turn in range(200):
        stream.send(1 + 997 * turn % 20_000)
        stream.sender.update()
    stream.read()
    faults.stop()
    stream.ends_with_the_nic(200, but=TOO_EARLY)


@registry.case("rekey-spliced", seconds=60)
def spliced(context):
    """A reader that splices meets KeyUpdates one after the other: it is told of each, and that
    the key is missing, and gets the data in between."""
    stream = Stream(context, reading=False)
    out, into = os.pipe()
    context.callback(os.close, out)
    context.callback(os.close, into)
    for _ in range(50):
        stream.sender.update()
    stream.send(1000)
    for _ in range(50):
        rekey.refuses("EINVAL", os.splice, stream.near.fileno(), into, 4096)
        stream.reader.piece()
    stream.reader.took(b"".join(spliced_bytes(stream.near, out, into, 1000)))
    stream.reader.start()
    stream.ends_with_the_nic(50, but=TOO_EARLY)


def spliced_bytes(sock, out, into, size):
    while size:
        moved = os.splice(sock.fileno(), into, size)
        yield os.read(out, moved)
        size -= moved
