/* SPDX-License-Identifier: GPL-2.0-only */
/* ethtool. */
#ifndef KTLSNIC_ETHTOOL_H
#define KTLSNIC_ETHTOOL_H

#include <linux/ethtool.h>

extern const struct ethtool_ops ktlsnic_ethtool_ops;

#endif /* KTLSNIC_ETHTOOL_H */
