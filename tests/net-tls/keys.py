# SPDX-License-Identifier: GPL-2.0-or-later
"""Keys and IVs, those of single records too, are in no memory once nobody needs them; runs in the
guest, whose kernel does not wipe what is freed. User space has them in one page alone, and clears
that."""

import mmap
import multiprocessing
import pathlib
import socket
import struct
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path += [str(HERE.parent / "suites"), str(HERE.parent)]

from lib import evidence, key_memory, ktls, nic, rekey, runner, rx, system, tcp, wait  # noqa: E402
from lib.cases import Registry, check, equal                    # noqa: E402
from lib.ktls import HANDSHAKE, SOL_TLS, TLS_RX, TLS_TX         # noqa: E402

registry = Registry()
SIZE = 30_000                   # bytes of a connection and key
COUNTED = 2                     # last bytes of a nonce, in which a key's records differ here
CURRENT = [f"TlsCurr{direction}{who}" for direction in ("Tx", "Rx") for who in ("Sw", "Device")]


class Secrets:
    """A key, salt and IV that no other memory of this process has."""

    def __init__(self, cipher):
        sizes = (cipher.iv, cipher.key, cipher.salt)
        self.page = mmap.mmap(-1, mmap.PAGESIZE)
        self.size = 4 + sum(sizes) + 8          # <linux/tls.h>: before it the kind, after it
        with memoryview(self.page) as view:     # the first record's number
            struct.pack_into("HH", view, 0, cipher.version, cipher.kind)
            with open("/dev/urandom", "rb", buffering=0) as source:
                source.readinto(view[4:self.size - 8])
            iv, key, salt = (view[end - size:end] for size, end in
                             zip(sizes, (4 + sum(sizes[:count]) for count in (1, 2, 3))))
            self.parts = {f"{cipher.label}, key": key_memory.secret(key),
                          f"{cipher.label}, salt and IV": key_memory.secret(salt, iv[:-COUNTED])}

    def install(self, sender, receiver):
        """Both ends have them, and we no more."""
        with memoryview(self.page) as view:
            sender.setsockopt(SOL_TLS, TLS_TX, view[:self.size])
            receiver.setsockopt(SOL_TLS, TLS_RX, view[:self.size])
        self.page[:] = bytes(len(self.page))


class Connection:
    """A stream between two sockets of this guest, both with kTLS."""

    def __init__(self, cipher, number):
        self.cipher = cipher
        self.near, self.far = tcp.connect(ktls.FAMILIES[number % 2])
        rekey.prepare(self.near, self.far)
        self.secrets = None
        self.change()

    def change(self):
        """Other keys, which are used once."""
        self.secrets = Secrets(self.cipher)
        self.secrets.install(self.near, self.far)
        self.near.sendall(bytes(SIZE))
        equal(len(self.far.recv(SIZE, socket.MSG_WAITALL)), SIZE, "bytes that arrived")
        tcp.settled(self.near)

    def announce(self):
        """A KeyUpdate goes out and arrives."""
        self.near.sendmsg([rekey.KEY_UPDATE], [(SOL_TLS, ktls.TLS_SET_RECORD_TYPE,
                                                bytes([HANDSHAKE]))])
        got, *_ = self.far.recvmsg(100, 100)
        equal(got, rekey.KEY_UPDATE, "what is read after the data")

    def where(self):
        """Who encrypts and who decrypts."""
        return evidence.txconf(self.near), rx.rxconf(self.far)


def life(ciphers, pipe):
    """What the process does that has the keys: connections, other keys for those of TLS 1.3, the
    end. Each time it tells what to look for, and waits."""
    connections = [Connection(cipher, number) for number, cipher in enumerate(ciphers)]
    pipe.send([(one.where(), one.secrets.parts) for one in connections])
    pipe.recv()
    updated = [one for one in connections if one.cipher.version == ktls.TLS_1_3]
    for one in updated:
        one.announce()
        one.change()
    pipe.send([(one.where(), one.secrets.parts) for one in updated])
    pipe.recv()
    tcp.end_first([one.far for one in connections])
    for one in connections:
        one.near.close()
        one.far.close()


def started(context, ciphers):
    """The process, and the pipe to it."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=life, args=(ciphers, theirs))
    process.start()
    context.callback(process.kill)
    return process, ours


def told(pipe, where):
    """Name -> what to look for, of all that the process tells of."""
    parts = {}
    for (sender, receiver), more in pipe.recv():
        equal((sender, receiver), (where, where), f"who encrypts and decrypts {next(iter(more))}")
        parts.update(more)
    return parts


def search(context, what, present=(), absent=()):
    """Each of these secrets is in memory at least once, and of those none is."""
    present, absent = (dict(secrets) for secrets in (present, absent))
    found = key_memory.copies(*present.values(), *absent.values())
    context.note(f"{what}: copies: {found}")
    missing = [name for name, count in zip(present, found) if not count]
    left = [f"{name} ({count})" for name, count in zip(absent, found[len(present):]) if count]
    check(not missing, f"{what}: the search does not find {'; '.join(missing)}")
    check(not left, f"{what}: still in memory: {'; '.join(left)}")


def none_left(context, ciphers, offload):
    """While the connections live their secrets are there, which shows that the search finds
    them; those of before a KeyUpdate are not, and afterwards none is."""
    for port in (nic.local(), nic.remote()):
        context.enter_context(port.with_(**nic.tls_offload(offload)))
    before = evidence.tls_stat()
    process, pipe = started(context, ciphers)
    where = "hw" if offload else "sw"
    first = told(pipe, where)
    search(context, "with the first keys", present=first)
    pipe.send("change")
    second = told(pipe, where)
    replaced = {name: first[name] for name in second}
    search(context, "after KeyUpdates", second, replaced)
    pipe.send("end")
    process.join()
    wait.until(lambda: all(evidence.tls_stat()[name] == before[name] for name in CURRENT),
               "the contexts are gone")
    system.free_deferred()
    search(context, "after the end", absent={**first, **{f"{name}, second": value for name, value
                                                         in second.items()}})


registry.add("none-left-in-memory/software", none_left, ktls.OURS, False, seconds=300)
registry.add("none-left-in-memory/device", none_left, ktls.OURS, True, seconds=300)


def setup():
    system.run("modprobe", "tls")


if __name__ == "__main__":
    sys.exit(0 if runner.run(registry.cases, setup, nic.recover) else 1)
