# SPDX-License-Identifier: GPL-2.0-or-later
"""The suites: what each runs, and which names there will be later."""

import itertools
import os
import pathlib
import re
import sys

from .jobs import IN_OUTPUT, Job, file_name

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
TESTS = TOP / "tests"
GUEST_TESTS = "/mnt/tests"              # where a guest sees the directory tests/
SPARE_SECONDS = 60                      # a guest's boot, beyond what its cases may take

_guests = itertools.count(1)

sys.path.insert(0, str(TESTS / "suites"))
import plan                                                     # noqa: E402
from vmlib import debian_kernel, environ                        # noqa: E402
from vmlib.options import default_kernel                        # noqa: E402

LATER = ("lifecycle", "apps", "traffic", "hostile")
# In the order in which they run: jobs that are short come last, so that no CPU is idle for
# long in the end.
NAMES = ("unit", "vm", "net-tls", "upstream", *plan.SUITES)
UPSTREAM = {"ping": "drivers/net/ping.py"}      # the kernel's own tests that pass
UPSTREAM_SECONDS = 300
# What is in tests/net-tls, and what runs where all is asked for. Only Debian's kernel with all
# drivers has igb, and all modules that need tls.ko.
NET_TLS = {"selftest": ("run",)} | {name: ("cases", name) for name in
                                    ("calls", "io_uring", "sockmap", "async_aead", "interop",
                                     "consumer", "modules")}
NET_TLS_EVERY = NET_TLS | {"selftest": ("run", "--every"), "pair": ("run", "--pair"),
                           "keys": ("cases", "keys"), "nvme": ("cases", "nvme"),
                           "unload": ("cases", "unload"),
                           "all-modules": ("cases", "modules", "--nic", "igb"),
                           "layout": ("layout",), "fuzz": ("fuzz",), "dkms": ("dkms",)}
# What only a kernel that checks itself can run; the cases themselves say what it may say.
NET_TLS_DEBUG = {"memory": ("cases", "memory", "--no-fail-on-splat")}
DEBIANS_ONLY = ("modules", "all-modules", "layout", "nvme", "dkms")      # of its packages, or its modules
NET_TLS_SECONDS = {"dkms": 3600}        # it makes a Debian first
OTHER_NET_TLS_SECONDS = 1200
IN_GUEST = (*plan.SUITES, *plan.DEBUG_SUITES)


def _unit():
    return [Job("unit/tools", ("/usr/bin/python3", str(TESTS / "checklib/selftest.py")), 60),
            Job("unit/model", ("make", "--no-print-directory", "-s", "-C", str(TESTS / "unit"),
                         "check"), 900)]


def _face():
    """The QEMU side of the card, without a guest."""
    return Job("nic/face", ("/usr/bin/python3", str(TESTS / "face/run")), 300)


def _vm():
    """What tests/vm promises; it boots guests of its own."""
    return Job("vm/guests", ("/usr/bin/python3", str(TESTS / "vmtest/run")), 900)


def _ktap():
    """What is written here as KTAP, read by the kernel's own parser."""
    return Job("upstream/ktap", ("/usr/bin/python3", str(TESTS / "checklib/selftest.py"),
                                 "--upstream"), 120)


def _in_vm(name, program, options, words, seconds, **more):
    """A job of one guest: the program, below tests/, is vm or takes its options; words follow
    them. more: of the Job."""
    seconds = environ.scaled(seconds)
    console, facts = (f"{file_name(name)}.{kind}" for kind in ("console", "json"))
    command = (str(TESTS / program), *options, "--console", IN_OUTPUT + console,
               "--facts", IN_OUTPUT + facts, "--timeout", str(seconds), *words)
    return Job(name, command, seconds + environ.scaled(SPARE_SECONDS), logs=(console,),
               facts=facts, **more)


