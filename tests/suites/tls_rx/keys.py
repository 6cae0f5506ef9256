# SPDX-License-Identifier: GPL-2.0-or-later
"""Keys for receiving leave no trace in memory once their connection is gone."""

from lib import key_memory, ktls, rx
from lib.cases import Registry, equal
from lib.ktls import OURS

registry = Registry()
SIZE = 100_000


def receive(near, far, cipher, key):
    for sock, direction in ((near, ktls.TLS_RX), (far, ktls.TLS_TX)):
        key_memory.install(sock, direction, cipher, key)
    far.sendall(bytes(SIZE))
    size = 0
    while size < SIZE:
        size += len(near.recv(SIZE))
    return rx.rxconf(near)


def wiped(context, cipher):
    state = rx.Evidence()
    holder = key_memory.Holder(context, receive, cipher)
    equal(holder.mode, "hw", "ss: rxconf")
    equal(state.moved("rx_tls_decrypted_bytes"), cipher.encrypted(ktls.records_of(SIZE)),
          "rx_tls_decrypted_bytes")
    live = holder.copies()
    holder.stop()
    state.gone()
    key_memory.wiped(context, live, holder.copies())


for _cipher in OURS:
    registry.add(f"case-44-keys-wiped-from-memory/{_cipher.label}", wiped, _cipher,
                 seconds=300)
