# SPDX-License-Identifier: GPL-2.0-or-later
"""A wire that loses, reorders, doubles and spoils segments: the link between the
ports does it, with rules for chosen segments of each connection and with seeded
chance for the others."""

import socket
import threading

from lib import ktls, link, rx, tcp, tlstrace
from lib.cases import Registry, at_least, check, equal
from lib.ktls import ALERT, MAX_RECORD, Control, Keys, Write
from .bulk import decrypts_again
from .framing import COMBINATIONS

registry = Registry()
SCRIPT = tuple(step for i in range(60) for step in
               (Write(16384), Write(1 + 97 * i), Control(2, ALERT), Write(3000 + 100 * i)))
# What the far port sends is hit by chance, and some of it in every connection: the
# segments with two headers, a repetition from long ago, a segment that comes late.
IMPAIRED = {"dir": "rx", "data_only": "on", "loss": "1%", "reorder": "1%", "duplicate": "0.5%",
            "corrupt": "0.5%", "seed": 11,
            "rules": "drop conn any rx byte 40000 times 2;duplicate conn any rx segment 40 by 30;"
                     "reorder conn any rx segment 90 by 12"}
FAULTS = ("dropped", "corrupted", "reordered", "duplicated")
RECORDS_OF_A_FAULT = 1          # as long as the longest, undecrypted for one fault on the average


def impair(context):
    return context.enter_context(link.Link(**IMPAIRED))


def one(context, family, cipher, finds=True):
    """One connection. finds: the NIC finds its place as soon as the link is good again, and
    what is not decrypted is as little as the faults explain."""
    faults = impair(context)
    trace = tlstrace.Trace(context)
    flow = rx.Flow(context, Keys(cipher), family)
    flow.evidence.offloaded(flow.near)
    run(context, faults, trace, flow.evidence, [flow], SCRIPT, finds)


def many(context, finds=True):
    """Eight at once, of all ciphers and both families."""
    faults = impair(context)
    trace = tlstrace.Trace(context, 32768)
    state = rx.Evidence()
    flows = [rx.Flow(context, Keys(cipher, seed=f"many {i}"), family)
             for i, (family, cipher) in enumerate(ktls.mixed(8))]
    run(context, faults, trace, state, flows, SCRIPT[:len(SCRIPT) // 2], finds)


def run(context, faults, trace, state, flows, script, finds):
    """Impaired transfers, and then good ones."""
    size = ktls.size_of(script)
    threads = [threading.Thread(target=flow.play, args=(script, f"{i}"))
               for i, flow in enumerate(flows)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(150)
    for flow in flows:
        flow.reader.wait_for(size)
    fates = [how for table in trace.records().values() for _event, how in table]
    decrypted, records = state.moved("rx_tls_decrypted_bytes"), state.moved("hw_tls_rx_records")
    faults.stop()
    took = [decrypts_again(flow) for flow in flows] if finds else None
    again = sum(flow.finish()[0] for flow in flows)
    state.gone()
    wire = faults.report()["rx"]
    suffered = {name: wire[name] for name in FAULTS}
    context.note(f"{suffered}; {again} segments sent again; of {len(fates)} records hw "
                 f"{fates.count('hw')} mixed {fates.count('mixed')} sw {fates.count('sw')}; "
                 f"decrypted {100 * decrypted / size / len(flows):.1f} % of the payload, then "
                 f"{took} bytes until all is decrypted; {state.resync_counters()}")
    for name in FAULTS:
        at_least(wire[name], 1, f"frames that the link has {name}")
    at_least(again, wire["dropped"] + wire["corrupted"], "segments sent again")
    # a frame that is spoiled may also be doubled
    bad = state.moved("hw_rx_csum_bad") - wire["corrupted"]
    check(0 <= bad <= wire["duplicated"], f"hw_rx_csum_bad is {bad} more than were spoiled")
    check(fates.count("hw") <= records, f"{fates.count('hw')} records were decrypted, and the "
          f"NIC verified only {records}")
    at_least(fates.count("hw"), 1, "records that were decrypted by the NIC")
    check(fates.count("sw") + fates.count("mixed") > 0, "every record was decrypted by the NIC")
    if finds:
        at_least(decrypted, len(flows) * size
                 - sum(suffered.values()) * RECORDS_OF_A_FAULT * MAX_RECORD,
                 f"payload decrypted of {len(flows) * size} bytes with {suffered}")
    state.no_errors()


for _family, _cipher in COMBINATIONS:
    registry.add(f"impaired/one/v{_family}/{_cipher.label}", one, _family, _cipher)
registry.add("impaired/many", many, seconds=200)


def closing(context):
    """Connections are closed while they have lost their place and ask for it."""
    faults = impair(context)
    state = rx.Evidence()
    for turn in range(10):
        flow = rx.Flow(context, Keys(seed=f"close {turn}"))
        before = state.moved("rx_tls_decrypted_bytes")
        script = SCRIPT[:40 + 8 * turn]
        flow.play(script)
        flow.near.shutdown(socket.SHUT_RDWR)
        flow.reader.join(tcp.SECONDS)
        flow.near.close()
        flow.far.close()
        at_least(state.moved("rx_tls_decrypted_bytes") - before, 1, "rx_tls_decrypted_bytes")
    state.gone()
    at_least(faults.report()["rx"]["dropped"], 10, "frames that the link dropped")
    equal(state.moved("rx_tls_ctx"), 10, "rx_tls_ctx")
    state.no_errors()


registry.add("impaired/close-in-mid-stream", closing, seconds=200)


@registry.case("case-33-corruption-on-the-wire")
def corrupted(context):
    """Every fiftieth segment has a wrong bit, and so a wrong checksum: the NIC leaves it as
    it is and does not move, the stack drops it."""
    faults = context.enter_context(link.Link(dir="rx", data_only="on", corrupt="2%", seed=9))
    flow = rx.Flow(context)
    flow.evidence.offloaded(flow.near)
    flow.play(SCRIPT)
    flow.reader.wait_for(ktls.size_of(SCRIPT))
    count = faults.report()["rx"]["corrupted"]
    faults.stop()
    decrypts_again(flow)
    again = flow.finish()
    flow.evidence.gone()
    context.note(f"{count} segments were spoiled, {again[0]} sent again")
    at_least(count, 10, "segments that the link has spoiled")
    equal(flow.evidence.moved("hw_rx_csum_bad"), count, "hw_rx_csum_bad")
    at_least(again[0], count, "segments sent again")
    flow.evidence.no_errors()
