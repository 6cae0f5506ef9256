# SPDX-License-Identifier: GPL-2.0-or-later
"""Races of asynchronous resync, each arranged on purpose. The device's answers are
held back by taking away the interrupt that announces them; the kernel's record
parser by not reading."""

import contextlib
import socket
import threading
import time

from lib import rawpeer, regs, rx, system, tcp, wait
from lib.cases import Registry, check, equal, skip
from lib.ktls import Keys
from lib.rxstream import Stream
from .lost import PARTS, Lost, pieces, send
from .resync import show_false_headers

registry = Registry()
ROOM = 4 << 20              # a receive buffer for all that is not read
TIME_LIMIT = 0.2            # KTLSNIC_TLS_RX_TIMEOUT, in seconds
REQUEST_AGAIN = 256 * 1024  # bytes without an answer after which the NIC asks again


def after(stream, ends=1, count=6):
    """More records, each after the last one's end, all of which must be decrypted but
    for those of which the NIC has seen the beginning. The NIC knows its place from the first
    on: so many requests have ended, and the kernel answers with the next header."""
    wait.until(lambda: stream.evidence.moved("rx_tls_resync_req_end") >= ends,
               lambda: f"{ends} requests have ended: {stream.evidence.resync_counters()}")
    for number in range(count):
        send(stream, *pieces(stream))
        stream.peer.wait_acked()
        if not number:
            stream.resynced()
    stream.finish()


def much(stream):
    """28 KB, in segments that are nearly as long as they may be."""
    for _ in range(2):
        for piece in pieces(stream, 14_000, 10):
            stream.peer.until_window(2000)
            send(stream, piece)
    stream.peer.wait_acked()


def counts(stream, **wanted):
    """The five counters of requests and answers."""
    names = ("req_start", "req_end", "req_skip", "res_ok", "res_skip")
    got = {name: stream.evidence.moved(f"rx_tls_resync_{name}") for name in names}
    equal(got, {name: wanted.get(name, 0) for name in names}, "rx_tls_resync_*")
    stream.evidence.no_errors()


@registry.case("case-37a-end-before-the-header-is-parsed")
def end_first(context):
    """The reader sleeps: the request has ended before the kernel gets to the header."""
    stream = Lost(context, reading=False)
    send(stream, *pieces(stream), *pieces(stream))
    stream.send_late()
    wait.until(lambda: stream.evidence.moved("rx_tls_resync_req_end") == 1, "the request ended")
    equal(stream.trace.sent(), [], "numbers from the kernel while nobody reads")
    stream.read()
    stream.resynced()
    after(stream)
    equal(stream.trace.fates()[-6:], ["hw"] * 6, "what became of the last records")
    counts(stream, req_start=1, req_end=1, res_ok=1)


@registry.case("case-37a-header-parsed-before-the-end")
def header_first(context):
    """The device's answer comes when the kernel is past the header: it finds it in what
    it has written down."""
    stream = Lost(context)
    send(stream, *pieces(stream))
    stream.send_late()
    stream.arrived()
    asked = pieces(stream)
    with regs.Registers().silent_admin():
        send(stream, asked[0])                  # the second header of a chain
        stream.peer.wait_acked()
    wait.until(lambda: stream.evidence.moved("rx_tls_resync_req_end") == 1, "the request ended")
    equal(stream.trace.sent(), [], "numbers from the kernel before the next header")
    send(stream, *asked[1:])
    after(stream)
    sent = stream.trace.sent()
    equal([(event.tcp_seq, event.rec_no) for event in sent],
          [(stream.peer.seq(asked[0][0]), 4)], "what the kernel told the NIC")
    equal(stream.trace.fates()[-5:], ["hw"] * 5, "what became of the last records")
    counts(stream, req_start=1, req_end=1, res_ok=1)


def tiny_records(stream, count=20):
    """One segment of so many records and the head of another (header and explicit
    nonce: with less the kernel does not look), about which the NIC asks; and the rest
    of that."""
    start = len(stream.stream)
    for i in range(count):
        stream.record(bytes([i]))
    head, end = stream.record(b"asked about")
    return (start, head + 14), (head + 14, end)


