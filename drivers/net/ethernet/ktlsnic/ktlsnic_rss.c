// SPDX-License-Identifier: GPL-2.0-only
/* Receive side scaling (SPEC 6). */

#include <linux/ethtool.h>

#include "ktlsnic.h"
#include "ktlsnic_rss.h"

#define KTLSNIC_RSS_TYPES	(KTLSNIC_RSS_IPV4 | KTLSNIC_RSS_TCP4 | \
				 KTLSNIC_RSS_UDP4 | KTLSNIC_RSS_IPV6 | \
				 KTLSNIC_RSS_TCP6 | KTLSNIC_RSS_UDP6)

/**
 * ktlsnic_rss_spread() - the default indirection table for the present queues
 * @nic: the device
 */
void ktlsnic_rss_spread(struct ktlsnic_nic *nic)
{
	unsigned int i;

	for (i = 0; i < KTLSNIC_RSS_INDIR_SIZE; i++)
		nic->rss_indir[i] = ethtool_rxfh_indir_default(i,
							       nic->num_queues);
}

/**
 * ktlsnic_rss_init() - default key and table
 * @nic: the device, with its number of queues set
 */
void ktlsnic_rss_init(struct ktlsnic_nic *nic)
{
	netdev_rss_key_fill(nic->rss_key, sizeof(nic->rss_key));
	ktlsnic_rss_spread(nic);
}

/**
 * ktlsnic_rss_write() - give key and table to the device
 * @nic: the device
 */
void ktlsnic_rss_write(struct ktlsnic_nic *nic)
{
	unsigned int i;

	if (!(nic->caps.features & KTLSNIC_FEATURE_RSS))
		return;
	for (i = 0; i < KTLSNIC_RSS_KEY_SIZE / 4; i++)
		ktlsnic_write(nic, KTLSNIC_REG_RSS_KEY(i),
			      get_unaligned_le32(&nic->rss_key[4 * i]));
	for (i = 0; i < KTLSNIC_RSS_INDIR_SIZE / 4; i++)
		ktlsnic_write(nic, KTLSNIC_REG_RSS_INDIR(i),
			      get_unaligned_le32(&nic->rss_indir[4 * i]));
	ktlsnic_write(nic, KTLSNIC_REG_RSS_CTRL,
		      KTLSNIC_RSS_ENABLE | KTLSNIC_RSS_TYPES);
}
