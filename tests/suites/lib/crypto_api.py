# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel's ciphers: which there are, and asynchronous ones that are made of them and come
before all others."""

import errno
import os
import pathlib
import socket
import struct

from . import wait
from .cases import check, equal

LIST = pathlib.Path("/proc/crypto")
NETLINK_CRYPTO = 21
NEW, DELETE = 0x10, 0x11                # CRYPTO_MSG_...
REQUEST, ACK = 1, 4                     # NLM_F_...
PRIORITY = 1                            # CRYPTOCFGA_PRIORITY_VAL
AEAD, TYPE_MASK, ASYNC = 3, 0xf, 0x80   # CRYPTO_ALG_...
FIRST = 100_000                         # a priority that no cipher has by itself
ALGORITHM = "64s64s64s4I"               # struct crypto_user_alg


def _ask(what, driver, mask=TYPE_MASK, priority=None):
    """NETLINK_CRYPTO, about the cipher that is called so."""
    body = struct.pack(ALGORITHM, b"", driver.encode(), b"", AEAD, mask, 0, 0)
    if priority is not None:
        body += struct.pack("HHI", 8, PRIORITY, priority)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_CRYPTO) as sock:
        sock.send(struct.pack("IHHII", 16 + len(body), what, REQUEST | ACK, 0, 0) + body)
        answer = sock.recv(4096)
    error = struct.unpack_from("i", answer, 16)[0]
    if error:
        raise OSError(-error, f"NETLINK_CRYPTO, {driver}: {os.strerror(-error)}")


def algorithms(name):
    """All that are known for a cipher, the one that is preferred first."""
    found = [dict(map(str.strip, line.split(":", 1)) for line in entry.splitlines())
             for entry in LIST.read_text(encoding="ascii").split("\n\n") if entry.strip()]
    return sorted((one for one in found if one["name"] == name and one["internal"] == "no"),
                  key=lambda one: -int(one["priority"]))


def synchronous(name):
    """The driver that the kernel takes for a cipher which must answer at once."""
    _ask(NEW, name, TYPE_MASK | ASYNC)
    return next(one["driver"] for one in algorithms(name) if one["async"] == "no")


class Asynchronous:
    """A template's instance over a cipher, which is preferred until the case ends. That it can be
    removed then shows that nobody has kept it."""

    def __init__(self, context, template, name):
        self.name = name
        self.driver = f"{template}({synchronous(name)})"
        _ask(NEW, self.driver, priority=FIRST)
        context.callback(wait.until, self._removed, f"{self.driver} is used by nobody")
        self.idle = self._count()

    def _entry(self):
        first = algorithms(self.name)[0]
        equal(first["driver"], self.driver, f"the preferred driver of {self.name}")
        equal(first["async"], "yes", f"{self.driver}: async")
        return first

    def _count(self):
        return int(self._entry()["refcnt"])

    def _removed(self):
        try:
            _ask(DELETE, self.driver)
        except OSError as error:
            check(error.errno == errno.EBUSY, str(error))
            return False
        return True

    def users(self):
        """How many have it."""
        return self._count() - self.idle
