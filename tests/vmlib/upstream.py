# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel's own tests of drivers, from the newest source that Debian has.

Nothing of them is in this tree, and nothing in them is changed: they are taken out of the
package when they are first wanted.
"""

from . import linux_source

SELFTESTS = "tools/testing/selftests"
# The tests, the libraries that they import, and the descriptions of netlink families.
PARTS = (f"{SELFTESTS}/drivers/net", f"{SELFTESTS}/net/lib", "tools/testing/kunit",
         "tools/net/ynl", "Documentation/netlink")
# The BPF programs that the tests we run load.  GCC does for these; others want clang.
BPF = (f"{SELFTESTS}/net/lib/xdp_dummy.bpf.c",)
INCLUDE = ("-I/usr/include", "-I/usr/include/x86_64-linux-gnu")


def _programs(directory):
    for source in (directory / name for name in BPF):
        yield *INCLUDE, "-c", "-o", source.with_suffix(".o"), source


TREE = linux_source.Parts("linux-selftests", PARTS, ("bpf-gcc", "-O2"), _programs)
