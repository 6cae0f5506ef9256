# SPDX-License-Identifier: GPL-2.0-or-later
"""The first bytes of a connection and the last: what was sent before the keys is sent
again, the last ACK of the handshake is lost, and all the ways to end."""

import ctypes
import errno
import hashlib
import os
import socket
import threading

from lib import accounted, evidence, ktls, link, offload, records, tcp, wait
from lib.cases import Registry, at_least, check, equal
from lib.ktls import Control, Keys, Write
from lib.offload import SETTLED, Spec
from . import ready
from .retransmit import M, whole
from .stream import COMBINATIONS, combination_name

registry = Registry()


def clear_bytes_again(context, segments, family, cipher, tso):
    """Bytes from before the keys are lost until the keys are in, and then sent again: in
    the clear as before. A counter says so, and the context does not notice."""
    ready(tso)
    spoiled = [3 * M + 5] if segments == 1 else [i * M + 5 for i in range(4)]
    faults = context.enter_context(link.Link(rules=";".join(
        f"corrupt conn 1 tx byte {place} times 1000" for place in spoiled)))
    spec = Spec(script=(Write(3000), SETTLED, Write(20)),
                keys=Keys(cipher), family=family, tso=tso, mss=M + 12, preamble=4 * M,
                capture=True)
    run = accounted.Run(context, spec, spoiled)
    run.start()
    faults.stop()
    run.play()
    result = run.finish()
    at_least(result.wire.spoiled, segments, "segments that the link spoiled")
    at_least(result.wire.repeated, segments * M, "bytes that were captured twice")
    want = accounted.exactly(context, run, result)
    at_least(want.skipped, 1, "packets from before the keys that the driver was given")
    equal((want.resync, want.ooo), (0, want.skipped), "resyncs, packets out of order")


class HalfOpen(accounted.Run):
    """A run that does not wait for the far end to have the connection."""

    def connected(self):
        opener, listener = tcp.half_open(self.spec.family, self.spec.mss)
        return opener, tcp.Untaken(listener)


def last_ack_lost(context, family, cipher, tso):
    """The ACK that ends TCP's handshake is lost; the first record brings it."""
    ready(tso)
    faults = context.enter_context(link.Link(rules="drop conn 1 tx frame 2"))
    spec = Spec(script=(Write(5000), Write(17)), keys=Keys(cipher), family=family, tso=tso,
                capture=True)
    run = HalfOpen(context, spec)
    run.start()
    run.play()
    result = run.finish()
    equal(faults.hits(), 1, "ACKs of a handshake that the link lost")
    want = accounted.exactly(context, run, result)
    equal((want.skipped, want.resync), (0, 0), "skipped, resyncs")


def after_close(context, family, cipher, tso):
    """A segment is lost, and sent again after close(): the context is still there for
    it, and goes when all is acknowledged."""
    ready(tso)
    spoiled = 2 * M + 3
    context.enter_context(link.Link(rules=f"corrupt conn 1 tx byte {spoiled} times 2"))
    spec = Spec(script=(Write(3 * M + 100),), keys=Keys(cipher), family=family, tso=tso,
                mss=M + 12, capture=True)
    run = accounted.Run(context, spec, (spoiled,))
    run.start()
    run.play()
    run.near.close()
    equal(run.evidence.moved("tx_tls_del"), 0, "tx_tls_del while a segment is missing")
    result = run.closed(run.port)
    equal(result.wire.spoiled, 2, "segments that the link spoiled")
    accounted.exactly(context, run, result)
    accounted.sent_again(run, result, 2 * M, 3 * M)


def fin(context, piggybacked, family, cipher, tso):
    """The FIN rides on the last data, or comes alone; either way the last record is
    whole and nothing is moved."""
    ready(tso)
    spec = Spec(script=(whole(2, cipher), Write(100)), keys=Keys(cipher), family=family, tso=tso,
                mss=M + 12, capture=True)
    run = accounted.Run(context, spec)
    run.start()
    if piggybacked:
        run.near.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
    run.play()
    if not piggybacked:
        run.settled()
    run.near.shutdown(socket.SHUT_WR)
    run.reader.finish()
    result = run.finish()
    equal(bool(result.wire.fin_payload), piggybacked, "the FIN was on a segment with data")
    want = accounted.exactly(context, run, result)
    if not result.again[0]:
        equal(want.ooo, 0, "packets out of order")


def reset(context, family, cipher, tso):
    """An abortive close while the peer has a part of a record: what it has is what
    software would have sent, it cannot be completed, and no context leaks."""
    ready(tso)
    go = threading.Event()
    script = (Write(150_000),)
    spec = Spec(script=script, keys=Keys(cipher), family=family, tso=tso)
    state = evidence.Evidence()
    near, far = tcp.connect(family, M + 12)
    context.enter_context(tcp.closing(near, far))
    near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 20_000)
    reader = tcp.Reader(far, pause=go)
    ktls.install(near, spec.keys)
    state.offloaded(near)
    near.sendall(spec.content())
    wait.unchanged(lambda: tcp.unacknowledged(near), "what the peer has taken")
    again = tcp.retransmitted(near)[0]
    tcp.reset(near)
    go.set()
    reader.join(tcp.SECONDS)
    equal(getattr(reader.error, "errno", None), errno.ECONNRESET, "how the peer's stream ended")
    whole_stream, got = offload.software_stream(script, spec.keys), bytes(reader.bytes)
    check(0 < len(got) < len(whole_stream), f"{len(got)} of {len(whole_stream)} bytes arrived")
    equal(whole_stream.startswith(got), True, "what arrived is what software sends")
    state.gone()
    state.by_the_nic(len(got), again)
    state.no_errors(again=again)


