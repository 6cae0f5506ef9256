# SPDX-License-Identifier: GPL-2.0-or-later
"""Real handshakes: the libraries negotiate, turn kTLS on by themselves, and the far
end decrypts in user space."""

import functools
import hashlib
import os
import pathlib
import socket
import ssl
import subprocess
import tempfile
import threading

from lib import evidence, handshake, system, tcp, timescale, wait
from lib.cases import Registry, check, equal
from lib.ktls import CCM128, CHACHA, GCM128, GCM256
from lib.system import LOCAL, REMOTE_NS
from . import ready

registry = Registry()
SIZE = 1_000_001
SMALL = 150_001             # for gnutls-cli, which writes what it gets byte by byte
SUITES = {GCM128: "ECDHE-ECDSA-AES128-GCM-SHA256", GCM256: "ECDHE-ECDSA-AES256-GCM-SHA384",
          CCM128: "ECDHE-ECDSA-AES128-CCM", CHACHA: "ECDHE-ECDSA-CHACHA20-POLY1305"}


@functools.cache
def certificate():
    """A directory with key.pem and cert.pem, for all cases."""
    work = pathlib.Path(tempfile.mkdtemp())
    handshake.certificate(work, LOCAL[4], LOCAL[6])
    return work


class Client(threading.Thread):
    """The far end: TLS in user space, without kTLS."""

    def __init__(self, sock, work, suite):
        super().__init__(daemon=True)
        self.context = ssl.create_default_context(cafile=work / "cert.pem")
        if suite:
            self.context.set_ciphers(suite)
        self.sock = sock
        self.digest = hashlib.sha256()
        self.error = None
        self.start()

    def run(self):
        try:
            with self.context.wrap_socket(self.sock, server_hostname=LOCAL[4]) as tls:
                while piece := tls.recv(1 << 18):
                    self.digest.update(piece)
        except OSError as error:
            self.error = error


def serve(context, family, suite, version, sent):
    """Handshake with kTLS allowed, one stream, close; the evidence and what `ss` said."""
    work = certificate()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(work / "cert.pem", work / "key.pem")
    server.minimum_version = server.maximum_version = version
    if suite:
        server.set_ciphers(suite)
    server.options |= ssl.OP_ENABLE_KTLS
    state = evidence.Evidence()
    near, far = tcp.connect(family)
    context.enter_context(tcp.closing(near, far))
    client = Client(far, work, suite)
    with server.wrap_socket(near, server_side=True) as tls:
        mode = evidence.txconf(tls)
        tls.sendall(sent)
        tls.shutdown(socket.SHUT_WR)
        client.join(tcp.SECONDS)
        again = tcp.retransmitted(tls)
    check(not client.error, f"the client: {client.error}")
    equal(client.digest.hexdigest(), hashlib.sha256(sent).hexdigest(), "SHA-256")
    state.gone()
    return state, mode, again


def openssl_offloaded(context, family, cipher):
    ready()
    sent = tcp.data("openssl", SIZE)
    state, mode, again = serve(context, family, SUITES[cipher], ssl.TLSVersion.TLSv1_2, sent)
    equal(mode, "hw", "ss: txconf")
    moved = state.kernel_moved()
    equal((moved["TlsTxDevice"], moved["TlsTxSw"]), (1, 0), "TlsTxDevice, TlsTxSw")
    # Beside the data the message Finished, and TLS's own end of the stream.
    state.encrypted_as_sent(SIZE, again[1], besides=99)
    state.by_the_nic(SIZE, again[0])
    state.no_errors(again=again[0])


for _family in (4, 6):
    for _cipher in SUITES:
        registry.add(f"openssl-handshake/v{_family}/{_cipher.label}", openssl_offloaded, _family,
                     _cipher)


def openssl_software(context, suite, version):
    """kTLS yes, offload no: what the NIC does not do."""
    ready()
    state, mode, _ = serve(context, 4, suite, version, tcp.data("software", 500_000))
    equal(mode, "sw", "ss: txconf")
    equal(state.moved("tx_tls_ctx"), 0, "tx_tls_ctx")
    equal(state.kernel_moved()["TlsTxSw"], 1, "TlsTxSw")


