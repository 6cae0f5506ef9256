# SPDX-License-Identifier: GPL-2.0-or-later
"""What the suites look for: splats, plaintext, broken records, wrong checksums."""

import os
import pathlib
import tempfile

from demolib import wire
from lib import kallsyms, kmsg, packet, records
from lib.cases import Failed
from vmlib import console


def test_splats_are_found():
    lines = ["all is well", "WARNING: CPU: 1 PID: 7 at net/core/dev.c:1", "kept: WARNING: x"]
    assert kmsg.splats(lines, ("kept",)) == lines[1:2]
    assert kmsg.splats([" ? __kasan_kmalloc+0x1/0x2", "BUG: KASAN: use", "UBSAN: array"]) == [
        "BUG: KASAN: use", "UBSAN: array"]


def test_what_a_healthy_kernel_says_is_no_splat():
    """A kernel that checks itself says at its boot that it does."""
    for line in ("Kernel command line: oops=panic kasan_multi_shot panic=-1",
                 "kasan: KernelAddressSanitizer initialized (generic)",
                 "kmemleak: Kernel memory leak detector initialized (mem pool available: 15764)",
                 "kmemleak: Automatic memory scanning thread started",
                 "rcu: \tRCU CPU stall warnings timeout set to 60 (rcu_cpu_stall_timeout).",
                 "Running RCU-tasks wait API self tests", "Lock dependency validator: Copyright"):
        assert not kmsg.splats([line]), line
    for line in ("kmemleak: 3 new suspected memory leaks", "kmemleak: Cannot allocate a kmemleak",
                 "rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:",
                 "NETDEV WATCHDOG: CPU: 0: transmit queue 1 timed out 5000 ms",
                 "unregister_netdevice: waiting for eth0 to become free. Usage count = 2"):
        assert kmsg.splats([line]), line


def test_faults_of_the_iommu_are_splats():
    bad = ("DMAR: [DMA Write NO_PASID] Request device [01:00.0] fault addr 0xffffe000 "
           "[fault reason 0x05] PTE Write access is not set")
    good = ["DMAR: DRHD base: 0x000000fed90000 flags: 0x0", "DMA-API: preallocated 65536 "
            "debug entries", "DMA-API: debugging enabled by kernel config"]
    assert kmsg.splats([bad, good[0]]) == [bad]
    assert console.SPLAT.search(bad) and not any(map(console.SPLAT.search, good))


def test_addresses_of_an_unloaded_module():
    symbols = kallsyms.Resolver.__new__(kallsyms.Resolver)
    symbols.table = [(0xffffffffc0001000, "first", "[m]"), (0xffffffffc0002000, "next", "[m]")]
    text = "  backtrace (crc 0):\n    __kmalloc+0x1/0x2\n    0xffffffffc0001010\n"
    assert symbols.resolved(text).endswith("0x2\n    first+0x10 [m]\n"), symbols.resolved(text)


def test_plaintext_is_found():
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        plain = os.urandom(4_000_000)
        (directory / "plain").write_bytes(plain)
        for leak, good in ((b"", True), (plain[5001:900_000], False)):
            (directory / "capture").write_bytes(os.urandom(300_001) + leak)
            line = wire.search(directory / "plain", directory / "capture", 1000)
            assert line[2] is good, line


def test_broken_records_are_refused():
    for stream in (b"\x17\x03\x03", b"\x17\x03\x01\0\x20" + bytes(32),
                   b"\x17\x03\x03\0\x21" + bytes(32)):
        try:
            records.split(stream)
        except Failed:
            continue
        raise AssertionError(stream)


def test_wrong_checksums_are_seen():
    body = packet.udp("192.0.3.2", "192.0.3.1", (1, 2), b"odd")
    for flip, good in ((0, True), (1, False)):
        datagram = body[:6] + bytes([body[6], body[7] ^ flip]) + body[8:]
        frame = packet.ethernet("02:00:00:00:00:01", "02:00:00:00:00:02", packet.ETH_IP,
                                packet.ipv4("192.0.3.2", "192.0.3.1", 17, datagram))
        parsed = packet.Frame(frame)
        assert parsed.l3_good and parsed.l4_good() is good
