# SPDX-License-Identifier: GPL-2.0-or-later
"""Cases for the QEMU face of the card: PCI, interrupts, reset, migration, properties."""

import re
import struct
import tempfile

from cases import Cases, equal
from qtest import OtherPort, Port

# Memory of the imaginary guest
TX, TX_CQ, CMD, CMD_CQ, FRAME = 0x100000, 0x110000, 0x120000, 0x130000, 0x140000
EVENT, EVENT_REG = 0x160000, 0x4040
TX_REG, TX_CQ_REG, CMD_REG, CMD_CQ_REG = 0x10000, 0x10020, 0x4000, 0x4020
STATS = 0x5000
# Properties, in the order of the bits of the capability words from 0x50 on.
PAIRS = [f"{version}-{direction}-{cipher}" for direction in ("tx", "rx")
         for version in ("tls12", "tls13")
         for cipher in ("aes-gcm-128", "aes-gcm-256", "aes-ccm-128", "chacha20-poly1305")]
TX_PACKETS, TLS_TX_DELETED, TLS_RX_DELETED, STATISTICS = 10, 16, 24, 35
TLS_TX_LIVE, TLS_RX_LIVE = 0x48, 0x4c
MSI_ADDRESS = 0x150000                  # messages are words that show up in memory

CASES = Cases()
case = CASES.add


def stat(port, index):
    return port.read(STATS + 8 * index) | port.read(STATS + 8 * index + 4) << 32


def open_tx(port):
    port.open_ring(TX_CQ_REG, TX_CQ, 16)
    port.open_ring(TX_REG, TX, 32)


def send(port, index):
    port.transmit(TX_REG, index, FRAME, bytes(range(100)))


def completed(qemu, index):
    """The TX completion in a slot: the index in it, status and flags."""
    return struct.unpack("<I8xHH", qemu.read_memory(TX_CQ + 16 * index, 16))


def arm_msix(qemu, vector):
    """Enable MSI-X and let the vector's message be a word in memory."""
    capability = qemu.capability(Port.DEVICE, 0x11)
    qemu.config_write(Port.DEVICE, capability + 2, 0x8000, 2)
    entry = Port.MSIX + 16 * vector
    for offset, value in ((0, MSI_ADDRESS + 4 * vector), (4, 0), (8, 0xd00d + vector), (12, 0)):
        qemu.write(entry + offset, value)


def message(qemu, vector):
    return qemu.read(MSI_ADDRESS + 4 * vector)


TLS_TX_ADD, TLS_RX_ADD = 1, 4


def add_context(port, op):
    port.open_ring(CMD_CQ_REG, CMD_CQ, 16)
    port.open_ring(CMD_REG, CMD, 128)
    body = struct.pack("<IBBHIIQ12sI32s", 3, 0, 0, 0, 1000, 0, 0, bytes(12), 0,
                       b"k" * 16 + bytes(16))
    if op == TLS_RX_ADD:
        body += struct.pack("<B3xHH16s16s", 4, 1, 2, bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2]))
    port.qemu.write_memory(CMD, struct.pack("<HHI", op, 7, 0) + body)
    port.write(CMD_REG + 0x14, 1)
    port.settle()
    equal(struct.unpack("<HH", port.qemu.read_memory(CMD_CQ, 4)), (7, 0), f"command {op}")


@case
def pci(machine):
    """Identity, BARs and capabilities"""
    with machine.start() as qemu:
        equal(qemu.config_read(4, 0), 0x71501234, "vendor and device")
        equal(qemu.config_read(4, 8), 0x02000001, "class and revision")
        equal(qemu.config_read(4, 0x2c), 0x00011234, "subsystem")
        for bar, size in ((0x10, 0x20000), (0x18, 0x4000)):
            qemu.config_write(4, bar, 0xffffffff)
            equal(qemu.config_read(4, bar), 2 ** 32 - size | 4, f"BAR at {bar:#x}")
        msix = qemu.capability(4, 0x11)
        equal(qemu.config_read(4, msix + 2, 2) & 0x7ff, 4, "vectors less one")
        equal(qemu.config_read(4, msix + 4), 2, "table")
        equal(qemu.config_read(4, msix + 8), 0x2002, "pending bits")
        express = qemu.capability(4, 0x10)
        assert qemu.config_read(4, express + 4) >> 28 & 1, "no function level reset"
        qemu.capability(4, 0x01)


