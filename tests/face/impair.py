# SPDX-License-Identifier: GPL-2.0-or-later
"""Cases for filter-impair: a hub between two sockets of ours, the filter at one end.

What goes in at socket 0 is TX to the filter. The clock stands still unless a case
moves it."""

import json
import pathlib
import select
import socket
import subprocess
import tempfile

from cases import Cases, equal
from qtest import Qemu

CASES = Cases()
case = CASES.add
SILENCE = 0.1                           # seconds without a frame: none will come
MS = 1000000


def frame(number):
    """60 bytes that are no IP packet."""
    return bytes(12) + b"\x88\xb5" + number.to_bytes(4, "big") + bytes(42)


class Wire:
    """QEMU with filter-impair, and the two ends of the link."""

    def __init__(self, machine, options):
        self.directory = tempfile.TemporaryDirectory(prefix="ktlsnic-wire-")
        self.base = pathlib.Path(self.directory.name)
        self.stats = self.base / "stats"
        self.ends = []
        arguments = []
        for end in (0, 1):
            ours = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            ours.bind(str(self.base / f"ours{end}"))
            self.ends.append(ours)
            arguments += [
                "-netdev", f"dgram,id=end{end},local.type=unix,local.path={self.base}/qemu{end},"
                           f"remote.type=unix,remote.path={self.base}/ours{end}",
                "-netdev", f"hubport,id=port{end},hubid=0,netdev=end{end}"]
        arguments += ["-object", f"filter-impair,id=link,netdev=port0,stats={self.stats},"
                                 f"{options}"]
        self.qemu = Qemu(machine.program, machine.firmware, arguments)
        for end, ours in enumerate(self.ends):
            ours.connect(str(self.base / f"qemu{end}"))

    def send(self, end, *numbers):
        for number in numbers:
            self.ends[end].send(frame(number))

    def receive(self, end):
        """The numbers of the frames that are there."""
        found = []
        while select.select([self.ends[end]], [], [], SILENCE)[0]:
            data = self.ends[end].recv(1 << 16)
            number = int.from_bytes(data[14:18], "big")
            equal(data, frame(number), "frame")
            found.append(number)
        return found

    def get(self, name):
        return self.qemu.execute("qom-get", path="/objects/link", property=name)

    def set(self, name, value):
        self.qemu.execute("qom-set", path="/objects/link", property=name, value=value)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.qemu.close()
        for ours in self.ends:
            ours.close()
        self.directory.cleanup()


@case
def impair_passes(machine):
    """A link without faults passes frames both ways, and counts them."""
    with Wire(machine, "loss=0") as wire:
        wire.send(0, 1, 2, 3)
        wire.send(1, 4, 5)
        equal(wire.receive(1), [1, 2, 3], "TX")
        equal(wire.receive(0), [4, 5], "RX")
        equal(wire.get("tx-frames"), 3, "tx-frames")
        equal(wire.get("rx-frames"), 2, "rx-frames")


@case
def impair_direction(machine):
    """dir=tx is what the other end of the filtered netdev sends."""
    with Wire(machine, "loss=100%,dir=tx") as wire:
        wire.send(0, 1)
        wire.send(1, 2)
        equal(wire.receive(1), [], "TX")
        equal(wire.receive(0), [2], "RX")
        equal(wire.get("tx-dropped"), 1, "tx-dropped")
        equal(wire.get("rx-dropped"), 0, "rx-dropped")


@case
def impair_clock(machine):
    """delay is time of the guest's clock."""
    with Wire(machine, "delay=5") as wire:
        wire.send(0, 1)
        equal(wire.receive(1), [], "at once")
        wire.qemu.clock_step(5 * MS - 1)
        equal(wire.receive(1), [], "just before")
        wire.qemu.clock_step(1)
        equal(wire.receive(1), [1], "after the delay")


