/* SPDX-License-Identifier: GPL-2.0-only */
/* The event ring. */
#ifndef KTLSNIC_EVENT_H
#define KTLSNIC_EVENT_H

struct ktlsnic_nic;

int ktlsnic_events_alloc(struct ktlsnic_nic *nic);
void ktlsnic_events_free(struct ktlsnic_nic *nic);
int ktlsnic_events_start(struct ktlsnic_nic *nic);
void ktlsnic_events_stop(struct ktlsnic_nic *nic);
void ktlsnic_events_poll(struct ktlsnic_nic *nic);

#endif /* KTLSNIC_EVENT_H */
