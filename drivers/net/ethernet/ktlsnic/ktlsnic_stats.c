// SPDX-License-Identifier: GPL-2.0-only
/* Counters, the driver's and the device's. */

#include <linux/ethtool.h>

#include "ktlsnic.h"
#include "ktlsnic_stats.h"
#include "ktlsnic_tls.h"
#include "ktlsnic_txrx.h"

/* One set for each queue, "tx_queue_0_packets". */
static const char * const ktlsnic_tx_names[] = {
	[KTLSNIC_TX_STAT_PACKETS] = "packets",
	[KTLSNIC_TX_STAT_BYTES] = "bytes",
	[KTLSNIC_TX_STAT_TSO_UNITS] = "tso_units",
	[KTLSNIC_TX_STAT_LINEARIZED] = "linearized",
	[KTLSNIC_TX_STAT_MAP_FAILED] = "map_failed",
	[KTLSNIC_TX_STAT_DROPPED] = "dropped",
	[KTLSNIC_TX_STAT_STOPPED] = "stopped",
};

static const char * const ktlsnic_cpl_names[] = {
	[KTLSNIC_CPL_STAT_WOKEN] = "woken",
	[KTLSNIC_CPL_STAT_ERRORS] = "errors",
};

static const char * const ktlsnic_rx_names[] = {
	[KTLSNIC_RX_STAT_PACKETS] = "packets",
	[KTLSNIC_RX_STAT_BYTES] = "bytes",
	[KTLSNIC_RX_STAT_CSUM_OK] = "csum_ok",
	[KTLSNIC_RX_STAT_CSUM_NONE] = "csum_none",
	[KTLSNIC_RX_STAT_ALLOC_FAILED] = "alloc_failed",
	[KTLSNIC_RX_STAT_DROPPED] = "dropped",
};

/* The device's own counters (SPEC 13). */
static const char * const ktlsnic_hw_names[KTLSNIC_STATS] = {
	[KTLSNIC_STAT_RX_PACKETS] = "hw_rx_packets",
	[KTLSNIC_STAT_RX_BYTES] = "hw_rx_bytes",
	[KTLSNIC_STAT_RX_MULTICAST] = "hw_rx_multicast",
	[KTLSNIC_STAT_RX_BROADCAST] = "hw_rx_broadcast",
	[KTLSNIC_STAT_RX_FILTERED] = "hw_rx_filtered",
	[KTLSNIC_STAT_RX_TOO_LONG] = "hw_rx_too_long",
	[KTLSNIC_STAT_RX_TOO_SHORT] = "hw_rx_too_short",
	[KTLSNIC_STAT_RX_NO_QUEUE] = "hw_rx_no_queue",
	[KTLSNIC_STAT_RX_PAUSES] = "hw_rx_pauses",
	[KTLSNIC_STAT_RX_CSUM_BAD] = "hw_rx_csum_bad",
	[KTLSNIC_STAT_TX_PACKETS] = "hw_tx_packets",
	[KTLSNIC_STAT_TX_BYTES] = "hw_tx_bytes",
	[KTLSNIC_STAT_TX_TSO_UNITS] = "hw_tx_tso_units",
	[KTLSNIC_STAT_TX_ERRORS] = "hw_tx_errors",
	[KTLSNIC_STAT_TX_NO_CARRIER] = "hw_tx_no_carrier",
	[KTLSNIC_STAT_TLS_TX_ADDED] = "hw_tls_tx_added",
	[KTLSNIC_STAT_TLS_TX_DELETED] = "hw_tls_tx_deleted",
	[KTLSNIC_STAT_TLS_TX_PACKETS] = "hw_tls_tx_packets",
	[KTLSNIC_STAT_TLS_TX_BYTES] = "hw_tls_tx_bytes",
	[KTLSNIC_STAT_TLS_TX_RECORDS] = "hw_tls_tx_records",
	[KTLSNIC_STAT_TLS_TX_RESYNCS] = "hw_tls_tx_resyncs",
	[KTLSNIC_STAT_TLS_TX_RESYNC_BYTES] = "hw_tls_tx_resync_bytes",
	[KTLSNIC_STAT_TLS_TX_ERRORS] = "hw_tls_tx_errors",
	[KTLSNIC_STAT_TLS_RX_ADDED] = "hw_tls_rx_added",
	[KTLSNIC_STAT_TLS_RX_DELETED] = "hw_tls_rx_deleted",
	[KTLSNIC_STAT_TLS_RX_SEEN_PACKETS] = "hw_tls_rx_seen_packets",
	[KTLSNIC_STAT_TLS_RX_SEEN_BYTES] = "hw_tls_rx_seen_bytes",
	[KTLSNIC_STAT_TLS_RX_PACKETS] = "hw_tls_rx_packets",
	[KTLSNIC_STAT_TLS_RX_BYTES] = "hw_tls_rx_bytes",
	[KTLSNIC_STAT_TLS_RX_RECORDS] = "hw_tls_rx_records",
	[KTLSNIC_STAT_TLS_RX_AUTH_FAILED] = "hw_tls_rx_auth_failed",
	[KTLSNIC_STAT_TLS_RX_BAD_HEADERS] = "hw_tls_rx_bad_headers",
	[KTLSNIC_STAT_TLS_RX_FALSE_HEADERS] = "hw_tls_rx_false_headers",
	[KTLSNIC_STAT_TLS_RX_REQUESTS] = "hw_tls_rx_requests",
	[KTLSNIC_STAT_TLS_RX_RESYNCS] = "hw_tls_rx_resyncs",
	[KTLSNIC_STAT_TLS_RX_KEY_UPDATES] = "hw_tls_rx_key_updates",
};

