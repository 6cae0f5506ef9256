# SPDX-License-Identifier: GPL-2.0-or-later
"""In-order streams: every shape of records over every kind of segment."""

from lib import accounted, driver_input, link, offload, system, tcp
from lib.cases import Registry, at_least, check, equal, skip
from lib.ktls import (ALERT, DATA, FAMILIES, HANDSHAKE, OURS, SOL_TLS, TLS_RX, Call, Control, Keys,
                      Sendfile, Splice, Write, mixed)
from lib.offload import Spec
from . import ready

registry = Registry()

COMBINATIONS = [(family, cipher, tso) for tso in (True, False)
                for cipher in OURS for family in FAMILIES]
SIZES = (1, 2, 3, 5, 12, 13, 15, 16, 17, 28, 29, 31, 32, 33, 100, 255, 256, 257, 1000,
         1399, 1400, 1447, 1448, 1449, 2896, 4095, 4096, 4097, 8191, 9000, 16383, 16384)

SCRIPTS = {
    "record-sizes": [Write(size) for size in SIZES],
    "one-big-write": [Write(1 << 20)],
    "many-tiny-records": [Write(1 + i % 40) for i in range(400)],
    "msg-more": [Write(size, more=bool(i % 5)) for i, size in enumerate(SIZES * 3)]
                + [Write(1)],
    "sendfile": [Sendfile(300_001), Sendfile(4096), Sendfile(1)],
    "splice": [Splice(70_000), Write(10), Splice(12_345)],
    "control-records": [Write(5000), Control(2, ALERT), Write(100, more=True),
                        Control(300, HANDSHAKE), Write(20_000), Control(1, ALERT)],
    "mixed": [Write(10, more=True), Sendfile(40_000), Control(5, HANDSHAKE),
              Splice(9_999), Write(123_457), Write(1, more=True), Write(16384)],
}
PART = (Write(60_000), Write(333, more=True), Sendfile(20_000), Write(1447))
# Enough of each for some frames to be hurt, and not so much that it takes long.
IMPAIRED = {"one-big-write": [Write(200_000)], "sendfile": [Sendfile(120_001), Sendfile(1)],
            "control-records": SCRIPTS["control-records"] * 4}
SEED = 20
MSS = {"record-sizes": 1337, "msg-more": 777, "many-tiny-records": 1001, "mixed": 1201}


def combination_name(family, cipher, tso):
    return f"v{family}/{cipher.label}/{'tso' if tso else 'no-tso'}"


def stream(context, script, family, cipher, tso, mss, cork):
    ready(tso)
    spec = Spec(script=tuple(script), keys=Keys(cipher), family=family, tso=tso,
                mss=mss, cork=cork, capture=True)
    offload.offloaded(context, spec)


def impaired(context, script, family, cipher, tso, mss, zerocopy=False):
    """The same over a link that loses, reorders, doubles and spoils frames both ways: the
    NIC does everything that is sent again, and nothing is left to software."""
    ready(tso)
    spec = Spec(script=tuple(script), keys=Keys(cipher), family=family, tso=tso, mss=mss,
                zerocopy=zerocopy)
    faults = context.enter_context(link.Link(seed=SEED, **dict.fromkeys(
        ("loss", "reorder", "duplicate", "corrupt"), "1%")))
    run = accounted.Run(context, spec)
    run.start()
    run.play()
    result = run.finish()
    report = faults.report()
    hurt = sum(report[way][what] for way in ("tx", "rx")
               for what in ("dropped", "reordered", "duplicated", "corrupted"))
    at_least(hurt, 1, "frames that the link treated badly")
    accounted.exactly(context, run, result)


BODY = 100                      # content of a record that is cut


def cut_targets(cipher):
    """Bytes of such a record at which a segment begins: inside the header, the explicit nonce,
    the first and the last block, between content, its type and tag, in the tag."""
    front, end = cipher.front, BODY + cipher.over
    return (*(place for place in (0, 1, 2, 3, 4, 5, 6, 9, 12) if place < front),
            *(front + place for place in (0, 1, 15, 16, 87, 96, 97, 99, 100, 101, 107)),
            end - 2, end - 1)


def cut_script(mss, cipher):
    """Records laid so that segment boundaries fall into them at those bytes; the script,
    and the places in the stream at which segments begin."""
    script, places, at = [], [], 0
    overhead, body = cipher.over, BODY
    for target in cut_targets(cipher):
        pad = (mss - target - at) % mss
        if pad <= overhead:
            pad += mss
        script += [Write(pad - overhead), Write(body)]
        at += pad
        places.append(at + target)
        at += overhead + body
    return script, places


def cuts(context, family, cipher, tso):
    """The script is laid for segments of exactly one MSS. With TSO the NIC cuts within
    packets there; without, each segment is a packet of its own, so that the context is
    left and found again at that place. TCP may cut otherwise (the
    cork comes out after 200 ms), so it is played until every cut has been seen."""
    ready(tso)
    near, far = tcp.connect(family, 600)
    with tcp.closing(near, far):
        mss = tcp.segment_size(near)
    script, places = cut_script(mss, cipher)
    spec = Spec(script=tuple(script), keys=Keys(cipher), family=family, tso=tso,
                mss=600, cork=True, capture=True)
    missed = places
    for _ in range(5):
        result = offload.offloaded(context, spec)
        starts = {(seq - result.wire.first) & 0xffffffff for seq in result.wire.pieces}
        missed = [place for place in missed if place not in starts]
        if not missed:
            return
    equal(missed, [], "places at which no segment began")


