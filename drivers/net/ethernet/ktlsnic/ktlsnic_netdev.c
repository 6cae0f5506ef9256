// SPDX-License-Identifier: GPL-2.0-only
/* The network interface. */

#include <linux/etherdevice.h>
#include <linux/if_vlan.h>

#include "ktlsnic.h"
#include "ktlsnic_dev.h"
#include "ktlsnic_ethtool.h"
#include "ktlsnic_netdev.h"
#include "ktlsnic_port.h"
#include "ktlsnic_reset.h"
#include "ktlsnic_stats.h"
#include "ktlsnic_tls.h"
#include "ktlsnic_txrx.h"

static int ktlsnic_open(struct net_device *netdev)
{
	struct ktlsnic_nic *nic = netdev_priv(netdev);
	int err;

	/* recovery may have given it up */
	err = ktlsnic_hw_revive(nic);
	return err ? err : ktlsnic_up(nic);
}

static int ktlsnic_stop(struct net_device *netdev)
{
	ktlsnic_down(netdev_priv(netdev));
	return 0;
}

static netdev_tx_t ktlsnic_start_xmit(struct sk_buff *skb,
				      struct net_device *netdev)
{
	struct ktlsnic_nic *nic = netdev_priv(netdev);
	struct ktlsnic_txq *txq = &nic->queues[skb_get_queue_mapping(skb)].tx;

	if (unlikely(!ktlsnic_tx_begin(txq)))
		return NETDEV_TX_BUSY;
	if (ktlsnic_tls_skb(skb))
		ktlsnic_tls_xmit(nic->tls, txq->q->index, skb);
	else
		ktlsnic_tx_send(txq, skb);
	ktlsnic_tx_end(txq);
	return NETDEV_TX_OK;
}

static int ktlsnic_change_mtu(struct net_device *netdev, int new_mtu)
{
	/* Buffers do not depend on the MTU: nothing has to be restarted. */
	WRITE_ONCE(netdev->mtu, new_mtu);
	ktlsnic_port_mtu_write(netdev_priv(netdev));
	return 0;
}

static int ktlsnic_set_mac_address(struct net_device *netdev, void *p)
{
	int err;

	err = eth_prepare_mac_addr_change(netdev, p);
	if (err)
		return err;
	eth_commit_mac_addr_change(netdev, p);
	ktlsnic_port_mac_write(netdev_priv(netdev));
	return 0;
}

static void ktlsnic_set_rx_mode(struct net_device *netdev)
{
	ktlsnic_port_rx_mode(netdev_priv(netdev));
}

/* Changes of the TLS features only concern connections to come, which is the
 * business of the core of kTLS.
 */
static int ktlsnic_set_features(struct net_device *netdev,
				netdev_features_t features)
{
	netdev_features_t changed = netdev->features ^ features;

	if (changed & NETIF_F_HW_VLAN_CTAG_RX) {
		netdev->features = features;
		netif_addr_lock_bh(netdev);
		ktlsnic_port_rx_mode(netdev_priv(netdev));
		netif_addr_unlock_bh(netdev);
	}
	return 0;
}

static void ktlsnic_tx_timeout(struct net_device *netdev, unsigned int txqueue)
{
	struct ktlsnic_nic *nic = netdev_priv(netdev);
	const struct ktlsnic_txq *txq = &nic->queues[txqueue].tx;

	netdev_err(netdev, "queue %u: transmit timed out: posted %u told %u done %u device %u status %#x\n",
		   txqueue, READ_ONCE(txq->ring.index), txq->kicked,
		   READ_ONCE(txq->clean),
		   readl(txq->ring.regs + KTLSNIC_RING_INDEX),
		   readl(txq->ring.regs + KTLSNIC_RING_STATUS));
	nic->tx_timeouts++;
	ktlsnic_reset_schedule(nic);
}

static const struct net_device_ops ktlsnic_netdev_ops = {
	.ndo_open		= ktlsnic_open,
	.ndo_stop		= ktlsnic_stop,
	.ndo_start_xmit		= ktlsnic_start_xmit,
	.ndo_features_check	= ktlsnic_features_check,
	.ndo_set_rx_mode	= ktlsnic_set_rx_mode,
	.ndo_set_mac_address	= ktlsnic_set_mac_address,
	.ndo_validate_addr	= eth_validate_addr,
	.ndo_change_mtu		= ktlsnic_change_mtu,
	.ndo_set_features	= ktlsnic_set_features,
	.ndo_tx_timeout		= ktlsnic_tx_timeout,
	.ndo_get_stats64	= ktlsnic_get_stats64,
};