@registry.case("case-37b-more-headers-than-the-log-holds/end-first")
def overflow_end_first(context):
    stream = Lost(context, reading=False)
    send(stream, *tiny_records(stream))
    stream.send_late()
    wait.until(lambda: stream.evidence.moved("rx_tls_resync_req_end") == 1, "the request ended")
    stream.read()
    stream.resynced()
    after(stream)
    equal(stream.trace.fates()[-5:], ["hw"] * 5, "what became of the last records")
    counts(stream, req_start=1, req_end=1, res_ok=1)


@registry.case("case-37b-more-headers-than-the-log-holds/headers-first")
def overflow_headers_first(context):
    """The kernel has met twenty headers, and kept thirteen, when it is told that the
    last is meant. It must not take another for it. The NIC asks again later."""
    stream = Lost(context)
    stream.send_late()
    stream.arrived()
    segment, rest = tiny_records(stream)
    with regs.Registers().silent_admin():
        send(stream, segment)
        stream.reader.wait_for(len(stream.sent) - len(b"asked about"))
    wait.until(lambda: stream.evidence.moved("rx_tls_resync_req_end") == 1, "the request ended")
    send(stream, rest)
    for _ in range(2):
        send(stream, *pieces(stream))
        stream.peer.wait_acked()
    stream.reader.wait_for(len(stream.sent))
    equal(stream.trace.sent(), [], "numbers from the kernel")
    while stream.evidence.moved("rx_tls_resync_req_start") < 2:
        much(stream)
    after(stream, ends=2)
    stream.evidence.requests_balance()
    equal(stream.trace.fates()[-2:], ["hw"] * 2, "what became of the last records")
    counts(stream, req_start=2, req_end=2, res_ok=1)


@registry.case("case-37c-a-request-overrides-another")
def override(context):
    """Nobody reads, so nobody answers; the NIC asks again, about a later header."""
    stream = Lost(context, reading=False, room=ROOM)
    stream.send_late()
    while stream.evidence.moved("rx_tls_resync_req_end") < 2:
        much(stream)
    send(stream, *pieces(stream))
    equal(stream.trace.sent(), [], "numbers from the kernel while nobody reads")
    stream.read()
    stream.resynced()
    after(stream, ends=2)
    equal(stream.trace.fates()[-5:], ["hw"] * 5, "what became of the last records")
    counts(stream, req_start=2, req_end=2, res_ok=1)


class Closing(threading.Thread):
    """close() waits until the device has deleted the context."""

    def __init__(self, sock):
        super().__init__(daemon=True)
        self.sock = sock
        self.start()

    def run(self):
        self.sock.close()

    def finish(self):
        self.join(tcp.SECONDS)
        check(not self.is_alive(), "close() does not return")


@registry.case("case-37d-deleted-between-start-and-end")
def deleted(context):
    """The socket closes while the device has an answer for it."""
    stream = Lost(context)
    stream.send_late()
    send(stream, *pieces(stream))
    stream.arrived()
    registers = regs.Registers()
    with registers.silent_admin():
        send(stream, pieces(stream)[0])
        stream.peer.wait_acked()
        stream.peer.fin()
        stream.reader.join(tcp.SECONDS)
        closing = Closing(stream.peer.sock)
        wait.until(lambda: registers.commands() == 2, "the query and the deletion are given")
    closing.finish()
    stream.evidence.gone()
    counts(stream, req_start=1, req_skip=1)


@registry.case("case-37d-no-time-limit-outlives-the-connection")
def time_limit(context):
    """The socket closes while its request's time limit is running. One that has run out is
    seen first, so that it is known what is not seen later."""
    stream = Lost(context, reading=False)
    ran = stream.trace.timers(context, "ktlsnic_tls_rx_request_timeout")
    send(stream, *pieces(stream), *pieces(stream))
    stream.send_late()
    wait.until(ran, "the first request's time limit runs out")
    for turn in range(10):
        last = Lost(context, Keys(seed=f"limit {turn}"), reading=False)
        begin = time.monotonic()
        send(last, *pieces(last), *pieces(last))
        last.send_late()
        wait.until(lambda: last.evidence.moved("rx_tls_resync_req_start") == 1, "a request")
        last.peer.sock.close()
        closed = time.monotonic()
        if closed - begin < TIME_LIMIT:
            break
    else:
        skip(f"too slow to close a socket within {TIME_LIMIT} s of its request")
    time.sleep(2 * TIME_LIMIT)
    equal([f"{at - closed:.3f} s after close" for at in ran() if at > closed], [],
          "time limits that ran out after the connection")
    stream.peer.sock.close()
    stream.evidence.gone()


