# SPDX-License-Identifier: GPL-2.0-or-later
"""Keys for receiving leave no trace in memory once their connection is gone. Its group's
kernel wipes what is freed (init_on_free=1): what is still found is in memory that somebody
keeps."""

import multiprocessing
import os
import struct

from lib import ktls, rx, tcp
from lib.cases import Registry, at_least, equal
from lib.ktls import GCM128, GCM256
from tls_tx.keys import MIDDLE, copies

registry = Registry()
SIZE = 100_000


def connection(cipher, pipe):
    """A process that alone knows the key: it receives with it until it is told to stop."""
    key = os.urandom(cipher.key)
    info = (struct.pack("HH", ktls.TLS_1_2, cipher.kind) + bytes(cipher.iv) + key
            + bytes(cipher.salt) + bytes(8))
    near, far = tcp.connect(4)
    with tcp.closing(near, far):
        for sock, direction in ((near, ktls.TLS_RX), (far, ktls.TLS_TX)):
            sock.setsockopt(6, ktls.TCP_ULP, b"tls")
            sock.setsockopt(ktls.SOL_TLS, direction, info)
        far.sendall(bytes(SIZE))
        got = 0
        while got < SIZE:
            got += len(near.recv(SIZE))
        pipe.send((key[MIDDLE], bytes(byte ^ 0xff for byte in key), rx.rxconf(near)))
        pipe.recv()


def wiped(context, cipher):
    state = rx.Evidence()
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=connection,
                                                          args=(cipher, theirs))
    process.start()
    context.callback(process.kill)      # a case that fails must not wait for it
    middle, inverted, mode = ours.recv()
    equal(mode, "hw", "ss: rxconf")
    equal(state.moved("rx_tls_decrypted_bytes"), SIZE, "rx_tls_decrypted_bytes")
    live = copies(middle, inverted)
    ours.send("stop")
    process.join()
    state.gone()
    gone = copies(middle, inverted)
    context.note(f"copies of the key in memory: {live} while the connection lives, "
                 f"{gone} afterwards")
    at_least(live, 1, "copies of the key while the connection lives: the search finds none")
    equal(gone, 0, "copies of the key after the connection")


for _cipher in (GCM128, GCM256):
    registry.add(f"case-44-keys-wiped-from-memory/{_cipher.name[-3:]}", wiped, _cipher,
                 seconds=300)