registry.add("openssl-tls-1.3-in-software", openssl_software, None, ssl.TLSVersion.TLSv1_3,
             tls="stock")
registry.add("openssl-chacha20-in-software", openssl_software, SUITES[CHACHA],
             ssl.TLSVersion.TLSv1_2, tls="stock")


def served_file(context, work, cipher):
    """A small file, served by OpenSSL's s_server with SSL_sendfile; the port."""
    (work / "file").write_bytes(tcp.data("served", SMALL))
    server = subprocess.Popen(
        ["openssl", "s_server", "-accept", "8444", "-key", "key.pem", "-cert", "cert.pem",
         *(("-tls1_3", "-ciphersuites", handshake.SUITES[cipher])
           if cipher in handshake.SUITES else
           ("-tls1_2", "-cipher", SUITES[cipher])), "-ktls", "-WWW", "-sendfile"],
        cwd=work, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    context.callback(server.wait, 10)
    context.callback(server.terminate)
    wait.until(lambda: tcp.LISTEN in tcp.states(8444), "openssl s_server listens")
    return 8444


def fetched(output):
    """The hash of an HTTP answer's body."""
    return hashlib.sha256(output.partition(b"\r\n\r\n")[2]).hexdigest()


def gnutls_client(context, family, cipher):
    """OpenSSL's sendfile on one end, GnuTLS on the other."""
    ready()
    work = certificate()
    port = served_file(context, work, cipher)
    state = evidence.Evidence()
    done = subprocess.run(
        ["ip", "netns", "exec", REMOTE_NS, "gnutls-cli", "--logfile", os.devnull,
         "--x509cafile", work / "cert.pem", "-p", str(port), LOCAL[family]],
        input=b"GET /file HTTP/1.0\r\n\r\n", stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        timeout=timescale.scaled(40), check=False)
    equal(fetched(done.stdout), hashlib.sha256(tcp.data("served", SMALL)).hexdigest(),
          f"SHA-256 of what GnuTLS decrypted ({done.stderr.decode()[-200:]})")
    state.gone()
    moved = state.kernel_moved()
    equal((moved["TlsTxDevice"], moved["TlsTxSw"]), (1, 0), "TlsTxDevice, TlsTxSw")
    state.by_the_nic(SMALL)
    state.no_errors()


for _family in (4, 6):
    registry.add(f"openssl-sendfile-to-gnutls/v{_family}", gnutls_client, _family, GCM128)
    for _cipher in handshake.SUITES:
        registry.add(f"openssl-sendfile-to-gnutls/v{_family}/{_cipher.label}", gnutls_client,
                     _family, _cipher)


@registry.case("nginx-sendfile-to-curl")
def nginx(context):
    """nginx with `ssl_conf_command Options KTLS`, three files on one connection: with TLS 1.3
    where the guest's tls.ko gives that to a NIC."""
    from demo import transfer
    ready()
    work = pathlib.Path(context.enter_context(tempfile.TemporaryDirectory()))
    (work / "www").mkdir()
    (work / "www/file").write_bytes(tcp.data("served", SIZE))
    context.enter_context(transfer.Server(work, transfer.TLS_1_2 if system.stock_tls()
                                          else transfer.TLS_1_3))
    state = evidence.Evidence()
    url = f"https://{LOCAL[4]}:{transfer.PORT}/file"
    done = subprocess.run(
        ["ip", "netns", "exec", REMOTE_NS, "curl", "-sS", "--cacert", work / "cert.pem",
         url, url, url], stdout=subprocess.PIPE, timeout=timescale.scaled(40), check=False)
    equal(hashlib.sha256(done.stdout).hexdigest(),
          hashlib.sha256(tcp.data("served", SIZE) * 3).hexdigest(), "SHA-256")
    state.gone()
    equal(state.kernel_moved()["TlsTxDevice"], 1, "TlsTxDevice")
    state.by_the_nic(SIZE * 3)
    state.no_errors()
