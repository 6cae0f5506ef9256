// SPDX-License-Identifier: GPL-2.0-only
#include <linux/ethtool.h>

u32 probe(const struct ethtool_ops *ops, struct net_device *netdev);
u32 probe(const struct ethtool_ops *ops, struct net_device *netdev)
{
	return ops->get_rx_ring_count(netdev);
}
