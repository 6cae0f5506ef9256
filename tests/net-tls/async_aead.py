# SPDX-License-Identifier: GPL-2.0-or-later
"""kTLS in software with ciphers that answer later (pcrypt, cryptd); runs in the guest. At the far
end records are taken apart, and made, in user space, where they are not said to be the
kernel's."""

import errno
import os
import pathlib
import socket
import sys
import threading

HERE = pathlib.Path(__file__).resolve().parent
sys.path += [str(HERE.parent / "suites"), str(HERE.parent)]

from lib import (evidence, ktls, netem, nic, records, runner, rx, seal, system, tcp)  # noqa: E402
from lib.cases import Failed, Registry, at_least, check, equal, skip    # noqa: E402
from lib.crypto_api import Asynchronous                 # noqa: E402
from lib.ktls import ALERT, DATA, HANDSHAKE, MAX_RECORD, TLS_RX, TLS_TX, Keys      # noqa: E402

registry = Registry()
CIPHERS = {"1.2-gcm": ktls.GCM128, "1.3-gcm": ktls.GCM128_1_3, "1.2-ccm": ktls.CCM128,
           "1.3-chacha": ktls.CHACHA_1_3}
ALGORITHMS = {ktls.GCM128.kind: "gcm(aes)", ktls.CCM128.kind: "ccm(aes)",
              ktls.CHACHA.kind: "rfc7539(chacha20,poly1305)"}
# With its shortest queue cryptd soon says that it has no room at once (EBUSY).
QUEUE = 1
# Template -> ciphers that it is tried with.
TEMPLATES = {"pcrypt": list(CIPHERS), "cryptd": ["1.2-gcm", "1.3-gcm"]}
SIZES = (1, 100, MAX_RECORD - 1, MAX_RECORD, MAX_RECORD + 1, 3 * MAX_RECORD + 7)
MANY = 300                      # small records at once
BIG = 12 * MAX_RECORD
ROOM = 4 << 20                  # of the buffers, where nobody is to wait for room


def asynchronous(context, template, name):
    """A cipher of that name is asynchronous until the case ends."""
    if not has(template):
        skip(f"this kernel has no {template}")
    return Asynchronous(context, template, name)


def has(module):
    return system.succeeds("modprobe", "--dry-run", module)


class End:
    """The near end has keys for both directions, and the ciphers of both are asynchronous."""

    def __init__(self, context, template, label):
        cipher = CIPHERS[label]
        self.aead = asynchronous(context, template, ALGORITHMS[cipher.kind])
        self.up, self.down = (Keys(cipher, seed=seed) for seed in ("up", "down"))
        context.enter_context(nic.local().with_(**nic.tls_offload(False)))
        self.sock, self.far = tcp.connect()
        context.enter_context(tcp.closing(self.sock, self.far))
        for sock in (self.sock, self.far):
            sock.setsockopt(socket.SOL_SOCKET, system.SO_SNDBUFFORCE, ROOM)
            sock.setsockopt(socket.SOL_SOCKET, system.SO_RCVBUFFORCE, ROOM)
        ktls.install(self.sock, self.up)
        ktls.install_more(self.sock, self.down, TLS_RX)
        equal(self.aead.users(), 2, f"users of {self.aead.driver}")
        self.reader = tcp.Reader(self.far)
        self.sealer = seal.Sealer(self.down)

    def comes(self, *contents, kind=DATA):
        """A record of each, all of which are here now."""
        self.far.sendall(b"".join(self.sealer.seal(content, kind=kind) for content in contents))
        tcp.settled(self.far)

    def sent(self):
        """The records that arrived, after the end of the stream."""
        self.sock.close()
        return records.decrypt(bytes(self.reader.finish()), self.up)

    def sent_data(self, content):
        records.are_data(self.sent(), content)


def gets(sock, content, size, *flags):
    """This is what is read, so much at a time."""
    got = b""
    while len(got) < len(content):
        more = sock.recv(min(size, len(content) - len(got)), *flags)
        check(more, f"the stream has ended after {len(got)} bytes")
        got += more
    check(got == content, "what was read is not what was sent")


def both_ways(context, template, label):
    """Messages and records of all sizes around the limits."""
    end = End(context, template, label)
    content = b""
    for size in SIZES:
        piece = tcp.data(f"up {size}", size)
        equal(end.sock.send(piece), size, "bytes taken")
        content += piece
        piece = tcp.data(f"down {size}", size)
        end.comes(*(piece[at:at + MAX_RECORD] for at in range(0, size, MAX_RECORD)))
        gets(end.sock, piece, 1 << 17)
    end.sent_data(content)