@case
def access_sizes(machine):
    """BAR 0 takes words: other accesses read 0 and write nothing"""
    with machine.start() as qemu:
        port = Port(qemu)
        equal(port.read(0), 0x4b544c53, "ID")
        equal(port.read(0, 1), 0, "a byte of ID")
        equal(port.read(0, 2), 0, "half of ID")
        equal(port.read(2), 0, "unaligned")
        equal(port.read(0, 8), 0x000100024b544c53, "an aligned pair")
        port.write(0x1008, 0x44332211)
        port.write(0x1008, 0xff, 1)
        port.write(0x100a, 0xffff, 2)
        port.write(0x1006, 0xffffffff)
        equal(port.read(0x1008), 0x44332211, "MAC_LO")
        port.write(0x1100, 0x8000112233445566, 8)
        equal((port.read(0x1100), port.read(0x1104)), (0x33445566, 0x80001122), "a pair written")


@case
def transmit(machine):
    """A frame goes out, its completion comes, then its message"""
    with machine.start() as qemu:
        port = Port(qemu)
        open_tx(port)
        arm_msix(qemu, 1)
        port.write(0x3010, 1)
        send(port, 0)
        equal(completed(qemu, 0), (1, 0, 1), "completion")
        equal(stat(port, TX_PACKETS), 1, "TX_PACKETS")
        equal(message(qemu, 1), 0xd00e, "message")
        equal(port.read(0x3010), 0, "ARMED")


@case
def moderation(machine):
    """ITR holds the next message back until its time"""
    with machine.start() as qemu:
        port = Port(qemu)
        open_tx(port)
        arm_msix(qemu, 1)
        port.write(0x3014, 500)
        port.write(0x3010, 1)
        send(port, 0)
        qemu.write(MSI_ADDRESS + 4, 0)
        port.write(0x3010, 1)
        equal(message(qemu, 1), 0, "message too early")
        qemu.clock_step(499000)
        port.settle()
        equal(message(qemu, 1), 0, "message still too early")
        qemu.clock_step(1000)
        port.settle()
        equal(message(qemu, 1), 0xd00e, "message in time")


@case
def bus_master_off(machine):
    """Without bus mastering memory cannot be reached"""
    with machine.start() as qemu:
        port = Port(qemu)
        open_tx(port)
        port.bus_master(False)
        send(port, 0)
        equal(port.read(TX_REG + 0x10), 0x300, "DMA_FAULT")
        equal(stat(port, TX_PACKETS), 0, "TX_PACKETS")


@case
def own_registers(machine):
    """Descriptors that lead back into the BARs do no harm"""
    with machine.start() as qemu:
        port = Port(qemu)
        port.open_ring(TX_CQ_REG, TX_CQ, 16)
        port.write(TX_REG, Port.BAR + TX_REG)
        port.write(TX_REG + 8, 6)
        port.write(TX_REG + 0xc, 1)
        port.write(TX_REG + 0x14, 1)
        port.settle()
        assert port.read(TX_REG + 0x10) >> 8, "the ring goes on"
        port.write(TX_CQ_REG + 0xc, 0)
        port.write(TX_REG + 0xc, 0)
        port.write(TX_CQ_REG, Port.BAR + TX_REG)
        port.write(TX_CQ_REG + 0xc, 1)
        port.open_ring(TX_REG, TX, 32)
        send(port, 0)
        equal(port.read(TX_CQ_REG + 0x10), 0x300, "DMA_FAULT")
        equal(port.read(0), 0x4b544c53, "ID")


RX, RX_CQ, BUFFERS, FRAMES = 0x200000, 0x210000, 0x220000, 0x240000
RX_REG, RX_CQ_REG = 0x10040, 0x10060


