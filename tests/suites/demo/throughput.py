# SPDX-License-Identifier: GPL-2.0-or-later
"""One sender, and one receiver, three ways: plain TCP, kTLS in software, kTLS in the NIC.
What comes is thrown away, so that it costs the same each time."""

import os
import socket
import tempfile
import threading
import time

from lib import ktls, nic, rx, sockdiag, tcp
from lib.system import run
from . import show

ROUNDS = 3
CHUNK = 1 << 20
TITLES = {"plain": "plain TCP", "software": "software kTLS", "offload": "offloaded kTLS"}


def _sink(sock):
    buffer = bytearray(CHUNK)
    while sock.recv_into(buffer, CHUNK):
        pass


def one(file, size, mode, receive):
    """Megabytes a second of one transfer, and the bytes of TLS that the NIC had a part in;
    fails if it did not run as it should. The end that is not looked at is offloaded in each
    mode with kTLS, so that it costs little."""
    flag = rx.FLAG if receive else nic.TLS_TX_FLAG
    nic.local().set(**{flag: mode == "offload"})
    near, far = tcp.connect(4)
    sender, receiver = (far, near) if receive else (near, far)
    before = nic.statistics()
    with tcp.closing(near, far):
        if mode != "plain":
            ktls.install(sender, ktls.Keys())
            if receive:
                ktls.install(receiver, ktls.Keys(), ktls.TLS_RX)
        want = {"plain": "none", "software": "sw", "offload": "hw"}[mode]
        conf = (sockdiag.rxconf if receive else sockdiag.txconf)(near)
        if conf != want:
            raise RuntimeError(f"{mode}: the kernel says {conf}")
        reader = threading.Thread(target=_sink, args=(receiver,))
        reader.start()
        begin, at = time.monotonic(), 0
        while at < size:
            at += os.sendfile(sender.fileno(), file.fileno(), at, min(CHUNK, size - at))
        sender.shutdown(socket.SHUT_WR)
        reader.join()
        rate = size / 1e6 / (time.monotonic() - begin)
    moved = nic.change(before, nic.statistics())
    return rate, moved["hw_tls_rx_bytes" if receive else "hw_tls_tx_bytes"]


def _compare(file, size, receive):
    """What is judged is who did the work. How fast it went is shown: a busy host can make
    any of the three the slowest."""
    best, done = dict.fromkeys(TITLES, 0), dict.fromkeys(TITLES, 0)
    for _ in range(ROUNDS):                 # in turns, so that all see the same machine
        for mode in TITLES:
            rate, tls = one(file, size, mode, receive)
            best[mode], done[mode] = max(best[mode], rate), done[mode] + tls
    for mode, title in TITLES.items():
        share = done[mode] / size / ROUNDS
        show(("receiving" if receive else "sending") if mode == "plain" else "",
             f"{title:<15} {best[mode]:6.1f} MB/s  {best[mode] / best['plain']:5.2f} x plain, "
             f"TLS by the NIC: {100 * share:.0f} %",
             share > 0.98 if mode == "offload" else share == 0)
    show("", f"offloaded / software {best['offload'] / best['software']:.2f}")


def throughput(megabytes):
    size = megabytes << 20
    run("modprobe", "tls")
    with tempfile.TemporaryFile(dir="/tmp") as file:
        file.write(tcp.data("throughput", size))
        file.flush()
        _compare(file, size, receive=False)
        nic.remote().set(**{nic.TLS_TX_FLAG: True})
        _compare(file, size, receive=True)
