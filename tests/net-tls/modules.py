# SPDX-License-Identifier: GPL-2.0-or-later
"""The distribution's own modules that import from tls.ko load on top of this one; runs in the
guest."""

import pathlib
import platform
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path += [str(HERE.parent / "suites"), str(HERE.parent)]

from lib import nic, runner, system                     # noqa: E402
from lib.cases import Registry, check, equal            # noqa: E402

registry = Registry()
TLS = pathlib.Path("/sys/module/tls")
# Debian's kernel for clouds is without the drivers of the two NICs.
CLOUD = platform.release().endswith("cloud-amd64")
IMPORTERS = ("bonding",) if CLOUD else ("bonding", "nfp", "cxgb4")


def loads(_context, name):
    """The module resolves its symbols in the tls.ko that is loaded, which it then holds; without
    it that one can go and come again."""
    check("tls" in system.run("modinfo", "-F", "depends", name).strip().split(","),
          f"{name} needs nothing of tls.ko")
    which = system.stock_tls()
    system.run("modprobe", name)
    holders = [path.name for path in (TLS / "holders").iterdir()]
    check(name in holders, f"tls.ko is held by {holders or 'nobody'}, not by {name}")
    check(not system.succeeds("rmmod", "tls"), f"tls.ko could be unloaded under {name}")
    system.run("modprobe", "-r", name)
    system.run("modprobe", "tls")
    equal(system.stock_tls(), which, "whether tls.ko is the kernel's own")


for _name in IMPORTERS:
    registry.add(f"loads-on-top/{_name}", loads, _name)


def setup():
    system.run("modprobe", "tls")


if __name__ == "__main__":
    sys.exit(0 if runner.run(registry.cases, setup, nic.recover) else 1)