@registry.case("case-37e-same-ports-again-and-again", seconds=200)
def same_ports(context):
    """Each connection has the ports of the one before, and its sequence numbers; its
    request is under way when it is reset. Late segments of the old one hit the new."""
    state = rx.Evidence()
    port, listener = 39_000, 39_001
    old = None
    for turn in range(12):
        stream = Lost(context, Keys(seed=f"turn {turn}"), port=port, near_port=listener,
                      alone=False)
        if old:
            stream.peer.raw.send(old)           # encrypted with another key
        send(stream, *pieces(stream))
        asked = pieces(stream)
        old = stream.peer.frame(stream.peer.seq(asked[2][0]), rawpeer.ACK,
                                stream.stream[slice(*asked[2])])
        send(stream, asked[0])
        if turn % 3 == 0:
            stream.send_late()
            stream.peer.wait_acked()
        if turn % 2:
            stream.peer.reset()
            stream.reader.join(tcp.SECONDS)
        with contextlib.suppress(OSError):
            stream.peer.sock.shutdown(socket.SHUT_RDWR)
        stream.reader.join(tcp.SECONDS)
        stream.peer.sock.close()
        stream.peer.reset()
        wait.until(lambda: tcp.ESTABLISHED not in stream.peer.near_states(),
                   "the socket is gone")
    state.gone()
    last = Stream(context, port=port, near_port=listener)
    for _ in range(5):
        send(last, *pieces(last))
    last.finish()
    equal(last.trace.fates()[-5:], ["hw"] * 5, "what became of the last one's records")
    state.requests_balance()


@registry.case("case-37e-time-wait")
def time_wait(context):
    """The near end closes first, while a request is under way: its socket is in TIME_WAIT when
    the device answers and when late segments come. Then there is a new connection with the
    same ports, and they hit that."""
    ports = {"port": 39_100, "near_port": 39_101}
    stream = Lost(context, **ports)
    stream.send_late()
    send(stream, *pieces(stream))
    stream.arrived()
    registers, peer = regs.Registers(), stream.peer
    with registers.silent_admin():
        send(stream, pieces(stream)[0])
        peer.wait_acked()
        peer.sock.shutdown(socket.SHUT_WR)
        peer.wait_fin()
        peer.fin()
        wait.until(lambda: peer.near_states() == [tcp.TIME_WAIT],
                   lambda: f"TIME_WAIT, and nothing but {peer.near_states()}")
        stream.reader.join(tcp.SECONDS)
        closing = Closing(peer.sock)
        wait.until(lambda: registers.commands() == 2, "the query and the deletion are given")
    closing.finish()
    stream.evidence.gone()
    counts(stream, req_start=1, req_skip=1)
    late = [peer.frame(peer.seq(at), rawpeer.ACK, stream.stream[at:at + 500])
            for at in range(0, 8000, 500)]
    seen, received = (stream.evidence.moved(name) for name in
                      ("hw_tls_rx_seen_packets", "hw_rx_packets"))
    for frame in late:
        peer.raw.send(frame)
    wait.until(lambda: stream.evidence.moved("hw_rx_packets") >= received + len(late),
               "the late segments have come")
    equal(stream.evidence.moved("hw_tls_rx_seen_packets"), seen, "hw_tls_rx_seen_packets")
    equal(peer.near_states(), [tcp.TIME_WAIT], "states of the sockets")
    new = Stream(context, Keys(seed="new"), isn=peer.isn + 1_000_000, **ports)
    for frame in late:
        peer.raw.send(frame)
        if len(new.sizes) < 5:
            send(new, *pieces(new))
            new.peer.wait_acked()
    new.finish()
    equal(new.trace.fates()[-5:], ["hw"] * 5, "what became of the new connection's records")
    new.evidence.decrypted(5 * PARTS, len(new.sent), len(new.stream))
    equal(new.evidence.resync_counters(), {}, "resyncs")
    new.evidence.no_errors()


