# SPDX-License-Identifier: GPL-2.0-or-later
"""A connection that is just being added to the NIC: another process has asked for it, the
device has been told, and the driver has not heard the answer."""

import contextlib
import os
import pathlib
import subprocess
import sys

from . import regs, tcp, wait

# Python keeps all its threads waiting while one is in setsockopt().
INSTALL = """
import socket, sys
from lib import ktls
sock = socket.socket(fileno=int(sys.argv[1]))
ktls.install(sock, ktls.Keys(seed=sys.argv[2]), int(sys.argv[3]))
"""


class Adding:
    """The process that asks."""

    def __init__(self, sock, seed, direction):
        words = map(str, (sock.fileno(), seed, direction))
        self.process = subprocess.Popen([sys.executable, "-B", "-c", INSTALL, *words],
                                        env={**os.environ, "PYTHONPATH": sys.path[0]},
                                        pass_fds=[sock.fileno()])

    def where(self):
        """The function of the kernel in which it sleeps."""
        if self.process.poll() is not None:
            return "nowhere: it is done"
        return pathlib.Path("/proc", str(self.process.pid), "wchan").read_text(encoding="ascii")

    def done(self):
        """How the process ended."""
        return self.process.wait(tcp.SECONDS)


@contextlib.contextmanager
def adding(sock, seed, direction):
    """Within this block the keys of that seed are being added in that direction."""
    with regs.Registers().silent_admin():
        process = Adding(sock, seed, direction)
        wait.until(lambda: "ktlsnic_cmd" in process.where(),
                   lambda: f"the connection is being added, not in {process.where()}")
        yield process
