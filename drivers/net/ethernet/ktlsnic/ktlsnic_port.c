// SPDX-License-Identifier: GPL-2.0-only
/* The port (SPEC 5): addresses, filters, frame size, link. */

#include <linux/if_vlan.h>

#include "ktlsnic.h"
#include "ktlsnic_port.h"

static void ktlsnic_port_addr_write(struct ktlsnic_nic *nic, u32 lo_reg,
				    u32 hi_reg, const u8 *addr, u32 hi_flags)
{
	ktlsnic_write(nic, lo_reg, get_unaligned_le32(addr));
	ktlsnic_write(nic, hi_reg, get_unaligned_le16(addr + 4) | hi_flags);
}

/**
 * ktlsnic_port_perm_mac() - read the factory address
 * @nic: the device
 * @addr: ETH_ALEN bytes
 */
void ktlsnic_port_perm_mac(struct ktlsnic_nic *nic, u8 *addr)
{
	put_unaligned_le32(ktlsnic_read(nic, KTLSNIC_REG_PERM_MAC_LO), addr);
	put_unaligned_le16(ktlsnic_read(nic, KTLSNIC_REG_PERM_MAC_HI) &
			   KTLSNIC_MAC_HI_ADDR, addr + 4);
}

/**
 * ktlsnic_port_mac_write() - give the device the interface's address
 * @nic: the device
 */
void ktlsnic_port_mac_write(struct ktlsnic_nic *nic)
{
	ktlsnic_port_addr_write(nic, KTLSNIC_REG_MAC_LO, KTLSNIC_REG_MAC_HI,
				nic->netdev->dev_addr, 0);
}

/**
 * ktlsnic_port_mtu_write() - give the device the interface's frame size
 * @nic: the device
 */
void ktlsnic_port_mtu_write(struct ktlsnic_nic *nic)
{
	ktlsnic_write(nic, KTLSNIC_REG_RX_MAX_FRAME,
		      nic->netdev->mtu + KTLSNIC_FRAME_OVERHEAD);
}

/* Writes as many addresses as there is room for; the rest of the table is
 * cleared from @next on.
 */
static bool ktlsnic_port_filters(struct ktlsnic_nic *nic,
				 const struct netdev_hw_addr_list *list,
				 u32 *next)
{
	u32 room = min_t(u32, nic->caps.filters, KTLSNIC_FILTERS);
	const struct netdev_hw_addr *ha;

	if (*next + netdev_hw_addr_list_count(list) > room)
		return false;
	netdev_hw_addr_list_for_each(ha, list) {
		ktlsnic_port_addr_write(nic, KTLSNIC_REG_FILTER_LO(*next),
					KTLSNIC_REG_FILTER_HI(*next), ha->addr,
					KTLSNIC_FILTER_HI_VALID);
		(*next)++;
	}
	return true;
}

/**
 * ktlsnic_port_rx_mode() - write what the interface wants to receive
 * @nic: the device
 *
 * Exact filters while they suffice. Called with the address lists locked.
 */
void ktlsnic_port_rx_mode(struct ktlsnic_nic *nic)
{
	struct net_device *netdev = nic->netdev;
	u32 ctrl = 0, next = 0;

	if (test_bit(KTLSNIC_QUEUES_UP, &nic->state))
		ctrl |= KTLSNIC_RX_CTRL_ENABLE;
	if (netdev->features & NETIF_F_HW_VLAN_CTAG_RX)
		ctrl |= KTLSNIC_RX_CTRL_VLAN_STRIP;
	if ((netdev->flags & IFF_PROMISC) ||
	    !ktlsnic_port_filters(nic, &netdev->uc, &next))
		ctrl |= KTLSNIC_RX_CTRL_PROMISC;
	if ((netdev->flags & IFF_ALLMULTI) ||
	    !ktlsnic_port_filters(nic, &netdev->mc, &next))
		ctrl |= KTLSNIC_RX_CTRL_ALLMULTI;

	ktlsnic_write(nic, KTLSNIC_REG_RX_CTRL, ctrl);
	for (; next < min_t(u32, nic->caps.filters, KTLSNIC_FILTERS); next++)
		ktlsnic_write(nic, KTLSNIC_REG_FILTER_HI(next), 0);
}

/**
 * ktlsnic_port_rx_stop() - receive nothing more
 * @nic: the device
 */
void ktlsnic_port_rx_stop(struct ktlsnic_nic *nic)
{
	ktlsnic_write(nic, KTLSNIC_REG_RX_CTRL, 0);
}

/**
 * ktlsnic_port_restore() - write all port registers
 * @nic: the device
 */
void ktlsnic_port_restore(struct ktlsnic_nic *nic)
{
	ktlsnic_port_mac_write(nic);
	ktlsnic_port_mtu_write(nic);
	netif_addr_lock_bh(nic->netdev);
	ktlsnic_port_rx_mode(nic);
	netif_addr_unlock_bh(nic->netdev);
}

/**
 * ktlsnic_port_link_update() - tell the stack what the link is
 * @nic: the device
 *
 * Without queues there is no carrier, whatever the link is. Sleeps: an event and
 * whoever opens or closes the queues may be here at the same time, and the one who
 * looks last must be the one who speaks last.
 */
void ktlsnic_port_link_update(struct ktlsnic_nic *nic)
{
	mutex_lock(&nic->link_lock);
	if (test_bit(KTLSNIC_QUEUES_UP, &nic->state) &&
	    (ktlsnic_read(nic, KTLSNIC_REG_STATUS) & KTLSNIC_STATUS_LINK_UP))
		netif_carrier_on(nic->netdev);
	else
		netif_carrier_off(nic->netdev);
	mutex_unlock(&nic->link_lock);
}
