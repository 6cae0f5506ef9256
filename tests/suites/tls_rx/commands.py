# SPDX-License-Identifier: GPL-2.0-or-later
"""More questions at once than the command ring holds: some go unasked, which costs them
nothing but time, and who must have room waits for it."""

import time

from lib import device_faults, ktls, nic, regs, rx, tcp, timescale, wait
from lib.adding import Adding
from lib.cases import Registry, check, equal
from lib.ktls import Keys
from .lost import Lost, pieces, send

registry = Registry()
RING = 64                   # KTLSNIC_RING_LOG2_MIN, which the driver takes for commands
TIMEOUT = 5                 # KTLSNIC_CMD_TIMEOUT: then it looks by itself


def about_to_ask(context):
    """As many connections as the ring has room for questions, and a few more. Nothing of
    them is read, so that the kernel answers no question."""
    return [Lost(context, Keys(seed=f"ask {i}"), 4 if i % 2 else 6, alone=False, reading=False,
                 traced=False) for i in range(RING + 4)]


@registry.case("command-ring-is-full", seconds=300)
def full(context):
    state = rx.Evidence()
    streams = about_to_ask(context)
    near, far = tcp.connect(4)
    context.enter_context(tcp.closing(near, far))
    registers = regs.Registers()
    with registers.silent_admin():
        for stream in streams:
            send(stream, *pieces(stream), *pieces(stream))
            stream.send_late()
        wait.until(lambda: state.moved("rx_tls_resync_req_start") >= len(streams),
                   lambda: f"all have asked: {state.resync_counters()}")
        equal(registers.commands(), RING, "commands in the ring")
        adding = Adding(near, "waits", ktls.TLS_RX)
        wait.until(lambda: "ktlsnic_cmd" in adding.where(),
                   lambda: f"the new connection waits for room, not in {adding.where()}; "
                   f"{state.resync_counters()}")
        begin = time.monotonic()
    equal(adding.done(), 0, "status of the process that adds the connection")
    took = time.monotonic() - begin
    context.note(f"added {took:.2f} s after there was room; {state.resync_counters()}")
    if timescale.FACTOR == 1:
        check(took < TIMEOUT / 2, f"the process was not woken when there was room: {took:.2f} s")
    equal(rx.rxconf(near), "hw", "ss: rxconf of the new connection")
    for stream in streams:
        stream.read()
        stream.arrived()
        stream.end()
    near.close()
    state.requests_balance()
    state.no_errors()
    state.gone()


@registry.case("command-without-an-answer", seconds=100)
def unanswered(context):
    """Nobody waits for the answer to a question, so nobody would miss it: the driver finds
    out by itself that the card answers no command any more, and resets it."""
    stream = Lost(context, reading=False)
    before = nic.statistics()
    with device_faults.command(device_faults.RX_QUERY, device_faults.HANG):
        send(stream, *pieces(stream), *pieces(stream))
        stream.send_late()
        wait.until(lambda: not device_faults.left(), "a command that will not be answered")
    wait.until(lambda: nic.change(before, nic.statistics())["resets"] == 1, "a reset",
               seconds=3 * TIMEOUT)
    wait.until(nic.reachable, "the far port answers")
    moved = nic.change(before, nic.statistics())
    equal((moved["cmd_timeouts"], moved["rx_tls_restored"]), (1, 1), "cmd_timeouts, restored")
