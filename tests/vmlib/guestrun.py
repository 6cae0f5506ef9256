# SPDX-License-Identifier: GPL-2.0-or-later
"""One running guest: QEMU as our child, its ports, and how it ends."""

import os
import secrets
import select
import socket
import subprocess
import time

from . import console, environ, machine, spawn, streams, ui

BOOT_DEADLINE = 120         # seconds for a guest to come up, on a busy machine
HELPER_DEADLINE = 10        # seconds for a helper to listen
CONSOLE = "console.log"     # in the directory of the run
WATCH_SECONDS = 5           # between two looks at the console
END_DEADLINE = 30           # seconds to power off once COMMAND is done


class Guest:
    """A guest from its start to its end; use it in a with statement."""

    def __init__(self, directory, watched=False):
        """watched: end a guest whose kernel says that it hangs."""
        self.watched = watched
        self.directory = directory
        self.console = directory / CONSOLE
        self.mark = secrets.token_hex(16)
        self.times = {}
        self.finished = False       # COMMAND has ended, and the guest is down
        self.process = None
        self.twin = None            # the other guest of a pair
        self.helpers = []
        self.outputs = []
        self._pending = b""
        self._broken, self._break = os.pipe()
        pairs = [socket.socketpair() for _ in machine.PORTS]
        self.ours = dict(zip(machine.PORTS, (pair[0] for pair in pairs)))
        self.theirs = [pair[1] for pair in pairs]

    def port_arguments(self):
        return machine.ports([port.fileno() for port in self.theirs])

    def serve(self, command, name):
        """Start a daemon that listens on a socket of that name; it ends with us."""
        with open(self.directory / "helper.log", "ab") as log:
            self.helpers.append(subprocess.Popen(
                spawn.dying_with_us(command, "KILL"), stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True))
        self._wait_for_socket(name)

    def _wait_for_socket(self, name):
        """A daemon's socket is there when it listens, or the daemon has ended."""
        daemon = self.helpers[-1]
        deadline = time.monotonic() + HELPER_DEADLINE
        while not name.exists():
            if daemon.poll() is not None or time.monotonic() > deadline:
                said = (self.directory / "helper.log").read_text(errors="replace").strip()
                raise ui.Failure(f"--share: virtiofsd did not start: {said}")
            time.sleep(0.005)

    def start(self, command, descriptors=()):
        """Start QEMU; descriptors are further sockets that it is to inherit."""
        self.times["start"] = time.monotonic()
        inherited = [port.fileno() for port in self.theirs] + list(descriptors)
        with open(self.directory / "qemu.log", "wb") as log:
            self.process = subprocess.Popen(
                spawn.dying_with_us(command, "KILL"), stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, pass_fds=inherited, start_new_session=True)
        for port in self.theirs:
            port.close()

    def connect(self, stdin, stdout, stderr):
        """Let COMMAND's streams be ours; stdin may be None."""
        mark = self.mark.encode()
        self.outputs = [streams.Output(self.ours[name], mark, target, self._when_broken)
                        for name, target in (("stdout", stdout), ("stderr", stderr))]
        if stdin is None:
            self.ours["stdin"].shutdown(socket.SHUT_WR)
        else:
            streams.Input(stdin, self.ours["stdin"])

    def wait_for(self, word, deadline):
        """Wait until init says the word; return what it says after it."""
        while True:
            message = self._message(deadline)
            name, _, rest = message.partition(" ")
            self.times[name] = time.monotonic()
            if name == word:
                return rest
            if name == "fail":
                raise ui.Failure(f"the guest did not come up: {rest}\n"
                                 + console.tail(self.console))

    def _when_broken(self):
        """Called by a stream's thread when nobody reads its output any more."""
        os.write(self._break, b"b")

    def go(self):
        """Let init start COMMAND, or end the guest after it."""
        self.ours["control"].sendall(b"g")

    def _message(self, deadline):
        """The next line on the control port."""
        while b"\n" not in self._pending:
            self._wait_for_input(deadline)
            data = self._receive()
            if not data:
                self._ended_early()
            self._pending += data
        line, _, self._pending = self._pending.partition(b"\n")
        return line.decode(errors="replace")

    def _wait_for_input(self, deadline):
        control, ready = self.ours["control"], []
        while not ready:
            left = WATCH_SECONDS if deadline is None else max(0, deadline - time.monotonic())
            ready = select.select([control, self._broken], [], [], min(WATCH_SECONDS, left))[0]
            if not ready and left <= WATCH_SECONDS and deadline is not None:
                raise TimeoutError
            if not ready and self.watched and console.stuck(self.console):
                raise ui.Failure(f"the guest's kernel hangs; its console ({self.console}):\n"
                                 + console.splat(self.console))
        if control not in ready:
            raise BrokenPipeError

    def _receive(self):
        try:
            return self.ours["control"].recv(4096)
        except ConnectionError:
            return b""

    def _ended_early(self):
        """QEMU is gone before COMMAND was done: say why, as far as we know."""
        status = self.process.wait()
        said = [line for line in console.lines(self.directory / "qemu.log")
                if ": warning: " not in line]
        if said and not (self.console.exists() and self.console.stat().st_size):
            raise ui.Failure(f"QEMU does not start: {said[0].partition(': ')[2]}")
        if said:
            raise ui.Failure(f"QEMU ended with status {status}: {said[-1]}")
        raise ui.Failure(f"the guest ended before COMMAND did; its console ({self.console}):\n"
                         + (console.splat(self.console) or console.tail(self.console)))

    def finish(self, deadline):
        """After COMMAND: when the last output has arrived, let the guest power off."""
        for output in self.outputs:
            output.join(None if deadline is None else max(0, deadline - time.monotonic()))
            if output.is_alive():
                raise TimeoutError
        self.go()
        try:
            self.process.wait(timeout=environ.scaled(END_DEADLINE))
        except subprocess.TimeoutExpired:
            raise ui.Failure(f"the guest did not power off within "
                             f"{environ.scaled(END_DEADLINE)} s; the end "
                             f"of its console ({self.console}):\n"
                             + console.tail(self.console)) from None
        self.finished = True

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in [self.process, *self.helpers]:
            if process:
                process.kill()
                process.wait()
        for output in self.outputs:
            output.join(timeout=1)
        for port in self.ours.values():
            port.close()
