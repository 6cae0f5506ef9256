# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel's own test of kTLS, unmodified, from the newest source that Debian has.

Nothing of it is in this tree: it is taken out of the package and compiled when it is first
wanted.
"""

from . import linux_source

SELFTESTS = "tools/testing/selftests"
UAPI = "include/uapi"
TEST = f"{SELFTESTS}/net/tls.c"
PARTS = (TEST, f"{SELFTESTS}/kselftest.h", f"{SELFTESTS}/kselftest_harness.h",
         f"{UAPI}/linux/tls.h")


def _programs(directory):
    yield (f"-I{directory / SELFTESTS}", f"-I{directory / UAPI}",
           "-o", directory / "tls", directory / TEST)


# The program is at its top, and is called tls.
TREE = linux_source.Parts("linux-net-tls", PARTS, ("gcc", "-O2"), _programs)
