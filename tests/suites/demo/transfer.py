# SPDX-License-Identifier: GPL-2.0-or-later
"""A file goes to nginx and comes back, over TLS connections that OpenSSL sets up. There
it is encrypted by kTLS at the far end and decrypted by the NIC; back it is sent with
sendfile and encrypted by the NIC, and curl decrypts it in user space."""

import hashlib
import os
import pathlib
import re
import socket
import ssl
import subprocess
import tempfile

from lib import evidence, handshake, nic, rx, wait
from lib.system import LOCAL, NETIF, REMOTE_NS, in_ns, run
from . import show

ODD = 12_345                # bytes that make the last record a short one
PORT = 8443
CIPHER = "TLS_AES_256_GCM_SHA384"
# What nginx is to speak, in its own words.
TLS_1_3 = f"ssl_protocols TLSv1.3; ssl_conf_command Ciphersuites {CIPHER};"
TLS_1_2 = "ssl_protocols TLSv1.2; ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256;"
CONFIG = """
daemon off;
user root;
worker_processes 1;
pid {work}/nginx.pid;
error_log {work}/error.log;
events {{ }}
http {{
    access_log off;
    sendfile on;
    sendfile_max_chunk 1m;
    server {{
        listen {address}:{port} ssl;
        ssl_certificate {work}/cert.pem;
        ssl_certificate_key {work}/key.pem;
        {tls}
        ssl_conf_command Options KTLS;
        root {work}/www;
        client_body_temp_path {work}/www/.part;
        client_max_body_size 0;
        dav_methods PUT;
    }}
}}
"""


class Server:
    """nginx with a fresh certificate, as long as the block lasts."""

    def __init__(self, work, tls=TLS_1_3):
        self.work = work
        handshake.certificate(work, LOCAL[4])
        (work / "nginx.conf").write_text(CONFIG.format(
            work=work, address=LOCAL[4], port=PORT, tls=tls))

    def __enter__(self):
        os.chmod(self.work, 0o755)
        self.process = subprocess.Popen(["nginx", "-c", self.work / "nginx.conf"])
        wait.until(lambda: f":{PORT} " in run("ss", "-ltn"), "nginx listens")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(10)


def make_file(path, source, size):
    """The source repeated and cut to that size; its SHA-256."""
    piece = pathlib.Path(source).read_bytes()
    digest = hashlib.sha256()
    with open(path, "wb") as file:
        while left := size - file.tell():
            file.write(piece[:left])
            digest.update(piece[:left])
    return digest.hexdigest()


def ss_lines(*words, ns=None):
    """What `ss` says of kTLS on the connections to nginx."""
    text = run("ss", "-tniH", "state", "established", *words, f":{PORT}", ns=ns)
    return re.findall(r"tcp-ulp-tls .*?rxconf: \w+ txconf: \w+", text)


class Upload:
    """OpenSSL at the far end, with kTLS: the file is sent with PUT."""

    def __init__(self, work):
        self.work = work
        self.near = self.far = ()

    def run(self, path):
        """Send it, and in the middle ask what `ss` says of both ends; the status line."""
        context = ssl.create_default_context(cafile=self.work / "cert.pem")
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.options |= ssl.OP_ENABLE_KTLS
        with in_ns(REMOTE_NS):
            plain = socket.socket()
        plain.connect((LOCAL[4], PORT))
        size = path.stat().st_size
        with context.wrap_socket(plain, server_hostname=LOCAL[4]) as tls, open(path, "rb") as file:
            tls.sendall(f"PUT /file HTTP/1.1\r\nHost: {LOCAL[4]}\r\nContent-Length: {size}\r\n"
                        "Connection: close\r\n\r\n".encode())
            while piece := file.read(1 << 20):
                tls.sendall(piece)
                if file.tell() > size // 2 and not self.near:
                    self.near = ss_lines("sport", "=")
                    self.far = ss_lines("dport", "=", ns=REMOTE_NS)
            return tls.recv(4096).split(b"\r\n")[0].decode()


