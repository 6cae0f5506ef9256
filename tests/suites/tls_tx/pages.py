# SPDX-License-Identifier: GPL-2.0-or-later
"""Pages that the stack does not copy: they belong to somebody who may change them, and
they come in any size."""

import os
import tempfile

from lib import accounted, evidence, kernel_features, ktls, link, offload, records, tcp, wait
from lib.cases import Failed, Registry, check, equal, skip
from lib.ktls import DATA, MAX_RECORD, Keys, Sendfile, Splice, Write
from lib.offload import SETTLED, Spec
from . import ready
from .retransmit import M
from .stream import COMBINATIONS, combination_name

registry = Registry()
PAGES = 3
OLD, NEW = b"\x11" * 4096, b"\xee" * 4096


class Changing:
    """Sends a file whose pages change between the first transmission and the second."""

    def __init__(self, context, family, cipher, zerocopy):
        self.file = context.enter_context(tempfile.TemporaryFile())
        self.file.write(OLD * PAGES)
        self.file.flush()
        self.keys = Keys(cipher)
        self.lost = context.enter_context(link.Link(
            rules=f"drop conn 1 tx byte {M * 3} times 1000"))
        self.near, self.far = tcp.connect(family, M + 12)
        context.enter_context(tcp.closing(self.near, self.far))
        self.reader = tcp.Reader(self.far)
        self.again = 0
        ktls.install(self.near, self.keys)
        if zerocopy:
            self.near.setsockopt(ktls.SOL_TLS, ktls.TLS_TX_ZEROCOPY_RO, 1)

    def send(self):
        at, size = 0, len(OLD) * PAGES
        while at < size:
            at += os.sendfile(self.near.fileno(), self.file.fileno(), at, size - at)
        wait.until(lambda: self.lost.hits(), "a segment is lost")
        self.file.seek(0)
        self.file.write(NEW * PAGES)
        self.file.flush()
        self.lost.stop()

    def received(self):
        tcp.settled(self.near)
        self.again = tcp.retransmitted(self.near)[0]
        self.near.close()
        stream = bytes(self.reader.finish())
        self.far.close()
        return stream


def page_changes(context, zerocopy, family, cipher, tso):
    """With TLS_TX_ZEROCOPY_RO the application has promised not to do this, and the peer
    cannot authenticate the record. Nothing else comes of it: no plaintext, no splat,
    no leak. Without it the record is a copy."""
    ready(tso)
    state = evidence.Evidence()
    run = Changing(context, family, cipher, zerocopy)
    state.offloaded(run.near)
    run.send()
    stream = run.received()
    for content in (OLD, NEW):
        check(content[:16] not in stream, "a page is on the wire in plaintext")
    try:
        plain = b"".join(record.plain for record in records.decrypt(stream, run.keys))
        verdict = "the old pages" if plain == OLD * PAGES else "a mixture"
    except Failed:
        verdict = "not authentic"
    equal(verdict, "not authentic" if zerocopy else "the old pages", "what the peer has")
    check(state.moved(evidence.OUT_OF_ORDER) >= 1, "nothing was sent again out of order")
    state.gone()
    state.no_errors(again=run.again)
    offload.offloaded(context, Spec(script=(Write(3000),), keys=run.keys, family=family, tso=tso))


def tiny_splices(context, family, cipher, tso):
    """More pieces of one or two bytes than a record can hold; one record is sent again,
    so that its prefix has as many pieces."""
    ready(tso)
    spoiled = 1500
    context.enter_context(link.Link(rules=f"corrupt conn 1 tx byte {spoiled}"))
    script = tuple(Splice(1 + i % 2, more=True) for i in range(120)) + (Splice(2),)
    spec = Spec(script=(*script, SETTLED, Write(100)), keys=Keys(cipher),
                family=family, tso=tso, capture=True, zerocopy=True)
    run = accounted.Run(context, spec, (spoiled,))
    run.start()
    run.play()
    result = run.finish()
    context.note(f"{len(result.records)} records")
    check(len(result.records) > 2, "the pieces made one record")
    accounted.counters_fit(context, run, result)


def beyond_the_end(context, zerocopy, family, cipher, tso):
    """sendfile with a count that the file does not have, then close(): the record that
    was left open for more is not lost."""
    ready(tso)
    spec = Spec(script=(Past(70_001),), keys=Keys(cipher), family=family, tso=tso, capture=True,
                zerocopy=zerocopy)
    run = accounted.Run(context, spec)
    run.start()
    run.play()
    if kernel_features.forgets_spliced_records():
        whole = len(run.sender.sent) // MAX_RECORD * MAX_RECORD
        del run.sender.sent[whole:]
        run.sender.kinds = [[DATA, whole]]
    run.near.close()
    result = run.closed(run.port)
    accounted.counters_fit(context, run, result)
    if kernel_features.forgets_spliced_records():
        skip("defect of the kernel's own tls.ko: close() dropped the record that sendfile "
             "left open for more")


class Past(Sendfile):
    """A file of that size, of which more is asked for."""

    def do(self, sender, piece):
        with tempfile.TemporaryFile() as file:
            file.write(piece)
            file.flush()
            at = 0
            while sent := os.sendfile(sender.sock.fileno(), file.fileno(), at,
                                      len(piece) - at + 50_000):
                at += sent
            equal(at, len(piece), "bytes that sendfile took")


for _combination in COMBINATIONS:
    _end = combination_name(*_combination)
    registry.add(f"case-26-page-changes-zerocopy/{_end}", page_changes, True, *_combination)
    registry.add(f"case-26-page-changes-copied/{_end}", page_changes, False, *_combination)
    registry.add(f"tiny-splices-zerocopy/{_end}", tiny_splices, *_combination)
    registry.add(f"sendfile-beyond-the-end/{_end}", beyond_the_end, False, *_combination)
    registry.add(f"sendfile-beyond-the-end-zerocopy/{_end}", beyond_the_end, True, *_combination)
