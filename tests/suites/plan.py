# SPDX-License-Identifier: GPL-2.0-or-later
"""Which suites run in a guest, and what each of their guests looks like.

A suite is a list of groups; a group is one boot. `tests/check` reads this on the
host to know what has to run, `run.py` in the guest to run it."""

import fnmatch
import importlib
import itertools
import math
import os
import re
import zlib
from dataclasses import dataclass, replace

from lib.cases import CASE_SECONDS
from lib.ktls import SHORT

# The parts of a case's name that say what it is done with, not what is done.
PARAMETER = re.compile(r"v[46]|128|256|1\.[23]-(?:gcm128|gcm256|ccm|chacha)|tso|no-tso"
                       r"|loss-[0-9.]+-percent")
CIPHER = re.compile(r"(1\.[23])-(\w+)")
TLS = STOCK, OURS = "stock", "ours"         # whose tls.ko the guest has


@dataclass(frozen=True)
class Choice:
    """Which cases of a group to run. If nothing is said: of those that differ in parameters
    alone so many that each pair of values of two parameters is met, and no case that is for
    `every`. What is asked for by name runs in all its combinations."""
    only: tuple = ()            # patterns: one must be in the name (or match it, with *)
    turn: int = None            # one of each that differ in parameters alone; which one
    every: bool = False         # all of them
    tls: str = STOCK            # only those for this tls.ko; None: for either

    def of(self, cases, alternate=False):
        """alternate: of what is left only every second one, unless it is asked for by
        name; the others at the next turn."""
        cases = [case for case in cases if self.tls is None or case.tls in (None, self.tls)]
        if self.only:
            cases = [case for case in cases if self.names(case.name)]
        elif not self.every:
            cases = [case for case in cases if not case.every]
        if self.turn is not None:
            return _one_of_each(cases, self.turn, alternate and not self.only)
        return cases if self.every or self.only else _pairs(cases)

    def names(self, name):
        """Whether the case is asked for by name."""
        return any(pattern in name or fnmatch.fnmatch(name, pattern) for pattern in self.only)

    def arguments(self):
        """The same for run.py."""
        turn = () if self.turn is None else ("--turn", str(self.turn))
        every = ("--every",) if self.every else ()
        return (*turn, *every, *(word for pattern in self.only for word in ("--only", pattern)))


DEFAULT = Choice()
EVERYTHING = Choice(every=True, tls=None)


def _alike(cases):
    """Base name -> cases that differ in parameters alone."""
    alike = {}
    for case in cases:
        base = "/".join(part for part in case.name.split("/") if not PARAMETER.fullmatch(part))
        alike.setdefault(base, []).append(case)
    return alike


def _pairs(cases):
    """So many of each family that any two values of two parameters meet in one of them:
    4 of 8 where there are three parameters of two values."""
    chosen = set()
    for base, family in _alike(cases).items():
        if zlib.crc32(base.encode()) & 1:       # not the same half for every family
            family = family[::-1]
        pairs = _pairs_of(family)
        left = set().union(*pairs.values())
        while left:
            best = max(pairs, key=lambda name: len(pairs[name] & left))
            chosen.add(best)
            left -= pairs[best]
    return [case for case in cases if case.name in chosen]


def _pairs_of(family):
    """Name -> which values of two parameters meet in that case; of one alone, and of none, the
    name. What is the same in all of them is no parameter."""
    values = {case.name: list(_values(case.name)) for case in family}
    varied = [len(set(column)) > 1 for column in itertools.zip_longest(*values.values())]
    return {name: set(itertools.combinations(
                      itertools.compress(enumerate(row), varied), 2)) or {name}
            for name, row in values.items()}


def _values(name):
    """Those of its parameters. Version and cipher are two."""
    for part in name.split("/"):
        if PARAMETER.fullmatch(part):
            cipher = CIPHER.fullmatch(SHORT.get(part, part))
            yield from cipher.groups() if cipher else (part,)


