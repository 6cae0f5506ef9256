# SPDX-License-Identifier: GPL-2.0-or-later
"""kTLS while allocations fail in tls.ko, in software and with the NIC; runs in the guest, on a
kernel that can let them fail. Whatever a call says, what is read is what was sent, as far as it
goes, and a reader that was told of short memory can go on."""

import errno
import functools
import os
import pathlib
import socket
import sys
import threading

HERE = pathlib.Path(__file__).resolve().parent
sys.path += [str(HERE.parent / "suites"), str(HERE.parent)]

from lib import (alloc_failures, ending, evidence, ktls, nic, rekey, runner, rx,   # noqa: E402
                 system, tcp, timescale)
from lib.cases import Registry, at_least, check, equal          # noqa: E402
from lib.ktls import HANDSHAKE, SOL_TLS, TLS_RX, TLS_TX         # noqa: E402
from lib.without_memory import REFUSED, broken, ended, installed, until_enough      # noqa: E402

registry = Registry()
PERCENT = 2
ROUNDS, WANTED = 12, 75     # of a case: connections, and allocations that fail
TOTAL = 1000                # that fail in all cases
PIECES = 24                 # of a connection's content
WAYS = (ktls.Write, functools.partial(ktls.Write, more=True), ktls.Sendfile, ktls.Splice)
SIZES = (100, 5000, 16_384, 40_000)
TRIES = 1000
LARGE, SMALL = 1 << 17, 1000    # reads
told = []                   # how often each reader was told of short memory


def patiently(function, *arguments):
    """Call it until memory is there; how often it was not, and what it returned."""
    for count in range(TRIES):
        try:
            return count, function(*arguments)
        except OSError as error:
            if error.errno not in REFUSED:
                raise
    raise AssertionError(f"no memory, {TRIES} times")


class Sender:
    """Sends pieces in all ways, with a KeyUpdate now and then if the version has any."""

    def __init__(self, sock, cipher):
        self.sock, self.cipher = sock, cipher
        self.updates = 0
        self.content = bytearray()

    def pieces(self):
        """All of them; false if one came to nothing for want of memory."""
        for number in range(PIECES):
            size = SIZES[number % 3 if number % 2 else 3]
            piece = tcp.data(f"piece {number}", size)
            self.content += piece
            try:
                WAYS[number % len(WAYS)](size).do(self, piece)
                if self.cipher.inner and number % 8 == 7:
                    self.update()
            except OSError as error:
                check(error.errno in broken(), f"sending: {error}")
                return False
        return True

    def update(self):
        """A key that there was no memory for leaves the one before in use."""
        self.sock.sendmsg([rekey.KEY_UPDATE],
                          [(SOL_TLS, ktls.TLS_SET_RECORD_TYPE, bytes([HANDSHAKE]))])
        self.updates += 1
        patiently(self.sock.setsockopt, SOL_TLS, TLS_TX,
                  rekey.keys(self.cipher, self.updates).crypto_info())


