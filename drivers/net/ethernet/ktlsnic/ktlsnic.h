/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The NIC as the driver sees it: one struct for the whole device. SPEC.md beside
 * the hardware model describes the device; the numbers in comments are its
 * sections.
 */
#ifndef KTLSNIC_DRV_H
#define KTLSNIC_DRV_H

#include <linux/delay.h>
#include <linux/etherdevice.h>
#include <linux/io.h>
#include <linux/mutex.h>
#include <linux/netdevice.h>
#include <linux/pci.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "ktlsnic_compat.h"
#include "ktlsnic_hw.h"
#include "ktlsnic_cmd.h"
#include "ktlsnic_ctx.h"
#include "ktlsnic_ring.h"

#define KTLSNIC_NAME			"ktlsnic"

/* A frame carries up to two VLAN tags beside its MTU (SPEC 9.2, 10.2). */
#define KTLSNIC_FRAME_OVERHEAD		(ETH_HLEN + 2 * VLAN_HLEN)

struct devlink;
struct ktlsnic_queue;
struct ktlsnic_tls;
struct ktlsnic_tls_ops;

/**
 * struct ktlsnic_caps - what the device says it can do (SPEC 3)
 * @features: KTLSNIC_FEATURE_*
 * @max_frame: longest frame in bytes
 * @max_tso: longest TX unit in bytes
 * @max_desc: most descriptors of a TX unit
 * @filters: exact address filters
 * @queues: queue pairs
 * @ring_log2_min: smallest ring
 * @ring_log2_max: largest ring
 * @tls_tx_contexts: TLS contexts that encrypt
 * @tls_rx_contexts: TLS contexts that decrypt
 */
struct ktlsnic_caps {
	u32 features;
	u32 max_frame;
	u32 max_tso;
	u32 max_desc;
	u32 filters;
	u8 queues;
	u8 ring_log2_min;
	u8 ring_log2_max;
	u32 tls_tx_contexts;
	u32 tls_rx_contexts;
};

/**
 * enum ktlsnic_link_stat - what the device alone sees of what an interface counts
 * @KTLSNIC_LINK_MULTICAST: received frames to a group
 * @KTLSNIC_LINK_TOO_LONG: frames above the MTU
 * @KTLSNIC_LINK_TOO_SHORT: frames without a whole header
 * @KTLSNIC_LINK_MISSED: frames that came while their queue was closed
 * @KTLSNIC_LINK_STATS: how many these are
 */
enum ktlsnic_link_stat {
	KTLSNIC_LINK_MULTICAST,
	KTLSNIC_LINK_TOO_LONG,
	KTLSNIC_LINK_TOO_SHORT,
	KTLSNIC_LINK_MISSED,
	KTLSNIC_LINK_STATS
};

/**
 * enum ktlsnic_state - bits of &ktlsnic_nic.state
 * @KTLSNIC_HW_UP: reset is over and the admin rings work
 * @KTLSNIC_QUEUES_UP: the queues are open
 * @KTLSNIC_SUSPENDED: sleep or a reset of the bus runs: no recovery until it ends
 * @KTLSNIC_REMOVING: remove or shutdown runs: no more recovery
 */
enum ktlsnic_state {
	KTLSNIC_HW_UP,
	KTLSNIC_QUEUES_UP,
	KTLSNIC_SUSPENDED,
	KTLSNIC_REMOVING,
};

/**
 * struct ktlsnic_nic - one device
 * @regs: BAR 0
 * @netdev: the interface
 * @pdev: the PCI function
 * @caps: capabilities, read once
 * @state: enum ktlsnic_state bits
 * @num_vectors: MSI-X vectors that were granted
 * @max_queues: queue pairs that hardware and vectors allow
 * @num_queues: queue pairs in use, changed under RTNL with the queues closed or paused
 * @queues: all @max_queues pairs
 * @tx_log2: log2 of the TX ring's entries
 * @rx_log2: log2 of the RX ring's entries
 * @tx_worst: most TX ring entries that one skb can need
 * @rx_usecs: ethtool's rx-usecs
 * @tx_usecs: ethtool's tx-usecs
 * @cmdq: the command queue
 * @events: the event ring
 * @events_lost: events the device had to drop
 * @link_lock: makes one of looking at the link and telling the stack
 * @rss_key: Toeplitz key
 * @rss_indir: indirection table
 * @stats_lock: makes one of the two halves in which a counter of the device is read
 * @link_seen: the device's counters of enum ktlsnic_link_stat when last read
 * @link_stats: by how much they have moved since probe
 * @reset_work: recovery
 * @health_work: looks after the rings while the queues are open
 * @last_reset: jiffies of the last recovery
 * @tx_timeouts: times the stack's watchdog fired
 * @resets: recoveries
 * @failed_resets: of the last ones, how many in a row failed; under RTNL
 * @tls_tx_ctxs: its TX contexts
 * @tls_rx_ctxs: its RX contexts
 * @tls: the TLS half, NULL without it
 * @tls_ops: whom in the TLS half the queues tell what, NULL without it
 * @tls_hw: what the functions of ktlsnic_tls_hw.h keep, if they keep anything here
 * @devlink: the device in devlink, NULL without it
 */
struct ktlsnic_nic {
	void __iomem *regs;
	struct net_device *netdev;
	struct pci_dev *pdev;
	struct ktlsnic_caps caps;
	unsigned long state;

	unsigned int num_vectors;
	unsigned int max_queues;
	unsigned int num_queues;
	struct ktlsnic_queue *queues;
	u8 tx_log2;
	u8 rx_log2;
	unsigned int tx_worst;
	u16 rx_usecs;
	u16 tx_usecs;

	struct ktlsnic_cmdq cmdq;
	struct ktlsnic_ring events;
	u64 events_lost;
	struct mutex link_lock; /* the carrier */

	u8 rss_key[KTLSNIC_RSS_KEY_SIZE];
	u8 rss_indir[KTLSNIC_RSS_INDIR_SIZE];

	spinlock_t stats_lock; /* reading the device's counters */
	u64 link_seen[KTLSNIC_LINK_STATS];
	u64 link_stats[KTLSNIC_LINK_STATS];

	struct delayed_work reset_work;
	struct delayed_work health_work;
	unsigned long last_reset;
	u64 tx_timeouts;
	u64 resets;
	unsigned int failed_resets;

	struct ktlsnic_ctx_table tls_tx_ctxs;
	struct ktlsnic_ctx_table tls_rx_ctxs;
	struct ktlsnic_tls *tls;
	const struct ktlsnic_tls_ops *tls_ops;
	void *tls_hw;
	struct devlink *devlink;
};

static inline u32 ktlsnic_read(const struct ktlsnic_nic *nic, u32 reg)
{
	return readl(nic->regs + reg);
}

static inline void ktlsnic_write(const struct ktlsnic_nic *nic, u32 reg,
				 u32 value)
{
	writel(value, nic->regs + reg);
}

#endif /* KTLSNIC_DRV_H */
