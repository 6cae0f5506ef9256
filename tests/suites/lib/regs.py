# SPDX-License-Identifier: GPL-2.0-or-later
"""The NIC's registers, past the driver: for faults that only a broken device has.
The group's guest needs iomem=relaxed on its command line."""

import contextlib
import mmap
import os
import struct

from . import ethtool, system, wait
from .cases import Failed

ADMIN_ARM = 0x3000          # IVEC_ARM(0): the vector of commands and events
QUEUE_ARM, VECTOR = 0x3010, 16               # IVEC_ARM(1): that of queue 0; from one to the next
QUEUE_ITR = 0x3014          # IVEC_ITR(1): least microseconds between two interrupts of queue 0
RSS_TABLE, RSS_WORDS = 0x2080, 32            # RSS_INDIR: the queue of each hash, four to a word
COMMANDS, COMMANDS_DONE = 0x4014, 0x4034     # doorbells of RING_CMD and RING_CMD_CQ
SENT = 0x10014              # doorbell of TX(0)
SIZE = 0x20000


class Registers:
    def __init__(self):
        try:
            fd = os.open(f"{system.pci_device()}/resource0", os.O_RDWR | os.O_SYNC)
            self.map = mmap.mmap(fd, SIZE)
            os.close(fd)
        except OSError as error:
            raise Failed("this guest does not let registers be mapped, its group needs "
                         f"iomem=relaxed: {error.strerror}") from error

    def write(self, offset, value):
        self.map[offset:offset + 4] = struct.pack("<I", value)

    def read(self, offset):
        return struct.unpack("<I", self.map[offset:offset + 4])[0]

    def commands(self):
        """How many the driver has given and not yet seen done."""
        return (self.read(COMMANDS) - self.read(COMMANDS_DONE)) % (1 << 32)

    def moderation(self, queues):
        """Least microseconds between two interrupts, of each of so many queues."""
        return [self.read(QUEUE_ITR + VECTOR * queue) for queue in range(queues)]

    def rss_table(self):
        """The queue of each entry of the indirection table."""
        return [*b"".join(struct.pack("<I", self.read(RSS_TABLE + 4 * word))
                          for word in range(RSS_WORDS))]

    @contextlib.contextmanager
    def silent_admin(self):
        """Within this block the driver gets no interrupt for commands that are done."""
        with self._silent([ADMIN_ARM]):
            yield

    @contextlib.contextmanager
    def silent_queues(self):
        """Within this block the driver gets no interrupt for frames that were received or sent:
        it takes all of them in at once when the block ends."""
        queues = range(ethtool.channels(system.NETIF).now)
        with self._silent([QUEUE_ARM + VECTOR * queue for queue in queues]):
            yield

    @contextlib.contextmanager
    def _silent(self, arms):
        """These vectors are disarmed within the block."""
        def silenced():
            for arm in arms:
                # a vector that is not armed has sent its message: the driver arms it again, at
                # the end of a poll that may be far away on a busy host
                wait.until(lambda arm=arm: self.read(arm), f"vector {arm:#x} is armed")
                self.write(arm, 0)
            # it may have sent one after it was read
            return not any(wait.unchanged(lambda: [self.read(arm) for arm in arms],
                                          "interrupts are off", seconds=0.05))
        wait.until(silenced, "no interrupt is armed")
        try:
            yield
        finally:
            for arm in arms:
                self.write(arm, 1)