class Fetch:
    """curl at the far end, its own TLS, its output hashed as it comes."""

    def __init__(self, work):
        self.curl = subprocess.Popen(
            ["ip", "netns", "exec", REMOTE_NS, "curl", "-sS", "--cacert", work / "cert.pem",
             "--tlsv1.3", "-w", "%{stderr}%{http_code} %{size_download}",
             f"https://{LOCAL[4]}:{PORT}/file"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.digest = hashlib.sha256()
        self.near = ()

    def run(self):
        """Read to the end; once, in the middle, ask what `ss` says."""
        while piece := self.curl.stdout.read(1 << 20):
            self.digest.update(piece)
            if not self.near:
                self.near = ss_lines("sport", "=")
        return self.curl.stderr.read().decode(), self.curl.wait(30)


def transfer(source, megabytes):
    run("modprobe", "tls")
    for flag in (nic.TLS_TX_FLAG, rx.FLAG):
        nic.local().set(**{flag: True})
        on = nic.features().get(flag, (False, False))[0]
        show("flag", f"{NETIF} {flag}: {'on' if on else 'off'}", on)
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        work = pathlib.Path(name)
        (work / "www").mkdir()
        sent = make_file(work / "sent", source, (megabytes << 20) + ODD)
        size = (work / "sent").stat().st_size
        show("file", f"{size} bytes; TLS 1.3 {CIPHER} by OpenSSL at both ends")
        with Server(work):
            _there(work, size, sent)
            _back(work, size, sent)


def _there(work, size, sent):
    """The NIC decrypts. The first records may be there before the keys, and are for
    software; so are those of which TCP has sent a part again."""
    state, upload = rx.Evidence(), Upload(work)
    status = upload.run(work / "sent")
    show("RECEIVE", "Python's ssl with kTLS at the far end, nginx behind the NIC",
         status.endswith("201 Created"))
    for end, lines, want in (("near", upload.near, "rxconf: hw txconf: hw"),
                             ("far", upload.far, "rxconf: sw txconf: sw")):
        show("ss", f"{end:<5} {lines[0] if lines else 'no kTLS socket seen'}",
             len(lines) == 1 and want in lines[0])
    state.gone()
    kernel, card = state.kernel_moved(), state.counters()
    show("tls_stat", f"TlsRxDevice +{kernel['TlsRxDevice']}, TlsDecryptError "
         f"+{kernel['TlsDecryptError']}, TlsCurrRxDevice "
         f"{evidence.tls_stat()['TlsCurrRxDevice']}",
         kernel["TlsRxDevice"] == 1 and not kernel["TlsDecryptError"]
         and not kernel["TlsCurrRxDevice"])
    done, share = card["rx_tls_decrypted_bytes"], state.share(size)
    show("ethtool -S", f"rx_tls_decrypted_bytes +{done}, {100 * share:.2f} % of the file",
         0.98 < share < 1.01)
    show("", f"hw_tls_rx_records +{card['hw_tls_rx_records']}, asked for its place "
         f"{card['rx_tls_resync_req_pkt']} times", card["hw_tls_rx_records"] > 0)
    errors = sum(card[name] for name in rx.NEVER)
    show("", f"contexts +{card['rx_tls_ctx']} -{card['rx_tls_del']}, errors {errors}",
         card["rx_tls_ctx"] == card["rx_tls_del"] == 1 and not errors)
    received = hashlib.sha256((work / "www/file").read_bytes()).hexdigest()
    show("sha256", f"sent     {sent}")
    show("sha256", f"received {received}", received == sent)


def _back(work, size, sent):
    """The NIC encrypts."""
    state, fetch = evidence.Evidence(), Fetch(work)
    status, code = fetch.run()
    show("SEND", "nginx behind the NIC, with sendfile; curl in user space at the far end",
         code == 0 and status.strip() == f"200 {size}")
    show("ss", f"near  {fetch.near[0] if fetch.near else 'no kTLS socket seen'}",
         len(fetch.near) == 1 and fetch.near[0].endswith("txconf: hw"))
    state.gone()
    kernel, card = state.kernel_moved(), nic.change(state.nic, nic.statistics())
    texts = [f"{name} +{kernel[name]}" for name in ("TlsTxDevice", "TlsTxSw")]
    texts.append(f"TlsCurrTxDevice {evidence.tls_stat()['TlsCurrTxDevice']}")
    show("tls_stat", ", ".join(texts),
         kernel["TlsTxDevice"] == 1 and not kernel["TlsTxSw"]
         and not kernel["TlsCurrTxDevice"])
    _counters(card, size)
    show("sha256", f"received {fetch.digest.hexdigest()}", fetch.digest.hexdigest() == sent)


def _counters(card, size):
    """The NIC encrypted the file, with a few bytes for each record of at most 16 KB, and
    little else. What TCP sent again may have been encrypted by software."""
    again, most = card["tx_tls_ooo"], size * 102 // 100
    done = card["tx_tls_encrypted_bytes"]
    show("ethtool -S", f"tx_tls_encrypted_bytes +{done}, out of order {again}",
         size * 99 // 100 <= done <= most if again else size < done <= most)
    records = card["hw_tls_tx_records"]
    show("", f"hw_tls_tx_bytes +{card['hw_tls_tx_bytes']}, records +{records}",
         card["hw_tls_tx_bytes"] >= done and records >= done // (16384 + 22))
    errors = {name: card[name] for name in evidence.NEVER}
    show("", "contexts +{} -{}, errors and drops {}".format(
        card["tx_tls_ctx"], card["tx_tls_del"], sum(errors.values())),
        card["tx_tls_ctx"] == card["tx_tls_del"] == 1 and not any(errors.values()))