def give_buffers(port, first, end):
    for index in range(first, end):
        port.qemu.write_memory(RX + 16 * index, struct.pack("<QII", BUFFERS + 256 * index, 256, 0))
    port.write(RX_REG + 0x14, end)
    port.settle()


@case
def pause_keeps_order(machine):
    """A receiver without buffers pauses the sender; nothing is lost or overtaken"""
    count = 40
    with machine.start(other=OtherPort.ARGUMENTS) as qemu:
        port, other = Port(qemu), OtherPort(qemu)
        open_tx(port)
        other.open_ring(RX_CQ_REG, RX_CQ, 32)
        other.open_ring(RX_REG, RX, 16)
        other.write(0x1010, 1)
        for number in range(count):
            frame = bytes([255] * 6 + [number] * 94)
            qemu.write_memory(FRAMES + 128 * number, frame)
            qemu.write_memory(TX + 32 * number, struct.pack(
                "<QIBBHI12x", FRAMES + 128 * number, len(frame), 1, 1, 1, len(frame)))
        port.write(TX_REG + 0x14, count)
        port.settle()
        equal(stat(port, TX_PACKETS) < count, True, "the sender has paused")
        given = 0
        for more in (1, 2, 3, 1, count - 7):
            give_buffers(other, given, given + more)
            given += more
        equal(stat(port, TX_PACKETS), count, "TX_PACKETS")
        numbers = [qemu.read_memory(BUFFERS + 256 * index, 100)[99] for index in range(count)]
        equal(numbers, list(range(count)), "frames in the order of their arrival")


def close_commands(port):
    for ring in (CMD_REG, CMD_CQ_REG):
        port.write(ring + 0xc, 0)


def check_reset(machine, reset):
    with machine.start() as qemu:
        port = Port(qemu)
        open_tx(port)
        send(port, 0)
        add_context(port, TLS_TX_ADD)
        equal(port.read(TLS_TX_LIVE), 1, "TLS_TX_LIVE")
        close_commands(port)
        add_context(port, TLS_RX_ADD)
        equal(port.read(TLS_RX_LIVE), 1, "TLS_RX_LIVE")
        port.write(0x1010, 1)
        reset(qemu)
        port = Port(qemu)
        equal(port.read(TX_REG + 0x10), 0, "TX ring")
        equal(port.read(0x1010), 0, "RX_CTRL")
        equal((port.read(TLS_TX_LIVE), port.read(TLS_RX_LIVE)), (0, 0), "live contexts")
        equal(port.read(0x0c), 3, "STATUS")
        equal((stat(port, TX_PACKETS), stat(port, TLS_TX_DELETED), stat(port, TLS_RX_DELETED)),
              (1, 1, 1), "statistics")
        open_tx(port)
        send(port, 0)
        equal(stat(port, TX_PACKETS), 2, "TX_PACKETS afterwards")


@case
def function_level_reset(machine):
    """A function level reset clears all but the statistics"""
    def reset(qemu):
        express = qemu.capability(4, 0x10)
        qemu.config_write(4, express + 8, 0x8000, 2)
    check_reset(machine, reset)


@case
def machine_reset(machine):
    """So does a reset of the machine"""
    check_reset(machine, lambda qemu: qemu.execute("system_reset"))


@case
def stuck_ring(machine):
    """With fault-tx-stuck a ring takes nothing until it is let go, or reset; others go on"""
    path = "/machine/peripheral/port"
    with machine.start() as qemu:
        port = Port(qemu)
        open_tx(port)
        equal(qemu.execute("qom-get", path=path, property="fault-tx-stuck"), 0, "fault-tx-stuck")
        qemu.execute("qom-set", path=path, property="fault-tx-stuck", value=2)
        send(port, 0)
        equal(stat(port, TX_PACKETS), 1, "TX_PACKETS of the other ring")
        qemu.execute("qom-set", path=path, property="fault-tx-stuck", value=1)
        send(port, 1)
        equal(stat(port, TX_PACKETS), 1, "TX_PACKETS of a stuck ring")
        equal((port.read(TX_REG + 0x10), port.read(TX_REG + 0x18)), (1, 1), "STATUS, INDEX")
        qemu.execute("qom-set", path=path, property="fault-tx-stuck", value=0)
        port.settle()
        equal(stat(port, TX_PACKETS), 2, "TX_PACKETS of a ring that was let go")
        qemu.execute("qom-set", path=path, property="fault-tx-stuck", value=1)
        send(port, 2)
        express = qemu.capability(4, 0x10)
        qemu.config_write(4, express + 8, 0x8000, 2)
        equal(qemu.execute("qom-get", path=path, property="fault-tx-stuck"), 0, "after a reset")
        port = Port(qemu)
        open_tx(port)
        send(port, 0)
        equal(stat(port, TX_PACKETS), 3, "TX_PACKETS after the reset")