for _combination in COMBINATIONS:
    _end = combination_name(*_combination)
    registry.add(f"case-11-clear-bytes-sent-again/{_end}", clear_bytes_again, 1,
                 *_combination)
    registry.add(f"case-11-all-clear-bytes-sent-again/{_end}", clear_bytes_again, 4,
                 *_combination)
    registry.add(f"case-11-last-ack-of-the-handshake-lost/{_end}", last_ack_lost,
                 *_combination)
    registry.add(f"case-15-retransmit-after-close/{_end}", after_close, *_combination)
    registry.add(f"case-16-fin-on-the-last-data/{_end}", fin, True, *_combination)
    registry.add(f"case-16-fin-only/{_end}", fin, False, *_combination)
    registry.add(f"case-16-reset-mid-record/{_end}", reset, *_combination)


@registry.case("case-15-close-with-data-queued")
def close_queued(context):
    """close() while most of the data still waits for the peer: it arrives, encrypted
    by the NIC, and the context lives exactly that long."""
    ready()
    state = evidence.Evidence()
    spec = Spec(script=(Write(400_000),))
    near, far = tcp.connect(4)
    context.enter_context(tcp.closing(near, far))
    near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    ktls.install(near, spec.keys)
    state.offloaded(near)
    near.sendall(spec.content())
    check(tcp.unacknowledged(near) > 100_000, "nothing was left to send at close()")
    near.close()
    equal(state.moved("tx_tls_del"), 0, "tx_tls_del while data is queued")
    stream = bytes(tcp.Reader(far).finish())
    plain = b"".join(r.plain for r in records.decrypt(stream, spec.keys))
    equal(hashlib.sha256(plain).hexdigest(), hashlib.sha256(spec.content()).hexdigest(),
          "SHA-256 of the content")
    far.close()
    state.gone()
    equal(state.moved("tx_tls_del"), 1, "tx_tls_del")
    state.by_the_nic(len(stream))
    state.no_errors()


def offloaded(context):
    """Both ends of a connection that the NIC encrypts, and its evidence."""
    ready()
    state = evidence.Evidence()
    near, far = tcp.connect(4)
    context.enter_context(tcp.closing(near, far))
    ktls.install(near, Keys())
    state.offloaded(near)
    return near, far, state


def one_context_gone(state, size):
    """After the end: the NIC has encrypted so many bytes, and no context is left."""
    state.gone()
    equal(state.moved("tx_tls_ctx"), 1, "tx_tls_ctx")
    state.by_the_nic(size)
    state.no_errors()


@registry.case("case-16-abortive-close-with-data-queued")
def reset_queued(context):
    """An abortive close in mid-record leaks no context."""
    near, _, state = offloaded(context)
    near.sendall(tcp.data("reset", 100_000))
    near.sendall(b"open record", ktls.MSG_MORE)
    wait.until(lambda: tcp.unacknowledged(near) < 90_000, "a part is acknowledged")
    size = tcp.acknowledged(near)
    tcp.reset(near)
    one_context_gone(state, size)


@registry.case("case-16-peer-resets")
def peer_resets(context):
    """The far end breaks off when the NIC has encrypted a part for it."""
    near, far, state = offloaded(context)
    near.sendall(tcp.data("reset", 50_000))
    size = len(far.recv(1000))
    tcp.reset(far)
    wait.until(lambda: tcp.state(near) == tcp.CLOSE, "the reset arrived")
    near.close()
    one_context_gone(state, size)


@registry.case("case-16-half-close-and-an-answer")
def half_close(context):
    """shutdown(SHUT_WR) after the last record, then data the other way."""
    ready()
    run_ = offload.Run(context, Spec(script=(Write(30_000), Control(2))))
    run_.install()
    run_.evidence.offloaded(run_.near)
    run_.play()
    run_.near.shutdown(socket.SHUT_WR)
    run_.reader.finish()
    run_.reader.sock.sendall(b"answer")
    equal(run_.near.recv(100), b"answer", "what came back")
    result = run_.finish()
    result.evidence.gone()
    result.evidence.encrypted(len(result.stream), result.records, result.again)


def disconnect(sock):
    """connect() to no address, which takes a plain TCP socket out of its connection."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.connect(sock.fileno(), bytes(16), 16):
        raise OSError(ctypes.get_errno(), "connect() to AF_UNSPEC")


def refused(function, *args):
    """The error with which it fails."""
    try:
        function(*args)
    except OSError as error:
        return error.errno
    return 0


@registry.case("no-second-connection-after-shutdown")
def no_reuse(context):
    """A socket whose connection is over cannot be used for another one, in whatever order that
    is tried, and keeps its context until it is closed."""
    near, far, state = offloaded(context)
    address = far.getsockname()
    near.sendall(tcp.data("only life", 20_000))
    near.shutdown(socket.SHUT_RDWR)
    size = len(tcp.Reader(far).finish())
    far.close()
    wait.until(lambda: tcp.state(near) == tcp.CLOSE, "the connection is over")
    for what, function, args, want in (
            ("connect()", near.connect, (address,), errno.EISCONN),
            ("listen()", near.listen, (), errno.EINVAL),
            ("connect() to AF_UNSPEC", disconnect, (near,), errno.EOPNOTSUPP),
            ("connect() after that", near.connect, (address,), errno.EINVAL),
            ("listen() after that", near.listen, (), errno.EINVAL)):
        equal(os.strerror(refused(function, *args)), os.strerror(want), what)
    equal(state.kernel_moved()["TlsCurrTxDevice"], 1, "TlsCurrTxDevice after shutdown()")
    equal(state.moved("hw_tls_tx_deleted"), 0, "contexts deleted after shutdown()")
    near.close()
    one_context_gone(state, size)
