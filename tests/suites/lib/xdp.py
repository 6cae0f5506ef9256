# SPDX-License-Identifier: GPL-2.0-or-later
"""Generic XDP: the kernel runs a program on packets that the driver has delivered. The
program here is written in machine code, so that nothing has to compile it."""

import ctypes
import errno
import os
import socket
import struct

from .cases import Failed, skip
from .system import NETIF

SYS_BPF = 321                           # of x86-64
PROG_LOAD, LINK_CREATE = 5, 28          # enum bpf_cmd
PROG_TYPE_XDP, ATTACH_XDP = 6, 37
FLAGS_SKB_MODE = 2                      # generic, whatever the driver can do
MOV, CALL, EXIT = 0xb7, 0x85, 0x95
REDIRECT = 23                           # bpf_redirect(ifindex, flags)
ATTR_SIZE = 128


def _bpf(command, attributes):
    """The new file descriptor."""
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(attributes, ATTR_SIZE)
    fd = libc.syscall(SYS_BPF, command, buffer, ATTR_SIZE)
    if fd < 0:
        if ctypes.get_errno() == errno.ENOSYS:
            skip("this kernel has no bpf()")
        raise Failed(f"bpf({command}): {os.strerror(ctypes.get_errno())}")
    return fd


def redirect(context, target, netif=NETIF):
    """All that the port receives is sent by the device `target` instead, until the case ends
    or the function that is returned is called."""
    program = b"".join(struct.pack("BBhi", code, register, 0, value) for code, register, value in (
        (MOV, 1, socket.if_nametoindex(target)), (MOV, 2, 0), (CALL, 0, REDIRECT), (EXIT, 0, 0)))
    code, licence = ctypes.create_string_buffer(program), ctypes.create_string_buffer(b"GPL")
    loaded = _bpf(PROG_LOAD, struct.pack("IIQQ", PROG_TYPE_XDP, len(program) // 8,
                                         ctypes.addressof(code), ctypes.addressof(licence)))
    try:
        link = _bpf(LINK_CREATE, struct.pack("IIII", loaded, socket.if_nametoindex(netif),
                                             ATTACH_XDP, FLAGS_SKB_MODE))
    finally:
        os.close(loaded)
    return context.enter_context(_Attached(link)).detach


class _Attached:
    """The program is in place for as long as somebody has the link open."""

    def __init__(self, link):
        self.link = link

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.detach()

    def detach(self):
        if self.link is not None:
            os.close(self.link)
        self.link = None
