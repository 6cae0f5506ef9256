# SPDX-License-Identifier: GPL-2.0-or-later
"""A connection that is just being added to the NIC: another process has requested it, the
device has done the command, and the driver has not seen its completion."""

import contextlib
import os
import pathlib
import signal
import subprocess
import sys

from . import device_faults, ktls, nic, regs, system, tcp, wait
from .cases import equal
from .system import NETIF

SEED = "waits"              # of the keys
LIVE = {ktls.TLS_TX: "hw_tls_tx_live", ktls.TLS_RX: "hw_tls_rx_live"}
IFF_UP = 1
MANY = 24                   # connections at once: fewer than the command ring has room for
SLOW = 500_000              # microseconds of a command: long enough to see all at once
TOLD = {signal.SIGUSR1}     # by which a process is told to go on

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
def adding(sock, direction):
    """Within this block the keys of SEED are being added in that direction."""
    with regs.Registers().silent_admin():
        process = Adding(sock, SEED, direction)
        wait.until(lambda: "ktlsnic_cmd" in process.where(),
                   lambda: f"the connection is being added, not in {process.where()}")
        yield process


def killed(process, near, _far):
    """The process is killed, and nobody else has the socket."""
    near.close()
    process.process.kill()


def reset(_process, _near, far):
    """The far end breaks the connection off."""
    tcp.reset(far)


ENDS = ((killed, -9), (reset, 0))   # what ends a connection, and the status of the process


def ended_while_added(context, direction, ends, status):
    """Something ends a connection in the moment in which it is added."""
    near, far = tcp.connect(4)
    context.enter_context(tcp.closing(near, far))
    with adding(near, direction) as process:
        ends(process, near, far)
        equal(process.process.poll(), None, "the process waits for the device")
    equal(process.done(), status, "status of the process that adds the connection")
    near.close()
    far.close()


def port_down_while_added(context, sock, direction):
    """The port goes down while a connection is being added, and comes up again; the
    connection is not offloaded. The task that adds it is overtaken by the one that takes the
    port down as soon as it lets go of the lock between them."""
    flags = pathlib.Path("/sys/class/net", NETIF, "flags")
    system.preemptible(context)
    with adding(sock, direction) as process:
        down = subprocess.Popen(["ip", "link", "set", NETIF, "down"])
        # netlink would wait for the same lock
        wait.until(lambda: not int(flags.read_text(encoding="ascii"), 16) & IFF_UP,
                   "the port is down, but for its contexts")
        for pid in (process.process.pid, down.pid):
            os.sched_setaffinity(pid, {min(os.sched_getaffinity(0))})
        os.sched_setscheduler(process.process.pid, os.SCHED_IDLE, os.sched_param(0))
    equal(down.wait(tcp.SECONDS), 0, "status of ip link set down")
    equal(process.done(), 0, "status of the process that adds the connection")
    equal(nic.statistics()[LIVE[direction]], 0, LIVE[direction])
    nic.up_again()


def forgotten(context, orphans):
    """The core forgot so many contexts that the driver has deleted in its stead: the kernel's
    own tls.ko may do that, ours must not."""
    context.note(f"the core forgot {orphans} contexts")
    if not system.stock_tls():
        equal(orphans, 0, "contexts that the core forgot")


class Apart:
    """A process that adds a connection when it is started and closes it when it is told to."""

    def __init__(self, context, socks, sock, seed, direction):
        self.pid = os.fork()
        if not self.pid:
            for other in socks:
                if other is not sock:
                    other.close()
            signal.sigwait(TOLD)
            ktls.install(sock, ktls.Keys(seed=seed), direction)
            signal.sigwait(TOLD)
            os._exit(0)
        self.status = None
        context.callback(self.leave)

    def go_on(self):
        os.kill(self.pid, signal.SIGUSR1)

    def end(self):
        self.status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        equal(self.status, 0, "status of a process that adds and closes a connection")

    def leave(self):
        """End it, if it has not ended."""
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.status = -signal.SIGKILL


def many_connections(context):
    """The near and the far ends of MANY, of both families by turns."""
    pairs = [tcp.connect(6 if number % 2 else 4) for number in range(MANY)]
    context.enter_context(tcp.closing(*(end for pair in pairs for end in pair)))
    return zip(*pairs)


def many_apart(context, direction):
    """Both their ends, and a process for each that adds it."""
    signal.pthread_sigmask(signal.SIG_BLOCK, TOLD)
    context.callback(signal.pthread_sigmask, signal.SIG_UNBLOCK, TOLD)
    nears, fars = many_connections(context)
    return nears, fars, [Apart(context, nears, near, f"many {number}", direction)
                         for number, near in enumerate(nears)]


def many_in_vain(context, direction, failed):
    """Many connections are added at once and are closed when failed() says that all of that
    came to nothing."""
    _nears, _fars, processes = many_apart(context, direction)
    for process in processes:
        process.go_on()
    wait.until(lambda: failed() == MANY, lambda: f"{failed()} of {MANY} were added in vain")
    for process in processes:
        process.go_on()
        process.end()


def many_at_once(context, direction, alive):
    """The device has the commands of many connections at a time, that add them and that delete
    them. alive: what is true of them in between."""
    registers = regs.Registers()
    nears, fars, processes = many_apart(context, direction)

    def all_under_way(what):
        with registers.silent_admin():
            for process in processes:
                process.go_on()
            wait.until(lambda: registers.commands() == MANY,
                       lambda: f"{MANY} connections are being {what}, not {registers.commands()}")
    all_under_way("added")
    wait.until(lambda: not registers.commands(), "all are added")
    alive(nears)
    tcp.end_first(fars)
    for near in nears:
        near.close()
    all_under_way("deleted")
    for process in processes:
        process.end()


def many_come_back(context, direction, counter):
    """After a reset the device gets the contexts of many connections back at once, not one
    after the other."""
    registers = regs.Registers()
    for number, near in enumerate(next(many_connections(context))):
        ktls.install(near, ktls.Keys(seed=f"many {number}"), direction)
    before = nic.statistics()
    device = system.pci_device()
    system.write(device / "reset_method", "flr")
    with device_faults.command_latency(SLOW):
        reset_ = subprocess.Popen(["sh", "-c", f"echo 1 > {device}/reset"])
        wait.until(lambda: registers.commands() == MANY,
                   lambda: f"{MANY} contexts are coming back, not {registers.commands()}")
    equal(reset_.wait(tcp.SECONDS), 0, "status of the process that resets the device")
    wait.until(nic.reachable, "the far port answers")
    moved = nic.change(before, nic.statistics())
    equal((moved[counter], moved[LIVE[direction]]), (MANY, 0), f"{counter}, {LIVE[direction]}")
