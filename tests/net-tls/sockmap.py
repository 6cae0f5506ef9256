# SPDX-License-Identifier: GPL-2.0-or-later
"""Sockmap and kTLS exclude each other, whichever comes first, and leave nothing behind; runs in
the guest."""

import errno
import pathlib
import socket
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path += [str(HERE.parent / "suites"), str(HERE.parent)]

from lib import (evidence, ktls, nic, rekey, runner, rx, system, tcp,   # noqa: E402
                 wait)
from lib.cases import Registry, equal                   # noqa: E402
from lib.ktls import MAX_RECORD, TCP_ULP, TLS_RX, TLS_TX, Keys          # noqa: E402
from lib.sockmap import KINDS, Map, cookie_of           # noqa: E402

registry = Registry()
UP, DOWN = Keys(ktls.GCM128, seed="up"), Keys(ktls.GCM128, seed="down")
KEYS = {TLS_TX: UP, TLS_RX: DOWN}               # of the near end, in each direction
SIZE = 3 * MAX_RECORD + 100


class Connection:
    """The near end is the one that comes into a map; the far one has keys from the beginning, or
    never."""

    def __init__(self, context, family=4, far_has_keys=True):
        self.near, self.far = tcp.connect(family)
        context.enter_context(tcp.closing(self.near, self.far))
        if far_has_keys:
            ktls.install(self.far, DOWN)
            ktls.install_more(self.far, UP, TLS_RX)

    def ulp(self):
        self.near.setsockopt(socket.IPPROTO_TCP, TCP_ULP, b"tls")

    def keys(self, *directions):
        for direction in directions:
            ktls.install_more(self.near, KEYS[direction], direction)

    def refused(self, *directions):
        """There are no keys for a socket that is in a map."""
        for direction in directions:
            rekey.refuses("EINVAL", self.keys, direction)

    def carries(self, what, up=True, down=True):
        """Data arrives as it was sent."""
        for sender, receiver, name in ((self.near, self.far, f"{what}, up"),) * up + \
                                      ((self.far, self.near, f"{what}, down"),) * down:
            content = tcp.data(name, SIZE)
            sender.sendall(content)
            got = receiver.recv(SIZE, socket.MSG_WAITALL)
            equal(got == content, True, f"{name}: what arrived is what was sent")


def keys_first(context, kind, family, directions, where):
    """What has keys does not come into a map, and goes on."""
    context.enter_context(nic.local().with_(**nic.tls_offload(where == "hw")))
    sockets = Map(context, KINDS[kind])
    one = Connection(context, family)
    one.ulp()
    one.keys(*directions)
    if TLS_TX in directions:
        equal(evidence.txconf(one.near), where, "ss: txconf")
    before = [direction in directions for direction in (TLS_TX, TLS_RX)]
    rekey.refuses("EINVAL", sockets.put, one.near)
    equal(sockets.cookie(), None, "what is in the map")
    one.carries("after the attempt", *before)
    rekey.refuses("EINVAL", sockets.put, one.near)
    one.carries("after another", *before)


def ulp_first(context, kind, family):
    """What may get keys does not come into a map either, and gets them."""
    sockets = Map(context, KINDS[kind])
    one = Connection(context, family)
    one.ulp()
    rekey.refuses("EINVAL", sockets.put, one.near)
    one.keys(TLS_TX, TLS_RX)
    one.carries("after the attempt")


def map_first(context, kind, family):
    """What is in a map gets no keys: it goes on in clear, and its map decides of it."""
    sockets, other = Map(context, KINDS[kind]), Map(context, KINDS[kind])
    one = Connection(context, family, far_has_keys=False)
    sockets.put(one.near)
    one.ulp()
    one.refused(TLS_TX, TLS_RX)
    equal(sockets.cookie(), cookie_of(one.near), "what is in the map")
    one.carries("in the map")
    rekey.refuses("EBUSY", other.put, one.near)
    one.refused(TLS_RX, TLS_TX)
    one.carries("after the attempt")


def program_decides(context, kind, family):
    """What is in a map of which the program lets nothing pass sends nothing, kTLS or not."""
    sockets = Map(context, KINDS[kind])
    sockets.drops()
    one = Connection(context, family)
    sockets.put(one.near)
    rekey.refuses("EACCES", one.near.send, b"before")
    one.ulp()
    one.refused(TLS_TX)
    rekey.refuses("EACCES", one.near.send, b"after")
    sockets.take_out()
    one.keys(TLS_TX, TLS_RX)
    one.carries("out of the map")


