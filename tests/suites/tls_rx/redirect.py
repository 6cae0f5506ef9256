# SPDX-License-Identifier: GPL-2.0-or-later
"""What the NIC has decrypted is taken elsewhere before TCP has it: by traffic control, or by
an XDP program. This is the kernel's business alone; tests/KNOWN-KERNEL-BUGS.md says what a
user has to expect."""

from lib import capture, kmsg, netem, rx, tcp, wait, xdp
from lib.cases import Registry, at_least, check, equal
from lib.ktls import Keys, Write, size_of
from lib.packet import TCP
from lib.system import NETIF, REMOTE_NS, ip, remote_netif, run

registry = Registry()
ASTRAY, ASTRAY_END = "astray", "astray-end"
DROPPED = "unencrypted skb with no associated socket - dropping"
SCRIPT = tuple(Write(3000 + 700 * i) for i in range(8))
SMALL = tuple(Write(900) for _ in range(5))     # a segment each, and no segment beyond the MTU
SAMPLE = 24


class Astray:
    """A device to which packets are taken, and what it sends."""

    def __init__(self, context):
        ip("link", "add", ASTRAY, "type", "veth", "peer", "name", ASTRAY_END)
        context.callback(ip, "link", "del", ASTRAY)
        for netif in (ASTRAY, ASTRAY_END):
            ip("link", "set", netif, "mtu", 9000, "up")
        self.tap = context.enter_context(capture.Capture(remote=False, netif=ASTRAY_END))
        self.seen = []

    def segments(self, port):
        """So far of the connection whose far end has that port."""
        self.seen += [frame for frame in self.tap.frames() if frame.protocol == TCP]
        return [frame for frame in self.seen if frame.ports[0] == port]

    def payload(self, port):
        return [bytes(frame.payload) for frame in self.segments(port) if frame.payload]


def take(context, how, target):
    """Traffic control takes all that the port receives."""
    run("tc", "qdisc", "add", "dev", NETIF, "clsact")
    context.callback(run, "tc", "qdisc", "del", "dev", NETIF, "clsact")
    run("tc", "filter", "add", "dev", NETIF, "ingress", "matchall", "action", "mirred", "egress",
        how, "dev", target)


def in_clear(content, pieces):
    """Whether any of them shows a part of the content."""
    samples = [bytes(content[at:at + SAMPLE]) for at in range(0, len(content) - SAMPLE, SAMPLE)]
    return any(sample in piece for piece in pieces for sample in samples)


@registry.case("mirrored-by-tc")
def mirrored(context):
    """A mirror gets none of the packets that the NIC decrypted: the kernel drops them instead
    of sending plaintext, and says so. What software decrypts it gets, as ciphertext."""
    astray, log = Astray(context), kmsg.Log()
    take(context, "mirror", ASTRAY)
    flow = rx.Flow(context)
    flow.evidence.offloaded(flow.near)
    port = flow.far.getsockname()[1]
    flow.play(SCRIPT)
    again = flow.finish()
    flow.evidence.gone()
    flow.evidence.script_decrypted(SCRIPT, again[1])
    mirror = astray.payload(port)
    equal(in_clear(flow.sender.sent, mirror), False, "plaintext at the mirror")
    check(sum(map(len, mirror)) <= again[1], "the mirror got what TCP did not send again")
    at_least(len(astray.segments(port)), 1, "segments without payload at the mirror")
    check(any(DROPPED in line for line in log.new_lines()), "the kernel says nothing of drops")
    rx.ready(False)
    context.callback(rx.ready)
    software = rx.Flow(context, Keys(seed="software"), where="sw")
    port = software.far.getsockname()[1]
    software.play(SCRIPT)
    software.finish()
    mirror = astray.payload(port)
    at_least(sum(map(len, mirror)), software.keys.cipher.stream(rx.records_of(SCRIPT)),
             "bytes at the mirror without the offload")
    equal(in_clear(software.sender.sent, mirror), False, "plaintext without the offload")


@registry.case("shaped-by-an-ifb")
def shaped(context):
    """What arrives is shaped by way of an ifb: each packet that the NIC decrypted is lost, and
    TCP has to send it a second time, which the NIC leaves to software."""
    run("modprobe", "ifb", "numifbs=0")
    ip("link", "add", netem.IFB, "type", "ifb")
    context.callback(ip, "link", "del", netem.IFB)
    ip("link", "set", netem.IFB, "up")
    flow = rx.Flow(context)
    flow.evidence.offloaded(flow.near)
    take(context, "redirect", netem.IFB)
    flow.play(SMALL)
    again = flow.finish()
    flow.evidence.gone()
    stream = flow.keys.cipher.stream(rx.records_of(SMALL))
    at_least(again[1], stream, "bytes that TCP sent again")
    equal(flow.evidence.moved("rx_tls_decrypted_bytes"), size_of(SMALL), "rx_tls_decrypted_bytes")


@registry.case("redirected-by-generic-xdp")
def redirected(context):
    """Generic XDP does not look: another device sends what the NIC decrypted, in the clear.
    The connection has lost it, and goes on when the program is gone."""
    astray, content = Astray(context), tcp.data("content", size_of(SMALL))
    flow = rx.Flow(context)
    flow.evidence.offloaded(flow.near)
    port = flow.far.getsockname()[1]
    detach = xdp.redirect(context, ASTRAY)
    flow.play(SMALL)
    wait.until(lambda: astray.payload(port), "what the NIC decrypted is sent elsewhere")
    equal(in_clear(content, astray.payload(port)), True, "it is plaintext")
    equal(len(flow.reader.bytes), 0, "bytes that were read meanwhile")
    detach()
    flow.finish()
    flow.evidence.gone()


@registry.case("sent-back-by-generic-xdp")
def sent_back(context):
    """To the port that it came from: there the driver sees that it was decrypted, and that no
    socket sends it, and drops it."""
    content = tcp.data("content", size_of(SMALL))
    flow = rx.Flow(context)
    flow.evidence.offloaded(flow.near)
    port = flow.far.getsockname()[1]
    # the frames have the address of the port that they came to
    wire = "link", "set", remote_netif(), "promisc"
    ip(*wire, "on", ns=REMOTE_NS)
    context.callback(ip, *wire, "off", ns=REMOTE_NS)
    tap, came_back = context.enter_context(capture.Capture(remote=True)), []

    def sent_or_dropped():
        came_back.extend(bytes(frame.payload) for frame in tap.frames()
                         if frame.protocol == TCP and frame.ports[0] == port)
        return came_back or flow.evidence.moved("tx_tls_drop_bypass_req")
    detach = xdp.redirect(context, NETIF)
    flow.play(SMALL)
    wait.until(sent_or_dropped, "what the NIC decrypted is sent back or dropped")
    detach()
    flow.finish()
    sent_or_dropped()
    equal(in_clear(content, came_back), False, "plaintext is sent back")
    at_least(flow.evidence.moved("tx_tls_drop_bypass_req"), 1, "tx_tls_drop_bypass_req")
    flow.evidence.gone()
