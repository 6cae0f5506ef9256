# SPDX-License-Identifier: GPL-2.0-or-later
"""KeyUpdates of a receiver with a NIC."""

import socket

from lib import rekey, rx, tcp
from lib.cases import Registry, at_least, equal
from lib.ktls import CCM128, CHACHA, GCM128, GCM256

registry = Registry()
CIPHERS = (GCM128, GCM256, CCM128, CHACHA)


class Stream:
    """To the local port from software at the far one."""

    def __init__(self, context, cipher, family=4, **reader):
        rx.ready(True)
        self.evidence = rx.Evidence()
        self.near, self.far = tcp.connect(family)
        context.enter_context(tcp.closing(self.near, self.far))
        rekey.prepare(self.near, self.far)
        self.reader = rekey.Reader(self.near, cipher, **reader)
        equal(rx.rxconf(self.near), "hw", "ss: rxconf")
        self.sender = rekey.Sender(self.far, cipher)
        self.reader.start()

    def finish(self):
        self.far.shutdown(socket.SHUT_WR)
        self.reader.finish(self.sender)
        self.near.close()
        self.far.close()

    def rekeys(self):
        moved = self.evidence.kernel_moved()
        return {name: moved[f"TlsRxRekey{name}"] for name in
                ("Ok", "Fallback", "Aborted", "Error", "Received")}


def once(context, family, cipher):
    stream = Stream(context, cipher, family)
    stream.sender.send(100_000)
    stream.sender.update()
    stream.sender.send(50_000)
    tcp.settled(stream.far)
    stream.sender.send(400_000)
    tcp.settled(stream.far)
    before = stream.evidence.moved("rx_tls_decrypted_bytes")
    context.note(f"{before} {stream.rekeys()}")
    context.note(f"{stream.evidence.resync_counters()}")
    stream.sender.send(100_000)
    stream.finish()
    rekeys = stream.rekeys()
    at_least(stream.evidence.moved("rx_tls_decrypted_bytes") - before, 100_000, "decrypted")
    equal(rekeys["Ok"] + rekeys["Aborted"], 1, "TlsRxRekeyOk + TlsRxRekeyAborted")
    equal((rekeys["Fallback"], rekeys["Error"]), (0, 0), "TlsRxRekeyFallback, -Error")
    equal(rekeys["Received"], 1, "TlsRxRekeyReceived")


def many(context, family, cipher):
    stream = Stream(context, cipher, family)
    for turn in range(99):
        stream.sender.send(1 + 370 * turn % 30_000)
        stream.sender.update()
    stream.sender.send(10_000)
    stream.finish()
    rekeys = stream.rekeys()
    context.note(f"{stream.evidence.moved('rx_tls_decrypted_bytes')} {rekeys} "
                 f"{stream.evidence.resync_counters()} of {stream.sender.size}")
    equal(rekeys["Ok"] + rekeys["Aborted"], 99, "TlsRxRekeyOk + TlsRxRekeyAborted")
    equal((rekeys["Fallback"], rekeys["Error"]), (0, 0), "TlsRxRekeyFallback, -Error")
    equal(stream.evidence.kernel_moved()["TlsDecryptError"], 0, "TlsDecryptError")


for _family, _cipher in zip((4, 6, 4, 6), CIPHERS):
    registry.add(f"rekey-once/v{_family}/{_cipher.name}", once, _family, _cipher)
    registry.add(f"rekey-many/v{_family}/{_cipher.name}", many, _family, _cipher)
