/* SPDX-License-Identifier: GPL-2.0-only */
/* MSI-X vectors. */
#ifndef KTLSNIC_IRQ_H
#define KTLSNIC_IRQ_H

struct ktlsnic_nic;

int ktlsnic_irq_vectors_alloc(struct ktlsnic_nic *nic, unsigned int queues);
void ktlsnic_irq_vectors_free(struct ktlsnic_nic *nic);
void ktlsnic_irq_arm(struct ktlsnic_nic *nic, unsigned int vector);
void ktlsnic_irq_disarm(struct ktlsnic_nic *nic, unsigned int vector);
void ktlsnic_irq_moderation(struct ktlsnic_nic *nic);

#endif /* KTLSNIC_IRQ_H */
