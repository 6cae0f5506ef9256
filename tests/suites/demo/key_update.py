# SPDX-License-Identifier: GPL-2.0-or-later
"""A connection whose keys change in both directions. At the far end OpenSSL's s_client, in user
space; at the near one OpenSSL shakes hands and kTLS goes on, with the NIC both ways. OpenSSL
cannot give a kTLS socket another key: the secrets come from its key log, and what follows from
them by HKDF."""

import hashlib

from lib import evidence, ktls, nic, openssl, tcp
from lib.cases import Context
from lib.sockdiag import rxconf, txconf
from lib.system import run
from . import show

CIPHER = ktls.GCM256_1_3
UPDATES = 3
SENT = 50_000


def key_updates():
    """Data with each key, and KeyUpdates between."""
    run("modprobe", "tls")
    nic.local().set(**nic.tls_offload(True))
    state = evidence.Evidence()
    with Context("key updates") as context:
        connection = openssl.Connection(context, CIPHER)
        conf = txconf(connection.near), rxconf(connection.near)
        show("KEYUPDATE", "OpenSSL's s_client in user space at the far end", conf == ("hw", "hw"))
        typed = hashlib.sha256()
        for number in range(UPDATES + 1):
            if number:
                connection.update()
            text = b"line %d of the far end's\n" % number * 100
            before = state.counters()
            connection.exchange(SENT, text)
            _key(number, before, state.counters(), len(text))
            typed.update(text)
        _end(state, connection, typed.hexdigest())


def _key(number, before, now, typed):
    """What the NIC did with one pair of keys."""
    encrypted, decrypted = (now[name] - before[name] for name in
                            ("tx_tls_encrypted_bytes", "rx_tls_decrypted_bytes"))
    show("ethtool -S" if not number else "",
         f"after {number} KeyUpdates each way: {encrypted} bytes encrypted, {decrypted} decrypted",
         encrypted >= SENT and decrypted >= typed)


def _end(state, connection, typed):
    tcp.settled(connection.near)
    kernel = state.kernel_moved()
    show("tls_stat", ", ".join(f"{name} +{kernel[name]}" for name in (
        "TlsTxRekeyOk", "TlsRxRekeyOk", "TlsDecryptError")),
         (kernel["TlsTxRekeyOk"], kernel["TlsRxRekeyOk"], kernel["TlsDecryptError"])
         == (UPDATES, UPDATES, 0))
    show("sha256", f"typed {typed[:16]}..., read {connection.reader.read.hexdigest()[:16]}...",
         connection.reader.read.hexdigest() == typed)
