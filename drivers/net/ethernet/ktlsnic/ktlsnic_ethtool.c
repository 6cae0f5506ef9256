// SPDX-License-Identifier: GPL-2.0-only
/* ethtool. */

#include <linux/ethtool.h>
#include <linux/rtnetlink.h>

#include "ktlsnic.h"
#include "ktlsnic_ethtool.h"
#include "ktlsnic_irq.h"
#include "ktlsnic_reset.h"
#include "ktlsnic_rss.h"
#include "ktlsnic_stats.h"

#define KTLSNIC_REGS_VERSION	1

static void ktlsnic_get_drvinfo(struct net_device *netdev,
				struct ethtool_drvinfo *info)
{
	struct ktlsnic_nic *nic = netdev_priv(netdev);
	u32 version = ktlsnic_read(nic, KTLSNIC_REG_VERSION);

	strscpy(info->driver, KTLSNIC_NAME, sizeof(info->driver));
	strscpy(info->bus_info, pci_name(nic->pdev), sizeof(info->bus_info));
	snprintf(info->fw_version, sizeof(info->fw_version), "%u.%u",
		 version >> 16, version & KTLSNIC_VERSION_MINOR);
}

static int ktlsnic_get_link_ksettings(struct net_device *netdev,
				      struct ethtool_link_ksettings *ks)
{
	struct ktlsnic_nic *nic = netdev_priv(netdev);

	ethtool_link_ksettings_zero_link_mode(ks, supported);
	ethtool_link_ksettings_zero_link_mode(ks, advertising);
	ks->base.port = PORT_OTHER;
	ks->base.autoneg = AUTONEG_DISABLE;
	if (netif_carrier_ok(netdev)) {
		ks->base.speed = ktlsnic_read(nic, KTLSNIC_REG_LINK_SPEED);
		ks->base.duplex = DUPLEX_FULL;
	} else {
		ks->base.speed = SPEED_UNKNOWN;
		ks->base.duplex = DUPLEX_UNKNOWN;
	}
	return 0;
}

/* The registers of the dump: all that can be read without a side effect. The
 * device has no register that shows a key (SPEC 11.3).
 */
static const struct {
	u32 first;
	u32 last;
} ktlsnic_regs[] = {
	{ KTLSNIC_REG_ID, KTLSNIC_REG_CAP_FILTERS },
	{ KTLSNIC_REG_TLS_TX_CONTEXTS, KTLSNIC_REG_TLS_RESYNC },
	{ KTLSNIC_REG_PERM_MAC_LO, KTLSNIC_REG_LINK_SPEED },
	{ KTLSNIC_REG_RSS_CTRL, KTLSNIC_REG_RSS_CTRL },
	{ KTLSNIC_RING_CMD, KTLSNIC_RING_EVENT + KTLSNIC_RING_INDEX },
};

/* Of each queue pair: its four ring blocks, and its vector's two registers. */
#define KTLSNIC_REGS_PER_QUEUE	(4 * KTLSNIC_RING_REGS_SIZE / 4 + 2)

static int ktlsnic_get_regs_len(struct net_device *netdev)
{
	struct ktlsnic_nic *nic = netdev_priv(netdev);
	unsigned int i, words = 0;

	for (i = 0; i < ARRAY_SIZE(ktlsnic_regs); i++)
		words += (ktlsnic_regs[i].last - ktlsnic_regs[i].first) / 4 + 1;
	return 4 * (words + nic->max_queues * KTLSNIC_REGS_PER_QUEUE);
}

static void ktlsnic_get_regs(struct net_device *netdev,
			     struct ethtool_regs *regs, void *data)
{
	struct ktlsnic_nic *nic = netdev_priv(netdev);
	unsigned int i, v;
	u32 *word = data;
	u32 reg;

	regs->version = KTLSNIC_REGS_VERSION;
	for (i = 0; i < ARRAY_SIZE(ktlsnic_regs); i++)
		for (reg = ktlsnic_regs[i].first; reg <= ktlsnic_regs[i].last;
		     reg += 4)
			*word++ = ktlsnic_read(nic, reg);
	for (i = 0; i < nic->max_queues; i++) {
		v = KTLSNIC_QUEUE_VECTOR(i);
		for (reg = 0; reg < 4 * KTLSNIC_RING_REGS_SIZE; reg += 4)
			*word++ = ktlsnic_read(nic, KTLSNIC_QUEUE_PAGE(i) + reg);
		*word++ = ktlsnic_read(nic, KTLSNIC_REG_IVEC_ARM(v));
		*word++ = ktlsnic_read(nic, KTLSNIC_REG_IVEC_ITR(v));
	}
}

