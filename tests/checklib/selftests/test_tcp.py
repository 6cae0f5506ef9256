# SPDX-License-Identifier: GPL-2.0-or-later
"""What the suites read of TCP sockets, on this machine's loopback."""

import contextlib
import socket

from checklib import suites                                 # noqa: F401  (finds the suites)
from lib import tcp, wait


def connected(stack, port=0):
    """A connection of the loopback that is opened from that local port (opener, other)."""
    listener, opener = (stack.enter_context(socket.socket()) for _ in range(2))
    opener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    opener.bind(("127.0.0.1", port))
    opener.connect(listener.getsockname())
    return opener, stack.enter_context(listener.accept()[0])


def test_connections_that_share_a_local_port():
    """None is taken for the other, nor for one that is in TIME_WAIT."""
    with contextlib.ExitStack() as stack:
        gone, other = connected(stack)
        port = gone.getsockname()[1]
        gone.close()
        other.close()
        wait.until(lambda: tcp.TIME_WAIT in tcp.states(port), "the first is in TIME_WAIT")
        (_open, unlike), (_ending, far) = connected(stack, port), connected(stack, port)
        far.shutdown(socket.SHUT_WR)
        wait.until(lambda: tcp.states(port, far.getsockname()[1]) == [tcp.CLOSE_WAIT],
                   "its far end has finished sending")
        assert tcp.states(port, unlike.getsockname()[1]) == [tcp.ESTABLISHED]
        assert sorted(tcp.states(port)) == [tcp.ESTABLISHED, tcp.TIME_WAIT, tcp.CLOSE_WAIT]
