# SPDX-License-Identifier: GPL-2.0-or-later
"""A QEMU without a guest: its memory, its PCI configuration space, and its monitor.

The qtest protocol of QEMU moves single words; QMP starts migrations and resets.
"""

import json
import pathlib
import socket
import struct
import subprocess
import tempfile

TIMEOUT = 20                            # seconds for any one answer


class Lines:
    """A stream of lines over a socket that QEMU connects to."""

    def __init__(self, path):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.settimeout(TIMEOUT)
        self.listener.bind(str(path))
        self.listener.listen(1)

    def accept(self):
        connection, _ = self.listener.accept()
        connection.settimeout(TIMEOUT)
        self.stream = connection.makefile("rw", newline="\n")
        self.listener.close()

    def send(self, line):
        self.stream.write(line + "\n")
        self.stream.flush()

    def receive(self):
        line = self.stream.readline()
        if not line:
            raise EOFError("QEMU has ended")
        return line.strip()


class Qemu:
    """One process; with incoming=FILE it starts from what migrate() has saved."""

    def __init__(self, program, firmware, arguments, incoming=None):
        self.directory = tempfile.TemporaryDirectory(prefix="ktlsnic-face-")
        base = pathlib.Path(self.directory.name)
        self.qtest, self.qmp = Lines(base / "qtest"), Lines(base / "qmp")
        command = [str(program), "-L", str(firmware), "-M", "q35", "-display", "none",
                   "-vga", "none", "-nodefaults", "-m", "64", "-accel", "qtest",
                   "-qtest", f"unix:{base}/qtest", "-qtest-log", "none",
                   "-qmp", f"unix:{base}/qmp", *arguments]
        if incoming:
            command += ["-incoming", f"exec:cat {incoming}"]
        self.log = base / "log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(command, stderr=log)
        self.qtest.accept()
        self.qmp.accept()
        self.qmp.receive()
        self.execute("qmp_capabilities")

    def close(self):
        self.process.kill()
        self.process.wait()
        self.directory.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, error, *_):
        if error:
            for line in self.log.read_text().splitlines():
                print(f"# QEMU: {line}")
        self.close()

    # ---- the monitor ----

    def execute(self, command, **arguments):
        """Return the answer of a command; events in between are passed over."""
        self.qmp.send(json.dumps({"execute": command, "arguments": arguments}))
        while True:
            answer = json.loads(self.qmp.receive())
            if "error" in answer:
                raise RuntimeError(answer["error"]["desc"])
            if "return" in answer:
                return answer["return"]

    def migrate(self, path):
        self.execute("migrate", uri=f"exec:cat > {path}")
        return self.migration_end()

    def migration_end(self):
        """Wait until the migration is over and return how it ended."""
        while True:
            state = self.execute("query-migrate").get("status")
            if state in ("completed", "failed"):
                return state
            self.clock_step(1000000)

    # ---- qtest ----

    def command(self, *words):
        self.qtest.send(" ".join(str(word) for word in words))
        while True:
            answer = self.qtest.receive().split()
            if answer[0] == "OK":
                return answer[1:]
            if answer[0] != "IRQ":
                raise RuntimeError(" ".join(answer))

    def clock_step(self, nanoseconds):
        self.command("clock_step", nanoseconds)

    def read(self, address, size=4):
        name = {1: "readb", 2: "readw", 4: "readl", 8: "readq"}[size]
        return int(self.command(name, hex(address))[0], 16)

    def write(self, address, value, size=4):
        name = {1: "writeb", 2: "writew", 4: "writel", 8: "writeq"}[size]
        self.command(name, hex(address), hex(value))

    def read_memory(self, address, size):
        return bytes.fromhex(self.command("read", hex(address), hex(size))[0][2:])

    def write_memory(self, address, data):
        self.command("write", hex(address), hex(len(data)), "0x" + data.hex())

    def config_read(self, device, offset, size=4):
        self.command("outl", "0xcf8", hex(1 << 31 | device << 11 | offset & ~3))
        word = int(self.command("inl", "0xcfc")[0], 16)
        return word >> 8 * (offset & 3) & (1 << 8 * size) - 1

    def config_write(self, device, offset, value, size=4):
        name = {1: "outb", 2: "outw", 4: "outl"}[size]
        self.command("outl", "0xcf8", hex(1 << 31 | device << 11 | offset & ~3))
        self.command(name, hex(0xcfc + (offset & 3)), hex(value))

    def capability(self, device, wanted):
        """Return the offset of a PCI capability."""
        offset = self.config_read(device, 0x34, 1)
        while offset:
            if self.config_read(device, offset, 1) == wanted:
                return offset
            offset = self.config_read(device, offset + 1, 1)
        raise LookupError(f"no capability {wanted:#x}")


class Port:
    """A ktlsnic at PCI device number 4, with its BARs and bus mastering on."""

    DEVICE = 4
    BAR, MSIX = 0xe0000000, 0xe0100000
    # The second port of the hub is there to take what is sent.
    ARGUMENTS = ("-netdev", "hubport,id=n0,hubid=0", "-netdev", "hubport,id=n1,hubid=0",
                 "-device", "ktlsnic,netdev=n0,id=port,addr=4,mac=52:54:00:12:34:56")

    def __init__(self, qemu, configured=False):
        self.qemu = qemu
        if not configured:
            qemu.config_write(self.DEVICE, 0x10, self.BAR)
            qemu.config_write(self.DEVICE, 0x14, 0)
            qemu.config_write(self.DEVICE, 0x18, self.MSIX)
            qemu.config_write(self.DEVICE, 0x1c, 0)
            self.bus_master(True)

    def bus_master(self, on):
        self.qemu.config_write(self.DEVICE, 4, 6 if on else 2, 2)

    def read(self, register, size=4):
        return self.qemu.read(self.BAR + register, size)

    def write(self, register, value, size=4):
        self.qemu.write(self.BAR + register, value, size)

    def open_ring(self, register, base, entry_size, log2=6):
        self.qemu.write_memory(base, bytes(entry_size << log2))
        self.write(register, base)
        self.write(register + 4, 0)
        self.write(register + 8, log2)
        self.write(register + 0xc, 1)
        assert self.read(register + 0x10) == 1, f"ring {register:#x} is not enabled"

    def transmit(self, ring, index, base, frame):
        """Put a frame at base and its descriptor in slot index of the ring."""
        ring_base = self.read(ring)
        self.qemu.write_memory(base, frame)
        self.qemu.write_memory(ring_base + 32 * index, struct.pack(
            "<QIBBHI12x", base, len(frame), 1, 1, 1, len(frame)))
        self.write(ring + 0x14, index + 1)
        self.settle()

    def settle(self):
        """Let bottom halves run: the main loop has gone round when this answers."""
        for _ in range(3):
            self.qemu.execute("query-status")


class OtherPort(Port):
    """A second ktlsnic, at the other end of the hub."""

    DEVICE = 5
    BAR, MSIX = 0xe0200000, 0xe0300000
    ARGUMENTS = ("-device", "ktlsnic,netdev=n1,id=other,addr=5,mac=52:54:00:12:34:57")
