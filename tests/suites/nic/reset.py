# SPDX-License-Identifier: GPL-2.0-or-later
"""The card is reset while TLS connections of both directions are its own: by a function
level reset, and because the kernel's watchdog finds a transmit ring that is stuck. The
core of kTLS is not told, so the driver must put every context back."""

import hashlib
import socket
import threading
import time

from lib import device_faults, evidence, kmsg, ktls, nic, rx, sockdiag, system, tcp, wait
from lib.cases import Failed, Registry, at_least, check, equal
from lib.ktls import GCM128, GCM256, TLS_RX, TLS_TX, Keys
from lib.system import REMOTE_NS, run, write

registry = Registry()
CONNECTIONS = 2
OWNERS = ("TlsTxDevice", "TlsRxDevice", "TlsCurrTxDevice", "TlsCurrRxDevice", "TlsTxSw", "TlsRxSw")
PIECE = 20_000              # bytes of a write, which are two records
PART = 300_000              # bytes that go each way when all is quiet again
AGAIN = 200_000             # bytes by which counters have to go on under traffic
LATENCY = 50_000            # microseconds that a slow card takes for a command
WATCHDOG = 40               # seconds in which it finds a stuck ring, at the latest
# Older kernels show with a warning where their watchdog found it.
SPLATS = ("NETDEV WATCHDOG", "Call Trace:",
          r"WARNING: CPU: \d+ PID: \d+ at net/sched/sch_generic\.c:\d+ dev_watchdog")


class Stream:
    """One direction of a connection: what was written, and what arrived."""

    def __init__(self, sender, receiver, seed):
        self.sender = sender
        self.seed = seed
        self.sent = 0
        self.sha = hashlib.sha256()
        self.reader = tcp.Reader(receiver, keep=False)

    def write(self, size=PIECE):
        piece = tcp.data(f"{self.seed} {self.sent}", size)
        self.sender.sendall(piece)
        self.sha.update(piece)
        self.sent += size

    def arrived(self):
        """Wait until all that was written was read, and is acknowledged."""
        wait.until(lambda: self.reader.count >= self.sent and not tcp.unacknowledged(self.sender),
                   lambda: f"{self.seed}: {self.reader.count} of {self.sent} bytes arrived",
                   seconds=tcp.SECONDS)


class Connection:
    """TLS in both directions, at this end by the NIC. Nearly all goes one way: the other is
    for a few bytes, with which TCP sees at once that a reset is over."""

    def __init__(self, context, family, cipher, up):
        self.name = "up" if up else "down"
        self.near, self.far = tcp.connect(family)
        context.enter_context(tcp.closing(self.near, self.far))
        keys = [Keys(cipher, seed=f"{self.name} {way}") for way in ("to", "from")]
        for sock, (to, from_) in ((self.near, keys), (self.far, reversed(keys))):
            ktls.install(sock, to, TLS_TX)
            ktls.install_more(sock, from_, TLS_RX)
        to_far = Stream(self.near, self.far, f"{self.name} to")
        to_near = Stream(self.far, self.near, f"{self.name} from")
        self.bulk, self.quiet = (to_far, to_near) if up else (to_near, to_far)
        self.stop = threading.Event()
        self.error = None
        self.thread = None

    def start(self):
        self.stop.clear()
        self.thread = threading.Thread(target=self._work, daemon=True)
        self.thread.start()

    def _work(self):
        try:
            while not self.stop.is_set():
                self.bulk.write()
        except OSError as error:
            self.error = error

    def halt(self):
        self.stop.set()
        self.thread.join(tcp.SECONDS)
        check(not self.thread.is_alive() and not self.error,
              f"{self.name}: writing: {self.error or 'not done'}")
        self.bulk.arrived()

    def poke(self):
        self.quiet.write(100)

    def finish(self):
        for stream in (self.bulk, self.quiet):
            stream.sender.shutdown(socket.SHUT_WR)
        for stream in (self.bulk, self.quiet):
            equal(stream.reader.digest(), stream.sha.hexdigest(), f"{stream.seed}: SHA-256")
        self.near.close()
        self.far.close()


