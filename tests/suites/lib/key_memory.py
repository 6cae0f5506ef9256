# SPDX-License-Identifier: GPL-2.0-or-later
"""Copies of a connection's key in memory, while it lives and afterwards. The guest's kernel
wipes what is freed (init_on_free=1): what is still found is in memory that somebody keeps."""

import multiprocessing
import os
import struct

from . import ktls, tcp
from .cases import at_least, equal

KCORE = "/proc/kcore"
CHUNK = 4 << 20
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


def copies(*secrets):
    """How often each secret is in memory, as a list. The searcher knows its middle, and the whole
    only inverted, so that it does not find itself."""
    found = [0] * len(secrets)
    kept = max(len(inverted) for _middle, inverted in secrets) - 1
    with open(KCORE, "rb", buffering=0) as file:
        for begin, length in ram():
            rest = b""
            for at in range(begin, begin + length, CHUNK):
                file.seek(at)
                piece = rest + file.read(min(CHUNK, begin + length - at))
                for number, secret in enumerate(secrets):
                    found[number] += _count(piece, len(rest), *secret)
                rest = piece[-kept:]
    return found


def _count(piece, known, middle, inverted):
    """How often it is there and ends after the bytes that were searched before."""
    found, at = 0, piece.find(middle)
    while at >= 0:
        start = at - MIDDLE.start
        whole = piece[max(0, start):start + len(inverted)]
        found += (bytes(byte ^ 0xff for byte in whole) == inverted
                  and start + len(inverted) > known)
        at = piece.find(middle, at + 1)
    return found


def secret(*parts):
    """What copies() wants to know of a secret, which is these parts, one after the other."""
    inverted = bytes(byte ^ 0xff for part in parts for byte in part)
    return bytes(byte ^ 0xff for byte in inverted[MIDDLE]), inverted


def install(sock, direction, cipher, key):
    """Put the key in, of which no copy is made but in what is given to the kernel."""
    sock.setsockopt(6, ktls.TCP_ULP, b"tls")
    sock.setsockopt(ktls.SOL_TLS, direction, struct.pack("HH", cipher.version, cipher.kind)
                    + bytes(cipher.iv) + key + bytes(cipher.salt) + bytes(8))


class Holder:
    """A process that alone knows a key. It connects and calls use(near, far, cipher, key),
    whose result is in mode, and keeps the connection until stop()."""

    def __init__(self, context, use, cipher):
        self.pipe, theirs = multiprocessing.Pipe()
        self.process = multiprocessing.get_context("fork").Process(
            target=_hold, args=(use, cipher, theirs))
        self.process.start()
        context.callback(self.process.kill)     # a case that fails must not wait for it
        self.key, self.mode = self.pipe.recv()

    def copies(self):
        return copies(self.key)[0]

    def stop(self):
        self.pipe.send("stop")
        self.process.join()


def _hold(use, cipher, pipe):
    key = os.urandom(cipher.key)
    near, far = tcp.connect(4)
    with tcp.closing(near, far):
        mode = use(near, far, cipher, key)
        pipe.send((secret(key), mode))
        pipe.recv()


def wiped(context, live, gone):
    """What was found while the connection lived and afterwards is as it must be."""
    context.note(f"copies of the key in memory: {live} while the connection lives, "
                 f"{gone} afterwards")
    at_least(live, 1, "copies of the key while the connection lives: the search finds none")
    equal(gone, 0, "copies of the key after the connection")