def many_in_a_segment(context, family, cipher, tso):
    """Segments that begin in one record, hold others whole, and end in yet another."""
    ready(tso)
    spec = Spec(script=tuple(SCRIPTS["many-tiny-records"]), keys=Keys(cipher), family=family,
                tso=tso, mss=1001, cork=True, capture=True)
    result = offload.offloaded(context, spec)
    layout, good = driver_input.Layout(result.stream, cipher), 0
    for seq, copies in result.wire.pieces.items():
        at = driver_input.signed(seq - result.wire.first)
        inside = [start for start in layout.starts if at <= start <= at + len(copies[0])]
        good += len(inside) >= 4 and inside[0] > at and inside[-1] < at + len(copies[0])
    at_least(good, 5, "segments with parts of two records and some whole ones between")


def rx_after_tx(context, family, cipher, tso):
    """TLS_RX is installed while a TX record is open (MSG_MORE), and a record of another
    type follows at once: the open one goes out first, as what it is."""
    ready(tso)

    def install_rx(sender):
        sender.sock.setsockopt(SOL_TLS, TLS_RX, Keys(cipher, seed="other way").crypto_info())
    spec = Spec(script=(Write(100, more=True), Call(install_rx), Control(7),
                        Write(5000, more=True), Control(2, HANDSHAKE), Write(9)),
                keys=Keys(cipher), family=family, tso=tso, capture=True)
    run = offload.Run(context, spec)
    run.install()
    run.evidence.offloaded(run.near)
    run.play()
    kinds = run.sender.kinds
    if system.stock_tls():
        # tls_set_sw_offload(RX) takes away the function that closes the device's open
        # record, and the next record's type becomes that of both. Known; ours must not.
        run.sender.kinds = [[ALERT, 107], [HANDSHAKE, 5002], [DATA, 9]]
    result = run.finish()
    result.evidence.gone()
    result.evidence.encrypted(len(result.stream), result.records, result.again, result.segments)
    if run.sender.kinds != kinds:
        skip("defect of the kernel's own tls.ko: records that were open got the type of the next")
    equal(result.stream == offload.software_stream(spec.script, spec.keys), True,
          "the wire is what software kTLS sends")


def record_numbers(context, family, cipher, tso):
    """A stream whose record numbers need all 64 bits."""
    ready(tso)
    keys = Keys(cipher, first=(1 << 63) + (1 << 32) - 3)
    spec = Spec(script=(Write(100_000), Write(17)), keys=keys, family=family, tso=tso)
    offload.offloaded(context, spec)


def zerocopy(context, family, cipher, tso):
    ready(tso)
    spec = Spec(script=(Sendfile(500_000), Write(5), Sendfile(16384)), keys=Keys(cipher),
                family=family, tso=tso, zerocopy=True)
    offload.offloaded(context, spec)


def preamble(context, family, cipher, tso):
    """Bytes sent in the clear before the keys stay in the clear."""
    ready(tso)
    spec = Spec(script=(Write(50_000),), keys=Keys(cipher), family=family, tso=tso,
                preamble=3001, capture=True)
    result = offload.offloaded(context, spec)
    check(result.wire.bytes().startswith(tcp.data("preamble", 3001)), "preamble on the wire")


for _combination in COMBINATIONS:
    _end = combination_name(*_combination)
    for _name, _script in SCRIPTS.items():
        if _name == "many-tiny-records":
            registry.add(f"case-03-many-records-in-a-segment/{_end}", many_in_a_segment,
                         *_combination)
        else:
            registry.add(f"case-01-{_name}/{_end}", stream, _script, *_combination,
                         MSS.get(_name), False)
        registry.add(f"case-{'03' if 'tiny' in _name else '01'}-{_name}-impaired/{_end}",
                     impaired, IMPAIRED.get(_name, _script), *_combination, MSS.get(_name, 700))
    registry.add(f"case-01-zerocopy-sendfile/{_end}", zerocopy, *_combination)
    registry.add(f"case-01-zerocopy-sendfile-impaired/{_end}", impaired,
                 (Sendfile(150_000), Write(5), Sendfile(16384)), *_combination, None, True)
    registry.add(f"case-01-after-clear-bytes/{_end}", preamble, *_combination)
    registry.add(f"case-02-cut-anywhere/{_end}", cuts, *_combination)
    registry.add(f"case-02-long-records-impaired/{_end}", impaired, (Write(120_000),),
                 *_combination, 600)
    registry.add(f"case-25-large-record-numbers/{_end}", record_numbers, *_combination)
    registry.add(f"rx-keys-after-an-open-record/{_end}", rx_after_tx, *_combination)


@registry.case("many-connections-at-once")
def many(context):
    """Sixteen connections, all ciphers and both families, their segments interleaved."""
    ready()
    specs = [Spec(script=PART * 3, keys=Keys(cipher, seed=f"many {i}"), family=family)
             for i, (family, cipher) in enumerate(mixed(16))]
    runs = [offload.Run(context, spec) for spec in specs]
    state = offload.install_all(runs)
    offload.play_together(runs)
    results = [run_.finish() for run_ in runs]
    state.gone()
    again = [sum(result.again[i] for result in results) for i in (0, 1)]
    state.encrypted(sum(len(result.stream) for result in results),
                    [record for result in results for record in result.records], again)
