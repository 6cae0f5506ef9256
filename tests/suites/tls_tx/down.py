# SPDX-License-Identifier: GPL-2.0-or-later
"""The port goes down or away while connections live: they go on in software. (What goes
both ways at once is among the cases of suite tls-rx.)"""

import errno
import pathlib
import threading

from lib import evidence, nic, offload, system, tcp, wait
from lib.cases import Failed, Registry, at_least, check, equal
from lib.ktls import Call, Keys, Write
from lib.offload import Spec
from lib.system import NETIF, ip, write
from . import ready
from .stream import PART

registry = Registry()


@registry.case("case-43a-down-up-with-live-connection")
def down_up(context):
    """The interface goes down and up in mid-transfer: the connection goes on in
    software, its context is deleted once, and new connections are offloaded."""
    ready()
    state, before = evidence.Evidence(), []

    def bounce(_sender):
        before.append(encrypted(run_))
        ip("link", "set", NETIF, "down")
        equal(state.moved("tx_tls_del"), 1, "tx_tls_del after link down")
        nic.up_again()
        ready()
    run_ = offload.Run(context, Spec(script=(*PART, Call(bounce), *PART)))
    run_.install()
    run_.evidence.offloaded(run_.near)
    run_.play()
    run_.finish()
    equal(state.moved("tx_tls_ctx"), 1, "tx_tls_ctx: not offloaded again")
    equal([state.moved("hw_tls_tx_bytes")], before, "hw_tls_tx_bytes")
    state.gone()
    equal((state.moved("tx_tls_del"), state.moved("hw_tls_tx_deleted")), (1, 1),
          "tx_tls_del, hw_tls_tx_deleted at the end")
    state.no_errors()
    offload.offloaded(context, Spec(script=PART))


def encrypted(run_):
    """What was sent so far is acknowledged, and the NIC encrypted all of it; how much."""
    run_.settled()
    run_.evidence.by_the_nic(tcp.sent(run_.near))
    return run_.evidence.moved("hw_tls_tx_bytes")


@registry.case("case-43a-down-while-some-close", seconds=120)
def down_many(context):
    """Connections close while the interface goes down: none is lost or deleted twice."""
    ready()
    state = evidence.Evidence()
    for turn in range(3):
        runs = [offload.Run(context, Spec(script=(Write(20_000),), keys=Keys(seed=f"{i}")))
                for i in range(6)]
        before = state.moved("hw_tls_tx_bytes")
        for run_ in runs:
            run_.install()
            equal(evidence.txconf(run_.near), "hw", "ss: txconf")
            run_.play()
        wait.until(lambda old=before: state.moved("hw_tls_tx_bytes") - old >= 6 * 10_000,
                   "the NIC encrypts on all connections")
        closer = threading.Thread(target=lambda some=runs[::2]: [r.near.close() for r in some])
        closer.start()
        ip("link", "set", NETIF, "down")
        closer.join()
        nic.up_again()
        ready()
        for run_ in runs[::2]:
            run_.reader.finish()
            run_.reader.sock.close()
        for run_ in runs[1::2]:
            run_.finish()
        state.gone()
        equal((state.moved("tx_tls_ctx"), state.moved("hw_tls_tx_deleted")),
              (6 * (turn + 1),) * 2, "tx_tls_ctx, hw_tls_tx_deleted")
    equal(state.moved("tx_tls_del_failed"), 0, "tx_tls_del_failed")


class Churn(threading.Thread):
    """One connection after the other, as short as they come, until told to stop. Each is
    whole, whoever encrypts it."""

    def __init__(self, context, number):
        super().__init__(daemon=True)
        self.context, self.number = context, number
        self.stop = threading.Event()
        self.turns, self.error = 0, None
        self.start()

    def run(self):
        try:
            while not self.stop.is_set():
                run_ = wait.until(self._connected, "the port is up again", seconds=tcp.SECONDS)
                run_.install()
                run_.play()
                run_.finish()
                self.turns += 1
        except (Failed, OSError) as error:
            self.error = error

    def _connected(self):
        """Nothing while there is no route since the port is down."""
        keys = Keys(seed=f"churn {self.number} {self.turns}")
        try:
            return offload.Run(self.context, Spec(script=(Write(3000),), keys=keys))
        except OSError as error:
            if error.errno != errno.ENETUNREACH:
                raise
            return None

    def leave(self):
        self.stop.set()
        self.join(tcp.SECONDS)

    def finish(self):
        self.leave()
        check(not self.error and not self.is_alive(), f"connection {self.turns} of a thread: "
              f"{self.error or 'still not done'}")


@registry.case("case-44-churn-while-the-port-goes-down", seconds=150)
def churn(context):
    """Contexts are added and deleted in four threads while the port goes down and comes
    back, four times: what was added is deleted, once, and the NIC takes new ones."""
    ready()
    state = evidence.Evidence()
    threads = [Churn(context, number) for number in range(4)]
    for thread in threads:
        context.callback(thread.leave)
    for turn in range(1, 5):
        before = state.moved("hw_tls_tx_added")
        wait.until(lambda old=before: state.moved("hw_tls_tx_added") - old >= 8,
                   "contexts are added", seconds=tcp.SECONDS)
        ip("link", "set", NETIF, "down")
        equal(nic.statistics()["hw_tls_tx_live"], 0, f"contexts after link down {turn}")
        nic.up_again()
        ready()
    for thread in threads:
        thread.finish()
    state.gone()
    added = state.moved("hw_tls_tx_added")
    context.note(f"{sum(thread.turns for thread in threads)} connections, {added} contexts")
    at_least(added, 4 * 8, "contexts that were added")
    equal((state.moved("tx_tls_ctx"), state.moved("hw_tls_tx_deleted")), (added,) * 2,
          "tx_tls_ctx, hw_tls_tx_deleted")
    at_least(state.moved("hw_tls_tx_bytes"), 4 * 4 * 3000, "hw_tls_tx_bytes")
    for name in ("tx_tls_add_failed", "tx_tls_del_failed", "hw_tls_tx_errors"):
        equal(state.moved(name), 0, name)
    offload.offloaded(context, Spec(script=PART))


def port_exists():
    return pathlib.Path("/sys/class/net", NETIF).exists()


@registry.case("case-43b-unbind-with-live-connection")
def unbind(context):
    """The driver leaves the device and comes back: the connection goes on in software, its
    context was deleted, and new connections are offloaded."""
    ready()
    device, before = system.pci_device().name, []
    driver = "/sys/bus/pci/drivers/ktlsnic"

    def bind():
        if not port_exists():
            write(f"{driver}/bind", device)
        wait.until(port_exists, "the port is back")
        nic.up_again()
        ready()

    def rebind(_sender):
        before.append(encrypted(run_))
        write(f"{driver}/unbind", device)
        check(not port_exists(), "the port outlived its driver")
        bind()
    context.callback(bind)
    run_ = offload.Run(context, Spec(script=(*PART, Call(rebind), *PART)))
    state = run_.evidence
    run_.install()
    state.offloaded(run_.near)
    run_.play()
    run_.finish()
    # The device's own counters outlive its driver.
    equal((state.moved("hw_tls_tx_added"), state.moved("hw_tls_tx_deleted")), (1, 1),
          "hw_tls_tx_added, hw_tls_tx_deleted")
    equal([state.moved("hw_tls_tx_bytes")], before, "hw_tls_tx_bytes")
    offload.offloaded(context, Spec(script=PART))
