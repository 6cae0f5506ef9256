# SPDX-License-Identifier: GPL-2.0-or-later
"""Where members of structures are."""

from vmlib import struct_layout

TEXT = """struct tls_context {
	u8                         tx_conf:3;            /*    20: 0  1 */
	u8                         rx_conf:3;            /*    20: 3  1 */
	struct net_device *        netdev;               /*    56     8 */
	struct scatterlist         sg_tx_data[17];       /*    64   544 */
	union {
		struct {
			atomic64_t resync_req;           /*   616     8 */
		};                                       /*   616     8 */
	};                                               /*   616     8 */
	u8                         driver_state[16] __attribute__((__aligned__(8))); /*   656    16 */

	/* size: 672, cachelines: 11, members: 12 */
} __attribute__((__aligned__(8)));
"""


def test_members_of_a_structure():
    found = struct_layout.places(TEXT)
    assert found == {"tx_conf": (20, 0), "rx_conf": (20, 3), "netdev": (56, 0),
                     "sg_tx_data": (64, 0), "resync_req": (616, 0), "driver_state": (656, 0)}


def test_members_that_have_moved_or_gone():
    stock = struct_layout.places(TEXT)
    ours = stock | {"rx_conf": (20, 4)}
    assert not struct_layout.difference(stock, stock, stock)
    assert not struct_layout.difference(stock, ours, ["netdev"])
    assert "rx_conf is at (20, 3)" in struct_layout.difference(stock, ours, ours)
    assert "ours has no flags" in struct_layout.difference(stock | {"flags": (0, 0)}, ours,
                                                           ["netdev", "flags"])