def _one_of_each(cases, turn, alternate):
    """Another one at each turn, and another combination for each case, so that every
    combination is met all the same. alternate: every second case only, and those for both
    variants."""
    bases = list(_alike(cases).items())
    chosen = set()
    for number, (base, family) in enumerate(bases):
        if alternate and number % 2 != turn % 2 and not family[0].both:
            continue
        step = len(family) // 2 + 1 if len(family) > 2 else 1
        chosen.add(family[(zlib.crc32(base.encode()) + turn * step) % len(family)].name)
    return [case for case in cases if case.name in chosen]


VARIANTS = PLAIN, IOMMU = "plain", "iommu"


@dataclass(frozen=True)
class Group:
    name: str
    package: str                # its setup() is called once
    modules: tuple              # each has a registry of cases
    vm: tuple = ()              # options of tests/vm
    seconds: int = 900          # for the whole guest, with all cases for the stock tls.ko
    # In which `tests/check --debug` runs it, unless asked for every case. One is enough
    # where all that an IOMMU could tell is told by another group, none where all that
    # the driver does is done in others.
    variants: tuple = VARIANTS
    alone: bool = False         # compares times: nothing else may run on the host

    @property
    def tls(self):
        """Whose tls.ko this guest has in any run, or None."""
        return self.vm[self.vm.index("--tls") + 1] if "--tls" in self.vm else None

    def limit(self, choice):
        """Seconds for the chosen cases, of which there are more with our tls.ko."""
        usual = len(self.cases(Choice(every=True)))
        return self.seconds * max(1, math.ceil(len(self.cases(choice)) / usual))

    def setup(self):
        return importlib.import_module(self.package).setup

    def cases(self, choice=DEFAULT):
        """The chosen ones; what a guest ends with belongs to any of them, but for what
        takes long, which belongs to a choice by name only if it is named."""
        if self.tls:
            choice = replace(choice, tls=self.tls)
        found = choice.of([case for module in self.modules
                           for case in _cases(f"{self.package}.{module}")],
                          alternate=self.variants == VARIANTS)
        if found and os.environ.get("KTLSNIC_ENDING"):
            found += [case for case in _cases("lib.ending")
                      if case.seconds <= CASE_SECONDS or choice.of([case])]
        return found


def _cases(module):
    return importlib.import_module(module).registry.cases


# A serial port that leads to QEMU's own monitor. {run} is another word in each run.
MONITOR_OPTIONS = tuple(word for argument in (
    "-chardev", "socket,id=monitor-end,path=ktlsnic-monitor-{run},abstract=on,"
                "server=on,wait=off",
    "-mon", "chardev=monitor-end,mode=control",
    "-chardev", "socket,id=monitor-port,path=ktlsnic-monitor-{run},abstract=on",
    "-device", "virtserialport,bus=serial.0,nr=7,chardev=monitor-port,name=ktlsnic.monitor",
) for word in (f"--qemu-arg={argument}",))


def third_port(**properties):
    """Another port in the root namespace, below a root port of its own. It is down."""
    extra = "".join(f",{name}={value}" for name, value in properties.items())
    arguments = ("-netdev", "hubport,id=link2,hubid=0",
                 "-device", "pcie-root-port,id=slot2,chassis=3,addr=0x12",
                 "-device", "ktlsnic,id=nic2,bus=slot2,netdev=link2,mac=02:00:00:00:03:03,romfile="
                 + extra)
    return tuple(f"--qemu-arg={argument}" for argument in arguments)


def few_ciphers(direction, contexts):
    """A device with so many contexts and half of the pairs of version and cipher."""
    return ",".join((f"tls-{direction}-contexts={contexts}", *(
        f"{version}-{direction}-{cipher}=off" for version, cipher in (
            ("tls12", "aes-gcm-256"), ("tls12", "aes-ccm-128"), ("tls13", "aes-gcm-256"),
            ("tls13", "chacha20-poly1305")))))