class Pair:
    """A connection for each direction, and what kernel and NIC say of them."""

    def __init__(self, context, family, cipher):
        nic.only_on_ktlsnic()
        run("modprobe", "tls")
        for flag in (nic.TLS_TX_FLAG, rx.FLAG):
            nic.local().set(**{flag: True})
        run("ethtool", "-L", system.remote_netif(), "combined", 1, ns=REMOTE_NS, check=False)
        self.cipher = cipher
        self.tx, self.rx = evidence.Evidence(), rx.Evidence()
        self.up = Connection(context, family, cipher, True)
        self.down = Connection(context, family, cipher, False)
        self.both = (self.up, self.down)
        self.check_hw()
        self.tx.offloaded(self.up.near, CONNECTIONS)
        self.rx.offloaded(self.down.near, CONNECTIONS)
        self.owners = self.who_has_them()

    def who_has_them(self):
        """How many connections are the NIC's and software's, says tls_stat."""
        moved = self.tx.kernel_moved()
        return {name: moved[name] for name in OWNERS}

    def check_hw(self):
        for connection in self.both:
            equal(sockdiag.tls(connection.near), sockdiag.Tls("1.2", self.cipher.name, "hw", "hw"),
                  f"{connection.name}: what the kernel says of the socket")

    def shown(self):
        """Fails unless `ss` says what sock_diag says."""
        for connection in self.both:
            near = sockdiag.tls(connection.near)
            line = run("ss", "-tniH", "sport", "=", f":{connection.near.getsockname()[1]}")
            want = (f"tcp-ulp-tls version: {near.version} cipher: {near.cipher} "
                    f"rxconf: {near.rxconf} txconf: {near.txconf}")
            check(want in line, f"ss: {line.strip()[-200:]}, expected {want}")

    def moved(self, *names):
        counters = nic.change(self.tx.nic, nic.statistics())
        return tuple(counters[name] for name in names)

    def start(self):
        for connection in self.both:
            connection.start()

    def going_on(self, when):
        """The NIC encrypts and decrypts from now on."""
        names = "tx_tls_encrypted_bytes", "rx_tls_decrypted_bytes"
        before = self.moved(*names)
        wait.until(lambda: all(now - then >= AGAIN
                               for now, then in zip(self.moved(*names), before)),
                   lambda: f"{when}: {names} went on from {before} only to {self.moved(*names)}",
                   seconds=tcp.SECONDS)

    def restored(self, resets):
        """After so many resets: every context is in the card again, and no connection has
        changed hands."""
        wait.until(nic.reachable, "both addresses of the far end answer after the reset")
        equal(self.moved("tx_tls_restored", "rx_tls_restored"), (CONNECTIONS * resets,) * 2,
              "contexts restored, TX and RX")
        equal(self.moved("hw_tls_tx_live", "hw_tls_rx_live"), (CONNECTIONS,) * 2,
              "contexts in the card, TX and RX")
        equal(self.moved("hw_tls_tx_deleted", "hw_tls_rx_deleted"), (CONNECTIONS * resets,) * 2,
              "contexts that the card deleted, TX and RX")
        equal(self.moved("tx_tls_ctx", "tx_tls_del", "rx_tls_ctx", "rx_tls_del"),
              (CONNECTIONS, 0) * 2, "added and deleted by the core, TX and RX")
        equal(self.who_has_them(), self.owners, "tls_stat")
        self.check_hw()

    def poke(self):
        for connection in self.both:
            connection.poke()

    def halt(self):
        for connection in self.both:
            connection.halt()
            connection.quiet.arrived()

    def exactly(self):
        """With nothing else on its way: the NIC does all of it, and each byte once."""
        state, before = evidence.Evidence(), tcp.retransmitted(self.up.near)
        for connection in self.both:
            connection.bulk.write(PART)
        for connection in self.both:
            connection.bulk.arrived()
        segments, size = (now - then for now, then in
                          zip(tcp.retransmitted(self.up.near), before))
        state.encrypted_as_sent(PART, size)
        state.no_software(state.counters(), segments)
        equal(state.moved("rx_tls_decrypted_bytes"), PART, "rx_tls_decrypted_bytes")

    def finish(self, but=()):
        again = sum(tcp.retransmitted(connection.near)[0] for connection in self.both)
        for connection in self.both:
            connection.finish()
        self.tx.gone()
        self.rx.gone()
        equal(self.moved("tx_tls_ctx", "tx_tls_del", "rx_tls_ctx", "rx_tls_del"),
              (CONNECTIONS,) * 4, "added and deleted by the core, TX and RX")
        equal(self.moved("hw_tls_tx_live", "hw_tls_rx_live"), (0, 0), "contexts left in the card")
        self.tx.no_errors(but=but, again=again)
        self.rx.no_errors(but=but)


def function_level_reset(context, family, cipher):
    pair = Pair(context, family, cipher)
    device = system.pci_device()
    write(device / "reset_method", "flr")
    pair.start()
    pair.going_on("at first")
    for count in (1, 2):
        write(device / "reset", "1")
        pair.restored(count)
        pair.shown()
        pair.poke()
        pair.going_on(f"after reset {count}")
    pair.halt()
    pair.exactly()
    equal(pair.moved("resets", "tx_timeouts"), (0, 0), "resets by the driver, and for a timeout")
    pair.finish()