@case
def link(machine):
    """set_link shows in STATUS"""
    with machine.start() as qemu:
        port = Port(qemu)
        equal(port.read(0x0c), 3, "STATUS")
        qemu.execute("set_link", name="port", up=False)
        equal(port.read(0x0c), 1, "STATUS")
        qemu.execute("set_link", name="port", up=True)
        equal(port.read(0x0c), 3, "STATUS")


def snapshot(port):
    """Every register, but those that a read changes."""
    ranges = ((0, 0x64), (0x1000, 0x1200), (0x2000, 0x2100), (0x3000, 0x3050),
              (0x4000, 0x4060), (0x5000, 0x5000 + 8 * STATISTICS), (0x10000, 0x10080),
              (0x13000, 0x13080))
    return {register: port.read(register)
            for first, end in ranges for register in range(first, end, 4)}


def is_as_it_was(port, before):
    """All registers are what a snapshot says."""
    after = snapshot(port)
    for register, value in before.items():
        equal(hex(after[register]), hex(value), f"register {register:#x}")


@case
def migration(machine):
    """All registers, rings and statistics come along, and work goes on"""
    with tempfile.NamedTemporaryFile(prefix="ktlsnic-state-") as state:
        with machine.start() as qemu:
            port = Port(qemu)
            open_tx(port)
            for index in range(3):
                send(port, index)
            for first, end in ((0x1008, 0x1018), (0x1100, 0x1200), (0x2000, 0x2004),
                               (0x2040, 0x2068), (0x2080, 0x2100)):
                for register in range(first, end, 4):
                    port.write(register, 0x5a000000 | 257 * register)
            port.write(0x3014, 777)
            port.write(0x3010, 1)
            port.write(0x13000, 0xabc00)
            before = snapshot(port)
            equal(qemu.migrate(state.name), "completed", "migration")
        with machine.start(incoming=state.name) as qemu:
            equal(qemu.migration_end(), "completed", "incoming migration")
            port = Port(qemu, configured=True)
            is_as_it_was(port, before)
            qemu.execute("cont")
            send(port, 3)
            equal(completed(qemu, 3), (4, 0, 1), "completion")
            equal(stat(port, TX_PACKETS), 4, "TX_PACKETS")


@case
def migration_of_the_link(machine):
    """A link that is down stays down, and no event says anything else"""
    with tempfile.NamedTemporaryFile(prefix="ktlsnic-state-") as state:
        with machine.start() as qemu:
            port = Port(qemu)
            port.open_ring(EVENT_REG, EVENT, 16)
            qemu.execute("set_link", name="port", up=False)
            before = snapshot(port)
            equal((before[0x0c], before[EVENT_REG + 0x18]), (1, 1), "STATUS and events")
            equal(qemu.migrate(state.name), "completed", "migration")
        with machine.start(incoming=state.name) as qemu:
            equal(qemu.migration_end(), "completed", "incoming migration")
            port = Port(qemu, configured=True)
            is_as_it_was(port, before)
            qemu.execute("cont")
            qemu.execute("set_link", name="port", up=True)
            equal((port.read(0x0c), port.read(EVENT_REG + 0x18)), (3, 2), "STATUS and events")


