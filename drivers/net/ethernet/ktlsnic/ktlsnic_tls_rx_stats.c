// SPDX-License-Identifier: GPL-2.0-only
/*
 * The counters of TLS receive offload. Names and meaning of the first ones of
 * each table are fixed by Documentation/networking/tls-offload.rst. How much of
 * the stream was decrypted shows in the device's own counters: TCP payload in
 * hw_tls_rx_bytes, of that in hw_tls_rx_seen_bytes.
 */

#include <linux/ethtool.h>

#include "ktlsnic_tls_rx.h"

static const char * const
ktlsnic_tls_rx_queue_names[KTLSNIC_TLS_RX_QUEUE_STATS] = {
	/* packets that the device has decrypted */
	[KTLSNIC_TLS_RX_DECRYPTED_PACKETS] = "rx_tls_decrypted_packets",
	/* bytes of TLS payload in them */
	[KTLSNIC_TLS_RX_DECRYPTED_BYTES] = "rx_tls_decrypted_bytes",
	/* packets with which a context asked where it is */
	[KTLSNIC_TLS_RX_RESYNC_REQ_PKT] = "rx_tls_resync_req_pkt",
	/* packets with a wrong tag or no header where one must be, and packets
	 * of which the device said what cannot be
	 */
	[KTLSNIC_TLS_RX_ERR] = "rx_tls_err",
	/* packets that met a context, decrypted or not */
	[KTLSNIC_TLS_RX_PACKETS] = "rx_tls_packets",
};

static const char * const
ktlsnic_tls_rx_conn_names[KTLSNIC_TLS_RX_CONN_STATS] = {
	/* contexts created */
	[KTLSNIC_TLS_RX_CTX] = "rx_tls_ctx",
	/* contexts deleted */
	[KTLSNIC_TLS_RX_DEL] = "rx_tls_del",
	/* asynchronous requests started */
	[KTLSNIC_TLS_RX_RESYNC_REQ_START] = "rx_tls_resync_req_start",
	/* of these, those that told the core which header is meant */
	[KTLSNIC_TLS_RX_RESYNC_REQ_END] = "rx_tls_resync_req_end",
	/* of these, those that were cancelled */
	[KTLSNIC_TLS_RX_RESYNC_REQ_SKIP] = "rx_tls_resync_req_skip",
	/* record numbers from the core that put a context right */
	[KTLSNIC_TLS_RX_RESYNC_RES_OK] = "rx_tls_resync_res_ok",
	/* record numbers from the core that were of no use to the device */
	[KTLSNIC_TLS_RX_RESYNC_RES_SKIP] = "rx_tls_resync_res_skip",
	/* requests about a header to come, given to the core */
	[KTLSNIC_TLS_RX_RESYNC_REQ_SCAN] = "rx_tls_resync_req_scan",
	/* connections refused because all contexts were in use */
	[KTLSNIC_TLS_RX_NO_SPACE] = "rx_tls_no_space",
	/* connections refused for their version or cipher */
	[KTLSNIC_TLS_RX_UNSUPPORTED] = "rx_tls_unsupported",
	/* connections refused because the device did */
	[KTLSNIC_TLS_RX_ADD_FAILED] = "rx_tls_add_failed",
	/* contexts that the device did not delete when told to */
	[KTLSNIC_TLS_RX_DEL_FAILED] = "rx_tls_del_failed",
	/* contexts put back after a reset */
	[KTLSNIC_TLS_RX_RESTORED] = "rx_tls_restored",
	/* contexts that could not be put back */
	[KTLSNIC_TLS_RX_GIVEN_UP] = "rx_tls_given_up",
	/* contexts that the core forgot when the interface went down */
	[KTLSNIC_TLS_RX_ORPHANS] = "rx_tls_orphans",
};

/**
 * ktlsnic_tls_rx_stats_count() - ethtool counters of receive offload
 * @tls: the TLS half
 *
 * Return: how many there are.
 */
int ktlsnic_tls_rx_stats_count(const struct ktlsnic_tls *tls)
{
	/* contexts in the device are one more */
	return tls->rx ? KTLSNIC_TLS_RX_QUEUE_STATS +
			      KTLSNIC_TLS_RX_CONN_STATS + 1 : 0;
}

/**
 * ktlsnic_tls_rx_stats_strings() - their names
 * @tls: the TLS half
 * @data: moved on
 */
void ktlsnic_tls_rx_stats_strings(const struct ktlsnic_tls *tls, u8 **data)
{
	unsigned int i;

	if (!tls->rx)
		return;
	for (i = 0; i < KTLSNIC_TLS_RX_QUEUE_STATS; i++)
		ethtool_puts(data, ktlsnic_tls_rx_queue_names[i]);
	for (i = 0; i < KTLSNIC_TLS_RX_CONN_STATS; i++)
		ethtool_puts(data, ktlsnic_tls_rx_conn_names[i]);
	ethtool_puts(data, "hw_tls_rx_live");
}

static void ktlsnic_tls_rx_stats_add(const struct ktlsnic_tls_rx_queue *queue,
				     u64 *sums)
{
	u64 values[KTLSNIC_TLS_RX_QUEUE_STATS];
	unsigned int i, start;

	do {
		start = u64_stats_fetch_begin(&queue->syncp);
		for (i = 0; i < KTLSNIC_TLS_RX_QUEUE_STATS; i++)
			values[i] = u64_stats_read(&queue->stats[i]);
	} while (u64_stats_fetch_retry(&queue->syncp, start));
	for (i = 0; i < KTLSNIC_TLS_RX_QUEUE_STATS; i++)
		sums[i] += values[i];
}

/**
 * ktlsnic_tls_rx_stats_values() - their values
 * @tls: the TLS half
 * @data: moved on
 */
void ktlsnic_tls_rx_stats_values(const struct ktlsnic_tls *tls, u64 **data)
{
	struct ktlsnic_tls_rx_half *half = tls->rx;
	unsigned int i;

	if (!half)
		return;
	memset(*data, 0, KTLSNIC_TLS_RX_QUEUE_STATS * sizeof(**data));
	for (i = 0; i < tls->num_queues; i++)
		ktlsnic_tls_rx_stats_add(&half->queues[i], *data);
	*data += KTLSNIC_TLS_RX_QUEUE_STATS;
	for (i = 0; i < KTLSNIC_TLS_RX_CONN_STATS; i++)
		*(*data)++ = atomic64_read(&half->stats[i]);
	*(*data)++ = ktlsnic_tls_hw_live(tls->nic, TLS_OFFLOAD_CTX_DIR_RX);
}
