# SPDX-License-Identifier: GPL-2.0-or-later
"""Which suites run in a guest, and what each of their guests looks like.

A suite is a list of groups; a group is one boot. `tests/check` reads this on the
host to know what has to run, `run.py` in the guest to run it."""

import importlib
import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Group:
    name: str
    package: str                # its setup() is called once
    modules: tuple              # each has a registry of cases
    vm: tuple = ()              # options of tests/vm
    seconds: int = 900          # for the whole guest

    def setup(self):
        return importlib.import_module(self.package).setup

    def cases(self):
        names = [f"{self.package}.{module}" for module in self.modules]
        if os.environ.get("KTLSNIC_ENDING"):
            names.append("lib.ending")
        return [case for name in names for case in importlib.import_module(name).registry.cases]


# A serial port that leads to QEMU's own monitor. {run} is another word in each run.
MONITOR_OPTIONS = tuple(word for argument in (
    "-chardev", "socket,id=monitor-end,path=ktlsnic-monitor-{run},abstract=on,"
                "server=on,wait=off",
    "-mon", "chardev=monitor-end,mode=control",
    "-chardev", "socket,id=monitor-port,path=ktlsnic-monitor-{run},abstract=on",
    "-device", "virtserialport,bus=serial.0,nr=7,chardev=monitor-port,name=ktlsnic.monitor",
) for word in (f"--qemu-arg={argument}",))

# What the far port sends is hit by chance, and some of it in every connection: the
# segments with two headers, a repetition from long ago, a segment that comes late.
IMPAIRED = ("dir=rx,data-only=on,loss=1%,reorder=1%,duplicate=0.5%,corrupt=0.5%,seed={seed},"
            "rules=drop conn any rx byte 40000 times 2;duplicate conn any rx segment 40 by 30;"
            "reorder conn any rx segment 90 by 12")

def third_port(**properties):
    """Another port in the root namespace, below a root port of its own. It is down."""
    extra = "".join(f",{name}={value}" for name, value in properties.items())
    arguments = ("-netdev", "hubport,id=link2,hubid=0",
                 "-device", "pcie-root-port,id=slot2,chassis=3,addr=0x12",
                 "-device", "ktlsnic,id=nic2,bus=slot2,netdev=link2,mac=02:00:00:00:03:03,romfile="
                 + extra)
    return tuple(f"--qemu-arg={argument}" for argument in arguments)


SUITES = {
    "nic": (
        Group("plain", "nic", ("basic", "traffic", "checksum", "vlan", "filters", "settings",
                               "life"), vm=MONITOR_OPTIONS),
    ),
    "tls-tx": (
        Group("stream", "tls_tx", ("stream", "numbers", "pages", "software", "library"),
              vm=MONITOR_OPTIONS),
        Group("order", "tls_tx", ("retransmit", "wrap", "forged", "ends", "loss", "ring"),
              vm=MONITOR_OPTIONS),
        Group("live", "tls_tx", ("live", "queues", "control"), vm=MONITOR_OPTIONS),
        Group("command", "tls_tx", ("command",),
              vm=(*MONITOR_OPTIONS, "--device", "tls-tx-replay=off")),
        Group("keys", "tls_tx", ("keys",), vm=("--append", "init_on_free=1", "--memory", "512")),
        Group("soak", "tls_tx", ("soak",), vm=MONITOR_OPTIONS),
        Group("bounce", "tls_tx", ("bounce",),
              vm=("--device", "queues=1", "--append", "swiotlb=2048,force",
                  *third_port(queues=13))),
        Group("bond", "tls_tx", ("route",), vm=(*MONITOR_OPTIONS, *third_port())),
        Group("small", "tls_tx", ("small",),
              vm=("--device", "tls-tx-contexts=4,tls12-tx-aes-gcm-256=off")),
    ),
    "tls-rx": (
        Group("async", "tls_rx", ("framing", "stream", "resync", "races", "live",
                                  "bulk"),
              vm=(*MONITOR_OPTIONS, "--append", "iomem=relaxed"), seconds=1500),
        Group("scan", "tls_rx", ("resync", "bulk"), seconds=1200,
              vm=(*MONITOR_OPTIONS, "--device", "tls-rx-resync=scan")),
        Group("hint", "tls_rx", ("hint",), seconds=1200,
              vm=(*MONITOR_OPTIONS, "--device", "tls-rx-resync=hint")),
        Group("small", "tls_rx", ("small",),
              vm=("--device", "tls-rx-contexts=4,tls12-rx-aes-gcm-256=off")),
        *(Group(f"impaired-{mode}", "tls_rx", ("impaired",),
                vm=("--device", f"tls-rx-resync={mode}", "--link", IMPAIRED.format(seed=seed)))
          for seed, mode in enumerate(("async", "scan", "hint"), 11)),
    ),
}


# Only on a kernel that checks itself: `tests/check --debug`.
DEBUG_SUITES = {
    "faults": (
        # The runner looks for splats; failed page allocations come with a call trace.
        Group("memory", "faults", ("port", "streams"),
              vm=(*MONITOR_OPTIONS, "--no-fail-on-splat")),
    ),
}


def suite(name):
    """The groups of a suite."""
    return SUITES.get(name) or DEBUG_SUITES[name]


def group(suite_name, name):
    for candidate in suite(suite_name):
        if candidate.name == name:
            return candidate
    raise KeyError(f"suite {suite_name} has no group {name}")
