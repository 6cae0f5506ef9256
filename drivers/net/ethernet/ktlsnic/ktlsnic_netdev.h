/* SPDX-License-Identifier: GPL-2.0-only */
/* The network interface. */
#ifndef KTLSNIC_NETDEV_H
#define KTLSNIC_NETDEV_H

struct ktlsnic_nic;
struct net_device;
struct pci_dev;

struct net_device *ktlsnic_netdev_alloc(struct pci_dev *pdev,
					unsigned int queues);
void ktlsnic_netdev_init(struct ktlsnic_nic *nic);

#endif /* KTLSNIC_NETDEV_H */