def one_after_another(context, template, label):
    """Records that MSG_MORE leaves open, records of other types, and many small ones."""
    end = End(context, template, label)
    script = [ktls.Write(100, more=True), ktls.Write(2000, more=True), ktls.Write(50),
              ktls.Control(2), ktls.Write(MAX_RECORD - 1, more=True), ktls.Control(100, HANDSHAKE),
              ktls.Write(MAX_RECORD, more=True), ktls.Write(1)]
    script += [ktls.Write(10)] * MANY
    sizes = [(DATA, 2150), (ALERT, 2), (DATA, MAX_RECORD - 1), (HANDSHAKE, 100),
             (DATA, MAX_RECORD), (DATA, 1)] + [(DATA, 10)] * MANY
    sender = ktls.Sender(end.sock)
    sender.play(script, tcp.data("script", ktls.size_of(script)))
    found = end.sent()
    equal([(one.kind, len(one.plain)) for one in found], sizes, "types and sizes of the records")
    check(b"".join(one.plain for one in found) == sender.sent, "what arrived is not what was sent")


def many_at_once(context, template, label):
    """One call has many records, to send and to read, small and large."""
    end = End(context, template, label)
    content = tcp.data("big", BIG)
    equal(end.sock.send(content), BIG, "bytes taken")
    for size in (10, 3000):
        pieces = [tcp.data(f"piece {size} {number}", size) for number in range(MANY // 3)]
        end.comes(*pieces)
        gets(end.sock, b"".join(pieces), 1 << 17)
    end.comes(*(content[at:at + MAX_RECORD] for at in range(0, BIG, MAX_RECORD)))
    gets(end.sock, content, BIG, socket.MSG_WAITALL)
    end.sent_data(content)


def memory_again(context, template, label):
    """A sender may use its memory again as soon as the call returns, whoever still encrypts."""
    end = End(context, template, label)
    content = b""
    for size in (MAX_RECORD, 8000, BIG, 3000):
        piece = tcp.data(f"piece {size}", size)
        memory = bytearray(piece)
        equal(end.sock.send(memory), size, "bytes taken")
        memory[:] = bytes(size)
        content += piece
    end.sent_data(content)


def closed_in_flight(context, template, label):
    """What was written arrives, though the socket is closed at once, with records unread."""
    end = End(context, template, label)
    content = tcp.data("in flight", BIG)
    for at in range(0, BIG, BIG // 4):
        end.sock.setblocking(False)
        equal(end.sock.send(content[at:at + BIG // 4]), BIG // 4, "bytes taken")
    end.sent_data(content)


def closed_while_open(context, template, label):
    """A record that MSG_MORE left open is sent by close(). The kernel's own tls.ko drops it."""
    end = End(context, template, label)
    content = tcp.data("open", 3 * MAX_RECORD + 500)
    equal(end.sock.send(content, ktls.MSG_MORE), len(content), "bytes taken")
    end.sent_data(content[:3 * MAX_RECORD] if system.stock_tls() else content)


def wrong_tag(context, template, label):
    """What comes before a record that is not authentic is read, and then there is EBADMSG, again
    and again; nothing of that record."""
    end = End(context, template, label)
    before = evidence.tls_stat()["TlsDecryptError"]
    good = [tcp.data(f"good {number}", 5000) for number in range(5)]
    end.comes(*good)
    gets(end.sock, b"".join(good), 1 << 17)
    more = tcp.data("more", 4000)
    end.far.sendall(end.sealer.seal(more) + end.sealer.seal(b"forged", forge=True)
                    + end.sealer.seal(b"after it"))
    tcp.settled(end.far)
    got = b""
    try:
        while len(got) <= len(more):
            got += end.sock.recv(1 << 17)
    except OSError as error:
        equal(error.errno, errno.EBADMSG, "errno of a read")
    else:
        raise Failed(f"{len(got)} bytes were read, of {len(more)} that are authentic")
    # The kernel's own tls.ko waits for all ciphers of a call at its end, and fails all of it.
    check(got == more or system.stock_tls() and not got, f"{len(got)} bytes before the error")
    try:
        check(False, f"{len(end.sock.recv(1 << 17))} bytes were read after the error")
    except OSError as error:
        equal(error.errno, errno.EBADMSG, "errno of the next read")
    at_least(evidence.tls_stat()["TlsDecryptError"], before + 1, "TlsDecryptError")


def small_reads(context, template, label):
    """Parts of records, looked at before they are read."""
    end = End(context, template, label)
    pieces = [tcp.data(f"piece {size}", size) for size in (10, 5000, MAX_RECORD, 1, 3000)]
    content = b"".join(pieces)
    end.comes(*pieces)
    at = 0
    for size in (1, 7, 100, 4000, 4000, 10_000, 1 << 16):
        want = content[at:at + size]
        seen = end.sock.recv(size, socket.MSG_PEEK)
        check(seen and seen == want[:len(seen)], f"what MSG_PEEK shows at {at}, {size} bytes")
        got = end.sock.recv(size)
        check(got and got == want[:len(got)], f"what was read at {at}, {size} bytes")
        at += len(got)
    gets(end.sock, content[at:], 100)


def to_the_readers_pages(context, template, label):
    """Records that fit into the reader's memory are decrypted there, if no padding is possible;
    those that turn out to be another type, or padded, are not."""
    end = End(context, template, label)
    if end.up.cipher.inner:
        end.sock.setsockopt(ktls.SOL_TLS, ktls.TLS_RX_EXPECT_NO_PAD, 1)
    content = tcp.data("content", 5 * MAX_RECORD)
    pieces = [content[at:at + MAX_RECORD] for at in range(0, len(content), MAX_RECORD)]
    end.comes(*pieces)
    memory = bytearray(len(content) + 100)
    equal(end.sock.recv_into(memory, len(content), socket.MSG_WAITALL), len(content), "bytes")
    check(memory[:len(content)] == content, "what was read is not what was sent")
    check(not any(memory[len(content):]), "there is something behind what was read")
    end.comes(pieces[0])
    end.comes(b"\1\0", kind=ALERT)
    padded = end.sealer.seal(pieces[1][:1000], pad=200 if end.up.cipher.inner else 0)
    end.far.sendall(padded)
    tcp.settled(end.far)
    equal(end.sock.recv_into(memory), MAX_RECORD, "bytes of the record before the alert")
    check(memory[:MAX_RECORD] == pieces[0], "what was read is not what was sent")
    got, control, *_ = end.sock.recvmsg(100, 100)
    equal((got, ktls.kind_of(control)), (b"\1\0", ALERT), "the alert")
    gets(end.sock, pieces[1][:1000], len(content))


def pages(context, template, label):
    """splice() and sendfile() to the socket, splice() from it."""
    end = End(context, template, label)
    script = [ktls.Sendfile(3 * MAX_RECORD + 5), ktls.Splice(9000), ktls.Sendfile(MAX_RECORD),
              ktls.Write(10)]
    sender = ktls.Sender(end.sock)
    sender.play(script, tcp.data("script", ktls.size_of(script)))
    content = tcp.data("content", 2 * MAX_RECORD + 100)
    out, into = os.pipe()
    for descriptor in (out, into):
        context.callback(os.close, descriptor)
    end.comes(*(content[at:at + MAX_RECORD] for at in range(0, len(content), MAX_RECORD)))
    got = b""
    while len(got) < len(content):
        size = os.splice(end.sock.fileno(), into, 5000)
        check(size, f"the stream has ended after {len(got)} bytes")
        got += os.read(out, size)
    check(got == content, "what was spliced is not what was sent")
    end.sent_data(bytes(sender.sent))


def without_waiting(context, template, label):
    """A call that may not wait has what is there, or EAGAIN."""
    end = End(context, template, label)
    end.sock.setblocking(False)
    content = tcp.data("content", 70_000)
    equal(end.sock.send(content), len(content), "bytes taken")
    for number in range(20):
        try:
            check(False, f"{len(end.sock.recv(100))} bytes were read, of none")
        except BlockingIOError:
            pass
        end.comes(content[:800 * number + 1])
        check(end.sock.recv(1 << 16) == content[:800 * number + 1],
              "what was read is not what was sent")
    end.sent_data(content)


def at_the_same_time(context, template, label):
    """Both ends are the kernel's, and send and receive at once, with several threads."""
    end = End(context, template, label)
    near, far = tcp.connect()
    context.enter_context(tcp.closing(near, far))
    for sock, sends, receives in ((near, end.up, end.down), (far, end.down, end.up)):
        ktls.install(sock, sends)
        ktls.install_more(sock, receives, TLS_RX)
    equal(end.aead.users(), 6, f"users of {end.aead.driver}")
    contents = {sock: tcp.data(name, 2 * BIG) for sock, name in ((near, "up"), (far, "down"))}
    readers = [tcp.Reader(sock) for sock in (near, far)]
    writers = [threading.Thread(target=write_all, args=(sock, content), daemon=True)
               for sock, content in contents.items()]
    for writer in writers:
        writer.start()
    for reader, content in zip(readers, (contents[far], contents[near])):
        check(reader.finish() == content, "what was read is not what was sent")


def write_all(sock, content):
    for at in range(0, len(content), 7000):
        sock.sendall(content[at:at + 7000])
    sock.shutdown(socket.SHUT_WR)


def next_keys(context, template, label):
    """Other keys while records may still be with the cipher: each record has those that it was
    written with. The kernel's own tls.ko has that since 6.14."""
    end = End(context, template, label)
    second = Keys(end.up.cipher, seed="second")
    content = tcp.data("content", BIG)
    equal(end.sock.send(content), BIG, "bytes taken")
    try:
        end.sock.setsockopt(ktls.SOL_TLS, TLS_TX, second.crypto_info())
    except OSError as error:
        check(error.errno == errno.EBUSY and system.stock_tls(), f"other keys: {error}")
        end.sent_data(content)
        return
    equal(end.sock.send(content), BIG, "bytes taken")
    end.sock.close()
    stream, length = bytes(end.reader.finish()), end.up.cipher.stream(ktls.records_of(BIG))
    for part, keys in ((stream[:length], end.up), (stream[length:], second)):
        check(b"".join(one.plain for one in records.decrypt(part, keys)) == content,
              f"what arrived with keys {keys.seed} is not what was sent")


def device_gone(context, template):
    """The device of a sender goes down, and software encrypts its packets, wherever they are sent
    from: it takes a cipher that answers at once, though another one is preferred."""
    aead = asynchronous(context, template, "gcm(aes)")
    context.enter_context(nic.local().with_(**{nic.TLS_TX_FLAG: True, rx.FLAG: False}))
    before = evidence.Evidence()
    keys = Keys()
    near, far = tcp.connect()
    context.enter_context(tcp.closing(near, far))
    near.setsockopt(socket.SOL_SOCKET, system.SO_SNDBUFFORCE, ROOM)
    reader = tcp.Reader(far)
    ktls.install(near, keys)
    before.offloaded(near)
    equal(aead.users(), 0, f"users of {aead.driver}")
    content = tcp.data("content", BIG)
    near.sendall(content)
    tcp.settled(near)
    system.ip("link", "set", system.NETIF, "down")
    near.sendall(content)
    nic.up_again()
    netem.before_the_nic(context, "slot", "30ms")
    near.sendall(content)
    equal(aead.users(), 0, f"users of {aead.driver}")
    near.close()
    found = records.decrypt(bytes(reader.finish()), keys)
    check(b"".join(one.plain for one in found) == 3 * content,
          "what arrived is not what was sent")


def device_with_gaps(context, template):
    """A device that decrypts loses its place when packets come out of order, here each fourth of
    those that TCP makes: software, with a cipher that answers later, decrypts whole records, and
    those of which the device has done a part."""
    aead = asynchronous(context, template, "gcm(aes)")
    context.enter_context(nic.local().with_(**{nic.TLS_TX_FLAG: False, rx.FLAG: True}))
    netem.before_the_wire(context, "delay", "5ms", "reorder", "100%", "gap", "4")
    before = rx.Evidence()
    near, far = tcp.connect()
    context.enter_context(tcp.closing(near, far))
    ktls.install(near, Keys(), TLS_RX)
    before.offloaded(near)
    equal(aead.users(), 1, f"users of {aead.driver}")
    content = tcp.data("content", 4 * BIG)
    reader = tcp.Reader(near)
    sealer = seal.Sealer(Keys())
    for at in range(0, len(content), MAX_RECORD):
        far.sendall(sealer.seal(content[at:at + MAX_RECORD]))
    far.shutdown(socket.SHUT_WR)
    check(reader.finish() == content, "what was read is not what was sent")
    share = before.share(len(content))
    context.note(f"the NIC decrypted {share:.0%}")
    check(0 < share < 1, f"the NIC decrypted {share:.0%}")
    equal(before.kernel_moved()["TlsDecryptError"], 0, "TlsDecryptError")
    at_least(aead.users(), 1, f"users of {aead.driver}")


for _template, _labels in TEMPLATES.items():
    for _function in (both_ways, one_after_another, many_at_once, memory_again,
                      closed_in_flight, closed_while_open, wrong_tag, small_reads,
                      to_the_readers_pages, pages, without_waiting, at_the_same_time):
        for _label in _labels:
            registry.add(f"{_function.__name__.replace('_', '-')}/{_template}/{_label}",
                         _function, _template, _label)
    registry.add(f"next-keys/{_template}/1.3-gcm", next_keys, _template, "1.3-gcm")
    registry.add(f"device-gone/{_template}", device_gone, _template)
    registry.add(f"device-with-gaps/{_template}", device_with_gaps, _template)


def setup():
    if has("cryptd"):
        system.run("modprobe", "cryptd", f"cryptd_max_cpu_qlen={QUEUE}")
    for module in ("tls", "crypto_user"):
        system.run("modprobe", module)


if __name__ == "__main__":
    sys.exit(0 if runner.run(registry.cases, setup, nic.recover) else 1)
