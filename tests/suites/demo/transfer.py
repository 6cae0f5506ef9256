# SPDX-License-Identifier: GPL-2.0-or-later
"""nginx sends a file with sendfile through OpenSSL's kTLS; curl fetches it and
decrypts in user space."""

import hashlib
import os
import pathlib
import re
import subprocess
import tempfile

from lib import evidence, nic, wait
from lib.system import LOCAL, NETIF, REMOTE_NS, run
from . import show

ODD = 12_345                # bytes that make the last record a short one
PORT = 8443
CIPHER = "ECDHE-ECDSA-AES128-GCM-SHA256"
CONFIG = """
daemon off;
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
        ssl_protocols TLSv1.2;
        ssl_ciphers {cipher};
        ssl_conf_command Options KTLS;
        root {work}/www;
    }}
}}
"""


class Server:
    """nginx with a fresh certificate, as long as the block lasts."""

    def __init__(self, work):
        self.work = work
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:prime256v1", "-nodes", "-days", 2, "-subj", "/CN=ktlsnic",
            "-addext", f"subjectAltName=IP:{LOCAL[4]}",
            "-keyout", work / "key.pem", "-out", work / "cert.pem")
        (work / "nginx.conf").write_text(CONFIG.format(
            work=work, address=LOCAL[4], port=PORT, cipher=CIPHER))

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
    os.chmod(path, 0o644)
    return digest.hexdigest()


class Fetch:
    """curl at the far end, its own TLS, its output hashed as it comes."""

    def __init__(self, work):
        self.curl = subprocess.Popen(
            ["ip", "netns", "exec", REMOTE_NS, "curl", "-sS", "--cacert", work / "cert.pem",
             "--tls-max", "1.2", "-w", "%{stderr}%{http_code} %{size_download}",
             f"https://{LOCAL[4]}:{PORT}/file"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.digest = hashlib.sha256()
        self.line = ""

    def run(self):
        """Read to the end; once, in the middle, ask what `ss` says."""
        while piece := self.curl.stdout.read(1 << 20):
            self.digest.update(piece)
            if not self.line:
                self.line = run("ss", "-tniH", "state", "established", "sport", "=", f":{PORT}")
        return self.curl.stderr.read().decode(), self.curl.wait(30)


def transfer(source, megabytes):
    run("modprobe", "tls")
    run("ethtool", "-K", NETIF, nic.TLS_TX_FLAG, "on")
    flag = nic.features().get(nic.TLS_TX_FLAG, (False, False))[0]
    show("flag", f"{NETIF} {nic.TLS_TX_FLAG}: {'on' if flag else 'off'}", flag)
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        work = pathlib.Path(name)
        (work / "www").mkdir()
        sent = make_file(work / "www/file", source, (megabytes << 20) + ODD)
        size = (work / "www/file").stat().st_size
        show("file", f"{size} bytes, sent with sendfile by nginx, received by curl")
        with Server(work):
            state = evidence.Evidence()
            fetch = Fetch(work)
            status, code = fetch.run()
            show("handshake", f"TLS 1.2 {CIPHER} by OpenSSL at both ends",
                 code == 0 and status.strip() == f"200 {size}")
            _report(state, fetch, size, sent)


def _report(state, fetch, size, sent):
    match = re.search(r"tcp-ulp-tls .*?txconf: (\w+)", fetch.line)
    show("ss", match[0] if match else "no kTLS socket seen", bool(match) and match[1] == "hw")
    state.gone()
    kernel, card = state.kernel_moved(), nic.change(state.nic, nic.statistics())
    texts = [f"{name} +{kernel.get(name, 0)}" for name in ("TlsTxDevice", "TlsTxSw")]
    show("tls_stat", ", ".join(texts) + f", TlsCurrTxDevice {evidence.tls_stat()['TlsCurrTxDevice']}",
         kernel.get("TlsTxDevice") == 1 and not kernel.get("TlsTxSw")
         and not kernel.get("TlsCurrTxDevice"))
    _counters(card, size)
    show("sha256", f"sent     {sent}")
    show("sha256", f"received {fetch.digest.hexdigest()}", fetch.digest.hexdigest() == sent)


def _counters(card, size):
    """The NIC encrypted the file, with 29 bytes for each record of at most 16 KB, and
    little else. What TCP sent again may have been encrypted by software."""
    again, most = card.get("tx_tls_ooo", 0), size * 102 // 100
    done = card.get("tx_tls_encrypted_bytes", 0)
    show("ethtool -S", f"tx_tls_encrypted_bytes +{done}, out of order {again}",
         size * 99 // 100 <= done <= most if again else size < done <= most)
    records = card.get("hw_tls_tx_records", 0)
    show("", f"hw_tls_tx_bytes +{card.get('hw_tls_tx_bytes', 0)}, records +{records}",
         card.get("hw_tls_tx_bytes", 0) >= done and records >= done // (16384 + 29))
    errors = {name: card.get(name, 0) for name in evidence.NEVER}
    show("", "contexts +{} -{}, errors and drops {}".format(
        card.get("tx_tls_ctx", 0), card.get("tx_tls_del", 0), sum(errors.values())),
        card.get("tx_tls_ctx") == card.get("tx_tls_del") == 1 and not any(errors.values()))
