// SPDX-License-Identifier: GPL-2.0-only
/*
 * The counters of TLS offload, and how many contexts there can be and are. Names
 * and meaning of the first ones are fixed by
 * Documentation/networking/tls-offload.rst. Packets are frames on the wire: an
 * skb that the device cuts counts once for each segment.
 */

#include <linux/ethtool.h>

#include "ktlsnic_tls_priv.h"

static const char * const ktlsnic_tls_queue_names[KTLSNIC_TLS_QUEUE_STATS] = {
	/* packets given to the device to encrypt */
	[KTLSNIC_TLS_ENCRYPTED_PACKETS] = "tx_tls_encrypted_packets",
	/* skbs that did not start at the expected sequence */
	[KTLSNIC_TLS_OOO] = "tx_tls_ooo",
	/* of these, those from before the offload began, sent as they are */
	[KTLSNIC_TLS_SKIP_NO_SYNC_DATA] = "tx_tls_skip_no_sync_data",
	/* of these, those dropped because their record is acknowledged */
	[KTLSNIC_TLS_DROP_NO_SYNC_DATA] = "tx_tls_drop_no_sync_data",
	/* skbs dropped because part of them must be encrypted and part not */
	[KTLSNIC_TLS_DROP_BYPASS_REQ] = "tx_tls_drop_bypass_req",
	/* times that a context was moved with a resync unit */
	[KTLSNIC_TLS_RESYNC] = "tx_tls_resync",
	/* bytes of records that were replayed for that */
	[KTLSNIC_TLS_RESYNC_BYTES] = "tx_tls_resync_bytes",
	/* skbs encrypted in software, because the context could not be used */
	[KTLSNIC_TLS_FALLBACK] = "tx_tls_fallback",
	/* bytes of TCP payload in them */
	[KTLSNIC_TLS_FALLBACK_BYTES] = "tx_tls_fallback_bytes",
	/* of these skbs, those whose connection had units in another ring */
	[KTLSNIC_TLS_OTHER_QUEUE] = "tx_tls_other_queue",
	/* of these skbs, those dropped because that failed as well */
	[KTLSNIC_TLS_DROP_FALLBACK] = "tx_tls_drop_fallback",
};

static const char * const ktlsnic_tls_conn_names[KTLSNIC_TLS_CONN_STATS] = {
	/* contexts created */
	[KTLSNIC_TLS_CTX] = "tx_tls_ctx",
	/* contexts deleted */
	[KTLSNIC_TLS_DEL] = "tx_tls_del",
	/* connections refused because all contexts were in use */
	[KTLSNIC_TLS_NO_SPACE] = "tx_tls_no_space",
	/* connections refused for their version or cipher */
	[KTLSNIC_TLS_UNSUPPORTED] = "tx_tls_unsupported",
	/* connections refused because the device did */
	[KTLSNIC_TLS_ADD_FAILED] = "tx_tls_add_failed",
	/* contexts that the device did not delete when told to */
	[KTLSNIC_TLS_DEL_FAILED] = "tx_tls_del_failed",
	/* contexts put back after a reset */
	[KTLSNIC_TLS_RESTORED] = "tx_tls_restored",
	/* times that the core was asked for the next record's start, for a
	 * device that cannot move a context into a record
	 */
	[KTLSNIC_TLS_RESYNC_REQ] = "tx_tls_resync_req",
	/* answers that put the context right */
	[KTLSNIC_TLS_RESYNC_RES_OK] = "tx_tls_resync_res_ok",
	/* answers that did not: the core comes again with the next record */
	[KTLSNIC_TLS_RESYNC_RES_SKIP] = "tx_tls_resync_res_skip",
	/* times that the device lost a context and said so */
	[KTLSNIC_TLS_ERRORS] = "tx_tls_errors",
	/* connections given up for that: they are encrypted in software */
	[KTLSNIC_TLS_GIVEN_UP] = "tx_tls_given_up",
	/* contexts that the core forgot when the interface went down */
	[KTLSNIC_TLS_ORPHANS] = "tx_tls_orphans",
};

/* TLS payload bytes in the encrypted packets, without headers, explicit nonces
 * and tags: only the device looks at records, and says so in completions.
 */
#define KTLSNIC_TLS_ENCRYPTED_BYTES_NAME	"tx_tls_encrypted_bytes"

/**
 * ktlsnic_tls_tx_encrypted() - the device has encrypted something
 * @tls: the TLS half
 * @queue: the TX queue, whose NAPI this is
 * @bytes: TLS payload bytes
 */
void ktlsnic_tls_tx_encrypted(struct ktlsnic_tls *tls, unsigned int queue,
			      u64 bytes)
{
	struct ktlsnic_tls_queue *q = &tls->queues[queue];

	u64_stats_update_begin(&q->cpl_syncp);
	u64_stats_add(&q->encrypted_bytes, bytes);
	u64_stats_update_end(&q->cpl_syncp);
}

/**
 * ktlsnic_tls_tx_max() - TX contexts that can be in use at a time
 * @tls: the TLS half
 *
 * Return: how many; 0 without TX offload.
 */
u32 ktlsnic_tls_tx_max(const struct ktlsnic_tls *tls)
{
	return tls && tls->tx_ciphers ?
	       ktlsnic_tls_hw_contexts(tls->nic, TLS_OFFLOAD_CTX_DIR_TX) : 0;
}

/**
 * ktlsnic_tls_tx_used() - TX contexts in use
 * @tls: the TLS half
 *
 * Return: how many.
 */
