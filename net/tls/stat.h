/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /proc/net/tls_stat. The counters are our own, per network namespace: the kernel's
 * array has a fixed size, and older kernels lack the lines about KeyUpdate.
 */
#ifndef KTLS_STAT_H
#define KTLS_STAT_H

#include <net/net_namespace.h>

enum ktls_stat {
	KTLS_STAT_CURR_TX_SW,
	KTLS_STAT_CURR_RX_SW,
	KTLS_STAT_CURR_TX_DEVICE,
	KTLS_STAT_CURR_RX_DEVICE,
	KTLS_STAT_TX_SW,
	KTLS_STAT_RX_SW,
	KTLS_STAT_TX_DEVICE,
	KTLS_STAT_RX_DEVICE,
	KTLS_STAT_DECRYPT_ERROR,
	KTLS_STAT_RX_DEVICE_RESYNC,
	KTLS_STAT_DECRYPT_RETRY,
	KTLS_STAT_RX_NO_PAD_VIOLATION,
	KTLS_STAT_RX_REKEY_OK,
	KTLS_STAT_RX_REKEY_ERROR,
	KTLS_STAT_TX_REKEY_OK,
	KTLS_STAT_TX_REKEY_ERROR,
	KTLS_STAT_RX_REKEY_RECEIVED,
	KTLS_STAT_TX_REKEY_FALLBACK,
	KTLS_STAT_CURR_TX_REKEY,
	KTLS_STAT_TX_REKEY_ABORTED,
	KTLS_STAT_RX_REKEY_FALLBACK,
	KTLS_STAT_CURR_RX_REKEY,
	KTLS_STAT_RX_REKEY_ABORTED,
	KTLS_STAT_TX_KEY_LIMIT,
	KTLS_STAT_RX_KEY_LIMIT,
	KTLS_STAT_MAX,
};

void ktls_stat_add(struct net *net, enum ktls_stat what, long by);

static inline void ktls_stat_inc(struct net *net, enum ktls_stat what)
{
	ktls_stat_add(net, what, 1);
}

static inline void ktls_stat_dec(struct net *net, enum ktls_stat what)
{
	ktls_stat_add(net, what, -1);
}

/* How many sockets have a direction with a device, or in software, at the moment */
static inline enum ktls_stat ktls_stat_current(bool tx, bool device)
{
	if (tx)
		return device ? KTLS_STAT_CURR_TX_DEVICE : KTLS_STAT_CURR_TX_SW;
	return device ? KTLS_STAT_CURR_RX_DEVICE : KTLS_STAT_CURR_RX_SW;
}

int ktls_stat_init(void);
void ktls_stat_exit(void);

#endif
