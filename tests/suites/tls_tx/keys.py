# SPDX-License-Identifier: GPL-2.0-or-later
"""Keys for sending leave no trace in memory once their connection is gone, not in the slots
of the command ring either."""

from lib import evidence, key_memory, ktls, tcp
from lib.cases import Registry, equal
from lib.ktls import OURS
from . import ready

registry = Registry()
SIZE = 30_000                   # bytes: less than the far end takes without reading


def send(near, _far, cipher, key):
    key_memory.install(near, ktls.TLS_TX, cipher, key)
    near.sendall(bytes(SIZE))
    tcp.settled(near)
    return evidence.txconf(near)


def wiped(context, cipher):
    ready()
    state = evidence.Evidence()
    holder = key_memory.Holder(context, send, cipher)
    equal(holder.mode, "hw", "ss: txconf")
    live = holder.copies()
    holder.stop()
    state.gone()
    state.by_the_nic(SIZE)
    key_memory.wiped(context, live, holder.copies())


for _cipher in OURS:
    registry.add(f"case-44-keys-wiped-from-memory/{_cipher.label}", wiped, _cipher, seconds=300)
