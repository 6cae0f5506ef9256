# SPDX-License-Identifier: GPL-2.0-or-later
"""What the guest's kernel has and lacks, found by looking for it, never by its version."""

import functools
import pathlib

from . import kallsyms
from .system import NETIF, ip_json

TYPES = pathlib.Path("/sys/kernel/btf/vmlinux")


@functools.cache
def has(symbol):
    """Is there a function or variable of that name, in the kernel or a loaded module?"""
    return kallsyms.has(symbol)


@functools.cache
def lacks_field(name):
    """Is there no structure with such a field, as far as the kernel describes its own?"""
    try:
        return name.encode() not in TYPES.read_bytes().split(b"\0")
    except FileNotFoundError:
        return False


def software_closes_spliced_records():
    """With sendpage, software kTLS does not see that more is to come (MSG_MORE): it closes
    a record with nearly each piece. kTLS on a device has always waited for the rest."""
    return has("tls_sw_sendpage")


def forgets_spliced_records():
    """A device's record is left open when sendfile finds the file shorter than it was told,
    and close() drops it. Kernels with splice_eof say in time that nothing will follow."""
    return not has("tls_device_splice_eof") and not has("ktls_splice_eof")


def big_tcp_families():
    """The IP versions over which packets above 64 KB can be made for any driver. Kernels
    that cannot over IPv4 put a header into those of IPv6, which a driver would have to
    take away, and have no function that does."""
    link, = ip_json("link", "show", "dev", NETIF)
    return (4, 6) if "gso_ipv4_max_size" in link else ()
