/* SPDX-License-Identifier: GPL-2.0-only */
/* The port: addresses, filters, frame size, link. */
#ifndef KTLSNIC_PORT_H
#define KTLSNIC_PORT_H

#include <linux/types.h>

struct ktlsnic_nic;

void ktlsnic_port_mac_write(struct ktlsnic_nic *nic);
void ktlsnic_port_perm_mac(struct ktlsnic_nic *nic, u8 *addr);
void ktlsnic_port_mtu_write(struct ktlsnic_nic *nic);
void ktlsnic_port_rx_mode(struct ktlsnic_nic *nic);
void ktlsnic_port_rx_stop(struct ktlsnic_nic *nic);
void ktlsnic_port_restore(struct ktlsnic_nic *nic);
void ktlsnic_port_link_update(struct ktlsnic_nic *nic);

#endif /* KTLSNIC_PORT_H */