static void ktlsnic_get_ringparam(struct net_device *netdev,
				  struct ethtool_ringparam *ring,
				  struct kernel_ethtool_ringparam *kernel_ring,
				  struct netlink_ext_ack *extack)
{
	struct ktlsnic_nic *nic = netdev_priv(netdev);

	ring->tx_max_pending = BIT(nic->caps.ring_log2_max);
	ring->rx_max_pending = BIT(nic->caps.ring_log2_max);
	ring->tx_pending = BIT(nic->tx_log2);
	ring->rx_pending = BIT(nic->rx_log2);
}

static int ktlsnic_set_ringparam(struct net_device *netdev,
				 struct ethtool_ringparam *ring,
				 struct kernel_ethtool_ringparam *kernel_ring,
				 struct netlink_ext_ack *extack)
{
	struct ktlsnic_nic *nic = netdev_priv(netdev);
	struct ktlsnic_layout new = { .queues = nic->num_queues };
	u32 min = BIT(nic->caps.ring_log2_min);

	if (ring->rx_mini_pending || ring->rx_jumbo_pending)
		return -EINVAL;
	if (ring->rx_pending < min ||
	    ring->tx_pending < max(min, nic->tx_worst)) {
		NL_SET_ERR_MSG(extack, "ring too small");
		return -EINVAL;
	}
	new.tx_log2 = order_base_2(ring->tx_pending);
	new.rx_log2 = order_base_2(ring->rx_pending);
	if (new.tx_log2 == nic->tx_log2 && new.rx_log2 == nic->rx_log2)
		return 0;
	return ktlsnic_relayout(nic, &new);
}

static void ktlsnic_get_channels(struct net_device *netdev,
				 struct ethtool_channels *ch)
{
	struct ktlsnic_nic *nic = netdev_priv(netdev);

	ch->max_combined = nic->max_queues;
	ch->combined_count = nic->num_queues;
	ch->max_other = 1;
	ch->other_count = 1;
}

static int ktlsnic_set_channels(struct net_device *netdev,
				struct ethtool_channels *ch)
{
	struct ktlsnic_nic *nic = netdev_priv(netdev);
	const struct ktlsnic_layout new = {
		ch->combined_count, nic->tx_log2, nic->rx_log2
	};
	unsigned int i;

	if (!new.queues || new.queues > nic->max_queues || ch->rx_count ||
	    ch->tx_count || ch->other_count != 1)
		return -EINVAL;
	if (netif_is_rxfh_configured(netdev))
		for (i = 0; i < KTLSNIC_RSS_INDIR_SIZE; i++)
			if (nic->rss_indir[i] >= new.queues)
				return -EINVAL;
	if (new.queues == nic->num_queues)
		return 0;
	return ktlsnic_relayout(nic, &new);
}

static int ktlsnic_get_coalesce(struct net_device *netdev,
				struct ethtool_coalesce *ec,
				struct kernel_ethtool_coalesce *kernel_ec,
				struct netlink_ext_ack *extack)
{
	struct ktlsnic_nic *nic = netdev_priv(netdev);

	ec->rx_coalesce_usecs = nic->rx_usecs;
	ec->tx_coalesce_usecs = nic->tx_usecs;
	return 0;
}

static int ktlsnic_set_coalesce(struct net_device *netdev,
				struct ethtool_coalesce *ec,
				struct kernel_ethtool_coalesce *kernel_ec,
				struct netlink_ext_ack *extack)
{
	struct ktlsnic_nic *nic = netdev_priv(netdev);

	if (ec->rx_coalesce_usecs > KTLSNIC_IVEC_ITR_USECS ||
	    ec->tx_coalesce_usecs > KTLSNIC_IVEC_ITR_USECS) {
		NL_SET_ERR_MSG(extack, "at most 65535 usecs");
		return -EINVAL;
	}
	nic->rx_usecs = ec->rx_coalesce_usecs;
	nic->tx_usecs = ec->tx_coalesce_usecs;
	if (test_bit(KTLSNIC_QUEUES_UP, &nic->state))
		ktlsnic_irq_moderation(nic);
	return 0;
}

static int ktlsnic_get_sset_count(struct net_device *netdev, int sset)
{
	return sset == ETH_SS_STATS ?
	       ktlsnic_stats_count(netdev_priv(netdev)) : -EOPNOTSUPP;
}

static void ktlsnic_get_strings(struct net_device *netdev, u32 sset, u8 *data)
{
	if (sset == ETH_SS_STATS)
		ktlsnic_stats_strings(netdev_priv(netdev), data);
}

static void ktlsnic_get_ethtool_stats(struct net_device *netdev,
				      struct ethtool_stats *stats, u64 *data)
{
	ktlsnic_stats_values(netdev_priv(netdev), data);
}

static int ktlsnic_get_rxnfc(struct net_device *netdev,
			     struct ethtool_rxnfc *cmd, u32 *rule_locs)
{
	struct ktlsnic_nic *nic = netdev_priv(netdev);

