# SPDX-License-Identifier: GPL-2.0-or-later
"""COMMAND's standard streams: bytes between virtio-serial ports and our own."""

import os
import socket
import threading

CHUNK = 1 << 16


class Output(threading.Thread):
    """Copy what comes from a port until the end mark, which init writes last.

    The mark is what makes sure that nothing is lost: whatever COMMAND has
    written comes before it.  Only bytes that could be its beginning are held
    back, so output streams.
    """

    def __init__(self, port, mark, target, when_broken):
        super().__init__(daemon=True)
        self.when_broken = when_broken
        self.port = port
        self.mark = mark
        self.target = target
        self.start()

    def run(self):
        held = b""
        while data := self._receive():
            held += data
            place = held.find(self.mark)
            if place >= 0:
                self._write(held[:place])
                return
            keep = _overlap(held, self.mark)
            self._write(held[:len(held) - keep])
            held = held[len(held) - keep:]
        self._write(held)

    def _receive(self):
        try:
            return self.port.recv(CHUNK)
        except ConnectionError:
            return b""

    def _write(self, data):
        """Write all; with nobody to read it any more, the guest may as well end."""
        while data and self.target is not None:
            try:
                data = data[os.write(self.target, data):]
            except BrokenPipeError:
                self.target = None
                self.when_broken()


def _overlap(data, mark):
    """How many bytes at the end of data could begin the mark."""
    for size in range(min(len(mark) - 1, len(data)), 0, -1):
        if data.endswith(mark[:size]):
            return size
    return 0


class Input(threading.Thread):
    """Copy our stdin to the guest, then close it there."""

    def __init__(self, source, port):
        super().__init__(daemon=True)
        self.source = source
        self.port = port
        self.start()

    def run(self):
        try:
            while data := os.read(self.source, CHUNK):
                self.port.sendall(data)
            self.port.shutdown(socket.SHUT_WR)
        except OSError:
            pass                # the guest has ended, or nobody gave us a stdin
