# SPDX-License-Identifier: GPL-2.0-or-later
"""tls.ko comes and goes; runs in the guest. It may not go while a socket uses it, and may when the
last one is closed, wherever that one's packets still wait."""

import pathlib
import socket
import struct
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path += [str(HERE.parent / "suites"), str(HERE.parent)]

from lib import (capture, ending, evidence, ktls, netem, nic, runner, rx,      # noqa: E402
                 system, tcp, wait)
from lib.cases import Registry, check, equal            # noqa: E402
from lib.ktls import TLS_RX, Keys                       # noqa: E402

registry = Registry()
CIPHERS = (ktls.GCM128, ktls.CHACHA_1_3)        # in turns
IN_SOFTWARE, WITH_THE_NIC = 150, 50             # rounds
SIZE = 40_000
BREAK_OFF = struct.pack("ii", 1, 0)             # struct linger: a reset at once


def loaded():
    return pathlib.Path("/sys/module/tls").exists()


def unload():
    system.run("rmmod", "tls")
    check(not loaded(), "tls.ko is still there after rmmod")


def refuses_to_go():
    """A socket uses it."""
    said = system.run("rmmod", "tls", check=False)
    check(loaded() and "in use" in said, f"rmmod tls while a socket uses it: {said.strip()!r}")


def used(near, far, number):
    """Data passes with kTLS at both ends."""
    keys = Keys(CIPHERS[number % len(CIPHERS)])
    ktls.install(near, keys)
    ktls.install(far, keys, TLS_RX)
    near.sendall(bytes(SIZE))
    equal(len(far.recv(SIZE, socket.MSG_WAITALL)), SIZE, "bytes that arrived")


def broken_off(near, far, held):
    """What is sent now waits before the wire; the connection is gone all the same."""
    near.sendall(bytes(SIZE))
    wait.until(held, "packets wait before the wire")
    for sock in (near, far):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, BREAK_OFF)
        sock.close()
    check(held(), "no packet waits any more")


@registry.case("load-and-unload/software", seconds=900)
def software(context):
    """Without a driver that needs it."""
    far_mac = capture.mac_of(remote=True)
    context.callback(nic.driver_is_back, far_mac)
    system.run("rmmod", "ktlsnic")
    if loaded():
        unload()
    for number in range(IN_SOFTWARE):
        system.run("modprobe", "tls")
        near, far = tcp.loopback()
        with tcp.closing(near, far):
            used(near, far, number)
            refuses_to_go()
            netem.hold("lo")
            broken_off(near, far, lambda: netem.held("lo"))
        unload()
        netem.drop_held("lo")


@registry.case("load-and-unload/device", seconds=1800)
def device(context):
    """With the driver, which goes first: from a live connection in one round, from one that has
    just been broken off in the next."""
    far_mac = capture.mac_of(remote=True)
    for number in range(WITH_THE_NIC):
        for port in (nic.local(), nic.remote()):
            port.set(**nic.tls_offload(True))
        near, far = tcp.connect()
        with tcp.closing(near, far):
            used(near, far, number)
            equal((evidence.txconf(near), rx.rxconf(far)), ("hw", "hw"),
                  "who encrypts and decrypts")
            netem.hold(system.NETIF)
            if number % 2:
                broken_off(near, far, netem.held)
            system.run("rmmod", "ktlsnic")
            if not number % 2:
                refuses_to_go()
                for sock in (near, far):
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, BREAK_OFF)
        unload()
        nic.driver_is_back(far_mac)
    context.note(f"{WITH_THE_NIC} rounds")


def setup():
    system.ip("link", "set", "lo", "up")
    nic.only_on_ktlsnic()
    system.run("modprobe", "tls")


if __name__ == "__main__":
    sys.exit(0 if runner.run(ending.after(registry.cases), setup, nic.recover) else 1)
