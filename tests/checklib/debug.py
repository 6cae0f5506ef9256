# SPDX-License-Identifier: GPL-2.0-or-later
"""What `make check-debug` runs: suites on a kernel that checks itself, plain and
behind an IOMMU."""

import dataclasses
import os

from vmlib import debug_kernel, environ

from . import suites

TIME_SCALE = 4              # how much slower the debug kernel may be
# Guests that take long come first, so that both cores have work until the end.
NAMES = ("tls-rx", "nic", "faults", "tls-tx", "net-tls")
# Of suite net-tls what finds something there that it does not elsewhere; with --every as well
# what takes long.
NET_TLS = ("consumer", "calls", "memory")
NET_TLS_EVERY = (*NET_TLS, "selftest", "interop", "unload", "fuzz")
# KASAN stops reporting after its first finding unless told otherwise; a busy host
# makes a guest's CPU stand still for longer than the watchdog's 20 seconds; after an
# oops locks are held for ever, so that every case to come would only wait. Memory that is
# allocated is full of 6b, for those who read it before they write it.
VM = ("--append", "kasan_multi_shot", "--append", "watchdog_thresh=60",
      "--append", "oops=panic", "--append", "page_owner=on", "--append", "slub_debug=P")
VARIANTS = {suites.plan.PLAIN: (), suites.plan.IOMMU: ("--iommu",)}


def prepare():
    """Say it to whatever we start: limits are longer, guests end with further cases."""
    os.environ.setdefault(environ.SCALE, str(TIME_SCALE))
    os.environ[environ.ENDING] = "1"


def options(vm):
    """The options of tests/vm; the user's own come last."""
    kernel = os.environ.get("KDIR") or debug_kernel.NAME
    return ["--kernel", kernel, *VM, *vm]


def jobs(names, vm, choice=suites.plan.DEFAULT, variants=tuple(VARIANTS)):
    """Unless every case is asked for, they take turns: every second one runs plain, the
    others behind the IOMMU; of those that differ in address family, cipher, TSO or rate of
    loss alone one runs. What is asked for by name runs in both."""
    jobs_of_guests = [job for turn, variant in enumerate(VARIANTS) if variant in variants
                      for job in suites.guest_jobs(
                          [name for name in names if name != "net-tls"],
                          [*vm, *VARIANTS[variant]], f"{variant}/",
                          choice if choice.every else dataclasses.replace(choice, turn=turn),
                          None if choice.every or choice.only else variant)]
    if "net-tls" not in names or choice.only or suites.plan.PLAIN not in variants:
        return jobs_of_guests
    wanted = NET_TLS_EVERY if choice.every else NET_TLS
    programs = suites.NET_TLS_EVERY | suites.NET_TLS_DEBUG
    return jobs_of_guests + suites.net_tls_jobs({name: programs[name] for name in wanted}, vm,
                                                f"{suites.plan.PLAIN}/")