/**
 * ktlsnic_netdev_alloc() - make the interface and the device's struct
 * @pdev: the PCI function
 * @queues: most queue pairs it can get
 *
 * Return: the interface or NULL.
 */
struct net_device *ktlsnic_netdev_alloc(struct pci_dev *pdev,
					unsigned int queues)
{
	struct net_device *netdev;
	struct ktlsnic_nic *nic;

	netdev = alloc_etherdev_mqs(sizeof(*nic), queues, queues);
	if (!netdev)
		return NULL;
	SET_NETDEV_DEV(netdev, &pdev->dev);
	nic = netdev_priv(netdev);
	nic->netdev = netdev;
	nic->pdev = pdev;
	mutex_init(&nic->link_lock);
	return netdev;
}

static netdev_features_t ktlsnic_netdev_features(const struct ktlsnic_nic *nic)
{
	static const struct {
		u32 hw;
		netdev_features_t sw;
	} table[] = {
		/* the device knows TCP and UDP, no other protocol */
		{ KTLSNIC_FEATURE_TX_CSUM, NETIF_F_IP_CSUM | NETIF_F_IPV6_CSUM },
		{ KTLSNIC_FEATURE_RX_CSUM, NETIF_F_RXCSUM },
		{ KTLSNIC_FEATURE_TSO, NETIF_F_TSO | NETIF_F_TSO6 | NETIF_F_TSO_ECN },
		{ KTLSNIC_FEATURE_VLAN_INSERT, NETIF_F_HW_VLAN_CTAG_TX },
		{ KTLSNIC_FEATURE_VLAN_STRIP, NETIF_F_HW_VLAN_CTAG_RX },
		{ KTLSNIC_FEATURE_RSS, NETIF_F_RXHASH },
	};
	netdev_features_t features = NETIF_F_SG | NETIF_F_HIGHDMA;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(table); i++)
		if (nic->caps.features & table[i].hw)
			features |= table[i].sw;
	return features;
}

static void ktlsnic_netdev_init_addr(struct ktlsnic_nic *nic)
{
	u8 addr[ETH_ALEN];

	ktlsnic_port_perm_mac(nic, addr);
	if (is_valid_ether_addr(addr)) {
		eth_hw_addr_set(nic->netdev, addr);
		ether_addr_copy(nic->netdev->perm_addr, addr);
	} else {
		eth_hw_addr_random(nic->netdev);
		netdev_warn(nic->netdev, "bad factory address, using %pM\n",
			    nic->netdev->dev_addr);
	}
}

/**
 * ktlsnic_netdev_init() - say what the interface can do, before it is
 *			   registered
 * @nic: the device, with its capabilities read
 */
void ktlsnic_netdev_init(struct ktlsnic_nic *nic)
{
	struct net_device *netdev = nic->netdev;

	netdev->netdev_ops = &ktlsnic_netdev_ops;
	netdev->ethtool_ops = &ktlsnic_ethtool_ops;
	netdev->watchdog_timeo = 10 * HZ;
	netdev->priv_flags |= IFF_UNICAST_FLT | IFF_LIVE_ADDR_CHANGE;

	netdev->hw_features = ktlsnic_netdev_features(nic);
	netdev->features = netdev->hw_features;
	/* never the TLS features: an upper device has no tlsdev_ops */
	netdev->vlan_features = netdev->hw_features &
				~(NETIF_F_HW_VLAN_CTAG_TX |
				  NETIF_F_HW_VLAN_CTAG_RX);

	netdev->min_mtu = ETH_MIN_MTU;
	netdev->max_mtu = min_t(u32, nic->caps.max_frame, KTLSNIC_RX_BUF_SIZE *
				MAX_SKB_FRAGS) - KTLSNIC_FRAME_OVERHEAD;
	netif_set_tso_max_size(netdev,
			       min(nic->caps.max_tso, KTLSNIC_TSO_LIMIT));
	ktlsnic_netdev_init_addr(nic);
	ktlsnic_stats_init(nic);
	netif_carrier_off(netdev);
}
