/* SPDX-License-Identifier: GPL-2.0-only */
/* Commands and events: their interrupt, and the device without its queues. */
#ifndef KTLSNIC_ADMIN_H
#define KTLSNIC_ADMIN_H

struct ktlsnic_nic;

int ktlsnic_admin_irq_request(struct ktlsnic_nic *nic);
void ktlsnic_admin_irq_free(struct ktlsnic_nic *nic);
int ktlsnic_hw_start(struct ktlsnic_nic *nic);
void ktlsnic_hw_stop(struct ktlsnic_nic *nic);

#endif /* KTLSNIC_ADMIN_H */
