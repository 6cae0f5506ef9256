# SPDX-License-Identifier: GPL-2.0-or-later
"""The NICs under test, how their ports are joined, and what COMMAND is told."""

import pathlib

from . import machine, ui

# QEMU's name of the device: its driver, and the Debian kernel that has it.
DRIVERS = {
    "ktlsnic": ("ktlsnic", "cloud-amd64"),
    "virtio-net-pci": ("virtio_net", "cloud-amd64"),
    "vmxnet3": ("vmxnet3", "cloud-amd64"),
    "e1000e": ("e1000e", "amd64"),
    "igb": ("igb", "amd64"),
}
MACS = ("02:00:00:00:03:01", "02:00:00:00:03:02")
V4 = ("192.0.3.1", "192.0.3.2")
V6 = ("2001:db8:1::1", "2001:db8:1::2")
NAMESPACE = "ns-remote"
FIRST_SLOT = 0x10


def device(nic, properties, port, netdev):
    """QEMU's arguments for one port: an endpoint below a root port, as PCIe has it."""
    extra = f",{properties}" if properties else ""
    return ["-device", f"pcie-root-port,id=slot{port},chassis={port + 1},"
                       f"addr={FIRST_SLOT + port:#x}",
            "-device", f"{nic},id=nic{port},bus=slot{port},netdev={netdev},mac={MACS[port]},"
                       f"romfile={extra}"]


def loop(nic, properties):
    """Two ports of one guest on one hub: no system call between them."""
    arguments = []
    for port in (0, 1):
        arguments += ["-netdev", f"hubport,id=link{port},hubid=0"]
        arguments += device(nic, properties, port, f"link{port}")
    return arguments


def tap(nic, properties, interface):
    """Port 0 on a tap of the host, which must be there already."""
    if not pathlib.Path("/sys/class/net", interface, "tun_flags").exists():
        raise ui.Failure(f"--topology: the host has no tap interface \"{interface}\"; "
                         f"as root: ip tuntap add {interface} mode tap user NAME")
    return ["-netdev", f"tap,id=link0,ifname={interface},script=no,downscript=no",
            *device(nic, properties, 0, "link0")]


def paired(nic, properties, port, socket):
    """One port, joined to that of another guest by a pair of connected sockets."""
    return ["-netdev", f"dgram,id=link0,local.type=fd,local.str={socket}",
            *device(nic, properties, port, "link0")]


def impair(link, stats):
    """The impaired link, between port 0 and whatever it is joined to."""
    extra = f",stats={machine.escaped(stats)}" if stats else ""
    return ["-object", f"filter-impair,id=link,netdev=link0,{link}{extra}"]


def capture(file):
    """Everything that passes port 0."""
    return ["-object", f"filter-dump,id=capture,netdev=link0,file={machine.escaped(file)}"]


def environment(nic, topology, port=0):
    """What COMMAND and the guest's setup script find in their environment."""
    remote = 1 - port
    found = {
        "LOCAL_V4": V4[port], "REMOTE_V4": V4[remote],
        "LOCAL_V6": V6[port], "REMOTE_V6": V6[remote],
        "VM_NIC": nic, "VM_DRIVER": DRIVERS[nic][0], "VM_TOPOLOGY": topology,
        "VM_MAC0": MACS[port], "VM_MAC1": MACS[remote],
    }
    if topology == "loop":
        found |= {"REMOTE_TYPE": "netns", "REMOTE_ARGS": NAMESPACE}
    elif topology == "pair":
        found |= {"REMOTE_TYPE": "ssh", "REMOTE_ARGS": f"root@{V4[remote]}"}
    return found
