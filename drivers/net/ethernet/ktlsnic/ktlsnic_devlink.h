/* SPDX-License-Identifier: GPL-2.0-only */
/* devlink. */
#ifndef KTLSNIC_DEVLINK_H
#define KTLSNIC_DEVLINK_H

struct ktlsnic_nic;

#ifdef CONFIG_NET_DEVLINK
int ktlsnic_devlink_init(struct ktlsnic_nic *nic);
void ktlsnic_devlink_cleanup(struct ktlsnic_nic *nic);
#else
static inline int ktlsnic_devlink_init(struct ktlsnic_nic *nic)
{
	return 0;
}

static inline void ktlsnic_devlink_cleanup(struct ktlsnic_nic *nic)
{
}
#endif

#endif /* KTLSNIC_DEVLINK_H */