class Reader(threading.Thread):
    """Reads with large and small buffers, after a peek, and through a pipe."""

    def __init__(self, sock, cipher):
        super().__init__(daemon=True)
        self.sock, self.cipher = sock, cipher
        self.updates = 0
        self.short = 0
        self.bytes = bytearray()
        self.error = None
        self.start()

    def run(self):
        ways = (self.message, lambda: self.message(SMALL), self.peeked, self.spliced)
        turn = 0
        try:
            while ways[turn % len(ways)]():
                turn += 1
        except (OSError, AssertionError) as error:
            self.error = error

    def call(self, function, *arguments):
        count, result = patiently(function, *arguments)
        self.short += count
        return result

    def message(self, size=LARGE):
        data, control, _, _ = self.call(self.sock.recvmsg, size, socket.CMSG_SPACE(1))
        if data and ktls.kind_of(control) == HANDSHAKE:
            equal(data, rekey.KEY_UPDATE, "a handshake record")
            self.updates += 1
            self.call(self.sock.setsockopt, SOL_TLS, TLS_RX,
                      rekey.keys(self.cipher, self.updates).crypto_info())
        else:
            self.bytes += data
        return data

    def peeked(self):
        seen = self.call(self.sock.recvmsg, SMALL, socket.CMSG_SPACE(1), socket.MSG_PEEK)[0]
        data = self.message(SMALL)
        check(data.startswith(seen), "a read is not what a peek has shown")
        return data

    def spliced(self):
        """A record that is not data is for recvmsg()."""
        read_end, write_end = os.pipe()
        try:
            count = self.call(os.splice, self.sock.fileno(), write_end, SMALL)
            self.bytes += os.read(read_end, count) if count else b""
            return count
        except OSError as error:
            check(error.errno == errno.EINVAL, f"splicing: {error}")
            return self.message()
        finally:
            os.close(read_end)
            os.close(write_end)

    def finish(self):
        self.join(timescale.scaled(tcp.SECONDS))
        check(not self.is_alive(), f"the stream had no end, {len(self.bytes)} bytes")
        told.append(self.short)


def one(cipher, connect):
    """A connection: "refused", "broken" off by an error, or "whole"."""
    near, far = connect()
    with tcp.closing(near, far):
        if not (installed(near, rekey.keys(cipher, 0)) and
                installed(far, rekey.keys(cipher, 0), TLS_RX)):
            ended(near)
            ended(far)
            return "refused"
        reader, sender = Reader(far, cipher), Sender(near, cipher)
        complete = sender.pieces()
        ended(near)
        reader.finish()
        ended(far)
    if reader.error:
        check(isinstance(reader.error, OSError) and reader.error.errno in broken(),
              f"reading: {reader.error!r}")
        complete = False
    check(reader.bytes == sender.content if complete else
          sender.content.startswith(bytes(reader.bytes)),
          f"{len(reader.bytes)} of {len(sender.content)} bytes were read, and not what was sent")
    return "whole" if complete else "broken"


def known(cipher):
    """The crypto API has it. When it has no memory to look for a cipher, it says that there is
    none (ENOENT)."""
    near, far = tcp.loopback()
    with tcp.closing(near, far):
        ktls.install(near, rekey.keys(cipher, 0))


def short_of_memory(context, cipher, offload):
    """Connections of one cipher, until enough has failed."""
    context.enter_context(nic.local().with_(**{nic.TLS_TX_FLAG: offload}))
    context.enter_context(nic.remote().with_(**{rx.FLAG: offload}))
    known(cipher)
    state = evidence.Evidence()
    connect = tcp.connect if offload else tcp.loopback
    seen = until_enough(context, lambda number: one(cipher, connect), "tls", PERCENT, ROUNDS,
                        WANTED, lambda: dict(state.kernel_moved().items()))
    at_least(seen.get("whole", 0), 1, "connections that went through")
    if offload:
        at_least(state.moved("tx_tls_ctx"), 1, "tx_tls_ctx")
        state.gone()


for _where in ("software", "device"):
    for _name, _cipher in ktls.BY_NAME.items():
        registry.add(f"short-of-memory/{_where}/{_name}", short_of_memory, _cipher,
                     _where == "device", seconds=300, splats=alloc_failures.SPLATS)


@registry.case("enough-has-failed")
def enough(context):
    context.note(f"readers were told of short memory {sum(told)} times")
    at_least(sum(told), 1, "times that a reader was told")
    at_least(alloc_failures.hits.get("tls", 0), TOTAL, "failed allocations in tls.ko")


def setup():
    alloc_failures.needed()
    system.run("modprobe", "tls")
    system.ip("link", "set", "lo", "up")
    tcp.forget_orphans()


if __name__ == "__main__":
    GOOD = runner.run(ending.after(registry.cases), setup, nic.recover, evidence.nothing_left)
    sys.exit(0 if GOOD else 1)
