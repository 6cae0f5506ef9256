# SPDX-License-Identifier: GPL-2.0-or-later
"""kTLS in software against OpenSSL and GnuTLS in user space; runs in the guest. At one end a
library does the handshake and all records; at the other one kTLS has the keys that another
library's handshake left it (ends.py)."""

import errno
import pathlib
import socket
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path += [str(HERE.parent / "suites"), str(HERE.parent)]

from lib import evidence, handshake, ktls, nic, rekey, runner, system, tcp      # noqa: E402
from lib.cases import Failed, Registry, check, equal            # noqa: E402
from lib.ktls import (ALERT, DATA, HANDSHAKE, MAX_RECORD, SOL_TLS, TLS_RX,      # noqa: E402
                      TLS_RX_EXPECT_NO_PAD, TLS_TX)
from peer.ends import Connection, Kernel, records                    # noqa: E402
from peer.libraries import LIBRARIES, Broken, GnuTls, OpenSsl            # noqa: E402

registry = Registry()
TLS_TX_MAX_PAYLOAD_LEN = 5              # <linux/tls.h> of newer kernels
# One byte, around a block of AES, and around one, two and four of the longest records.
SIZES = (1, *(size + more for size in (16, *(MAX_RECORD * n for n in (1, 2, 4)))
              for more in (-1, 0, 1)))
MANY = 260                              # records, so that their numbers have a second byte
ROOMS = (1 << 17, 5000)                 # a read that has room for any record, and one that has not
WAYS = (ktls.Write, ktls.Sendfile)
WARNING, FATAL = 1, 2                   # levels of alerts, and what they say
CLOSE_NOTIFY, BAD_RECORD_MAC, INTERNAL_ERROR = 0, 20, 80
NEW_SESSION_TICKET = 4                  # a type of handshake message
HELLO_REQUEST = bytes(4)                # all of one
LIMIT = 1024                            # of small records
BLOCK = 512                             # to a multiple of which OpenSSL pads


def sends(connection, kernel, content, way=ktls.Write):
    """The kernel sends this in as few records as it can, and the library reads it."""
    sizes = ktls.records_of(len(content))
    _, found = connection.together(lambda: way(len(content)).do(kernel, content),
                                   lambda: records(connection.far, len(content)))
    equal([len(record) for record in found], sizes, f"records of {len(content)} bytes")
    equal(b"".join(found) == content, True, f"{len(content)} bytes are those that were sent")
    kernel.counted(TLS_TX, len(sizes))


def receives(connection, kernel, content, room=ROOMS[0], count=None):
    """The library sends this, in so many records, and the kernel reads it."""
    got, _ = connection.together(lambda: kernel.read(len(content), room),
                                 lambda: connection.far.send(content))
    equal(got == content, True, f"{len(content)} bytes are those that were sent")
    kernel.counted(TLS_RX, len(ktls.records_of(len(content))) if count is None else count)


def kernel_sends(context, cipher, library):
    """All sizes, nothing too, and a close_notify, which the library takes for the end."""
    connection = Connection(context, cipher, library)
    kernel = Kernel(connection)
    for size in (0, *SIZES):
        for way in WAYS:
            sends(connection, kernel, tcp.data(f"{way.__name__} {size}", size), way)
    content = tcp.data("many", MANY)
    _, found = connection.together(lambda: [kernel.send(bytes([byte])) for byte in content],
                                   lambda: records(connection.far, MANY))
    equal(found, [bytes([byte]) for byte in content], "records of one byte each")
    kernel.counted(TLS_TX, MANY)
    kernel.control(ALERT, bytes([WARNING, CLOSE_NOTIFY]))
    equal(connection.far.receive(), b"", "what follows the data")
    connection.in_software()


