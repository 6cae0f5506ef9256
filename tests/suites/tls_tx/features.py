# SPDX-License-Identifier: GPL-2.0-or-later
"""Features of the port that are switched while connections live."""

import threading

from lib import evidence, nic, offload, tcp
from lib.cases import Registry, check, equal
from lib.ktls import Call, Keys, Write
from lib.offload import SETTLED, Spec
from . import ready
from .stream import COMBINATIONS, PART, combination_name

registry = Registry()

def switched(context, spec):
    """A run whose script holds Calls that change the NIC; offloaded to the end."""
    result = offload.exact(context, spec)
    result.evidence.encrypted(len(result.stream), result.records, result.again)
    return result


def feature_toggle(context, feature, family, cipher, tso):
    """Off and on again with a live connection; the capture proves each checksum."""
    ready(tso)
    before = nic.features()
    context.callback(nic.local().restore, before)

    def turn(on):
        return Call(lambda _sender: nic.local().set(**{feature: on}))
    spec = Spec(script=(*PART, turn(False), *PART, turn(True), *PART),
                keys=Keys(cipher), family=family, tso=tso, capture=True)
    switched(context, spec)


for _combination in COMBINATIONS:
    _end = combination_name(*_combination)
    registry.add(f"case-22-tx-checksum-off-live/{_end}", feature_toggle, "tx", *_combination)
    for _feature in ("tso", "sg", "gso"):
        registry.add(f"case-23-toggle-{_feature}-live/{_end}", feature_toggle, _feature,
                     *_combination)


@registry.case("case-43e-offload-flag-off-and-on")
def toggle_flag(context):
    """Old connections stay, new ones follow the flag."""
    ready()
    flag = nic.TLS_TX_FLAG
    before = nic.features()
    context.callback(nic.local().restore, before)
    new = []

    def turn(on):
        def do(_sender):
            nic.local().set(**{flag: on})
            run_ = offload.Run(context, Spec(script=PART, keys=Keys(seed="new")))
            run_.install()
            new.append(evidence.txconf(run_.near))
            run_.play()
            result = run_.finish()
            result.evidence.gone()
            if on:
                result.evidence.encrypted(len(result.stream), result.records, result.again)
            else:
                equal(result.evidence.moved("hw_tls_tx_bytes"), 0, "hw_tls_tx_bytes")
        return Call(do)
    run_ = offload.Run(context, Spec(script=(*PART, SETTLED, turn(False),
                                             *PART, SETTLED, turn(True),
                                             *PART)))
    run_.install()
    run_.evidence.offloaded(run_.near)
    run_.play()
    equal(evidence.txconf(run_.near), "hw", "ss: txconf of the old connection")
    equal(new, ["sw", "hw"], "ss: txconf of the new connections")
    result = run_.finish()
    result.evidence.gone()
    result.evidence.by_the_nic(len(result.stream) * 4 // 3)


class Busy(threading.Thread):
    """Plays a run again and again until it is told to stop; something is always on its
    way, but never much, since all of it is looked at afterwards."""

    def __init__(self, run_):
        super().__init__(daemon=True)
        self.run_ = run_
        self.done = threading.Event()
        self.turns = 0
        self.start()

    def run(self):
        while not self.done.is_set():
            self.run_.play()
            self.run_.settled()
            self.turns += 1

    def finish(self):
        self.done.set()
        self.join(tcp.SECONDS)
        return self.run_.finish()


def flag_under_load(context, family, cipher, tso):
    """The flag goes off and on while connections send: those stay with the NIC, new ones
    follow the flag as it is."""
    ready(tso)
    context.callback(nic.local().restore, nic.features())
    old = [offload.Run(context, Spec(script=(Write(1500), Write(700)), family=family, tso=tso,
                                     keys=Keys(cipher, seed=f"old {i}"))) for i in range(2)]
    state = offload.install_all(old)
    busy, new, size = [Busy(run_) for run_ in old], [], 0
    for on in (False, True):
        nic.local().set(**{nic.TLS_TX_FLAG: on})
        run_ = offload.Run(context, Spec(script=PART, keys=Keys(cipher, seed=f"new {on}"),
                                         family=family, tso=tso))
        run_.install()
        new.append(evidence.txconf(run_.near))
        run_.play()
        size += on * len(run_.finish().stream)
    equal(new, ["sw", "hw"], "ss: txconf of the new connections")
    equal([evidence.txconf(run_.near) for run_ in old], ["hw"] * 2,
          "ss: txconf of the old connections")
    results = [thread.finish() for thread in busy]
    check(all(thread.turns for thread in busy), "the load was none")
    state.gone()
    again = sum(result.again[0] for result in results)
    state.no_errors(again=again)
    equal(state.moved("tx_tls_ctx"), 3, "tx_tls_ctx")
    state.by_the_nic(size + sum(len(result.stream) for result in results), again)


for _combination in COMBINATIONS:
    registry.add(f"case-43e-offload-flag-under-load/{combination_name(*_combination)}",
                 flag_under_load, *_combination)
