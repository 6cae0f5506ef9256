# SPDX-License-Identifier: GPL-2.0-or-later
"""Socket calls by io_uring: liburing has all of the rings; here is what is asked, and the memory
that belongs to it until it is answered."""

import ctypes
import errno
import os
import socket
import struct

from . import ktls, timescale
from .cases import Failed, check

LIBRARY = "liburing-ffi.so.2"
RING_BYTES = 4096               # more than any liburing's struct io_uring has
ENTRIES = 64
SECONDS = 20
LINK, PUNT = 1 << 2, 1 << 4     # IOSQE_IO_LINK, IOSQE_ASYNC
POLL_FIRST = 1                  # IORING_RECVSEND_POLL_FIRST
CONTROL_BYTES = 64
NOWHERE = -1                    # the offset of what has none: a pipe or socket


class _Entry(ctypes.Structure):
    """The beginning of struct io_uring_sqe, for the flags that liburing has no function for."""
    _fields_ = [("opcode", ctypes.c_uint8), ("flags", ctypes.c_uint8),
                ("ioprio", ctypes.c_uint16)]


class _Completion(ctypes.Structure):
    """The beginning of struct io_uring_cqe."""
    _fields_ = [("user_data", ctypes.c_uint64), ("result", ctypes.c_int32),
                ("flags", ctypes.c_uint32)]


class _Piece(ctypes.Structure):
    """struct iovec"""
    _fields_ = [("base", ctypes.c_void_p), ("size", ctypes.c_size_t)]


class _Message(ctypes.Structure):
    """struct msghdr"""
    _fields_ = [("name", ctypes.c_void_p), ("name_size", ctypes.c_uint32),
                ("pieces", ctypes.c_void_p), ("count", ctypes.c_size_t),
                ("control", ctypes.c_void_p), ("control_size", ctypes.c_size_t),
                ("flags", ctypes.c_int)]


def _library():
    """liburing, with the types of the parameters that are wider than an int."""
    library = ctypes.CDLL(LIBRARY)
    pointer, size, offset = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int64
    for name, result, *parameters in (
            ("io_uring_get_sqe", ctypes.POINTER(_Entry), pointer),
            ("io_uring_prep_send", None, pointer, ctypes.c_int, pointer, size, ctypes.c_int),
            ("io_uring_prep_send_zc", None, pointer, ctypes.c_int, pointer, size, ctypes.c_int,
             ctypes.c_uint),
            ("io_uring_prep_sendmsg", None, pointer, ctypes.c_int, pointer, ctypes.c_uint),
            ("io_uring_prep_recv", None, pointer, ctypes.c_int, pointer, size, ctypes.c_int),
            ("io_uring_prep_recvmsg", None, pointer, ctypes.c_int, pointer, ctypes.c_uint),
            ("io_uring_prep_splice", None, pointer, ctypes.c_int, offset, ctypes.c_int, offset,
             ctypes.c_uint, ctypes.c_uint),
            ("io_uring_sqe_set_data64", None, pointer, ctypes.c_uint64),
            ("io_uring_submit", ctypes.c_int, pointer),
            ("io_uring_wait_cqe_timeout", ctypes.c_int, pointer, pointer, pointer),
            ("io_uring_peek_cqe", ctypes.c_int, pointer, pointer),
            ("io_uring_cqe_seen", None, pointer, pointer)):
        function = getattr(library, name)
        function.restype, function.argtypes = result, parameters
    return library


class Operation:
    """One of those that were asked for. result: what the call returned, or a negative errno, once
    it is done."""

    def __init__(self, what, memory=None, message=None, control=None):
        self.what = what
        self.memory = memory
        self.message = message
        self.control = control
        self.kept = []              # further memory that the kernel reads
        self.result = None

    def received(self):
        """The bytes that came."""
        check(self.result >= 0, f"{self.what}: {name_of(self.result)}")
        return self.memory.raw[:self.result]

    def kind(self):
        """The content type that came with them, by a control message."""
        header, used = struct.calcsize("Qii"), self.message.control_size
        if used < header:
            return None
        _size, level, kind = struct.unpack_from("Qii", self.control.raw)
        return ktls.kind_of([(level, kind, self.control.raw[header:used])])