def _upstream(test, vm_options, label):
    """A test of the kernel's own, unmodified. It gives a ping of 64 KB half a second, which is
    not enough beside two other guests, and so runs alone."""
    return _in_vm(f"{label}upstream/{test}", "upstream/run", vm_options, (UPSTREAM[test],),
                  UPSTREAM_SECONDS, alone=True)


def _net_tls(what, words, vm_options, label):
    """One of the tests of kTLS, with our tls.ko unless another is asked for."""
    program, *options = words
    return _in_vm(f"{label}net-tls/{what}", f"net-tls/{program}", (*options, *vm_options), (),
                  NET_TLS_SECONDS.get(what, OTHER_NET_TLS_SECONDS))


def _guest(suite, group, vm_options, label, choice):
    run = f"{os.getpid()}-{next(_guests)}"
    own = (option.replace("{run}", run) for option in group.vm)
    command = ("--", "/usr/bin/python3", "-B", f"{GUEST_TESTS}/suites/run.py", suite, group.name,
               *choice.arguments())
    return _in_vm(f"{label}{suite}/{group.name}", "vm",
                  (*vm_options, *own, "--share", f"{TESTS}:{GUEST_TESTS}"), command, group.limit(choice),
                  expected=tuple(case.name for case in group.cases(choice)), alone=group.alone)


def jobs(names, vm_options=(), choice=plan.DEFAULT):
    """All jobs of these suites; with patterns only those guests that have such cases."""
    return host_jobs(names, choice) + guest_jobs(names, vm_options, choice=choice)


def host_jobs(names, choice=plan.DEFAULT):
    """The jobs of these suites that no guest, and so no kernel, has a part in."""
    if choice.only:
        return []
    return ((_unit() if "unit" in names else []) + ([_vm()] if "vm" in names else [])
            + ([_face()] if "nic" in names else [])
            + ([_ktap()] if "upstream" in names else []))


def guest_jobs(names, vm_options=(), label="", choice=plan.DEFAULT, variant=None):
    """The jobs of these suites that run in a guest, of those groups that are for the
    variant, if one is given; their names begin with the label."""
    return [job for name in names
            for job in _jobs_of(name, vm_options, label, choice, variant)]


def _jobs_of(name, vm_options, label, choice, variant):
    if name in IN_GUEST:
        return [_guest(name, group, vm_options, label, choice) for group in plan.suite(name)
                if (not variant or variant in group.variants) and group.cases(choice)
                and not (group.tls == plan.OURS and _before_ours(vm_options))]
    if choice.only:
        return []
    if name == "upstream":
        return [_upstream(test, vm_options, label) for test in UPSTREAM]
    if name == "net-tls" and not _before_ours(vm_options):
        return net_tls_jobs(NET_TLS_EVERY if choice.every else NET_TLS, vm_options, label)
    return []


def net_tls_jobs(programs, vm_options=(), label=""):
    """The jobs of suite net-tls that run these, name -> words, if the kernel can have them."""
    return [_net_tls(name, words, vm_options, label) for name, words in programs.items()
            if name not in DEBIANS_ONLY or debian_kernel.is_version(_kernel(vm_options))]


def _before_ours(vm_options):
    """Whether the kernel that is asked for is one that our tls.ko is not for."""
    match = re.match(r"(\d+)\.(\d+)", _kernel(vm_options))
    return bool(match) and (int(match[1]), int(match[2])) < (6, 12)


def _kernel(vm_options):
    """The kernel that these options ask for."""
    words = list(vm_options)
    return words[words.index("--kernel") + 1] if "--kernel" in words else default_kernel()


def shard(jobs_of_all, part):
    """Part k of n: every n-th job, so that neighbours, which are alike, are dealt out."""
    number, parts = part
    return jobs_of_all[number - 1::parts]


def complaint(names, there=NAMES):
    """One line about the first name that cannot be run, or None."""
    for name in names:
        if name in LATER:
            return (f"suite {name} comes with a later version; there are now: "
                    f"{' '.join(there)}")
        if name not in there:
            return f"no suite {name}; there are: {' '.join(there)}"
    return None
