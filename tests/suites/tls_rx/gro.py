# SPDX-License-Identifier: GPL-2.0-or-later
"""What the stack makes of segments that come decrypted and not in turns: GRO must not put
the two together, and their checksums are not to be looked at again, whatever the user
wants of the NIC."""

import itertools
import socket
import struct

from lib import nic, packet, rawpeer, regs, system, wait
from lib.cases import Registry, equal
from lib.ktls import DATA, Keys
from lib.rxstream import Stream
from .framing import COMBINATIONS
from .lost import pieces

registry = Registry()
ETH_P_ALL = 3
SOL_PACKET, PACKET_AUXDATA, PACKET_IGNORE_OUTGOING = 263, 8, 23
# What a packet's status says of its checksum: to be filled in, where GRO has put together what
# was right; or right.
TP_STATUS_CSUMNOTREADY, TP_STATUS_CSUM_VALID = 1 << 3, 1 << 7
SEGMENTS, SEGMENT = 5, 1000             # of a record: GRO wants them all of one size


class Peer(rawpeer.Peer):
    """Its packets have the DF flag, as those of a real TCP: with it GRO does not look at the
    identification, which is always the same here."""

    def frame(self, *args, **how):
        raw = bytearray(super().frame(*args, **how))
        if self.family == 4:
            raw[20] = 0x40
            raw[24:26] = bytes(2)
            struct.pack_into("!H", raw, 24, 0xffff - packet.sum16(raw[14:34]))
        return bytes(raw)


class Tap:
    """What the stack is given of a connection: after GRO and before TCP."""

    def __init__(self, context, peer):
        self.peer = peer
        self.sock = context.enter_context(socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0))
        for option in (PACKET_AUXDATA, PACKET_IGNORE_OUTGOING):
            self.sock.setsockopt(SOL_PACKET, option, 1)
        self.sock.bind((system.NETIF, ETH_P_ALL))
        self.sock.setblocking(False)
        self.seen = []          # (start, end, payload, whether its checksum counts as right)

    def take(self):
        """All packets with payload so far: their places in the stream."""
        while True:
            try:
                raw, control, _flags, _source = self.sock.recvmsg(1 << 17, 256)
            except BlockingIOError:
                return [(start, end) for start, end, _payload, _valid in self.seen]
            frame = packet.Frame(raw)
            if frame.protocol == packet.TCP and frame.ports[0] == self.peer.port and frame.payload:
                start = (frame.tcp_seq - self.peer.seq(0)) & rawpeer.MASK
                self.seen.append((start, start + len(frame.payload), frame.payload,
                                  self._valid(control)))

    @staticmethod
    def _valid(control):
        return any(struct.unpack_from("I", value)[0]
                   & (TP_STATUS_CSUMNOTREADY | TP_STATUS_CSUM_VALID)
                   for level, kind, value in control
                   if (level, kind) == (SOL_PACKET, PACKET_AUXDATA))


class Clear:
    """The stream as it is when all of it is decrypted."""

    def __init__(self, stream):
        self.bytes = bytearray(stream.stream)
        plain, cipher = iter(bytes(stream.sent)), stream.keys.cipher
        kind = bytes([DATA]) * cipher.inner
        for start, size in zip(stream.starts, stream.sizes):
            begin = start + cipher.front
            self.bytes[begin:begin + size] = itertools.islice(plain, size)
            self.bytes[begin + size:begin + size + cipher.inner] = kind


def joined(segments):
    """(start, end) of what GRO makes of contiguous segments."""
    return [(segments[0][0], segments[-1][1])] if segments else []


def turns(context, family, cipher, gro, rxcsum):
    """Of one record of two a segment is lost: those after it come undecrypted, and those of
    the next record decrypted, all contiguous and taken in at once."""
    context.callback(nic.local().restore, nic.features())
    nic.local().set(gro=gro)
    stream = Stream(context, Keys(cipher), family, peer=Peer)
    nic.local().set(rx=rxcsum)
    registers, tap = regs.Registers(), Tap(context, stream.peer)
    before, errors, wanted = stream.evidence.counters(), in_errors(), []
    for lost in range(1, SEGMENTS):
        first, second = (pieces(stream, SEGMENTS * SEGMENT - cipher.over, SEGMENTS)
                         for _ in range(2))
        arriving = first[:lost] + first[lost + 1:] + second
        seen = stream.evidence.moved("hw_tls_rx_seen_packets")
        with registers.silent_queues():
            for piece in arriving:
                stream.put(*piece, flags=rawpeer.ACK)
            wait.until(lambda count=seen + len(arriving):
                       stream.evidence.moved("hw_tls_rx_seen_packets") == count,
                       "the NIC has seen the segments")
        groups = first[:lost], first[lost + 1:], second
        wanted += [place for group in groups for place in (joined(group) if gro else group)]
        wait.until(lambda: len(tap.take()) >= len(wanted),
                   lambda: f"the stack has all of {wanted}: {tap.take()}")
        stream.put(*first[lost])
        wanted.append(first[lost])
        stream.peer.wait_acked()
    stream.finish()
    equal(tap.take(), wanted, "packets that the stack was given")
    whole(stream, tap, gro, rxcsum)
    equal(stream.trace.fates(), ["mixed", "hw"] * (SEGMENTS - 1), "what became of the records")
    equal(stream.evidence.moved("rx_tls_decrypted_packets"),
          sum(range(1, SEGMENTS)) + SEGMENTS * (SEGMENTS - 1), "rx_tls_decrypted_packets")
    equal(in_errors(), errors, "TCP checksum errors")
    equal(stream.evidence.counters()["hw_rx_csum_bad"], before["hw_rx_csum_bad"],
          "hw_rx_csum_bad")
    stream.evidence.no_errors()


def whole(stream, tap, gro, rxcsum):
    """Each packet is decrypted as a whole, or just as it was sent; and if it is decrypted,
    nobody looks at its checksum again."""
    clear = Clear(stream).bytes
    for start, end, payload, valid in tap.seen:
        decrypted = payload == clear[start:end]
        equal(decrypted or payload == stream.stream[start:end], True,
              f"bytes {start} to {end} are plaintext, or ciphertext, as a whole")
        equal(valid, decrypted or rxcsum or gro,
              f"the checksum of bytes {start} to {end}, decrypted {decrypted}, counts as right")


def in_errors():
    with open("/proc/thread-self/net/snmp", encoding="ascii") as file:
        names, values = (line.split() for line in file if line.startswith("Tcp:"))
    return int(values[names.index("InCsumErrors")])


for _family, _cipher in COMBINATIONS:
    _end = f"v{_family}/{_cipher.label}"
    registry.add(f"case-40-gro/on/{_end}", turns, _family, _cipher, True, True)
    registry.add(f"case-40-gro/off/{_end}", turns, _family, _cipher, False, True)
    registry.add(f"case-40-rxcsum-off-later/gro/{_end}", turns, _family, _cipher, True, False)
    registry.add(f"case-40-rxcsum-off-later/no-gro/{_end}", turns, _family, _cipher, False,
                 False)
