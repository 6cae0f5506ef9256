# SPDX-License-Identifier: GPL-2.0-or-later
"""Suite tls-rx: kTLS receive offload."""

from lib import nic, rx
from lib.system import REMOTE_NS, remote_netif, run, sysctl


def setup():
    """Once per guest. No tail loss probes: a slow machine would make TCP repeat
    segments that were not lost. One queue at the far end: what is sent in order by
    hand goes out in order, on whatever CPU the sender runs."""
    nic.only_on_ktlsnic()
    run("modprobe", "tls")
    for ns in (None, REMOTE_NS):
        sysctl("net.ipv4.tcp_early_retrans", 0, ns)
    run("ethtool", "-L", remote_netif(), "combined", 1, ns=REMOTE_NS)
    rx.ready()