def kernel_receives(context, cipher, library):
    """All sizes, and a close_notify, which comes as the alert that it is."""
    connection = Connection(context, cipher, library, serves=False)
    kernel = Kernel(connection)
    for size in SIZES:
        for room in ROOMS:
            receives(connection, kernel, tcp.data(f"{room} {size}", size), room)
    content = tcp.data("many", MANY)
    got, _ = connection.together(
        lambda: kernel.read(MANY), lambda: [connection.far.send(bytes([byte])) for byte in content])
    equal(got, content, "records of one byte each")
    kernel.counted(TLS_RX, MANY)
    connection.far.finish()
    equal(kernel.record(), (ALERT, bytes([WARNING, CLOSE_NOTIFY])), "what follows the data")
    kernel.counted(TLS_RX, 1)
    connection.in_software()


def fails(connection, reason):
    """The library has to give up, and says why."""
    try:
        got = connection.far.receive()
    except Broken as error:
        check(reason in str(error), f"the library says {error}, but not {reason}")
        return
    raise Failed(f"the library read {len(got)} bytes")


def truncated(context, cipher, library):
    """An end of the stream without a close_notify is none."""
    connection = Connection(context, cipher, library)
    kernel = Kernel(connection)
    sends(connection, kernel, b"data")
    connection.in_software()
    kernel.sock.close()
    fails(connection, library.TRUNCATED)


def fatal(context, cipher, library):
    """A fatal alert of the kernel's user."""
    connection = Connection(context, cipher, library)
    kernel = Kernel(connection)
    sends(connection, kernel, b"data")
    kernel.control(ALERT, bytes([FATAL, INTERNAL_ERROR]))
    fails(connection, library.INTERNAL_ERROR)
    connection.in_software()


def fatal_of_gnutls(context, cipher):
    """OpenSSL has no function that sends an alert of one's choice."""
    connection = Connection(context, cipher, GnuTls)
    kernel = Kernel(connection)
    connection.far.alert(FATAL, INTERNAL_ERROR)
    equal(kernel.record(), (ALERT, bytes([FATAL, INTERNAL_ERROR])), "what arrives")
    connection.in_software()


def wrong_key_sends(context, cipher, library):
    """One bit of the kernel's key: the library refuses the record, and says so in an alert."""
    connection = Connection(context, cipher, library)
    kernel = Kernel(connection, spoil=TLS_TX)
    kernel.send(b"data")
    fails(connection, library.BAD_RECORD)
    equal(kernel.record(), (ALERT, bytes([FATAL, BAD_RECORD_MAC])), "what the library answers")
    connection.in_software()


def wrong_key_receives(context, cipher, library):
    """The same in the other direction."""
    connection = Connection(context, cipher, library)
    kernel = Kernel(connection, spoil=TLS_RX)
    connection.far.send(b"data")
    rekey.refuses("EBADMSG", kernel.record)
    connection.in_software(TlsDecryptError=1)


def messages(data):
    """The types of the handshake messages that this is, all of them whole."""
    types = []
    while data:
        end = 4 + int.from_bytes(data[1:4], "big")
        check(len(data) >= end, f"a handshake message is cut: {data.hex()}")
        types.append(data[0])
        data = data[end:]
    return types


def tickets(context, cipher, library, options):
    """What a server sends of itself after the handshake comes before its data, as handshake
    messages."""
    connection = Connection(context, cipher, library, serves=False, far_options=options)
    kernel = Kernel(connection)
    connection.far.send(b"data")
    found = []
    while (record := kernel.record())[0] == HANDSHAKE:
        found.append(messages(record[1]))
    equal(record, (DATA, b"data"), "what follows the tickets")
    equal({kind for types in found for kind in types}, {NEW_SESSION_TICKET},
          "types of messages")
    kernel.counted(TLS_RX, len(found) + 1)
    connection.in_software()


def hello_request(context, cipher, library):
    """A server of TLS 1.2 asks for another handshake between two pieces of data."""
    connection = Connection(context, cipher, library, serves=False)
    kernel = Kernel(connection)
    connection.far.send(b"before")
    connection.far.ask_for_handshake()
    connection.far.send(b"after")
    equal([kernel.record() for _ in range(3)],
          [(DATA, b"before"), (HANDSHAKE, HELLO_REQUEST), (DATA, b"after")], "what arrives")
    kernel.counted(TLS_RX, 3)
    connection.in_software()