SUITES = {
    "tls-rx": (
        Group("async", "tls_rx", ("framing", "stream", "inner", "resync", "races",
                                  "before_keys", "gro", "repeated", "matching", "reset", "life", "adding",
                                  "commands", "redirect", "bulk", "impaired"),
              vm=(*MONITOR_OPTIONS, "--append", "iomem=relaxed"), seconds=1500),
        Group("scan", "tls_rx", ("resync", "bulk", "impaired"), seconds=1200,
              vm=(*MONITOR_OPTIONS, "--device", "tls-rx-resync=scan"), variants=(IOMMU,)),
        Group("hint", "tls_rx", ("hint",), seconds=1200,
              vm=(*MONITOR_OPTIONS, "--device", "tls-rx-resync=hint"), variants=(PLAIN,)),
        Group("keys", "tls_rx", ("keys",), vm=("--append", "init_on_free=1", "--memory", "512"),
              variants=()),
        Group("rekey", "tls_rx", ("rekey",), vm=(*MONITOR_OPTIONS, "--tls", "ours")),
        Group("rekey-small", "tls_rx", ("rekey_small",), variants=(PLAIN,),
              vm=(*MONITOR_OPTIONS, "--tls", "ours", "--device", "tls-rx-contexts=4")),
        Group("small", "tls_rx", ("small",),
              vm=("--device", few_ciphers("rx", contexts=4)), variants=(PLAIN,)),
    ),
    "tls-tx": (
        Group("stream", "tls_tx",
              ("stream", "numbers", "pages", "software", "library", "retransmit", "wrap",
               "forged", "ends", "loss", "ring", "features", "mtu", "down", "queues", "adding",
               "control"), vm=(*MONITOR_OPTIONS, "--append", "iomem=relaxed"), seconds=1500),
        Group("command", "tls_tx", ("command",),
              vm=(*MONITOR_OPTIONS, "--device", "tls-tx-replay=off"), variants=(PLAIN,)),
        Group("keys", "tls_tx", ("keys",), vm=("--append", "init_on_free=1", "--memory", "512"),
              variants=()),
        Group("soak", "tls_tx", ("soak",), vm=MONITOR_OPTIONS, variants=(PLAIN,)),
        Group("bounce", "tls_tx", ("bounce",),
              vm=("--device", "queues=1", "--append", "swiotlb=2048,force",
                  *third_port(queues=13)), variants=(PLAIN,)),
        Group("bond", "tls_tx", ("route",), vm=(*MONITOR_OPTIONS, *third_port()),
              variants=(PLAIN,)),
        Group("rekey", "tls_tx", ("rekey", "packets"), vm=(*MONITOR_OPTIONS, "--tls", "ours")),
        Group("rekey-small", "tls_tx", ("rekey_small",), variants=(PLAIN,),
              vm=(*MONITOR_OPTIONS, "--tls", "ours", "--device", "tls-tx-contexts=4")),
        Group("small", "tls_tx", ("small",),
              vm=("--device", few_ciphers("tx", contexts=4)), variants=(PLAIN,)),
    ),
    "nic": (
        Group("plain", "nic", ("basic", "traffic", "checksum", "vlan", "filters", "settings",
                               "life"), vm=(*MONITOR_OPTIONS, "--append", "iomem=relaxed")),
        Group("broken", "nic", ("broken",),
              vm=("--device", "queues=1", "--append", "iomem=relaxed"), variants=(PLAIN,)),
        # The watchdog's complaint is wanted; the runner looks at what else the kernel says.
        Group("reset", "nic", ("reset",), vm=(*MONITOR_OPTIONS, "--no-fail-on-splat"),
              seconds=400),
    ),
}


# Only on a kernel that checks itself: `tests/check --debug`.
DEBUG_SUITES = {
    "faults": (
        # The runner looks for splats; failed page allocations come with a call trace.
        Group("memory", "faults", ("port", "receive", "streams"),
              vm=(*MONITOR_OPTIONS, "--no-fail-on-splat"), variants=(IOMMU,)),
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
