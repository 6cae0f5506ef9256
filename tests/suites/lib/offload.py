# SPDX-License-Identifier: GPL-2.0-or-later
"""One kTLS stream from the local port to the far one, and all that must hold of it."""

import functools
import hashlib
import socket
import threading
from dataclasses import dataclass

from . import capture, kernel_features, ktls, nic, records, tcp
from .cases import Context, check, equal
from .evidence import Evidence

SAMPLE = 24             # bytes of plaintext that are looked for on the wire
SETTLED = ktls.Call(lambda sender: tcp.settled(sender.sock))     # all so far is acknowledged


@dataclass(frozen=True)
class Spec:
    """What is sent, and over what. Everything random comes from the keys' seed."""
    script: tuple
    keys: ktls.Keys = ktls.Keys()
    family: int = 4
    tso: bool = True
    mss: int = None
    sequence: int = None        # TCP sequence of the first byte (default: as the stack likes)
    preamble: int = 0           # bytes sent in the clear before the keys go in
    cork: bool = False          # hold everything back until the script has been played
    capture: bool = False
    zerocopy: bool = False

    def content(self):
        return tcp.data(f"content {self.keys.seed}", ktls.size_of(self.script))


@dataclass
class Result:
    stream: bytes               # what came over the wire after the preamble
    records: list
    again: tuple                # segments and bytes that were sent again
    segments: int               # with data, as captured (0 without capture)
    evidence: Evidence
    wire: capture.Stream = None


class Run:
    """Plays a Spec. The steps are methods so that cases can put their own between."""

    def __init__(self, context, spec, before_data=None):
        self.spec = spec
        self.before = tcp.data("preamble", spec.preamble)
        self.evidence = Evidence()
        self.capture = context.enter_context(capture.Capture()) if spec.capture else None
        self.near, far = self.connected()
        context.enter_context(tcp.closing(self.near, far))
        self.reader = tcp.Reader(far)
        self.sender = ktls.Sender(self.near)
        if before_data:
            before_data()
        self.near.sendall(self.before)

    def connected(self):
        return tcp.connect(self.spec.family, self.spec.mss, sequence=self.spec.sequence)

    def install(self):
        ktls.install(self.near, self.spec.keys)
        if self.spec.zerocopy:
            self.near.setsockopt(ktls.SOL_TLS, ktls.TLS_TX_ZEROCOPY_RO, 1)

    def play(self):
        if self.spec.cork:
            self.near.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
        self.sender.play(self.spec.script, self.spec.content())
        if self.spec.cork:
            self.near.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)

    def finish(self):
        """Close when all has arrived, and look at it."""
        port = self.near.getsockname()[1]
        self.settled()
        again = tcp.retransmitted(self.near)
        self.near.close()
        return self.closed(port, again)

    def settled(self):
        tcp.settled(self.near)

    def closed(self, port, again=(0, 0)):
        """Look at what arrived, after close()."""
        raw = bytes(self.reader.finish())
        self.reader.sock.close()
        equal(raw[:len(self.before)], self.before, "the bytes before the keys")
        stream = raw[len(self.before):]
        result = Result(stream, self._verify(stream), again, 0, self.evidence)
        if self.capture:
            self._captured(result, port, raw)
        return result

    def _verify(self, stream):
        """The content arrived, as records that OpenSSL opens, and never in clear."""
        found = records.decrypt(stream, self.spec.keys)
        plain = b"".join(record.plain for record in found)
        equal(hashlib.sha256(plain).hexdigest(),
              hashlib.sha256(self.sender.sent).hexdigest(), "SHA-256 of the content")
        equal(records.joined(found), self.sender.kinds, "content types")
        no_plaintext(self.sender.sent, stream)
        return found

    def _captured(self, result, port, raw):
        wire = capture.Stream(port)
        wire.take(self.capture.frames())
        equal(wire.bytes() == raw, True, "the captured stream is the received one")
        result.wire = wire
        result.segments = wire.segments


def install_all(runs):
    """Put in the keys of each, and the NIC takes them all; the evidence of them all."""
    state = runs[0].evidence
    for number, run in enumerate(runs, 1):
        run.install()
        state.offloaded(run.near, number)
    return state


def play_together(runs):
    """Play them at the same time."""
    threads = [threading.Thread(target=run.play) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def no_plaintext(content, stream, samples=48):
    """Not one of many samples of the content stands in the stream, at any alignment."""
    if len(content) < SAMPLE:
        return
    step = max(1, (len(content) - SAMPLE) // samples)
    for at in range(0, len(content) - SAMPLE + 1, step):
        check(bytes(content[at:at + SAMPLE]) not in stream,
              f"plaintext byte {at} and what follows is on the wire")


def offloaded(context, spec, between=None):
    """Play the spec through the NIC and check all that CONTRIBUTING.md asks of a
    test of offload."""
    run = Run(context, spec)
    run.install()
    run.evidence.offloaded(run.near)
    if between:
        between(run)
    run.play()
    result = run.finish()
    result.evidence.gone()
    result.evidence.encrypted(len(result.stream), result.records, result.again,
                              0 if spec.preamble else result.segments)
    if result.again[0]:
        context.note(f"TCP sent {result.again[0]} segments again")
    equal(result.stream == software_stream(spec.script, spec.keys), True,
          "the wire is what software kTLS sends")
    return result


def in_software(context, spec):
    """Play the spec; the connection must run, without the NIC."""
    run = Run(context, spec)
    run.install()
    run.evidence.in_software(run.near)
    run.play()
    result = run.finish()
    result.evidence.gone_in_software()
    equal(result.evidence.moved("tx_tls_encrypted_bytes"), 0, "tx_tls_encrypted_bytes")
    return result


def software_stream(script, keys):
    """The bytes that software kTLS puts on the wire for this script and these keys."""
    steps = (step for step in script if step.size)
    if kernel_features.software_closes_spliced_records():
        steps = (_written(step) for step in steps)
    return _software_stream(tuple(steps), keys)


def _written(step):
    """The same bytes in the same records, without sendfile or splice."""
    spliced = isinstance(step, (ktls.Sendfile, ktls.Splice))
    return ktls.Write(step.size, step.more) if spliced else step


@functools.lru_cache(maxsize=64)
def _software_stream(script, keys):
    was_on = nic.local().get(nic.TLS_TX_FLAG)[0]
    nic.local().set(**{nic.TLS_TX_FLAG: False})
    try:
        with Context("software reference") as context:
            return in_software(context, Spec(script=script, keys=keys)).stream
    finally:
        nic.local().set(**{nic.TLS_TX_FLAG: was_on})


def exact(context, spec):
    """A run that is offloaded to its end, and sends just what software kTLS sends."""
    run_ = Run(context, spec)
    run_.install()
    run_.evidence.offloaded(run_.near)
    run_.play()
    result = run_.finish()
    equal(result.stream == software_stream(spec.script, spec.keys), True,
          "the wire is what software kTLS sends")
    result.evidence.gone()
    return result