def taken_out(context, kind, family, ulp_inside, where):
    """What is no longer in a map gets keys, whether it became one of kTLS in there or later; so
    it does where the map is gone as a whole."""
    context.enter_context(nic.local().with_(**nic.tls_offload(where == "hw")))
    for remove in (Map.take_out, Map.close):
        sockets = Map(context, KINDS[kind])
        one = Connection(context, family)
        sockets.put(one.near)
        if ulp_inside:
            one.ulp()
            one.refused(TLS_TX, TLS_RX)
        remove(sockets)
        if not ulp_inside:
            one.ulp()
        wait.until(lambda conn=one: gets_keys(conn), "keys are taken")
        equal((evidence.txconf(one.near), rx.rxconf(one.near)), (where, where),
              "who encrypts and decrypts")
        one.carries("out of the map")
        rekey.refuses("EINVAL", Map(context, KINDS[kind]).put, one.near)
        one.carries("after the attempt")


def gets_keys(one):
    """A map that nobody has open any more is emptied a little later."""
    try:
        one.keys(TLS_TX)
    except OSError as error:
        equal(error.errno, errno.EINVAL, "errno of keys")
        return False
    one.keys(TLS_RX)
    return True


def broken_off(context, family, keys):
    """A connection of kTLS that was in a map once is broken off by the other end, and is gone;
    and so is one that never was."""
    sockets = Map(context)
    never = Connection(context, family)
    never.ulp()
    never.keys(TLS_TX, TLS_RX)
    one = Connection(context, family)
    sockets.put(one.near)
    one.ulp()
    sockets.take_out()
    if keys:
        one.keys(TLS_TX, TLS_RX)
        one.carries("out of the map")
    never.carries("beside it")
    for conn in (one, never):
        ports = conn.near.getsockname()[1], conn.near.getpeername()[1]
        tcp.reset(conn.far)
        wait.until(lambda conn=conn: tcp.state(conn.near) == tcp.CLOSE, "the reset arrived")
        rekey.refuses("ECONNRESET", conn.near.recv, 1)
        equal(tcp.states(*ports), [], "states of sockets with these ports")
        conn.near.close()


def closed_inside(context, family):
    """A socket of kTLS is closed while it is in a map: what it has sent arrives, then the end;
    the map is empty. What else is in the map stays there until it is closed."""
    sockets = Map(context)
    one, other = (Connection(context, family, far_has_keys=False) for _ in range(2))
    sockets.put(one.near, 0)
    sockets.put(other.near, 1)
    one.ulp()
    one.near.sendall(b"last words")
    one.near.close()
    equal(one.far.recv(100, socket.MSG_WAITALL), b"last words", "what arrived")
    equal(sockets.cookie(0), None, "what is in the map")
    other.carries("beside it")
    equal(sockets.cookie(1), cookie_of(other.near), "what is in the map")
    other.near.close()
    equal(sockets.cookie(1), None, "what is in the map after close()")


for _family in ktls.FAMILIES:
    for _kind in KINDS:
        for _name, _directions in (("tx", (TLS_TX,)), ("rx", (TLS_RX,)),
                                   ("both", (TLS_TX, TLS_RX))):
            registry.add(f"keys-first/{_kind}/{_name}/software/v{_family}", keys_first, _kind,
                         _family, _directions, "sw")
        registry.add(f"keys-first/{_kind}/both/device/v{_family}", keys_first, _kind,
                     _family, (TLS_TX, TLS_RX), "hw")
        registry.add(f"ulp-first/{_kind}/v{_family}", ulp_first, _kind, _family)
        registry.add(f"map-first/{_kind}/v{_family}", map_first, _kind, _family)
        registry.add(f"program-decides/{_kind}/v{_family}", program_decides, _kind, _family)
        for _inside in (False, True):
            for _where in ("sw", "hw"):
                registry.add(f"taken-out/{_kind}/{'ulp-inside' if _inside else 'ulp-outside'}/"
                             f"{'device' if _where == 'hw' else 'software'}/v{_family}",
                             taken_out, _kind, _family, _inside, _where)
    for _keys in (True, False):
        registry.add(f"broken-off/{'with-keys' if _keys else 'without-keys'}/v{_family}",
                     broken_off, _family, _keys)
    registry.add(f"closed-inside/v{_family}", closed_inside, _family)


def setup():
    system.run("modprobe", "tls")


if __name__ == "__main__":
    sys.exit(0 if runner.run(registry.cases, setup, nic.recover) else 1)
