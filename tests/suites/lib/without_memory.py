# SPDX-License-Identifier: GPL-2.0-or-later
"""Connections while allocations fail."""

import errno
import socket

from . import alloc_failures, ktls, system
from .cases import at_least, check

REFUSED = (errno.ENOMEM, errno.ENOBUFS)
MOST = 4                                # times as many connections as a case would like


def broken():
    """What a connection that ends for want of memory may end with; the tls_push_record() of
    the kernel's own tls.ko calls whatever went wrong a bad message."""
    return (*REFUSED, errno.EBADMSG) if system.stock_tls() else REFUSED


def installed(sock, keys, direction=ktls.TLS_TX):
    """Turn the socket into a kTLS one; False if memory was short for that."""
    try:
        ktls.install(sock, keys, direction)
        return True
    except OSError as error:
        check(error.errno in REFUSED, f"setsockopt: {error}")
        return False


def ended(sock):
    """Its FIN goes out, with tls.ko as the caller: TCP never sends a FIN that it has no memory
    for, and the far end would wait for ever."""
    try:
        with alloc_failures.paused():
            sock.shutdown(socket.SHUT_WR)
    except OSError as error:
        check(error.errno == errno.ENOTCONN, f"shutdown: {error}")
    sock.close()


def until_enough(context, connection, module, percent, rounds, wanted, counters):
    """So many connections, and more until enough allocations have failed below the module;
    how many ended in each way. connection(number) makes one, counters() is for a note."""
    seen = {}
    with alloc_failures.below(module, percent) as failures:
        for number in range(MOST * rounds):
            mode = connection(number)
            seen[mode] = seen.get(mode, 0) + 1
            count = failures()
            if number >= rounds and count >= wanted:
                break
    context.note(f"{count} allocations failed; connections: {seen}; {counters()}")
    at_least(count, wanted, "failed allocations")
    return seen