@case
def no_migration_of_keys(machine):
    """With a TLS context of either direction migration is refused, and says why"""
    with tempfile.NamedTemporaryFile(prefix="ktlsnic-state-") as state:
        with machine.start() as qemu:
            port = Port(qemu)
            for op, live in ((TLS_TX_ADD, TLS_TX_LIVE), (TLS_RX_ADD, TLS_RX_LIVE)):
                add_context(port, op)
                equal(port.read(live), 1, "live contexts")
                try:
                    qemu.migrate(state.name)
                except RuntimeError as error:
                    assert "live TLS contexts hold keys" in str(error), str(error)
                else:
                    raise AssertionError("the migration was not refused")
                port.write(8, 1)
                equal(port.read(live), 0, "live contexts")
            equal(qemu.migrate(state.name), "completed", "migration without contexts")


def give_nops(port, first, end):
    """Commands without effect, each with its index as its tag."""
    for index in range(first, end):
        port.qemu.write_memory(CMD + 128 * index, struct.pack("<HHI", 0, index, 0) + bytes(120))
    port.write(CMD_REG + 0x14, end)
    port.settle()


def commands_done(port, count):
    """So many commands are completed, in order, and no more."""
    port.settle()
    equal(port.read(CMD_CQ_REG + 0x18), count, "completions")
    equal([struct.unpack("<HHI", port.qemu.read_memory(CMD_CQ + 16 * index, 8))
           for index in range(count)],
          [(index, 0, index + 1) for index in range(count)], "tag, status and index of each")
    equal(port.qemu.read_memory(CMD_CQ + 16 * count, 16), bytes(16), "the next completion")


@case
def command_latency(machine):
    """Commands take as long as command-latency says, all at the same time; a change, also
    while the device runs, is for those that come later"""
    usecs = 20_000
    with machine.start(properties=f",command-latency={usecs}") as qemu:
        port = Port(qemu)
        port.open_ring(CMD_CQ_REG, CMD_CQ, 16)
        port.open_ring(CMD_REG, CMD, 128)
        give_nops(port, 0, 5)
        qemu.clock_step(usecs * 1000 - 1)
        commands_done(port, 0)
        qemu.clock_step(1)
        commands_done(port, 5)
        give_nops(port, 5, 6)
        where = {"path": "/machine/peripheral/port", "property": "command-latency"}
        qemu.execute("qom-set", value=0, **where)
        equal(qemu.execute("qom-get", **where), 0, "command-latency")
        commands_done(port, 5)
        qemu.clock_step(usecs * 1000)
        commands_done(port, 6)
        give_nops(port, 6, 8)
        commands_done(port, 8)
        try:
            qemu.execute("qom-set", value=10_000_001, **where)
        except RuntimeError as error:
            assert "command-latency=10000001 is impossible" in str(error), str(error)
        else:
            raise AssertionError("an impossible latency was not refused")
        equal(qemu.execute("qom-get", **where), 0, "command-latency")


@case
def command_latency_migration(machine):
    """Commands under way when the machine is saved are done where it goes on, in its time"""
    usecs = 20_000
    properties = f",command-latency={usecs}"
    with tempfile.NamedTemporaryFile(prefix="ktlsnic-state-") as state:
        with machine.start(properties=properties) as qemu:
            port = Port(qemu)
            port.open_ring(CMD_CQ_REG, CMD_CQ, 16)
            port.open_ring(CMD_REG, CMD, 128)
            give_nops(port, 0, 3)
            # waiting for the end moves the clock: the device shall not see that, here or there
            qemu.execute("stop")
            equal(qemu.migrate(state.name), "completed", "migration")
        with machine.start(incoming=state.name, properties=properties) as qemu:
            equal(qemu.migration_end(), "completed", "incoming migration")
            port = Port(qemu, configured=True)
            commands_done(port, 0)
            qemu.execute("cont")
            port.settle()
            qemu.clock_step(usecs * 1000 - 1)
            commands_done(port, 0)
            qemu.clock_step(1)
            commands_done(port, 3)


