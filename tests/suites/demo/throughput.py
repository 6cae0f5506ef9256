# SPDX-License-Identifier: GPL-2.0-or-later
"""One sender, three ways: plain TCP, kTLS in software, kTLS in the NIC. The far end
throws away what comes, so that it costs the same each time."""

import os
import socket
import tempfile
import threading
import time

from lib import evidence, ktls, nic, tcp
from lib.system import NETIF, run
from . import show

ROUNDS = 3
CHUNK = 1 << 20


def _sink(sock):
    buffer = bytearray(CHUNK)
    while sock.recv_into(buffer, CHUNK, socket.MSG_TRUNC):
        pass


def one(file, size, mode):
    """Megabytes a second of one transfer; fails if it did not run as it should."""
    run("ethtool", "-K", NETIF, nic.TLS_TX_FLAG, "on" if mode == "offload" else "off")
    near, far = tcp.connect(4)
    with tcp.closing(near, far):
        if mode != "plain":
            ktls.install(near, ktls.Keys())
        want = {"plain": "none", "software": "sw", "offload": "hw"}[mode]
        if evidence.txconf(near) != want:
            raise RuntimeError(f"{mode}: ss says txconf {evidence.txconf(near)}")
        reader = threading.Thread(target=_sink, args=(far,))
        reader.start()
        begin, at = time.monotonic(), 0
        while at < size:
            at += os.sendfile(near.fileno(), file.fileno(), at, min(CHUNK, size - at))
        near.shutdown(socket.SHUT_WR)
        reader.join()
        return size / 1e6 / (time.monotonic() - begin)


def throughput(megabytes):
    size = megabytes << 20
    best = {"plain": 0, "software": 0, "offload": 0}
    with tempfile.TemporaryFile(dir="/tmp") as file:
        file.write(tcp.data("throughput", size))
        file.flush()
        for _ in range(ROUNDS):             # in turns, so that all see the same machine
            for mode in best:
                best[mode] = max(best[mode], one(file, size, mode))
    titles = {"plain": "plain TCP", "software": "software kTLS", "offload": "offloaded kTLS"}
    for mode, rate in best.items():
        show("throughput" if mode == "plain" else "",
             f"{titles[mode]:<15} {rate:6.1f} MB/s  {rate / best['plain']:5.2f} x plain")
    gain = best["offload"] / best["software"]
    show("", f"offloaded / software {gain:.2f}", gain > 1)
