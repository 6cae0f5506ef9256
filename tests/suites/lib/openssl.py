# SPDX-License-Identifier: GPL-2.0-or-later
"""A connection to the local port whose far end is OpenSSL's s_client: TLS in user space, which
follows KeyUpdates and can send them. The near end shakes hands with OpenSSL too, and then has
kTLS both ways."""

import pathlib
import socket
import subprocess
import tempfile

from . import handshake, rekey, tcp, wait
from .system import LOCAL, REMOTE_NS


class Connection:
    """Until the case ends. `sender` and `reader` are those of the near end."""

    def __init__(self, context, cipher):
        work = pathlib.Path(context.enter_context(tempfile.TemporaryDirectory()))
        self.output = work / "output"
        handshake.certificate(work, LOCAL[4])
        with socket.socket() as listener:
            listener.bind((LOCAL[4], 0))
            listener.listen()
            listener.settimeout(tcp.SECONDS)
            self._start(context, work, cipher, *listener.getsockname())
            self.near, _ = listener.accept()
        context.callback(self.end)
        self.near.setblocking(True)
        client, server = handshake.accept(self.near, work, cipher)
        rekey.prepare(self.near)
        self.reader = rekey.Reader(self.near, cipher, schedule=client)
        self.sender = rekey.Sender(self.near, cipher, schedule=server)
        self.reader.start()

    def _start(self, context, work, cipher, address, port):
        with open(self.output, "wb") as output:
            self.client = context.enter_context(subprocess.Popen(
                ["ip", "netns", "exec", REMOTE_NS, "openssl", "s_client",
                 "-connect", f"{address}:{port}", "-CAfile", work / "cert.pem",
                 "-verify_return_error", "-ciphersuites", handshake.SUITES[cipher]],
                stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT))
        context.callback(self.client.kill)

    def end(self):
        """Both ends are gone."""
        self.near.close()
        self.client.kill()

    def types(self, text):
        """The far end sends this, and the near one has read it."""
        before = self.reader.size_read
        self.client.stdin.write(text)
        self.client.stdin.flush()
        wait.until(lambda: self.reader.size_read == before + len(text) or self.reader.error,
                   lambda: f"{len(text)} bytes of OpenSSL's are read: {self.reader.error}")

    def updates(self):
        """The far end sends a KeyUpdate, and the near one has the new key."""
        before = self.reader.number
        self.client.stdin.write(b"k\n")
        self.client.stdin.flush()
        wait.until(lambda: self.reader.number > before or self.reader.error,
                   lambda: f"a KeyUpdate of OpenSSL's is read: {self.reader.error}")

    def prints(self, data):
        """The far end has got this, in one piece."""
        wait.until(lambda: data in self.output.read_bytes(), lambda: f"OpenSSL has {len(data)} "
                   f"bytes; it says {self.output.read_bytes()[-200:]!r}")

    def exchange(self, size, text):
        """The near end sends so many bytes, the far one types the text; both have arrived. What
        the near end sent."""
        data = self.sender.send(size)
        self.prints(data)
        self.types(text)
        return data

    def update(self):
        """A KeyUpdate each way."""
        self.sender.update()
        tcp.settled(self.near)
        self.updates()
