# SPDX-License-Identifier: GPL-2.0-or-later
"""Case 19: packets that cannot be mapped for DMA. The kernel of its group bounces all
DMA through a buffer of 4 MB (see plan.py), of which a third port takes nearly all for
what it might receive: mapping then fails in earnest, at any place of a packet or of the
part of a record that is to be replayed."""

import contextlib
import fcntl
import os
import pathlib
import socket

from lib import ktls, napi, nic, offload, system, tcp, wait
from lib.cases import Failed, Registry, at_least, check, equal, skip
from lib.ktls import Control, Keys, Sendfile, Splice, Write
from lib.offload import Spec
from lib.system import NETIF, REMOTE_NS, SO_SNDBUFFORCE, ip, run, with_sysctl
from . import ready
from .stream import COMBINATIONS, combination_name

registry = Registry()
RING = 64                       # RX buffers, two in a page
# 64 pages for each queue: what a page pool takes at once, but for kernels that record who
# owns a page.
BALLAST_RING = 128
BALLAST_MAC, BALLAST_QUEUES = "02:00:00:00:03:03", 13
IOMMU_GROUPS = pathlib.Path("/sys/kernel/iommu_groups")
SLOTS = system.DEBUGFS / "swiotlb/io_tlb_used"
# Frames that the far driver copies, so that its receive buffers are free again at once:
# else the far socket would hold the bounce buffer, and leave none for what it waits for.
MSS = 160
WINDOW = 500                    # segments at once, from the first on
CONNECTIONS = {True: 9, False: 4}       # TSO packets are few
ROUNDS = 2
SEGMENTS = 250                  # least in a TSO packet, while there is data for it
LEAST = 20                      # failures; there are 50 to 1600
LATE = 0.1                      # seconds between two looks at completions


class Shared(Sendfile):
    """Pages of a file in memory, which are not copied."""
    files = []

    def do(self, sender, piece):
        fd = os.memfd_create("shared", os.MFD_ALLOW_SEALING)
        self.files.append(fd)
        os.write(fd, piece)
        at = 0
        while at < len(piece):
            at += os.sendfile(sender.sock.fileno(), fd, at, len(piece) - at)

    @classmethod
    def all_let_go(cls):
        """The kernel seals a file only when nobody else holds one of its pages."""
        system.free_deferred()
        while cls.files:
            fd = cls.files.pop()
            try:
                fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE)
            except OSError as error:
                raise Failed(f"somebody still holds pages that were sent: {error}") from error
            finally:
                os.close(fd)


# Of a record in many pieces each takes a slot.
PART = (Write(8000), *(Splice(980, step=70),) * 8, Write(333, more=True), Shared(9000), Control(9),
        Write(1000))


def ballast():
    links = system.ip_json("link", "show")
    return next(link["ifname"] for link in links if link.get("address") == BALLAST_MAC)


def small_rings():
    """New RX rings, so that no page is in use but those that wait for frames."""
    for size in (2 * RING, RING):
        run("ethtool", "-G", NETIF, "rx", size)
        run("ethtool", "-G", system.remote_netif(), "rx", size, ns=REMOTE_NS)


def set_up(context, family):
    """Small RX rings, no limit to the bytes in the TX ring, and a wide open window."""
    check(system.in_debugfs(SLOTS), f"this kernel has no {SLOTS}")
    small_rings()
    run("ethtool", "-G", ballast(), "rx", BALLAST_RING)
    run("ethtool", "-L", ballast(), "combined", BALLAST_QUEUES)
    ip("link", "set", ballast(), "addrgenmode", "none")
    nic.without_byte_limits(context)
    with_sysctl(context, "net.ipv4.tcp_rmem", "4096 4000000 8000000", REMOTE_NS)
    for netif, ns, address, what in ((NETIF, None, system.REMOTE, "initcwnd"),
                                     (system.remote_netif(), REMOTE_NS, system.LOCAL, "initrwnd")):
        nic.route_with(context, address[family], netif, what, WINDOW, ns=ns)


@contextlib.contextmanager
def exhausted():
    """Within this block there is next to no room to bounce in."""
    ip("link", "set", ballast(), "up")
    try:
        yield
    finally:
        ip("link", "set", ballast(), "down")


def used():
    return int(SLOTS.read_text(encoding="ascii"))


def connections(context, spec):
    runs = [offload.Run(context, spec) for _ in range(CONNECTIONS[spec.tso])]
    for run_ in runs:
        run_.near.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, 1 << 20)
    return runs, offload.install_all(runs)


def burst(runs, number):
    """All connections' next part."""
    size = ktls.size_of(PART)
    for run_ in runs:
        run_.sender.play(PART, run_.spec.content()[number * size:])
    for run_ in runs:
        run_.settled()


def outcomes(context, state, runs):
    """Each failure sent a packet to software, or dropped it; none was silent."""
    failed = state.moved("tx_queue_0_map_failed")
    fallback = state.moved("tx_tls_fallback")
    dropped = state.moved("tx_queue_0_dropped")
    context.note(f"{failed} mappings failed: {fallback} packets to software, {dropped} "
                 f"dropped; {state.tls_counters()}")
    at_least(failed, LEAST, "mappings that failed")
    at_least(fallback, 1, "tx_tls_fallback")
    equal(failed, fallback + dropped, "mappings that failed: to software, or dropped")
    state.no_errors(again=sum(tcp.retransmitted(run_.near)[0] for run_ in runs))


def failing(context, family, cipher, tso):
    """Many packets cannot be mapped, nor what software makes of them; TCP sends them
    again. When there is room again the NIC goes on, and nothing has stayed behind."""
    if any(IOMMU_GROUPS.iterdir()):
        skip("an IOMMU maps: nothing is bounced, and no mapping fails")
    ready(tso)
    context.callback(Shared.all_let_go)
    spec = Spec(script=PART * (ROUNDS + 1), keys=Keys(cipher), family=family, tso=tso, mss=MSS,
                zerocopy=True)
    software = offload.software_stream(spec.script, spec.keys)
    set_up(context, family)
    before = used()
    with_sysctl(context, "net.ipv4.tcp_min_tso_segs", SEGMENTS)
    runs, state = connections(context, spec)
    with exhausted(), napi.late(LATE):
        for number in range(ROUNDS):
            burst(runs, number)
    outcomes(context, state, runs)
    names = ("tx_tls_fallback", "tx_queue_0_map_failed", "tx_tls_encrypted_bytes")
    then = [state.moved(name) for name in names]
    burst(runs, ROUNDS)
    now = [state.moved(name) for name in names]
    equal(now[:2], then[:2], "fallbacks and failures with room to bounce in")
    at_least(now[2] - then[2], ktls.size_of(PART) * len(runs), "bytes that the NIC encrypted")
    for run_ in runs:
        check(run_.finish().stream == software, "the wire is not what software kTLS sends")
    state.gone()
    small_rings()
    wait.until(lambda: used() <= before, "all that was mapped is unmapped")
    Shared.all_let_go()


for _combination in COMBINATIONS:
    registry.add(f"case-19-mapping-fails/{combination_name(*_combination)}", failing,
                 *_combination)
