/* SPDX-License-Identifier: GPL-2.0-only */
/* Counters. */
#ifndef KTLSNIC_STATS_H
#define KTLSNIC_STATS_H

#include <linux/types.h>

struct ktlsnic_nic;
struct net_device;
struct rtnl_link_stats64;

void ktlsnic_stats_init(struct ktlsnic_nic *nic);
void ktlsnic_get_stats64(struct net_device *netdev,
			 struct rtnl_link_stats64 *stats);
int ktlsnic_stats_count(struct ktlsnic_nic *nic);
void ktlsnic_stats_strings(struct ktlsnic_nic *nic, u8 *data);
void ktlsnic_stats_values(struct ktlsnic_nic *nic, u64 *data);

#endif /* KTLSNIC_STATS_H */