def key_updates(context, cipher, library):
    """KeyUpdates in both directions. A kernel that knows none of them has no use for another
    key."""
    connection = Connection(context, cipher, library)
    kernel = Kernel(connection)
    secrets = connection.near.secrets
    schedules = {TLS_TX: handshake.Schedule(cipher, secrets["SERVER_TRAFFIC_SECRET_0"]),
                 TLS_RX: handshake.Schedule(cipher, secrets["CLIENT_TRAFFIC_SECRET_0"])}
    for way, schedule in schedules.items():
        equal(schedule(0) == kernel.keys[way], True, "the log has the same keys")
    connection.far.update_key()
    equal(kernel.record(), (HANDSHAKE, rekey.KEY_UPDATE), "what the library sends")
    install = kernel.sock.setsockopt
    if "TlsRxRekeyOk" not in evidence.tls_stat():
        rekey.refuses("EBUSY", install, SOL_TLS, TLS_RX, schedules[TLS_RX](1).crypto_info())
        return
    install(SOL_TLS, TLS_RX, schedules[TLS_RX](1).crypto_info())
    kernel.control(HANDSHAKE, rekey.KEY_UPDATE)
    install(SOL_TLS, TLS_TX, schedules[TLS_TX](1).crypto_info())
    kernel.next = {TLS_TX: 0, TLS_RX: 0}        # each key counts for itself
    for size in (100, MAX_RECORD + 1):
        sends(connection, kernel, tcp.data("next key", size))
        receives(connection, kernel, tcp.data("next key too", size))
    connection.in_software(TlsTxRekeyOk=1, TlsRxRekeyOk=1)