#define KTLSNIC_STATS_PER_QUEUE	(ARRAY_SIZE(ktlsnic_tx_names) +		\
				 ARRAY_SIZE(ktlsnic_cpl_names) +	\
				 ARRAY_SIZE(ktlsnic_rx_names))

static const char * const ktlsnic_nic_names[] = {
	"tx_timeouts",
	"resets",
	"cmd_timeouts",
	"events_lost",
};

static const enum ktlsnic_stat ktlsnic_link_stats[KTLSNIC_LINK_STATS] = {
	[KTLSNIC_LINK_MULTICAST] = KTLSNIC_STAT_RX_MULTICAST,
	[KTLSNIC_LINK_TOO_LONG] = KTLSNIC_STAT_RX_TOO_LONG,
	[KTLSNIC_LINK_TOO_SHORT] = KTLSNIC_STAT_RX_TOO_SHORT,
	[KTLSNIC_LINK_MISSED] = KTLSNIC_STAT_RX_NO_QUEUE,
};

/* The low half latches the high half. */
static u64 ktlsnic_hw_stat(struct ktlsnic_nic *nic, enum ktlsnic_stat stat)
{
	u32 lo;

	lockdep_assert_held(&nic->stats_lock);
	lo = ktlsnic_read(nic, KTLSNIC_REG_STAT_LO(stat));
	return (u64)ktlsnic_read(nic, KTLSNIC_REG_STAT_HI(stat)) << 32 | lo;
}

/**
 * ktlsnic_stats_init() - count from here on
 * @nic: a device that is out of reset
 */
void ktlsnic_stats_init(struct ktlsnic_nic *nic)
{
	unsigned int i;

	spin_lock_init(&nic->stats_lock);
	spin_lock_bh(&nic->stats_lock);
	for (i = 0; i < KTLSNIC_LINK_STATS; i++)
		nic->link_seen[i] = ktlsnic_hw_stat(nic, ktlsnic_link_stats[i]);
	spin_unlock_bh(&nic->stats_lock);
}

/* Adds what the device has counted since the last time. Its counters survive a reset,
 * but cannot be read during one, see ktlsnic_hw_stop(), and begin anew when it has been
 * without power.
 */
static void ktlsnic_link_stats_update(struct ktlsnic_nic *nic)
{
	unsigned int i;

	if (!test_bit(KTLSNIC_HW_UP, &nic->state))
		return;
	for (i = 0; i < KTLSNIC_LINK_STATS; i++) {
		u64 now = ktlsnic_hw_stat(nic, ktlsnic_link_stats[i]);
		u64 seen = nic->link_seen[i];

		/* off the bus */
		if (upper_32_bits(now) == ~0U)
			return;
		nic->link_stats[i] += now < seen ? now : now - seen;
		nic->link_seen[i] = now;
	}
}

static void ktlsnic_link_stats_get(struct ktlsnic_nic *nic,
				   struct rtnl_link_stats64 *stats)
{
	const u64 *link = nic->link_stats;

	spin_lock_bh(&nic->stats_lock);
	ktlsnic_link_stats_update(nic);
	stats->multicast = link[KTLSNIC_LINK_MULTICAST];
	stats->rx_length_errors = link[KTLSNIC_LINK_TOO_LONG] +
				  link[KTLSNIC_LINK_TOO_SHORT];
	stats->rx_errors = stats->rx_length_errors;
	stats->rx_missed_errors = link[KTLSNIC_LINK_MISSED];
	spin_unlock_bh(&nic->stats_lock);
}

static void ktlsnic_stats_copy(const struct u64_stats_sync *syncp,
			       const u64_stats_t *from, u64 *to, unsigned int n)
{
	unsigned int start, i;

	do {
		start = u64_stats_fetch_begin(syncp);
		for (i = 0; i < n; i++)
			to[i] = u64_stats_read(&from[i]);
	} while (u64_stats_fetch_retry(syncp, start));
}

/**
 * ktlsnic_get_stats64() - ndo_get_stats64
 * @netdev: the interface
 * @stats: filled in
 */
void ktlsnic_get_stats64(struct net_device *netdev,
			 struct rtnl_link_stats64 *stats)
{
	struct ktlsnic_nic *nic = netdev_priv(netdev);
	u64 cpl[KTLSNIC_CPL_STATS];
	u64 tx[KTLSNIC_TX_STATS];
	u64 rx[KTLSNIC_RX_STATS];
	unsigned int i;

