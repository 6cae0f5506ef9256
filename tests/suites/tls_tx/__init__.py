# SPDX-License-Identifier: GPL-2.0-or-later
"""Suite tls-tx: kTLS transmit offload."""

from lib import nic
from lib.system import REMOTE_NS, run, sysctl


def setup():
    """Once per guest. No tail loss probes: a slow machine would make TCP repeat
    segments that were not lost, and exact counts would not be exact. No receive
    offload at the far end: captures shall show the frames of the wire."""
    nic.only_on_ktlsnic()
    run("modprobe", "tls")
    for ns in (None, REMOTE_NS):
        sysctl("net.ipv4.tcp_early_retrans", 0, ns)
    nic.remote().set(gro=False)


def ready(tso=True):
    """The flags of an offload case, whatever the case before left."""
    nic.local().set(**{nic.TLS_TX_FLAG: True}, tso=tso)
