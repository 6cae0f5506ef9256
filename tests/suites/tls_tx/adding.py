# SPDX-License-Identifier: GPL-2.0-or-later
"""What may happen while a connection is being added to the NIC."""

import pathlib
import socket
import struct
import subprocess

from lib import kmsg, ktls, nic, offload, tcp, wait
from lib.adding import adding
from lib.cases import Registry, equal
from lib.evidence import Evidence, txconf
from lib.ktls import Keys, Write
from lib.offload import Spec
from lib.system import NETIF
from . import ready, said_nothing

registry = Registry()
SEED = "waits"
SPEC = Spec(script=(Write(50_000), Write(17)), keys=Keys(seed=SEED))
IFF_UP = 1


def killed(process, near, _far):
    """The process is killed, and nobody else has the socket."""
    near.close()
    process.process.kill()


def reset(_process, _near, far):
    """The far end breaks the connection off."""
    far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    far.close()


def ends(context, happens, status):
    """Something ends a connection in the moment in which it is added: its context is deleted
    as soon as it is there, and the kernel's log is silent."""
    ready()
    log = kmsg.Log()
    state = Evidence()
    near, far = tcp.connect(4)
    context.enter_context(tcp.closing(near, far))
    with adding(near, SEED, ktls.TLS_TX) as process:
        happens(process, near, far)
        equal(process.process.poll(), None, "the process waits for the device")
    equal(process.done(), status, "status of the process that adds the connection")
    near.close()
    state.gone()
    for name in ("tx_tls_ctx", "tx_tls_del", "hw_tls_tx_added", "hw_tls_tx_deleted"):
        equal(state.moved(name), 1, name)
    state.no_errors()
    said_nothing(log)


for _happens, _status in ((killed, -9), (reset, 0)):
    registry.add(f"case-44-{_happens.__name__}-while-it-is-added", ends, _happens, _status)


@registry.case("case-44-added-while-the-port-goes-down")
def port_goes_down(context):
    """The connection goes on in software, and its context is deleted."""
    ready()
    flags = pathlib.Path("/sys/class/net", NETIF, "flags")
    run = offload.Run(context, SPEC)
    with adding(run.near, SEED, ktls.TLS_TX) as process:
        down = subprocess.Popen(["ip", "link", "set", NETIF, "down"])
        # Netlink would wait for the same lock.
        wait.until(lambda: not int(flags.read_text(encoding="ascii"), 16) & IFF_UP,
                   "the port is down, but for its contexts")
    equal(down.wait(tcp.SECONDS), 0, "status of ip link set down")
    equal(process.done(), 0, "status of the process that adds the connection")
    equal(nic.statistics()["hw_tls_tx_live"], 0, "hw_tls_tx_live")
    nic.up_again()
    ready()
    run.play()
    run.finish()
    state = run.evidence
    state.gone()
    for name, count in (("hw_tls_tx_added", 1), ("hw_tls_tx_deleted", 1), ("hw_tls_tx_bytes", 0)):
        equal(state.moved(name), count, name)
    offload.offloaded(context, SPEC)


@registry.case("case-44-added-while-others-send")
def others_send(context):
    """A connection that waits for the device does not keep others from sending, and is
    offloaded when the device has answered."""
    ready()
    other = offload.Run(context, Spec(script=SPEC.script, keys=Keys(seed="other")))
    other.install()
    other.evidence.offloaded(other.near)
    run = offload.Run(context, SPEC)
    with adding(run.near, SEED, ktls.TLS_TX) as process:
        other.play()
        other.settled()
        other.evidence.by_the_nic(tcp.sent(other.near))
    equal(process.done(), 0, "status of the process that adds the connection")
    equal(txconf(run.near), "hw", "ss: txconf")
    run.play()
    size = sum(len(each.finish().stream) for each in (other, run))
    other.evidence.gone()
    other.evidence.by_the_nic(size)
    other.evidence.no_errors()
