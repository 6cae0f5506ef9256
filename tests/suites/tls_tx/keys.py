# SPDX-License-Identifier: GPL-2.0-or-later
"""Keys leave no trace in memory once their connection is gone. Its group's kernel wipes
what is freed (init_on_free=1): what is still found is in memory that somebody keeps, the
slots of the command ring for one."""

import multiprocessing
import os
import struct

from lib import evidence, ktls, tcp
from lib.cases import Registry, at_least, equal
from lib.ktls import GCM128, GCM256, Cipher
from . import ready

registry = Registry()
KCORE = "/proc/kcore"
CHUNK = 4 << 20
SIZE = 30_000                   # bytes: less than the far end takes without reading
MIDDLE = slice(4, 12)           # of a key: only these bytes are searched for


def ram():
    """(place in the file, length) of the memory's image in /proc/kcore."""
    with open(KCORE, "rb") as file:
        header = file.read(64)
        offset, = struct.unpack_from("<Q", header, 32)
        size, count = struct.unpack_from("<HH", header, 54)
        file.seek(offset)
        table = [struct.unpack("<IIQQQQQQ", file.read(size)[:56]) for _ in range(count)]
    # Of the kinds of memory only RAM has physical addresses.
    return [(entry[2], entry[5]) for entry in table
            if entry[0] == 1 and entry[4] not in (0, (1 << 64) - 1)]


def copies(middle, inverted):
    """How often the key is in memory. The searcher knows its middle, and the whole only
    inverted, so that it does not find itself."""
    found = 0
    with open(KCORE, "rb", buffering=0) as file:
        for begin, length in ram():
            rest = b""
            for at in range(begin, begin + length, CHUNK):
                file.seek(at)
                piece = rest + file.read(min(CHUNK, begin + length - at))
                found += _count(piece, middle, inverted)
                rest = piece[-len(inverted):]
    return found


def _count(piece, middle, inverted):
    found, at = 0, piece.find(middle)
    while at >= 0:
        start = at - MIDDLE.start
        whole = piece[max(0, start):start + len(inverted)]
        found += bytes(byte ^ 0xff for byte in whole) == inverted
        at = piece.find(middle, at + 1)
    return found


def connection(cipher, pipe):
    """A process that alone knows the key: it sends with it until it is told to stop."""
    key = os.urandom(cipher.key)
    near, far = tcp.connect(4)
    with tcp.closing(near, far):
        near.setsockopt(6, ktls.TCP_ULP, b"tls")
        near.setsockopt(ktls.SOL_TLS, ktls.TLS_TX, struct.pack("HH", ktls.TLS_1_2, cipher.kind)
                        + bytes(cipher.iv) + key + bytes(cipher.salt) + bytes(8))
        near.sendall(bytes(SIZE))
        tcp.settled(near)
        pipe.send((key[MIDDLE], bytes(byte ^ 0xff for byte in key), evidence.txconf(near)))
        pipe.recv()


def wiped(context, cipher: Cipher):
    ready()
    state = evidence.Evidence()
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=connection,
                                                          args=(cipher, theirs))
    process.start()
    context.callback(process.kill)      # a case that fails must not wait for it
    middle, inverted, mode = ours.recv()
    equal(mode, "hw", "ss: txconf")
    live = copies(middle, inverted)
    ours.send("stop")
    process.join()
    state.gone()
    state.by_the_nic(SIZE)
    gone = copies(middle, inverted)
    context.note(f"copies of the key in memory: {live} while the connection lives, "
                 f"{gone} afterwards")
    at_least(live, 1, "copies of the key while the connection lives: the search finds none")
    equal(gone, 0, "copies of the key after the connection")


for _cipher in (GCM128, GCM256):
    registry.add(f"case-44-keys-wiped-from-memory/{_cipher.name[-3:]}", wiped, _cipher, seconds=300)
