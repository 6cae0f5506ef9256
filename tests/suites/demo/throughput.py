# SPDX-License-Identifier: GPL-2.0-or-later
"""One sender, and one receiver, three ways: plain TCP, kTLS in software, kTLS in the NIC.
What comes is thrown away, so that it costs the same each time."""

import os
import socket
import tempfile
import threading
import time

from lib import evidence, ktls, nic, rx, tcp
from lib.system import NETIF, REMOTE_NS, remote_netif, run
from . import show

ROUNDS = 3
CHUNK = 1 << 20


def _sink(sock):
    buffer = bytearray(CHUNK)
    while sock.recv_into(buffer, CHUNK):
        pass


def one(file, size, mode, receive):
    """Megabytes a second of one transfer; fails if it did not run as it should. The end
    that is not looked at is offloaded in each mode with kTLS, so that it costs little."""
    flag = rx.FLAG if receive else nic.TLS_TX_FLAG
    run("ethtool", "-K", NETIF, flag, "on" if mode == "offload" else "off")
    near, far = tcp.connect(4)
    sender, receiver = (far, near) if receive else (near, far)
    with tcp.closing(near, far):
        if mode != "plain":
            ktls.install(sender, ktls.Keys())
            if receive:
                ktls.install(receiver, ktls.Keys(), ktls.TLS_RX)
        want = {"plain": "none", "software": "sw", "offload": "hw"}[mode]
        conf = (rx.rxconf if receive else evidence.txconf)(near)
        if conf != want:
            raise RuntimeError(f"{mode}: ss says {conf}")
        reader = threading.Thread(target=_sink, args=(receiver,))
        reader.start()
        begin, at = time.monotonic(), 0
        while at < size:
            at += os.sendfile(sender.fileno(), file.fileno(), at, min(CHUNK, size - at))
        sender.shutdown(socket.SHUT_WR)
        reader.join()
        return size / 1e6 / (time.monotonic() - begin)


def _compare(file, size, receive):
    best = {"plain": 0, "software": 0, "offload": 0}
    for _ in range(ROUNDS):                 # in turns, so that all see the same machine
        for mode in best:
            best[mode] = max(best[mode], one(file, size, mode, receive))
    titles = {"plain": "plain TCP", "software": "software kTLS", "offload": "offloaded kTLS"}
    for mode, rate in best.items():
        show(("receiving" if receive else "sending") if mode == "plain" else "",
             f"{titles[mode]:<15} {rate:6.1f} MB/s  {rate / best['plain']:5.2f} x plain")
    gain = best["offload"] / best["software"]
    show("", f"offloaded / software {gain:.2f}", gain > 1)


def throughput(megabytes):
    size = megabytes << 20
    run("modprobe", "tls")
    with tempfile.TemporaryFile(dir="/tmp") as file:
        file.write(tcp.data("throughput", size))
        file.flush()
        _compare(file, size, receive=False)
        run("ethtool", "-K", remote_netif(), nic.TLS_TX_FLAG, "on", ns=REMOTE_NS)
        _compare(file, size, receive=True)
