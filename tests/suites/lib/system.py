# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest: its commands, its two ports and the namespace of the far one."""

import contextlib
import fcntl
import functools
import json
import os
import pathlib
import re
import socket
import struct
import subprocess

from . import timescale
from .cases import Failed

NETIF = os.environ.get("NETIF", "")
REMOTE_NS = os.environ.get("REMOTE_ARGS", "ns-remote")
LOCAL = {4: os.environ.get("LOCAL_V4", "192.0.3.1"),
         6: os.environ.get("LOCAL_V6", "2001:db8:1::1")}
REMOTE = {4: os.environ.get("REMOTE_V4", "192.0.3.2"),
          6: os.environ.get("REMOTE_V6", "2001:db8:1::2")}
# Whether the driver moves a context into a record by replaying its beginning.
REPLAYS = os.environ.get("KTLSNIC_BACKEND") != "mailbox"
SIOCGIFHWADDR = 0x8927
SO_SNDBUFFORCE, SO_RCVBUFFORCE = 32, 33
DEBUGFS = pathlib.Path("/sys/kernel/debug")
PREEMPTION = DEBUGFS / "sched/preempt"


def run(*command, ns=None, check=True, seconds=30, text=None):
    """Run a command to its end; its output. A failure fails the case."""
    prefix = ["ip", "netns", "exec", ns] if ns else []
    done = subprocess.run([*prefix, *map(str, command)], input=text, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=timescale.scaled(seconds), check=False)
    if check and done.returncode:
        raise Failed(f"{' '.join(map(str, command))}: status {done.returncode}: "
                     f"{done.stdout.strip()[-300:]}")
    return done.stdout


def succeeds(*command, ns=None, seconds=30):
    prefix = ["ip", "netns", "exec", ns] if ns else []
    return subprocess.run([*prefix, *map(str, command)], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, timeout=timescale.scaled(seconds),
                          check=False).returncode == 0


def ip(*words, ns=None, check=True):
    return run("ip", *(["-n", ns] if ns else []), *words, check=check)


def ip_json(*words, ns=None):
    return json.loads(ip("-j", "-d", "-s", *words, ns=ns) or "[]")


@functools.cache
def remote_netif():
    """The name of the far port: the first in its namespace that is hardware."""
    links = json.loads(ip("-j", "link", "show", ns=REMOTE_NS))
    names = [link["ifname"] for link in links if link["ifname"] != "lo"]
    if not names:
        raise Failed(f"no port in namespace {REMOTE_NS}")
    return names[0]


@contextlib.contextmanager
def in_ns_of(descriptor):
    """Within this block this thread is in that namespace, given by a descriptor, which is
    closed in the end."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        os.setns(descriptor, os.CLONE_NEWNET)
        yield
    finally:
        os.setns(home, os.CLONE_NEWNET)
        os.close(home)
        os.close(descriptor)


@contextlib.contextmanager
def in_ns(name):
    """Within this block this thread is in that namespace; sockets made here stay there."""
    if name is None:
        yield
        return
    with in_ns_of(os.open(f"/run/netns/{name}", os.O_RDONLY)):
        yield


def sysctl(name, value, ns=None):
    """Set a sysctl; returns what it was."""
    path = pathlib.Path("/proc/sys") / name.replace(".", "/")
    with in_ns(ns):
        before = path.read_text().strip()
        path.write_text(str(value))
    return before


def with_sysctl(context, name, value, ns=None):
    """Set a sysctl until the case ends."""
    before = sysctl(name, value, ns)
    context.callback(sysctl, name, before, ns)


def driver():
    return pathlib.Path(f"/sys/class/net/{NETIF}/device/driver").resolve().name


def mac_address(netif, ns=None):
    """The port's Ethernet address, "02:00:..."."""
    with in_ns(ns), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        answer = fcntl.ioctl(sock, SIOCGIFHWADDR, struct.pack("40s", netif.encode()))
    return answer[18:24].hex(":")


def pci_device(netif=None):
    return pathlib.Path(f"/sys/class/net/{netif or NETIF}/device").resolve()


def stock_tls():
    """Whether tls.ko is the kernel's own; one that was built outside of it is marked."""
    return "O" not in pathlib.Path("/sys/module/tls/taint").read_text()


@contextlib.contextmanager
def only_cpu(cpu):
    """Within this block this thread runs on no other CPU."""
    everywhere = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cpu})
    try:
        yield
    finally:
        os.sched_setaffinity(0, everywhere)


def on_each_cpu(function):
    """Call it once on each CPU that this thread may use."""
    for cpu in os.sched_getaffinity(0):
        with only_cpu(cpu):
            function()


def free_deferred():
    """Newer kernels leave an skb that was sent to the CPU that made it, which frees it when
    it receives something for the next time: let each of them do so."""
    def receive():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(("127.0.0.1", 0))
            sock.sendto(b"wake up", sock.getsockname())
            sock.recv(16)
    on_each_cpu(receive)


def in_debugfs(path):
    """Whether there is such a file in debugfs, which is mounted if need be."""
    if not path.exists() and not os.path.ismount(DEBUGFS):
        run("mount", "-t", "debugfs", "debugfs", DEBUGFS, check=False)
    return path.exists()


def preemptible(context):
    """Until the case ends the kernel preempts its own tasks, if it knows how to change that
    while it runs."""
    if in_debugfs(PREEMPTION):
        now = re.search(r"\((\w+)\)", PREEMPTION.read_text(encoding="ascii"))[1]
        context.callback(write, PREEMPTION, now)
        write(PREEMPTION, "full")


def rcu_barrier():
    """Return when all RCU callbacks that were pending have run: the kernel waits for them
    when a network device has been unregistered."""
    ip("link", "add", "name", "unregistered", "type", "dummy")
    ip("link", "del", "unregistered")


def write(path, text):
    """One write to a file of sysfs or procfs."""
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def give_to_remote(address):
    """After the driver was loaded again: move the port with that MAC address to the
    far namespace, and give it its addresses back."""
    links = json.loads(ip("-j", "link", "show"))
    name = next(link["ifname"] for link in links if link.get("address") == address)
    ip("link", "set", name, "netns", REMOTE_NS)
    ip("address", "add", f"{REMOTE[4]}/24", "dev", name, ns=REMOTE_NS)
    ip("address", "add", f"{REMOTE[6]}/64", "dev", name, "nodad", ns=REMOTE_NS)
    ip("link", "set", name, "up", ns=REMOTE_NS)
    remote_netif.cache_clear()
