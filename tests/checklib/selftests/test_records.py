# SPDX-License-Identifier: GPL-2.0-or-later
"""Records as the suites make them and take them apart, of each version and cipher."""

import struct

from checklib import suites                                 # noqa: F401  (finds the suites)
from lib import aead, ktls, records, seal
from lib.cases import Failed

SIZES = (0, 1, 100, 16384)


def refused(stream, keys):
    try:
        records.decrypt(stream, keys)
    except Failed:
        return True
    return False


def test_what_is_sealed_is_opened():
    for cipher in ktls.OURS:
        keys = ktls.Keys(cipher, first=(1 << 64) - 4)
        sealer = seal.Sealer(keys)
        pads = (0, 1, 100, 300) if cipher.inner else (0,) * 4
        stream = b"".join(sealer.seal(bytes(size), kind, pad=pad) for size, kind, pad in
                          zip(SIZES, (23, 22, 21, 23), pads))
        assert len(stream) == cipher.stream(SIZES) + sum(pads), cipher
        found = records.decrypt(stream, keys)
        assert [(record.kind, len(record.plain)) for record in found] == list(
            zip((23, 22, 21, 23), SIZES)), cipher
        assert sum(record.encrypted for record in found) == cipher.encrypted(SIZES) + sum(pads)
        pieces, whole = records.Stream(keys), []
        for at in range(0, len(stream), 1000):
            whole += pieces.take(stream[at:at + 1000])
        assert [record.plain for record in whole] == [record.plain for record in found]
        assert {stream[0]} | {record[0][0] for record in records.split(stream)} == (
            {23} if cipher.inner else {21, 22, 23}), cipher
        assert refused(stream, ktls.Keys(cipher, first=1)), cipher
        assert refused(stream, ktls.Keys(cipher, seed="other", first=keys.first)), cipher


def test_what_is_wrong_is_not_opened():
    for cipher in ktls.OURS:
        keys = ktls.Keys(cipher)
        good = seal.Sealer(keys).seal(b"some content")
        assert not refused(good, keys)
        assert refused(seal.Sealer(keys).seal(b"some content", forge=True), keys), cipher
        for place in range(len(good)):
            bad = bytearray(good)
            bad[place] ^= 1
            assert refused(bytes(bad), keys), (cipher, place)
        if cipher.inner:
            assert refused(seal.Sealer(keys).seal(b"", kind=0, pad=9), keys), "no content type"


def test_the_ciphertext_shows_what_is_wanted():
    for cipher in ktls.OURS:
        sealer = seal.Sealer(ktls.Keys(cipher))
        plain = sealer.plain_for(100, {0: b"first", 95: b"last!"})
        body = sealer.seal(plain)[cipher.front:]
        assert body.startswith(b"first") and body[95:100] == b"last!", cipher


def test_an_example_of_the_standard():
    """RFC 8448, section 3: application data of the client, TLS_AES_128_GCM_SHA256."""
    key = bytes.fromhex("17422dda596ed5d9acd890e3c63f5051")
    nonce = bytes.fromhex("5b78923dee08579033e523d9")
    head = struct.pack("!BHH", 23, 0x0303, 67)
    sealed, tag = aead.Aead(ktls.GCM128_1_3, key).seal(nonce, head, bytes(range(50)) + b"\x17")
    assert (sealed + tag).hex() == (
        "a23f7054b62c94d0affafe8228ba55cbefacea42f914aa66bcab3f2b9819a8a5b46b395bd54a9a20441e2b62"
        "974e1f5a6292a2977014bd1e3deae63aeebb21694915e4"), (sealed + tag).hex()
