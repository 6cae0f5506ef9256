/* SPDX-License-Identifier: GPL-2.0-only */
/* Identity, reset and faults of the device. */
#ifndef KTLSNIC_DEV_H
#define KTLSNIC_DEV_H

#include <linux/jiffies.h>

struct ktlsnic_nic;

/* A device that fails all the time must not keep the machine busy. */
#define KTLSNIC_RESET_GAP		HZ

int ktlsnic_hw_identify(struct ktlsnic_nic *nic);
void ktlsnic_caps_read(struct ktlsnic_nic *nic);
int ktlsnic_hw_reset(struct ktlsnic_nic *nic);
void ktlsnic_hw_cut_off(struct ktlsnic_nic *nic);
void ktlsnic_reset_schedule(struct ktlsnic_nic *nic);

#endif /* KTLSNIC_DEV_H */