	for (i = 0; i < nic->max_queues; i++) {
		const struct ktlsnic_txq *txq = &nic->queues[i].tx;
		const struct ktlsnic_rxq *rxq = &nic->queues[i].rx;

		ktlsnic_stats_copy(&txq->syncp, txq->stats, tx, ARRAY_SIZE(tx));
		ktlsnic_stats_copy(&txq->cpl_syncp, txq->cpl_stats, cpl,
				   ARRAY_SIZE(cpl));
		ktlsnic_stats_copy(&rxq->syncp, rxq->stats, rx, ARRAY_SIZE(rx));
		stats->tx_packets += tx[KTLSNIC_TX_STAT_PACKETS];
		stats->tx_bytes += tx[KTLSNIC_TX_STAT_BYTES];
		stats->tx_dropped += tx[KTLSNIC_TX_STAT_DROPPED];
		stats->tx_errors += cpl[KTLSNIC_CPL_STAT_ERRORS];
		stats->rx_packets += rx[KTLSNIC_RX_STAT_PACKETS];
		stats->rx_bytes += rx[KTLSNIC_RX_STAT_BYTES];
		stats->rx_dropped += rx[KTLSNIC_RX_STAT_DROPPED];
	}
	stats->tx_dropped += ktlsnic_tls_stats_dropped(nic->tls);
	ktlsnic_link_stats_get(nic, stats);
}

/**
 * ktlsnic_stats_count() - ethtool counters
 * @nic: the device
 *
 * Return: how many there are.
 */
int ktlsnic_stats_count(struct ktlsnic_nic *nic)
{
	return nic->max_queues * KTLSNIC_STATS_PER_QUEUE +
	       ARRAY_SIZE(ktlsnic_nic_names) + ARRAY_SIZE(ktlsnic_hw_names) +
	       ktlsnic_tls_stats_count(nic->tls);
}

static void ktlsnic_stats_names(u8 **data, const char * const *names,
				unsigned int n)
{
	while (n--)
		ethtool_puts(data, *names++);
}

static void ktlsnic_stats_queue_names(u8 **data, const char *direction,
				      unsigned int queue,
				      const char * const *names, unsigned int n)
{
	while (n--)
		ethtool_sprintf(data, "%s_queue_%u_%s", direction, queue,
				*names++);
}

/**
 * ktlsnic_stats_strings() - names of the ethtool counters
 * @nic: the device
 * @data: room for ktlsnic_stats_count() of them
 */
void ktlsnic_stats_strings(struct ktlsnic_nic *nic, u8 *data)
{
	unsigned int i;

	ktlsnic_stats_names(&data, ktlsnic_nic_names,
			    ARRAY_SIZE(ktlsnic_nic_names));
	ktlsnic_tls_stats_strings(nic->tls, &data);
	ktlsnic_stats_names(&data, ktlsnic_hw_names,
			    ARRAY_SIZE(ktlsnic_hw_names));
	for (i = 0; i < nic->max_queues; i++) {
		ktlsnic_stats_queue_names(&data, "tx", i, ktlsnic_tx_names,
					  ARRAY_SIZE(ktlsnic_tx_names));
		ktlsnic_stats_queue_names(&data, "tx", i, ktlsnic_cpl_names,
					  ARRAY_SIZE(ktlsnic_cpl_names));
		ktlsnic_stats_queue_names(&data, "rx", i, ktlsnic_rx_names,
					  ARRAY_SIZE(ktlsnic_rx_names));
	}
}

/**
 * ktlsnic_stats_values() - values of the ethtool counters
 * @nic: the device
 * @data: room for ktlsnic_stats_count() of them
 */
void ktlsnic_stats_values(struct ktlsnic_nic *nic, u64 *data)
{
	unsigned int i;

	*data++ = nic->tx_timeouts;
	*data++ = nic->resets;
	*data++ = nic->cmdq.timeouts;
	*data++ = nic->events_lost;
	ktlsnic_tls_stats_values(nic->tls, &data);
	spin_lock_bh(&nic->stats_lock);
	for (i = 0; i < KTLSNIC_STATS; i++)
		*data++ = ktlsnic_hw_stat(nic, i);
	spin_unlock_bh(&nic->stats_lock);
	for (i = 0; i < nic->max_queues; i++) {
		const struct ktlsnic_txq *txq = &nic->queues[i].tx;
		const struct ktlsnic_rxq *rxq = &nic->queues[i].rx;

		ktlsnic_stats_copy(&txq->syncp, txq->stats, data,
				   ARRAY_SIZE(ktlsnic_tx_names));
		data += ARRAY_SIZE(ktlsnic_tx_names);
		ktlsnic_stats_copy(&txq->cpl_syncp, txq->cpl_stats, data,
				   ARRAY_SIZE(ktlsnic_cpl_names));
		data += ARRAY_SIZE(ktlsnic_cpl_names);
		ktlsnic_stats_copy(&rxq->syncp, rxq->stats, data,
				   ARRAY_SIZE(ktlsnic_rx_names));
		data += ARRAY_SIZE(ktlsnic_rx_names);
	}
}
