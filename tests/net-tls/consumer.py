# SPDX-License-Identifier: GPL-2.0-or-later
"""A user of kTLS inside the kernel (consumer/ktls_consumer.c), which sends back what it receives;
runs in the guest. The far end makes and opens its records in user space."""

import errno
import fcntl
import pathlib
import socket
import sys
import threading

HERE = pathlib.Path(__file__).resolve().parent
sys.path += [str(HERE.parent / "suites"), str(HERE.parent)]

from lib import evidence, ktls, nic, records, runner, rx, seal, system, tcp, wait   # noqa: E402
from lib.cases import Registry, at_least, equal, skip           # noqa: E402
from lib.ktls import HANDSHAKE, TLS_RX, Keys                    # noqa: E402

registry = Registry()
DEVICE = "/dev/ktls-consumer"
MODULE = "/mnt/module/ktls_consumer.ko"
# Commands, as in the module.
READ = {"read_sock": 0xb501, "recvmsg": 0xb502}
PAGES, STATUS, READABLE, WRITABLE = range(0xb503, 0xb507)
CIPHERS = {"1.2": ktls.GCM128, "1.3": ktls.GCM256_1_3}
SIZES = (1, 100, 4096, 16384, 16383, 5, 12000)      # of the records, again and again
SIZE = 600_000
SMALL_BUFFER = 1 << 14


class Service:
    """One end with kTLS both ways that the kernel serves, and the far end."""

    def __init__(self, context, cipher, read, pages):
        self.up, self.down = (Keys(cipher, seed=seed) for seed in ("up", "down"))
        near, self.far = tcp.connect()
        context.enter_context(tcp.closing(near, self.far))
        near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL_BUFFER)
        self.far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
        ktls.install(near, self.up)
        ktls.install_more(near, self.down, TLS_RX)
        self.near, self.sealer = near, seal.Sealer(self.down)
        self.device = context.enter_context(open(DEVICE, "rb", buffering=0))
        self.ask(PAGES, int(pages))
        self.ask(READ[read], near.fileno())

    def ask(self, command, argument=0):
        return fcntl.ioctl(self.device, command, argument)

    def status(self):
        """The errno of what has ended the service, or 0."""
        try:
            return self.ask(STATUS)
        except OSError as error:
            return error.errno

    def ended(self, why):
        wait.until(self.status, "the service has ended")
        equal(errno.errorcode[self.status()], errno.errorcode[why], "what has ended it")

    def sealed(self, content):
        """The content as records of all these sizes."""
        pieces, at = [], 0
        while at < len(content):
            size = SIZES[len(pieces) % len(SIZES)]
            pieces.append(self.sealer.seal(content[at:at + size]))
            at += size
        return b"".join(pieces)


def echo(context, cipher, offload, read, pages):
    """What goes there comes back, and no more; the sender has no room at times, and is told when
    there is again, through callbacks that are not those of kTLS."""
    if offload and cipher not in ktls.offered():
        skip("the kernel's own tls.ko gives a NIC no TLS 1.3")
    context.enter_context(nic.local().with_(**nic.tls_offload(offload)))
    service = Service(context, cipher, read, pages)
    where = "hw" if offload else "sw"
    equal((evidence.txconf(service.near), rx.rxconf(service.near)), (where, where),
          "who encrypts and decrypts")
    before = evidence.tls_stat()
    content = tcp.data("echo", SIZE)
    writer = threading.Thread(target=service.far.sendall, args=(service.sealed(content),),
                              daemon=True)
    writer.start()
    wait.until(lambda: tcp.unsent(service.near), "the service has more than the far end takes")
    wait.unchanged(lambda: tcp.unacknowledged(service.near), "the service has to wait for room")
    reader = tcp.Reader(service.far)
    writer.join()
    service.far.shutdown(socket.SHUT_WR)
    service.ended(errno.EPIPE)
    at_least(service.ask(READABLE), 1, "calls of sk_data_ready()")
    at_least(service.ask(WRITABLE), 1, "calls of sk_write_space() that found room")
    service.device.close()
    service.near.close()
    records.are_data(records.decrypt(bytes(reader.finish()), service.up), content)
    equal(evidence.tls_stat()["TlsDecryptError"], before["TlsDecryptError"], "TlsDecryptError")


def other_record(context, read):
    """A record that is not data is no part of the stream, and ends the service."""
    service = Service(context, ktls.GCM128_1_3, read, False)
    service.far.sendall(service.sealer.seal(b"data"))
    stream = records.Stream(service.up)
    service.far.settimeout(10)
    got = []
    while not got:
        got += stream.take(service.far.recv(1000))
    equal([record.plain for record in got], [b"data"], "what came back")
    service.far.sendall(service.sealer.seal(b"finished", kind=HANDSHAKE))
    service.ended(errno.EIO if read == "recvmsg" else errno.EINVAL)


for _version, _cipher in CIPHERS.items():
    for _read in READ:
        for _where in ("software", "device"):
            for _how in ("memory", "pages"):
                registry.add(f"echo/{_read}/{_how}/{_where}/{_version}", echo, _cipher,
                             _where == "device", _read, _how == "pages")
for _read in READ:
    registry.add(f"record-that-is-not-data/{_read}", other_record, _read)


def setup():
    system.run("modprobe", "tls")
    system.run("insmod", MODULE)


if __name__ == "__main__":
    sys.exit(0 if runner.run(registry.cases, setup, nic.recover) else 1)