def padded_by_gnutls(context, cipher, expected):
    """Zeros after the content of each record, up to its greatest length."""
    connection = Connection(context, cipher, GnuTls)
    kernel = Kernel(connection)
    kernel.sock.setsockopt(SOL_TLS, TLS_RX_EXPECT_NO_PAD, not expected)
    # The first one has nothing but padding, of which a reader does not see anything.
    connection.far.pad = 100
    connection.far.send_record(b"")
    rekey.refuses("EAGAIN", kernel.record, flags=socket.MSG_DONTWAIT)
    count = 2
    sizes = ((1, 1), (100, 1000), (100, MAX_RECORD - 100), (MAX_RECORD // 2,) * 2,
             (MAX_RECORD - 1, 1))
    for size, pad in sizes:
        connection.far.pad = pad
        receives(connection, kernel, tcp.data("padded", size), count=count)
        count = 1
    connection.in_software(TlsRxNoPadViolation=0 if expected else 1 + len(sizes))


def padded_by_openssl(context, cipher, expected):
    """Each record is padded to a multiple of a size, as far as there is room in it."""
    connection = Connection(context, cipher, OpenSsl, far_options={"RecordPadding": BLOCK})
    kernel = Kernel(connection)
    kernel.sock.setsockopt(SOL_TLS, TLS_RX_EXPECT_NO_PAD, not expected)
    # With its type this one fills a block; of the longest records there is nothing to be padded.
    whole = (BLOCK - 1, MAX_RECORD - 1)
    sizes = (1, BLOCK, 2 * BLOCK, MAX_RECORD - 2)
    for size in whole + sizes:
        receives(connection, kernel, tcp.data("padded", size), count=1)
    connection.in_software(TlsRxNoPadViolation=0 if expected else len(sizes))


def keeps_to(kernel, limit):
    """From now on the kernel's records have no more bytes; whether it knows how to do that."""
    try:
        kernel.sock.setsockopt(SOL_TLS, TLS_TX_MAX_PAYLOAD_LEN, limit.to_bytes(2, sys.byteorder))
    except OSError as error:
        equal(error.errno, errno.ENOPROTOOPT, "errno of TLS_TX_MAX_PAYLOAD_LEN")
        return False
    return True


def small_records(context, cipher, library):
    """Both ends have agreed upon smaller records. A kernel that cannot keep to that by itself is
    given no more at a time; more than that the library refuses."""
    connection = Connection(context, cipher, library, far_options={"limit": LIMIT},
                            near_options={"limit": LIMIT} if library is GnuTls else None)
    kernel = Kernel(connection)
    content = tcp.data("small", 5 * LIMIT + 1)
    pieces = ktls.records_of(len(content), LIMIT)
    receives(connection, kernel, content, count=len(pieces))
    step = len(content) if keeps_to(kernel, LIMIT) else LIMIT
    for at in range(0, len(content), step):
        kernel.send(content[at:at + step])
    found = records(connection.far, len(content))
    equal([len(record) for record in found], pieces, "records that the library reads")
    equal(b"".join(found) == content, True, "what arrived is what was sent")
    keeps_to(kernel, LIMIT + 1)
    kernel.send(bytes(LIMIT + 1))
    fails(connection, library.OVERFLOW)
    connection.in_software()


def switched_on_by_openssl(context, cipher):
    """OpenSSL gives its keys to the kernel by itself, and reads and writes as ever."""
    connection = Connection(context, cipher, GnuTls, near=OpenSsl,
                            near_options={"Options": "KTLS"})
    near, far = connection.near, connection.far
    for size in SIZES:
        content = tcp.data("OpenSSL", size)
        _, found = connection.together(lambda: near.send(content),
                                       lambda: records(far, len(content)))
        equal(b"".join(found) == content, True, f"{size} bytes arrived")
        content = tcp.data("GnuTLS", size)
        found, _ = connection.together(lambda: records(near, len(content)),
                                       lambda: far.send(content))
        equal(b"".join(found) == content, True, f"{size} bytes came back")
    connection.in_software()
    near.finish()
    equal(far.receive(), b"", "what follows the data")
    far.finish()
    equal(near.receive(), b"", "what follows the data")


def register():
    for name, cipher in ktls.BY_NAME.items():
        for label, library in LIBRARIES.items():
            registry.add(f"sends/{name}/{label}", kernel_sends, cipher, library)
            registry.add(f"receives/{name}/{label}", kernel_receives, cipher, library)
        registry.add(f"switched-on-by-openssl/{name}", switched_on_by_openssl, cipher)
    for name, cipher in (("1.2", ktls.GCM128), ("1.3", ktls.GCM128_1_3)):
        for label, library in LIBRARIES.items():
            end = f"{name}/{label}"
            registry.add(f"no-close-notify/{end}", truncated, cipher, library)
            registry.add(f"fatal-alert-of-the-kernel/{end}", fatal, cipher, library)
            registry.add(f"wrong-key-for-sending/{end}", wrong_key_sends, cipher, library)
            registry.add(f"wrong-key-for-receiving/{end}", wrong_key_receives, cipher, library)
            registry.add(f"small-records/{end}", small_records, cipher, library)
        registry.add(f"fatal-alert/{name}/gnutls", fatal_of_gnutls, cipher)
    for label, library in LIBRARIES.items():
        registry.add(f"hello-request/{label}", hello_request, ktls.GCM256, library)
    registry.add("tickets/openssl", tickets, ktls.GCM256_1_3, OpenSsl, {"NumTickets": 2})
    registry.add("tickets/gnutls", tickets, ktls.GCM256_1_3, GnuTls, {"tickets": True})
    for name, cipher in ktls.BY_NAME.items():
        if cipher.inner:
            for label, library in LIBRARIES.items():
                registry.add(f"key-updates/{name}/{label}", key_updates, cipher, library)
            for label, expected in (("expected", True), ("not-expected", False)):
                registry.add(f"padding-{label}/{name}/gnutls", padded_by_gnutls, cipher, expected)
                registry.add(f"padding-{label}/{name}/openssl", padded_by_openssl, cipher,
                             expected)


register()


def setup():
    system.ip("link", "set", "lo", "up")
    system.run("modprobe", "tls")


if __name__ == "__main__":
    sys.exit(0 if runner.run(registry.cases, setup, nic.recover) else 1)