@case
def unplug(machine):
    """The device can go, with work in it"""
    with machine.start() as qemu:
        port = Port(qemu)
        open_tx(port)
        add_context(port, TLS_RX_ADD)
        qemu.execute("qom-set", path="/machine/peripheral/port", property="command-latency",
                     value=1000)
        port.write(CMD_REG + 0x14, 2)   # it is under way
        port.write(0x3014, 60000)
        for index in range(2):          # the second message waits for its time
            port.write(0x3010, 1)
            send(port, index)
        qemu.execute("qom-set", path="/machine/peripheral/port", property="realized",
                     value=False)
        qemu.clock_step(100000000)
        port.settle()


@case
def properties(machine):
    """Impossible properties: one line that names the property and what it may be"""
    for given, wanted in (("queues=0", "queues=0 is impossible: must be 1 to 16"),
                          ("queues=17", "queues=17 is impossible: must be 1 to 16"),
                          ("tls-tx-contexts=65537",
                           "tls-tx-contexts=65537 is impossible: must be 0 to 65536"),
                          ("tls-rx-contexts=65537",
                           "tls-rx-contexts=65537 is impossible: must be 0 to 65536"),
                          ("tls-rx-contexts=-1", "'tls-rx-contexts'"),
                          ("tls-rx-resync=never",
                           "tls-rx-resync=never is impossible: must be async, scan or hint"),
                          ("tls-rx-resync=", "must be async, scan or hint"),
                          ("speed=0", "must be 10 to 1600000"),
                          ("command-latency=10000001",
                           "command-latency=10000001 is impossible: must be 0 to 10000000"),
                          ("queues=many", "'queues'"),
                          ("mac=01:00:00:00:00:01", "group address"),
                          ("tls12-rx-aes-gcm-128=maybe", "'maybe'"),
                          ("colour=red", "'ktlsnic.colour' not found")):
        said = machine.refused(given)
        assert wanted in said, f"{given}: {said}"
    with machine.start(properties=",queues=16,tls-tx-contexts=0,speed=10") as qemu:
        port = Port(qemu)
        equal(port.read(0x10), 0x000c0610, "CAP_QUEUES")
        equal((port.read(0x40), port.read(0x50), port.read(0x1018)), (0, 0, 10), "properties")
    with machine.start(properties=",tls-rx-contexts=0,tls-rx-resync=scan") as qemu:
        port = Port(qemu)
        equal((port.read(0x44), port.read(0x58), port.read(0x60) >> 8), (0, 0, 0), "no RX")


@case
def ciphers(machine):
    """Each pair of version and cipher is a capability of either direction, which its own
    property takes away"""
    for value, offered in (("off", 0), ("on", 0xf), ("auto", 0xf)):
        given = "".join(f",{name}={value}" for name in PAIRS)
        with machine.start(properties=given) as qemu:
            port = Port(qemu)
            for register in (0x50, 0x54, 0x58, 0x5c):
                equal(port.read(register), offered, f"capabilities at {register:#x}, all {value}")
    for number, name in enumerate(PAIRS):
        with machine.start(properties=f",{name}=off") as qemu:
            port = Port(qemu)
            word = sum(port.read(0x50 + 4 * i) << 4 * i for i in range(4))
            equal(word, 0xffff & ~(1 << number), f"all capabilities but {name}")


@case
def rx_resync(machine):
    """tls-rx-resync is what TLS_RESYNC says; by default async, for 1024 connections"""
    for given, mode in (("", 2), (",tls-rx-resync=async", 2), (",tls-rx-resync=scan", 1),
                        (",tls-rx-resync=hint", 0)):
        with machine.start(properties=given) as qemu:
            port = Port(qemu)
            equal(port.read(0x60) >> 8 & 3, mode, f"mode{given}")
            equal(port.read(0x44), 1024, "TLS_RX_CONTEXTS")


@case
def properties_help(machine):
    """Every property of the card has its line of help"""
    said = machine.help()
    for name in ("queues", "tls-tx-contexts", "tls-rx-contexts", "tls-rx-resync", "speed",
                 "command-latency",
                 *PAIRS):
        line = re.search(rf"^  {name}=<\w+> +- (\S.*)$", said, re.MULTILINE)
        assert line, f"{name}: no help in {said}"
    assert "async (default), scan or hint" in said, said