	if (cmd->cmd != ETHTOOL_GRXRINGS)
		return -EOPNOTSUPP;
	cmd->data = nic->num_queues;
	return 0;
}

#ifdef HAVE_GET_RX_RING_COUNT
static u32 ktlsnic_get_rx_ring_count(struct net_device *netdev)
{
	struct ktlsnic_nic *nic = netdev_priv(netdev);

	return nic->num_queues;
}
#endif

static u32 ktlsnic_get_rxfh_indir_size(struct net_device *netdev)
{
	return KTLSNIC_RSS_INDIR_SIZE;
}

static u32 ktlsnic_get_rxfh_key_size(struct net_device *netdev)
{
	return KTLSNIC_RSS_KEY_SIZE;
}

static void ktlsnic_rxfh_read(struct ktlsnic_nic *nic, u32 *indir, u8 *key)
{
	unsigned int i;

	if (indir)
		for (i = 0; i < KTLSNIC_RSS_INDIR_SIZE; i++)
			indir[i] = nic->rss_indir[i];
	if (key)
		memcpy(key, nic->rss_key, KTLSNIC_RSS_KEY_SIZE);
}

static int ktlsnic_rxfh_change(struct ktlsnic_nic *nic, const u32 *indir,
			       const u8 *key, u8 hfunc)
{
	unsigned int i;

	if (hfunc != ETH_RSS_HASH_NO_CHANGE && hfunc != ETH_RSS_HASH_TOP)
		return -EOPNOTSUPP;
	/* the core has checked that the entries name queues in use */
	if (indir)
		for (i = 0; i < KTLSNIC_RSS_INDIR_SIZE; i++)
			nic->rss_indir[i] = indir[i];
	if (key)
		memcpy(nic->rss_key, key, KTLSNIC_RSS_KEY_SIZE);
	ktlsnic_rss_write(nic);
	return 0;
}

#ifdef HAVE_RXFH_PARAM
static int ktlsnic_get_rxfh(struct net_device *netdev,
			    struct ethtool_rxfh_param *rxfh)
{
	rxfh->hfunc = ETH_RSS_HASH_TOP;
	ktlsnic_rxfh_read(netdev_priv(netdev), rxfh->indir, rxfh->key);
	return 0;
}

static int ktlsnic_set_rxfh(struct net_device *netdev,
			    struct ethtool_rxfh_param *rxfh,
			    struct netlink_ext_ack *extack)
{
	return ktlsnic_rxfh_change(netdev_priv(netdev), rxfh->indir, rxfh->key,
				   rxfh->hfunc);
}
#else
static int ktlsnic_get_rxfh(struct net_device *netdev, u32 *indir, u8 *key,
			    u8 *hfunc)
{
	if (hfunc)
		*hfunc = ETH_RSS_HASH_TOP;
	ktlsnic_rxfh_read(netdev_priv(netdev), indir, key);
	return 0;
}

static int ktlsnic_set_rxfh(struct net_device *netdev, const u32 *indir,
			    const u8 *key, const u8 hfunc)
{
	return ktlsnic_rxfh_change(netdev_priv(netdev), indir, key, hfunc);
}
#endif

const struct ethtool_ops ktlsnic_ethtool_ops = {
	.supported_coalesce_params = ETHTOOL_COALESCE_USECS,
	.get_drvinfo		= ktlsnic_get_drvinfo,
	.get_link		= ethtool_op_get_link,
	.get_link_ksettings	= ktlsnic_get_link_ksettings,
	.get_regs_len		= ktlsnic_get_regs_len,
	.get_regs		= ktlsnic_get_regs,
	.get_ringparam		= ktlsnic_get_ringparam,
	.set_ringparam		= ktlsnic_set_ringparam,
	.get_channels		= ktlsnic_get_channels,
	.set_channels		= ktlsnic_set_channels,
	.get_coalesce		= ktlsnic_get_coalesce,
	.set_coalesce		= ktlsnic_set_coalesce,
	.get_sset_count		= ktlsnic_get_sset_count,
	.get_strings		= ktlsnic_get_strings,
	.get_ethtool_stats	= ktlsnic_get_ethtool_stats,
	.get_rxnfc		= ktlsnic_get_rxnfc,
#ifdef HAVE_GET_RX_RING_COUNT
	.get_rx_ring_count	= ktlsnic_get_rx_ring_count,
#endif
	.get_rxfh_indir_size	= ktlsnic_get_rxfh_indir_size,
	.get_rxfh_key_size	= ktlsnic_get_rxfh_key_size,
	.get_rxfh		= ktlsnic_get_rxfh,
	.set_rxfh		= ktlsnic_set_rxfh,
	.get_ts_info		= ethtool_op_get_ts_info,
};
