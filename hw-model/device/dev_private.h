/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the device layer share. One role a file; a part of several
 * functions has a header of its own.
 */
#ifndef DEVICE_DEV_PRIVATE_H
#define DEVICE_DEV_PRIVATE_H

#include <glib.h>

#include "device/host.h"
#include "device/ktlsnic_dev.h"
#include "device/ring.h"
#include "device/tls_ctx.h"
#include "device/tls_rx.h"
#include "flow/flow_tx.h"
#include "packet/filter.h"
#include "packet/rss.h"

#define FRAME_MIN           60      /* shortest frame on the wire, no FCS */
#define FRAME_TAG_LEN       4       /* bytes of an 802.1Q tag */
#define NSEC_PER_USEC       1000
#define NEVER               INT64_MAX

struct ktlsnic_dev {
    struct ktlsnic_config config;
    struct ktlsnic_host_ops ops;
    void *opaque;

    struct ktlsnic_state state;

    /* Derived from the state. */
    struct filter filter;
    struct rss_key rss_key;
    struct ring ring[KTLSNIC_RINGS];
    uint8_t ring_failed[KTLSNIC_RINGS]; /* enum ktlsnic_ring_id: rings that
                                     * failed in this call, oldest first */
    unsigned ring_failures;         /* how many */

    struct tls_table tls_tx;
    struct flow_tx **tls_tx_flow;   /* the TX contexts, by index */
    struct tls_table tls_rx;
    struct tls_rx_ctx **tls_rx_ctx; /* the RX contexts, by index */
    GHashTable *tls_rx_tuples;      /* and by the tuple in them; it owns them */

    /* Where we are, for calls that come back through a callback. */
    bool busy;                      /* inside write, run or receive */
    bool sending;                   /* inside send() */
    bool receiving;                 /* inside receive */
    bool reset_pending;             /* reset when the outer call ends */
    bool free_pending;              /* free when the outer call ends */

    bool cmd_hangs;                 /* a fault: no more commands until reset */
    bool wake_asked;                /* wake(0) is under way */
    bool wire_busy;                 /* send() said so */
    bool rx_paused;                 /* a frame waits outside for buffers */
    bool rx_retry;                  /* call rx_ready() from the next run */

    int64_t cmd_due[1u << KTLSNIC_RING_LOG2_MAX]; /* ns: when the commands that
                                     * are taken are to be done, by slot */
    int64_t cmd_wake_at;            /* when the next one is, or NEVER */

    uint32_t irq_dirty;             /* vectors to look at, a bit each */
    uint32_t irq_blocked;           /* vectors that only ITR holds back */
    int64_t irq_wake_at;            /* ns: when ITR lets the first of them go,
                                     * or NEVER */

    int64_t wake_at;                /* what wake() was last told; 0: nothing */

    struct tx *tx;                  /* transmit's own */
    uint8_t *rx_frame;              /* a frame without its tag, or decrypted */
};

static inline void dev_trace(struct ktlsnic_dev *dev, enum ktlsnic_trace what,
                             uint64_t a, uint64_t b, uint64_t c)
{
    if (dev->ops.trace) {
        dev->ops.trace(dev->opaque, what, a, b, c);
    }
}

static inline void dev_count(struct ktlsnic_dev *dev, enum ktlsnic_stat stat,
                             uint64_t n)
{
    dev->state.stat[stat] += n;
}

/* Whether the device is still to go on with what it is doing: a callback may
 * have reset or freed it. */
static inline bool dev_alive(const struct ktlsnic_dev *dev)
{
    return !dev->reset_pending && !dev->free_pending;
}

/* A vector may have to fire: irq_flush() looks at it. */
static inline void dev_irq_note(struct ktlsnic_dev *dev, unsigned vector)
{
    dev->irq_dirty |= 1u << vector;
}

/* TLS contexts in use, of both directions. */
static inline unsigned dev_tls_live(const struct ktlsnic_dev *dev)
{
    return dev->tls_tx.live + dev->tls_rx.live;
}

/* regs.c (SPEC 3 to 8): decode; what follows from registers written at once. */
uint32_t regs_read(struct ktlsnic_dev *dev, uint32_t offset);
void regs_write(struct ktlsnic_dev *dev, uint32_t offset, uint32_t value);
void regs_reset(struct ktlsnic_dev *dev);
void regs_update_filter(struct ktlsnic_dev *dev);
void regs_update_rss(struct ktlsnic_dev *dev);

/* stats.c (SPEC 13). */
uint32_t stats_read(struct ktlsnic_dev *dev, uint32_t offset);

/* irq.c (SPEC 7): fire the vectors that must. */
void irq_flush(struct ktlsnic_dev *dev);
uint32_t irq_read(struct ktlsnic_dev *dev, uint32_t offset);
void irq_write(struct ktlsnic_dev *dev, uint32_t offset, uint32_t value);
void irq_reset(struct ktlsnic_dev *dev);

/* event.c (SPEC 12). */
void event_post(struct ktlsnic_dev *dev, enum ktlsnic_event_type type,
                uint32_t source, uint32_t data);
void event_post_ring_failures(struct ktlsnic_dev *dev);

/* cmd.c (SPEC 11): returns whether there is more to do at once. */
bool cmd_run(struct ktlsnic_dev *dev);
void cmd_reset(struct ktlsnic_dev *dev);

/* tls_tx.c: the TX context table. Statuses are those of commands. */
void tls_tx_init(struct ktlsnic_dev *dev);
void tls_tx_free(struct ktlsnic_dev *dev);
enum ktlsnic_cmd_status tls_tx_add(struct ktlsnic_dev *dev,
                                   const struct ktlsnic_cmd_tls_add *body);
enum ktlsnic_cmd_status tls_tx_del(struct ktlsnic_dev *dev, uint32_t ctx);
enum ktlsnic_cmd_status
tls_tx_resync(struct ktlsnic_dev *dev,
              const struct ktlsnic_cmd_tls_resync *body);
struct flow_tx *tls_tx_get(struct ktlsnic_dev *dev, uint32_t ctx);
void tls_tx_del_all(struct ktlsnic_dev *dev);

/* tx.c (SPEC 9): returns whether there is more to do. */
bool tx_run(struct ktlsnic_dev *dev);
void tx_init(struct ktlsnic_dev *dev);
void tx_reset(struct ktlsnic_dev *dev);
void tx_free(struct ktlsnic_dev *dev);

/* rx.c (SPEC 10). */
enum ktlsnic_rx_verdict rx_receive(struct ktlsnic_dev *dev,
                                   const uint8_t *frame, size_t len);

#endif