@registry.case("case-36-false-header/disproved-before-the-driver-asks")
def disproved(context):
    """The NIC asks about a header, and knows that it is none before the driver has taken in
    the packet: it follows no header then, and the request is taken back."""
    stream = Lost(context)
    with regs.Registers().silent_queues():
        show_false_headers(stream, (2000, 3100))
        wait.until(lambda: stream.evidence.moved("hw_tls_rx_false_headers") == 1,
                   "the NIC finds that the header is none")
    wait.until(lambda: stream.evidence.moved("rx_tls_resync_req_skip") == 1,
               lambda: f"the request is taken back: {stream.evidence.resync_counters()}")
    for _ in range(3):
        send(stream, *pieces(stream))
    stream.requests(2)
    stream.send_late()
    after(stream)
    equal(stream.trace.fates()[-3:], ["hw"] * 3, "what became of the last records")
    counts(stream, req_start=2, req_end=1, req_skip=1, res_ok=1)


@registry.case("case-37-header-parsed-in-copy-mode")
def copy_mode(context):
    """A header that begins at the end of a decrypted segment and ends in one that is
    not: the kernel copies both before it looks, and its own tls.ko then takes the
    segment's beginning for the header's. It cannot find the header that the NIC asks
    about; it must not confirm another. Without anybody asking all is well."""
    stream = Stream(context)
    places = stream.trace.headers(context)
    for _ in range(3):
        first = stream.record(tcp.data("first", 100))
        second = stream.record(tcp.data("second", 100))
        stream.put(first[0], second[0] + 2)
        stream.put(second[0] + 2, second[1], plainly=False)
        stream.peer.wait_acked()
    stream.finish()
    true = [stream.peer.seq(start) for start in stream.starts]
    wrong = [seen - start for seen, start in zip(places(), true)]
    context.note(f"places that the kernel saw, less the true ones: {wrong}")
    equal(wrong, [0, -129 if system.stock_tls() else 0] * 3,
          "places that the kernel saw, less the true ones")
    equal(stream.trace.fates(), ["hw", "mixed"] * 3, "what became of the records")
    stream.evidence.no_errors()


@registry.case("case-37f-the-device-does-not-answer")
def no_answer(context):
    """The request is given up; what is answered in the end changes nothing, and the
    next request is a new one."""
    stream = Lost(context)
    stream.send_late()
    send(stream, *pieces(stream))
    stream.arrived()
    with regs.Registers().silent_admin():
        send(stream, *pieces(stream))
        wait.until(lambda: stream.evidence.moved("rx_tls_resync_req_skip") == 1,
                   "the request was given up")
        for _ in range(3):
            send(stream, *pieces(stream))
        stream.peer.wait_acked()
        equal(stream.trace.sent(), [], "numbers from the kernel")
    while stream.evidence.moved("rx_tls_resync_req_start") < 2:
        much(stream)
    after(stream)
    equal(stream.trace.fates()[-3:], ["hw"] * 3, "what became of the last records")
    counts(stream, req_start=2, req_end=1, req_skip=1, res_ok=1)


@registry.case("case-37-many-ask-and-answers-are-slow", seconds=200)
def many_slow(context):
    """Four connections ask at once, their answers come when the requests have been
    given up, and then each finds its place with another one."""
    state = rx.Evidence()
    streams = [Lost(context, Keys(seed=f"slow {i}"), 4 if i % 2 else 6, alone=False)
               for i in range(4)]
    for stream in streams:
        stream.send_late()
        send(stream, *pieces(stream))
        stream.arrived()
    with regs.Registers().silent_admin():
        for stream in streams:
            send(stream, *pieces(stream))
        wait.until(lambda: state.moved("rx_tls_resync_req_skip") == len(streams),
                   lambda: f"all requests were given up: {state.resync_counters()}")
    state.requests_balance()
    # In turns: who reads a connection gives up when nothing comes for too long.
    wait.until(lambda: all([more(stream) for stream in streams]), "each connection asked again",
               seconds=60)
    for stream in streams:
        for _ in range(3):
            send(stream, *pieces(stream))
            stream.peer.wait_acked()
        stream.arrived()
    equal(state.moved("rx_tls_resync_res_ok"), len(streams), "rx_tls_resync_res_ok")
    before = state.moved("rx_tls_decrypted_packets")
    for stream in streams:
        send(stream, *pieces(stream))
        stream.arrived()
    equal(state.moved("rx_tls_decrypted_packets") - before, PARTS * len(streams),
          "rx_tls_decrypted_packets of the last records")
    for stream in streams:
        stream.end()
    state.gone()
    state.no_errors()


def more(stream):
    """Send more, up to what makes the NIC ask again; true when that much was sent."""
    if len(stream.stream) < REQUEST_AGAIN + 60_000:
        much(stream)
        return False
    return True