@case
def impair_order(machine):
    """A reordered frame follows those that overtake it; a duplicate comes twice."""
    with Wire(machine, "reorder=100%,gap=2,to=1") as wire:
        wire.send(0, 1, 2, 3, 4)
        equal(wire.receive(1), [2, 3, 1, 4], "reordered")
    with Wire(machine, "duplicate=100%,from=2,to=2") as wire:
        wire.send(0, 1, 2, 3)
        equal(wire.receive(1), [1, 2, 2, 3], "duplicated")


@case
def impair_off(machine):
    """Switched off, the link lets go what it had, and does nothing any more."""
    with Wire(machine, "delay=5,reorder=100%,to=1") as wire:
        wire.send(0, 1, 2)
        equal(wire.receive(1), [], "held")
        wire.set("status", "off")
        equal(wire.receive(1), [2, 1], "released")
        wire.send(0, 3)
        equal(wire.receive(1), [3], "when off")
        wire.set("status", "on")
        wire.send(0, 4)
        equal(wire.receive(1), [], "when on again")
        wire.qemu.clock_step(5 * MS)
        equal(wire.receive(1), [4], "delayed again")


@case
def impair_removed(machine):
    """Taken away, the filter writes its counters and loses what it had."""
    with Wire(machine, "delay=5,loss=100%,from=2,to=2,rules=drop conn 1 tx fin") as wire:
        report = json.loads(wire.get("report"))
        equal(report["rules"], [{"rule": "drop conn 1 tx fin", "hits": 0}], "rules")
        wire.send(0, 1, 2, 3)
        equal(wire.receive(1), [], "held")
        equal(json.loads(wire.get("report"))["tx"]["frames"], 3, "frames in the report")
        wire.qemu.execute("object-del", id="link")
        equal(json.loads(wire.stats.read_text())["tx"]["dropped"], 1, "dropped in the file")
        wire.qemu.clock_step(10 * MS)
        equal(wire.receive(1), [], "held frames")
        wire.send(0, 4)
        equal(wire.receive(1), [4], "without the filter")


@case
def impair_options(machine):
    """Options can be read back, and not changed while the link is there."""
    with Wire(machine, "loss=1%,seed=7") as wire:
        equal([wire.get(name) for name in ("loss", "seed", "gap")], ["1%", "7", ""], "options")
        try:
            wire.set("loss", "2%")
        except RuntimeError as error:
            equal(str(error), "loss cannot be changed any more", "message")
        else:
            raise AssertionError("loss was changed")


@case
def impair_refuses(machine):
    """A bad option is one clear line, and QEMU does not start."""
    for option, message in (
            ("loss=often", "loss: \"often\" is not a share from 0% to 100%"),
            ("from=5,to=4", "from: 5 is behind to: 4"),
            ("rules=drop conn 1", "rule \"drop conn 1\": \"tx\" or \"rx\" is missing"),
            ("stats=/none/there", "Could not open '/none/there': No such file or directory")):
        done = subprocess.run(
            [machine.program, "-M", "none", "-display", "none", "-nodefaults",
             "-netdev", "hubport,id=port0,hubid=0",
             "-object", f"filter-impair,id=link,netdev=port0,{option}"],
            capture_output=True, text=True, timeout=20, check=False)
        equal(done.returncode, 1, f"status with {option}")
        equal(done.stderr.partition(": ")[2], message + "\n", option)


@case
def impair_help(machine):
    """Every option of the link has its line of help, and is in QEMU's schema."""
    done = subprocess.run([machine.program, "-object", "filter-impair,help"],
                          capture_output=True, text=True, timeout=20, check=True)
    described = {line.split("=")[0].strip() for line in done.stdout.splitlines()
                 if " - " in line}
    with Wire(machine, "loss=0") as wire:
        schema = wire.qemu.execute("query-qmp-schema")
    members = next({member["name"] for member in entry["members"]} for entry in schema
                   if entry["meta-type"] == "object"
                   and any(member["name"] == "jitter" for member in entry["members"]))
    own = members - {"netdev", "queue", "status", "position", "insert"}
    equal(sorted(described), sorted(own), "options with help")