class Ring:
    """A ring of this process, until the case ends."""

    def __init__(self, context):
        self.library = _library()
        self.memory = ctypes.create_string_buffer(RING_BYTES)
        self.operations = []
        error = self.library.io_uring_queue_init(ENTRIES, self.memory, 0)
        check(error == 0, f"io_uring_queue_init: {name_of(error)}")
        context.callback(self.library.io_uring_queue_exit, self.memory)

    def send(self, sock, data, flags=0, **how):
        return self._send("io_uring_prep_send", (), sock, data, flags, how)

    def send_zc(self, sock, data, flags=0, **how):
        return self._send("io_uring_prep_send_zc", (0,), sock, data, flags, how)

    def _send(self, prepare, more, sock, data, flags, how):
        operation = Operation("send", ctypes.create_string_buffer(data, len(data)))
        return self._ask(operation, prepare, sock.fileno(), operation.memory, len(data), flags,
                         *more, **how)

    def send_from(self, sock, address, size, **how):
        """A send of memory at this address."""
        return self._ask(Operation("send"), "io_uring_prep_send", sock.fileno(), address, size, 0,
                         **how)

    def sendmsg(self, sock, data, kind=None, flags=0, **how):
        """With a content type, if one is given."""
        control = b"" if kind is None else struct.pack(
            "QiiB", socket.CMSG_LEN(1), ktls.SOL_TLS, ktls.TLS_SET_RECORD_TYPE, kind)
        operation = self._message("sendmsg", ctypes.create_string_buffer(data, len(data)),
                                  control, socket.CMSG_SPACE(1) if control else 0)
        return self._ask(operation, "io_uring_prep_sendmsg", sock.fileno(),
                         ctypes.byref(operation.message), flags, **how)

    def recv(self, sock, size, flags=0, **how):
        operation = Operation("recv", ctypes.create_string_buffer(size))
        return self._ask(operation, "io_uring_prep_recv", sock.fileno(), operation.memory, size,
                         flags, **how)

    def recvmsg(self, sock, size, flags=0, **how):
        operation = self._message("recvmsg", ctypes.create_string_buffer(size), b"",
                                  CONTROL_BYTES)
        return self._ask(operation, "io_uring_prep_recvmsg", sock.fileno(),
                         ctypes.byref(operation.message), flags, **how)

    def splice(self, source, target, size, flags=0, offset=NOWHERE, **how):
        """Between descriptors, one of which is a pipe's. offset: where in a source that is a
        file."""
        return self._ask(Operation("splice"), "io_uring_prep_splice", source, offset, target,
                         NOWHERE, size, flags, **how)

    @staticmethod
    def _message(what, memory, control, control_size):
        operation = Operation(what, memory, control=ctypes.create_string_buffer(
            control, CONTROL_BYTES))
        piece = _Piece(ctypes.addressof(memory), len(memory))
        operation.message = _Message(
            pieces=ctypes.addressof(piece), count=1,
            control=ctypes.addressof(operation.control) if control_size else None,
            control_size=control_size)
        operation.kept.append(piece)
        return operation

    def _ask(self, operation, prepare, *arguments, link=False, punt=False, poll_first=False):
        """link: the next one begins when this one has succeeded; punt: a worker of the kernel's
        does it, which may sleep; poll_first: wait for the socket before it is tried."""
        entry = self.library.io_uring_get_sqe(self.memory)
        check(entry, "the submission queue is full")
        getattr(self.library, prepare)(entry, *arguments)
        self.library.io_uring_sqe_set_data64(entry, len(self.operations))
        entry.contents.flags |= (LINK if link else 0) | (PUNT if punt else 0)
        if poll_first:
            entry.contents.ioprio |= POLL_FIRST
        self.operations.append(operation)
        return operation

    def submit(self):
        count = self.library.io_uring_submit(self.memory)
        check(count > 0, f"io_uring_submit: {name_of(count)}")

    def wait(self, *operations):
        """Submit what was asked for, and wait until all of these are done; the result of the
        last one."""
        if any(operation.result is None for operation in operations):
            self.library.io_uring_submit(self.memory)
        while any(operation.result is None for operation in operations):
            self._take(self._next(operations))
        return operations[-1].result

    def done(self, operation):
        """Whether it is done by now."""
        found = ctypes.POINTER(_Completion)()
        while self.library.io_uring_peek_cqe(self.memory, ctypes.byref(found)) == 0:
            self._take(found)
        return operation.result is not None

    def _next(self, operations):
        found = ctypes.POINTER(_Completion)()
        limit = struct.pack("qq", round(timescale.scaled(SECONDS)), 0)
        error = -errno.EINTR
        while error == -errno.EINTR:
            error = self.library.io_uring_wait_cqe_timeout(self.memory, ctypes.byref(found), limit)
        if error:
            waiting = [operation.what for operation in operations if operation.result is None]
            raise Failed(f"waiting for {', '.join(waiting)}: {name_of(error)}")
        return found

    def _take(self, found):
        one = found.contents
        self.operations[one.user_data].result = one.result
        self.library.io_uring_cqe_seen(self.memory, found)


def name_of(result):
    """A result for a message: a number of bytes, or the name of an error."""
    return str(result) if result >= 0 else errno.errorcode.get(-result, os.strerror(-result))
