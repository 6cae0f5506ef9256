# SPDX-License-Identifier: GPL-2.0-or-later
"""What packets that the driver was given must cost, and which counters do not fit them."""

import struct

from lib import driver_input, ktls, system
from lib.cases import Failed
from lib.driver_input import Unit

RECORD = 1000                   # bytes of each record, and of each packet
STREAM = b"".join(struct.pack("!BHH", 23, 0x0303, RECORD - 5) + bytes(RECORD - 5)
                  for _ in range(4))
LAYOUT = driver_input.Layout(STREAM, ktls.GCM128)
# In order; the second once more, in two halves; then the rest.
UNITS = [Unit(0, RECORD), Unit(RECORD, RECORD), Unit(2 * RECORD, RECORD),
         Unit(RECORD, 400), Unit(RECORD + 400, 600), Unit(3 * RECORD, RECORD)]


def counters(late=(), **other):
    """Those that show these units, but for the late ones."""
    want = driver_input.cost(UNITS, LAYOUT, late)
    return {"tx_tls_fallback": 0, "tx_tls_ooo": want.ooo, "tx_tls_resync": want.resync,
            "tx_tls_resync_bytes": want.resync_bytes, "tx_tls_skip_no_sync_data": want.skipped,
            "hw_tls_tx_bytes": want.bytes, "tx_tls_encrypted_bytes": want.payload,
            "tx_tls_drop_no_sync_data": len(late), **other}


def refused(numbers):
    try:
        driver_input.check_counters(numbers, UNITS, LAYOUT)
    except Failed:
        return True
    return False


def test_cost_of_what_is_sent_again():
    want = driver_input.check_counters(counters(), UNITS, LAYOUT)
    assert (want.ooo, want.resync, want.resync_bytes) == (2, 2, 0)
    assert (want.bytes, want.payload) == (5 * RECORD, 5 * RECORD - 5 * 13 - 5 * 16)
    late = driver_input.check_counters(counters(late=(3,)), UNITS, LAYOUT)
    assert (late.ooo, late.resync_bytes, late.bytes) == (3, 400, 5 * RECORD - 400)


def test_only_what_is_sent_again_comes_too_late():
    assert not refused(counters(late=(3,))) and not refused(counters(late=(3, 4)))
    assert refused(counters(late=(2,))), "a packet with new data was dropped"
    assert refused(counters(late=(3,), tx_tls_drop_no_sync_data=0))
    assert refused(counters(tx_tls_drop_no_sync_data=1))
    assert refused(counters(tx_tls_drop_no_sync_data=3))


def test_counters_that_do_not_fit():
    right = counters()
    for name in right:
        assert refused({**right, name: right[name] + 1}), name


def without_replay(units, **numbers):
    """The cost of these units without replay, or None if the counters do not show it."""
    system.REPLAYS = False
    try:
        return driver_input.check_counters(numbers, units, LAYOUT)
    except Failed:
        return None
    finally:
        system.REPLAYS = True


def test_without_replay_software_sends_again():
    units = UNITS[:5]
    right = {"tx_tls_fallback": 2, "tx_tls_ooo": 2, "tx_tls_resync": 0, "tx_tls_resync_bytes": 0,
             "tx_tls_skip_no_sync_data": 0, "hw_tls_tx_bytes": 3 * RECORD,
             "tx_tls_encrypted_bytes": 3 * (RECORD - 29), "tx_tls_drop_no_sync_data": 0}
    assert without_replay(units, **right).software == 2
    for name in right:
        assert not without_replay(units, **{**right, name: right[name] + 1}), name
    # the next one is where the context still stands
    assert without_replay(UNITS, **{**right, "hw_tls_tx_bytes": 4 * RECORD,
                                    "tx_tls_encrypted_bytes": 4 * (RECORD - 29)})


def test_without_replay_a_jump_asks_the_core():
    units = [UNITS[0], UNITS[2], UNITS[1], UNITS[5]]
    right = {"tx_tls_resync": 0, "tx_tls_resync_req": 1, "hw_tls_tx_bytes": 2 * RECORD,
             "tx_tls_fallback_bytes": 2 * RECORD, "tx_tls_drop_no_sync_data": 0}
    assert without_replay(units, **right).jump
    for name, value in (("tx_tls_resync", 1), ("tx_tls_resync_req", 0), ("hw_tls_tx_bytes", 1),
                        ("tx_tls_fallback_bytes", RECORD)):
        assert not without_replay(units, **{**right, name: value}), name
