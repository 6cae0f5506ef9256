# SPDX-License-Identifier: GPL-2.0-or-later
"""TLS 1.3 handshakes by OpenSSL, and the keys that they leave (RFC 8446 7.1 to 7.3): the
secrets come from OpenSSL's key log, the keys from them by python3-cryptography's HKDF."""

import pathlib
import socket
import ssl
import struct

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from . import ktls
from .cases import equal
from .system import run

# What OpenSSL calls the suite of a cipher.
SUITES = {ktls.GCM128_1_3: "TLS_AES_128_GCM_SHA256", ktls.GCM256_1_3: "TLS_AES_256_GCM_SHA384",
          ktls.CCM128_1_3: "TLS_AES_128_CCM_SHA256",
          ktls.CHACHA_1_3: "TLS_CHACHA20_POLY1305_SHA256"}
# Those that its servers have unasked; Python's ssl cannot ask.
UNASKED = tuple(cipher for cipher in SUITES if cipher != ktls.CCM128_1_3)
NONCE = 12


class Schedule:
    """The keys of one direction: schedule(n) are those after n KeyUpdates."""

    def __init__(self, cipher, secret):
        self.cipher, self.secret = cipher, secret
        self.hash = hashes.SHA384 if SUITES[cipher].endswith("SHA384") else hashes.SHA256

    def _expand(self, secret, label, size):
        label = b"tls13 " + label
        info = struct.pack("!HB", size, len(label)) + label + b"\0"
        return HKDFExpand(self.hash(), size, info).derive(secret)

    def __call__(self, updates):
        secret = self.secret
        for _ in range(updates):
            secret = self._expand(secret, b"traffic upd", self.hash.digest_size)
        return ktls.Keys.of(self.cipher, self._expand(secret, b"key", self.cipher.key),
                            self._expand(secret, b"iv", NONCE))


def certificate(work, *addresses):
    """cert.pem and key.pem for a server at these addresses."""
    names = ",".join(f"IP:{address}" for address in addresses)
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
        "-nodes", "-days", 2, "-subj", "/CN=ktlsnic", "-addext", f"subjectAltName={names}",
        "-keyout", work / "key.pem", "-out", work / "cert.pem")


def accept(sock, work, cipher):
    """The server's part, on a connected socket of which OpenSSL reads no byte too much: the
    schedules of the client's and the server's keys. The client wants that cipher."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.num_tickets = 0             # records of the server's that nobody would count
    context.load_cert_chain(work / "cert.pem", work / "key.pem")
    log = pathlib.Path(work, "keys.log")
    context.keylog_filename = str(log)
    coming, going = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(coming, going, server_side=True)
    while True:
        try:
            tls.do_handshake()
            break
        except ssl.SSLWantReadError:
            sock.sendall(going.read())
            coming.write(_record(sock))
    sock.sendall(going.read())
    equal(tls.cipher()[0], SUITES[cipher], "the suite")
    lines = log.read_text(encoding="ascii").splitlines()
    secrets = {label: bytes.fromhex(secret) for label, _random, secret in
               (line.split() for line in lines if not line.startswith("#"))}
    return [Schedule(cipher, secrets[f"{end}_TRAFFIC_SECRET_0"]) for end in ("CLIENT", "SERVER")]


def _record(sock):
    """The next record, whole."""
    header = sock.recv(ktls.HEADER, socket.MSG_WAITALL)
    return header + sock.recv(struct.unpack("!H", header[3:])[0], socket.MSG_WAITALL)
