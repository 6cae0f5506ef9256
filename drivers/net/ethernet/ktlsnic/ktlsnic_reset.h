/* SPDX-License-Identifier: GPL-2.0-only */
/* The whole device up and down, and recovery. */
#ifndef KTLSNIC_RESET_H
#define KTLSNIC_RESET_H

#include <linux/types.h>

struct ktlsnic_nic;

/**
 * struct ktlsnic_layout - queue pairs and their rings
 * @queues: how many pairs
 * @tx_log2: log2 of a TX ring's entries
 * @rx_log2: log2 of an RX ring's entries
 */
struct ktlsnic_layout {
	unsigned int queues;
	u8 tx_log2;
	u8 rx_log2;
};

int ktlsnic_up(struct ktlsnic_nic *nic);
void ktlsnic_down(struct ktlsnic_nic *nic);
int ktlsnic_relayout(struct ktlsnic_nic *nic,
		     const struct ktlsnic_layout *layout);
void ktlsnic_detach(struct ktlsnic_nic *nic);
int ktlsnic_hw_revive(struct ktlsnic_nic *nic);
int ktlsnic_attach(struct ktlsnic_nic *nic);
void ktlsnic_reset_init(struct ktlsnic_nic *nic);

#endif /* KTLSNIC_RESET_H */