u32 ktlsnic_tls_tx_used(const struct ktlsnic_tls *tls)
{
	return ktlsnic_tls_hw_used(tls->nic, TLS_OFFLOAD_CTX_DIR_TX);
}

/**
 * ktlsnic_tls_rx_max() - RX contexts that can be in use at a time
 * @tls: the TLS half
 *
 * Return: how many; 0 without RX offload.
 */
u32 ktlsnic_tls_rx_max(const struct ktlsnic_tls *tls)
{
	return tls && tls->rx ?
	       ktlsnic_tls_hw_contexts(tls->nic, TLS_OFFLOAD_CTX_DIR_RX) : 0;
}

/**
 * ktlsnic_tls_rx_used() - RX contexts in use
 * @tls: the TLS half
 *
 * Return: how many.
 */
u32 ktlsnic_tls_rx_used(const struct ktlsnic_tls *tls)
{
	return ktlsnic_tls_hw_used(tls->nic, TLS_OFFLOAD_CTX_DIR_RX);
}

/* Is there anything to count? */
static bool ktlsnic_tls_offers(const struct ktlsnic_tls *tls)
{
	return ktlsnic_tls_tx_max(tls) || ktlsnic_tls_rx_max(tls);
}

/**
 * ktlsnic_tls_stats_count() - ethtool counters of the TLS half
 * @tls: the TLS half
 *
 * Return: how many there are.
 */
int ktlsnic_tls_stats_count(const struct ktlsnic_tls *tls)
{
	if (!ktlsnic_tls_offers(tls))
		return 0;
	/* encrypted bytes, and contexts in the device, are two more */
	return KTLSNIC_TLS_QUEUE_STATS + KTLSNIC_TLS_CONN_STATS + 2 +
	       ktlsnic_tls_rx_stats_count(tls);
}

/**
 * ktlsnic_tls_stats_strings() - their names
 * @tls: the TLS half
 * @data: moved on
 */
void ktlsnic_tls_stats_strings(const struct ktlsnic_tls *tls, u8 **data)
{
	unsigned int i;

	if (!ktlsnic_tls_offers(tls))
		return;
	ethtool_puts(data, KTLSNIC_TLS_ENCRYPTED_BYTES_NAME);
	for (i = 0; i < KTLSNIC_TLS_QUEUE_STATS; i++)
		ethtool_puts(data, ktlsnic_tls_queue_names[i]);
	for (i = 0; i < KTLSNIC_TLS_CONN_STATS; i++)
		ethtool_puts(data, ktlsnic_tls_conn_names[i]);
	ethtool_puts(data, "hw_tls_tx_live");
	ktlsnic_tls_rx_stats_strings(tls, data);
}

static void ktlsnic_tls_stats_sum(const struct ktlsnic_tls *tls, u64 *sums)
{
	u64 values[KTLSNIC_TLS_QUEUE_STATS];
	unsigned int i, q, start;

	memset(sums, 0, sizeof(values));
	for (q = 0; q < tls->num_queues; q++) {
		const struct ktlsnic_tls_queue *queue = &tls->queues[q];

		do {
			start = u64_stats_fetch_begin(&queue->syncp);
			for (i = 0; i < KTLSNIC_TLS_QUEUE_STATS; i++)
				values[i] = u64_stats_read(&queue->stats[i]);
		} while (u64_stats_fetch_retry(&queue->syncp, start));
		for (i = 0; i < KTLSNIC_TLS_QUEUE_STATS; i++)
			sums[i] += values[i];
	}
}

static u64 ktlsnic_tls_stats_encrypted(const struct ktlsnic_tls *tls)
{
	unsigned int q, start;
	u64 sum = 0, value;

	for (q = 0; q < tls->num_queues; q++) {
		const struct ktlsnic_tls_queue *queue = &tls->queues[q];

		do {
			start = u64_stats_fetch_begin(&queue->cpl_syncp);
			value = u64_stats_read(&queue->encrypted_bytes);
		} while (u64_stats_fetch_retry(&queue->cpl_syncp, start));
		sum += value;
	}
	return sum;
}

/**
 * ktlsnic_tls_stats_values() - their values
 * @tls: the TLS half
 * @data: moved on
 */
void ktlsnic_tls_stats_values(const struct ktlsnic_tls *tls, u64 **data)
{
	unsigned int i;

	if (!ktlsnic_tls_offers(tls))
		return;
	*(*data)++ = ktlsnic_tls_stats_encrypted(tls);
	ktlsnic_tls_stats_sum(tls, *data);
	*data += KTLSNIC_TLS_QUEUE_STATS;
	for (i = 0; i < KTLSNIC_TLS_CONN_STATS; i++)
		*(*data)++ = atomic64_read(&tls->stats[i]);
	*(*data)++ = ktlsnic_tls_hw_live(tls->nic, TLS_OFFLOAD_CTX_DIR_TX);
	ktlsnic_tls_rx_stats_values(tls, data);
}

/**
 * ktlsnic_tls_stats_dropped() - packets that the TLS half dropped
 * @tls: the TLS half
 *
 * Return: how many there were.
 */
u64 ktlsnic_tls_stats_dropped(const struct ktlsnic_tls *tls)
{
	u64 sums[KTLSNIC_TLS_QUEUE_STATS];

	if (!tls)
		return 0;
	ktlsnic_tls_stats_sum(tls, sums);
	return sums[KTLSNIC_TLS_DROP_NO_SYNC_DATA] +
	       sums[KTLSNIC_TLS_DROP_BYPASS_REQ] +
	       sums[KTLSNIC_TLS_DROP_FALLBACK];
}