registry.add("case-31b-function-level-reset/v4", function_level_reset, 4, GCM128)
registry.add("case-31b-function-level-reset/v6", function_level_reset, 6, GCM256)


def seconds_to_install():
    """How long the card's user waits until a connection's keys are in, at best of some."""
    state, times = evidence.Evidence(), []
    for count in range(1, 6):
        near, far = tcp.connect()
        with tcp.closing(near, far):
            near.setsockopt(socket.IPPROTO_TCP, ktls.TCP_ULP, b"tls")
            began = time.monotonic()
            ktls.install_more(near, Keys(), TLS_TX)
            times.append(time.monotonic() - began)
            equal(state.kernel_moved()["TlsTxDevice"], count, "TlsTxDevice")
    state.gone()
    return min(times)


def refused(microseconds):
    """A latency that the card cannot have; what it has stays."""
    try:
        with device_faults.command_latency(microseconds):
            pass
    except Failed as error:
        check(f"command-latency={microseconds} is impossible: must be 0 to" in str(error),
              f"a latency of {microseconds} us: {error}")
    else:
        raise Failed(f"a latency of {microseconds} us was not refused")


@registry.case("function-level-reset/slow-commands")
def slow_commands(context):
    """The card takes its time for each command, and who installs keys waits for it. All else
    is as it is with a fast one, and so is a reset."""
    nic.only_on_ktlsnic()
    run("modprobe", "tls")
    nic.local().set(**{nic.TLS_TX_FLAG: True})
    fast = seconds_to_install()
    context.enter_context(device_faults.command_latency(LATENCY))
    refused(10_000_001)
    slow = seconds_to_install()
    context.note(f"keys installed in {fast * 1000:.2f} ms, with slow commands {slow * 1000:.2f} ms")
    at_least(slow, LATENCY / 1e6, "seconds until keys are installed, with slow commands")
    check(fast < slow, f"keys are installed in {fast} s, with slow commands in {slow} s")
    pair = Pair(context, 4, GCM128)
    pair.exactly()
    device = system.pci_device()
    write(device / "reset_method", "flr")
    write(device / "reset", "1")
    pair.restored(1)
    pair.poke()
    pair.start()
    pair.going_on("after the reset")
    pair.halt()
    pair.exactly()
    equal(pair.moved("resets", "cmd_timeouts"), (0, 0), "resets by the driver, commands too late")
    pair.finish()


def times_out(pair, log, count):
    """The transmit rings are stuck: wait for the kernel's watchdog, which older kernels
    log only once, and for the reset."""
    wait.until(lambda: pair.moved("tx_timeouts") == (count,), f"timeout {count} is counted",
               seconds=WATCHDOG)
    wait.until(lambda: pair.moved("resets") == (count,), f"reset {count} of the card")
    equal(device_faults.stuck_tx_rings(), 0, "rings that are stuck after the reset")
    lines = log.new_lines()
    equal(sum("transmit timed out" in line for line in lines), 1,
          "lines about the timeout in the kernel's log")


@registry.case("case-31a-tx-timeout/twice-under-traffic", splats=SPLATS)
def timeout_under_traffic(context):
    """The rings stick again as soon as traffic has come back from the first time."""
    context.callback(device_faults.stick_tx_rings, 0)
    nic.small_byte_limits(context)
    pair, log = Pair(context, 4, GCM128), kmsg.Log()
    pair.start()
    pair.going_on("at first")
    for count in (1, 2):
        device_faults.stick_tx_rings()
        pair.poke()
        times_out(pair, log, count)
        pair.restored(count)
        pair.poke()
        pair.going_on(f"after timeout {count}")
    pair.halt()
    pair.exactly()
    equal(pair.moved("tx_timeouts", "resets"), (2, 2), "timeouts and resets")
    pair.finish(but=("tx_timeouts",))


@registry.case("case-31a-tx-timeout/idle", splats=SPLATS)
def timeout_idle(context):
    """The rings stick while nothing is to be sent: what is sent then finds out."""
    context.callback(device_faults.stick_tx_rings, 0)
    nic.small_byte_limits(context)
    pair, log = Pair(context, 6, GCM256), kmsg.Log()
    pair.exactly()
    pair.poke()
    device_faults.stick_tx_rings()
    pair.start()
    times_out(pair, log, 1)
    pair.restored(1)
    pair.poke()
    pair.going_on("after the timeout")
    pair.halt()
    pair.exactly()
    equal(pair.moved("tx_timeouts", "resets"), (1, 1), "timeouts and resets")
    pair.finish(but=("tx_timeouts",))
