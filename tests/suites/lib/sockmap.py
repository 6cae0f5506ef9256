# SPDX-License-Identifier: GPL-2.0-or-later
"""Maps of sockets, by libbpf; what a socket in one sends may have to pass a program first."""

import ctypes
import os
import socket
import struct

LIBRARY = "libbpf.so.1"
SOCKMAP, SOCKHASH = 15, 18              # enum bpf_map_type
SK_MSG, MSG_VERDICT = 16, 7             # enum bpf_prog_type, enum bpf_attach_type
ENTRIES = 8
SO_COOKIE = 57
KINDS = {"sockmap": SOCKMAP, "sockhash": SOCKHASH}
# "return 0": SK_DROP. r0 = 0; exit
DROP = b"".join(struct.pack("BBhi", code, 0, 0, 0) for code in (0xb7, 0x95))


def _library():
    library = ctypes.CDLL(LIBRARY, use_errno=True)
    library.bpf_map_update_elem.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_char_p,
                                            ctypes.c_uint64)
    library.bpf_prog_load.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_char_p,
                                      ctypes.c_char_p, ctypes.c_size_t, ctypes.c_void_p)
    return library


class Map:
    """One, until the case ends or close()."""

    def __init__(self, context, kind=SOCKMAP):
        self.library = _library()
        self.fd = self._answer("bpf_map_create", kind, b"sockets", 4, 8, ENTRIES, None)
        context.callback(self.close)

    def _answer(self, name, *arguments):
        result = getattr(self.library, name)(*arguments)
        if result < 0:
            raise OSError(-result, f"{name}: {os.strerror(-result)}")
        return result

    def drops(self):
        """What sockets send that are put into the map from now on is refused."""
        program = self._answer("bpf_prog_load", SK_MSG, b"drop", b"GPL", DROP, len(DROP) // 8,
                               None)
        try:
            self._answer("bpf_prog_attach", program, self.fd, MSG_VERDICT, 0)
        finally:
            os.close(program)

    def put(self, sock, key=0):
        self._answer("bpf_map_update_elem", self.fd, struct.pack("I", key),
                     struct.pack("Q", sock.fileno()), 0)

    def take_out(self, key=0):
        self._answer("bpf_map_delete_elem", self.fd, struct.pack("I", key))

    def cookie(self, key=0):
        """That of the socket under this key, or None."""
        value = ctypes.create_string_buffer(8)
        try:
            self._answer("bpf_map_lookup_elem", self.fd, struct.pack("I", key), value)
        except FileNotFoundError:
            return None
        return struct.unpack("Q", value)[0]

    def close(self):
        """The map is gone, and no socket is in it, soon."""
        if self.fd is not None:
            os.close(self.fd)
        self.fd = None


def cookie_of(sock):
    return struct.unpack("Q", sock.getsockopt(socket.SOL_SOCKET, SO_COOKIE, 8))[0]
