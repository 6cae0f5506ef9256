# SPDX-License-Identifier: GPL-2.0-or-later
"""QEMU's monitor, through a serial port of the guest: how a case pulls the plug.

The group's guest needs MONITOR_OPTIONS of plan.py; in others these cases fail."""

import functools
import json
import os
import pathlib
import select

from . import timescale, wait
from .cases import Failed

PORT = "ktlsnic.monitor"
SECONDS = 10


def _device():
    for path in pathlib.Path("/sys/class/virtio-ports").glob("vport*"):
        if (path / "name").exists() and (path / "name").read_text().strip() == PORT:
            return f"/dev/{path.name}"
    raise Failed(f"this guest has no serial port {PORT} that leads to QEMU's monitor: its "
                 "group needs MONITOR_OPTIONS")


class Monitor:
    """A QMP session."""

    def __init__(self):
        self.fd = os.open(_device(), os.O_RDWR)
        self.rest = b""
        self.command("qmp_capabilities")

    def _lines(self):
        if not select.select([self.fd], [], [], timescale.scaled(SECONDS))[0]:
            raise Failed(f"QEMU's monitor is silent for {SECONDS} s")
        *lines, self.rest = (self.rest + os.read(self.fd, 4096)).split(b"\n")
        return [json.loads(line) for line in lines if line.strip()]

    def command(self, name, /, **arguments):
        """Run a command of QMP and wait for its end; events on the way are left out."""
        message = {"execute": name, "arguments": arguments}
        os.write(self.fd, json.dumps(message).encode() + b"\n")
        answer = wait.until(lambda: [line for line in self._lines()
                                     if "return" in line or "error" in line],
                            f"an answer to {name}")
        if "error" in answer[0]:
            raise Failed(f"QEMU: {name}: {answer[0]['error']['desc']}")
        return answer[0]["return"]


@functools.cache
def _monitor():
    """The one session; QEMU keeps it open as long as the guest lives."""
    return Monitor()


def command(name, /, **arguments):
    """Run a command of QMP; what it returns."""
    return _monitor().command(name, **arguments)


def set_link(up, port="nic0"):
    """Plug or unplug the cable of a port."""
    command("set_link", name=port, up=up)
