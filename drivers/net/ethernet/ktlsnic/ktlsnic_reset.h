/* SPDX-License-Identifier: GPL-2.0-only */
/* The whole device up and down, and recovery. */
#ifndef KTLSNIC_RESET_H
#define KTLSNIC_RESET_H

struct ktlsnic_nic;

int ktlsnic_up(struct ktlsnic_nic *nic);
void ktlsnic_down(struct ktlsnic_nic *nic);
void ktlsnic_detach(struct ktlsnic_nic *nic);
int ktlsnic_hw_revive(struct ktlsnic_nic *nic);
int ktlsnic_attach(struct ktlsnic_nic *nic);
void ktlsnic_reset_init(struct ktlsnic_nic *nic);

#endif /* KTLSNIC_RESET_H */
