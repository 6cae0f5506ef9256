# SPDX-License-Identifier: GPL-2.0-or-later
"""What make bench makes of its measurements."""

import csv
import json
import pathlib
import tempfile

from bench import table, variants


def _stream(variant, number, seconds, **more):
    return {"variant": variant, "round": number, "seconds": seconds, "bytes": 1000, **more}


FOUND = [_stream("write/plain", 0, 1.0, units=2), _stream("write/offload/x", 0, 2.0, units=4),
         _stream("write/plain", 1, 4.0, units=2), _stream("write/offload/x", 1, 4.0, units=1)]


def test_a_variant_is_compared_with_plain_tcp_that_copies_as_often():
    pairs = {"write/offload/c": "write/plain", "sendfile/zerocopy/c": "sendfile/plain",
             "sendfile/offload/c": "write/plain", "sendfile/software/c": "sendfile/plain",
             "read/offload/c": "read/plain", "read/plain": "read/plain"}
    assert {name: variants.reference(name) for name in pairs} == pairs
    for wanted in (variants.SENDING, variants.RECEIVING, variants.COUNTED):
        assert all(variants.reference(name) in wanted for name in wanted)


def test_ratios_are_those_of_one_round():
    assert table.ratios(FOUND, "write/offload/x") == [0.5, 1.0]
    row = list(table.of_streams(["write/offload/x"], 2, FOUND))[0]
    assert (row["cpus"], row["ratio"], row["quartiles"]) == (2, "0.750", "0.625 to 0.875")
    assert row["bytes a unit"] == 400


def test_one_round_has_no_spread():
    assert table.quartiles([3]) == [3, 3, 3]


def test_counts_are_told_by_the_byte():
    zero = {"kernel": 0, "tls": 0, "driver": 0, "user": 0}
    counts = {"write/plain": {**zero, "total": 200, "kernel": 150},
              "write/offload/x": {**zero, "total": 300, "tls": 50}}
    plain, offload = table.of_counts(counts, 100)
    assert (plain["instructions a byte"], plain["ratio"], plain["kernel"]) == \
        ("2.000", "1.000", "1.500")
    assert (offload["ratio"], offload["tls"]) == ("1.500", "0.500")


def test_what_was_measured_is_kept():
    rows = list(table.of_streams(["write/plain"], 1, FOUND))
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        table.write(directory, "B1", rows, {"qemu": "10"}, FOUND)
        with (directory / "B1.csv").open(encoding="utf-8") as file:
            assert [row["variant"] for row in csv.DictReader(file)] == ["write/plain"]
        kept = json.loads((directory / "B1.json").read_text(encoding="utf-8"))
    assert (kept["qemu"], kept["measured"]) == ("10", FOUND)
