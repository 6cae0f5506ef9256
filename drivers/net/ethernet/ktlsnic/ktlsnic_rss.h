/* SPDX-License-Identifier: GPL-2.0-only */
/* Receive side scaling. */
#ifndef KTLSNIC_RSS_H
#define KTLSNIC_RSS_H

struct ktlsnic_nic;

void ktlsnic_rss_init(struct ktlsnic_nic *nic);
void ktlsnic_rss_spread(struct ktlsnic_nic *nic);
void ktlsnic_rss_write(struct ktlsnic_nic *nic);

#endif /* KTLSNIC_RSS_H */
