# SPDX-License-Identifier: GPL-2.0-or-later
"""KeyUpdates of a sender with a NIC: the device gets the new key when all that it was given
with the old one is acknowledged; until then software encrypts."""

import socket

from lib import rekey, tcp, wait
from lib.cases import Registry, at_least, equal
from lib.evidence import Evidence
from lib.ktls import CCM128, CHACHA, GCM128, GCM256
from . import ready

registry = Registry()
CIPHERS = (GCM128, GCM256, CCM128, CHACHA)


class Stream:
    """From the local port to software at the far one."""

    def __init__(self, context, cipher, family=4):
        ready(True)
        self.evidence = Evidence()
        self.near, self.far = tcp.connect(family)
        context.enter_context(tcp.closing(self.near, self.far))
        rekey.prepare(self.near, self.far)
        self.sender = rekey.Sender(self.near, cipher)
        self.reader = rekey.Reader(self.far, cipher)
        self.reader.start()

    def finish(self):
        self.near.shutdown(socket.SHUT_WR)
        self.reader.finish(self.sender)
        self.near.close()
        self.far.close()

    def rekeys(self):
        moved = self.evidence.kernel_moved()
        return {name: moved[f"TlsTxRekey{name}"] for name in ("Ok", "Fallback", "Aborted", "Error")}


def once(context, family, cipher):
    stream = Stream(context, cipher, family)
    stream.sender.send(100_000)
    stream.sender.update()
    stream.sender.send(50_000)
    tcp.settled(stream.near)
    before = stream.evidence.moved("tx_tls_encrypted_bytes")
    stream.sender.send(100_000)
    tcp.settled(stream.near)
    context.note(f"{before} {stream.evidence.moved('tx_tls_encrypted_bytes')} {stream.rekeys()}")
    at_least(stream.evidence.moved("tx_tls_encrypted_bytes") - before, 100_000,
             "bytes that the NIC encrypted with the new key")
    stream.finish()
    equal(stream.rekeys(), {"Ok": 1, "Fallback": 0, "Aborted": 0, "Error": 0}, "TlsTxRekey*")


def many(context, family, cipher):
    stream = Stream(context, cipher, family)
    for turn in range(99):
        stream.sender.send(1 + 37 * turn % 30_000)
        stream.sender.update()
    stream.sender.send(10_000)
    stream.finish()
    context.note(f"{stream.evidence.moved('tx_tls_encrypted_bytes')} {stream.rekeys()}")
    rekeys = stream.rekeys()
    equal(rekeys["Ok"] + rekeys["Aborted"], 99, "TlsTxRekeyOk + TlsTxRekeyAborted")
    equal((rekeys["Fallback"], rekeys["Error"]), (0, 0), "TlsTxRekeyFallback, -Error")


for _family, _cipher in zip((4, 6, 4, 6), CIPHERS):
    registry.add(f"rekey-once/v{_family}/{_cipher.name}", once, _family, _cipher)
    registry.add(f"rekey-many/v{_family}/{_cipher.name}", many, _family, _cipher)
