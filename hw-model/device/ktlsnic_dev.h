/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ktlsnic device: everything that SPEC.md describes behind BAR 0, for a
 * host that gives it memory, a wire, interrupts and a clock through a table of
 * functions. It knows no bus and no emulator.
 *
 * Calls are not thread-safe. What the host does inside a callback may lead back
 * here: a nested register write is dropped (a function cannot reach its own
 * registers by DMA), a nested run or reset takes effect when the outer call
 * ends, and a frame that arrives while one is being sent is received.
 */
#ifndef DEVICE_KTLSNIC_DEV_H
#define DEVICE_KTLSNIC_DEV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/types.h>

#include "ktlsnic_hw.h"

#define KTLSNIC_MAC_LEN             6
#define KTLSNIC_MAX_FRAME           9238    /* CAP_MAX_FRAME, bytes */
#define KTLSNIC_MAX_TSO             524288  /* CAP_MAX_TSO, bytes */
#define KTLSNIC_MAX_DESC            64      /* CAP_MAX_DESC */
#define KTLSNIC_TLS_CONTEXTS_MAX    65536
#define KTLSNIC_CMD_LATENCY_MAX     10000000    /* us */

/* Things that a host may want to log; the arguments a, b, c of each. */
enum ktlsnic_trace {
    KTLSNIC_TRACE_RESET,            /* - */
    KTLSNIC_TRACE_LINK,             /* up */
    KTLSNIC_TRACE_RING_ENABLE,      /* register block, base, log2 */
    KTLSNIC_TRACE_RING_DISABLE,     /* register block */
    KTLSNIC_TRACE_RING_ERROR,       /* register block, code, index */
    KTLSNIC_TRACE_INTERRUPT,        /* vector */
    KTLSNIC_TRACE_EVENT,            /* type, source, data */
    KTLSNIC_TRACE_EVENT_LOST,       /* type, source, data */
    KTLSNIC_TRACE_COMMAND,          /* op, tag, status */
    KTLSNIC_TRACE_COMMANDS_DELAYED, /* index of the first, how many, us */
    KTLSNIC_TRACE_FAULT,            /* op, tag, status: injected */
    KTLSNIC_TRACE_TX_STUCK,         /* queue, descriptors that wait: injected */
    KTLSNIC_TRACE_TX_UNIT,          /* queue, ndesc << 16 | flags, total_len */
    KTLSNIC_TRACE_TX_DONE,          /* queue, index after it, status */
    KTLSNIC_TRACE_TX_WIRE_PAUSED,   /* queue */
    KTLSNIC_TRACE_RX_FRAME,         /* queue, length, flags */
    KTLSNIC_TRACE_RX_DROP,          /* KTLSNIC_STAT_ that counts it, length */
    KTLSNIC_TRACE_RX_PAUSE,         /* queue, length */
    KTLSNIC_TRACE_TLS_TX_ADD,       /* context, version << 8 | cipher, seq */
    KTLSNIC_TRACE_TLS_TX_DEL,       /* context */
    KTLSNIC_TRACE_TLS_TX_RESYNC,    /* context, tcp_seq, prefix_len */
    KTLSNIC_TRACE_TLS_RX_ADD,       /* context, version << 8 | cipher, seq */
    KTLSNIC_TRACE_TLS_RX_DEL,       /* context */
    KTLSNIC_TRACE_TLS_RX_RESYNC,    /* context, tcp_seq, rec_num as told */
    KTLSNIC_TRACE_TLS_RX_QUERY,     /* context, the sequence that was told */
    KTLSNIC_TRACE_TLS_RX_REQUEST,   /* context, segment, header it asks about */
    KTLSNIC_TRACE_TLS_RX_FAILED,    /* context, segment, 1: tag, 0: header */
    KTLSNIC_TRACE_TLS_RX_KEY_UPDATE, /* context that stopped, segment */
    KTLSNIC_TRACE_NESTED_WRITE,     /* offset, value: dropped */
    KTLSNIC_TRACES
};

/* What the device needs from its host. All functions but trace and tls_live
 * must be there; opaque is what ktlsnic_dev_new() was given. */
struct ktlsnic_host_ops {
    /* Access len bytes of bus memory; false if any of it cannot be reached.
     * Writes become visible to the driver in the order of the calls. */
    bool (*dma_read)(void *opaque, uint64_t addr, void *buf, size_t len);
    bool (*dma_write)(void *opaque, uint64_t addr, const void *buf, size_t len);

    /* Sends the MSI-X message of a vector. */
    void (*interrupt)(void *opaque, unsigned vector);

    /* Puts a frame on the wire (padded, no FCS); it came from TX ring queue.
     * The bytes are the device's again when the call returns. False if the wire
     * is busy: this frame was taken, but no more until
     * ktlsnic_dev_tx_ready(). */
    bool (*send)(void *opaque, unsigned queue, const uint8_t *frame,
                 size_t len);

    /* The clock, in ns; it never goes back. */
    int64_t (*now)(void *opaque);

    /* Asks for a call of ktlsnic_dev_run(): when 0, as soon as possible but not
     * from inside this call; otherwise at time when, which replaces the last
     * time that was asked for. */
    void (*wake)(void *opaque, int64_t when);

    /* After ktlsnic_dev_receive() said WAIT: it is worth trying again. */
    void (*rx_ready)(void *opaque);

    /* The number of TLS contexts in use has become 0, or is no longer 0.
     * Contexts hold keys, which cannot be saved. May be NULL. */
    void (*tls_live)(void *opaque, bool live);

    /* Something happened. May be NULL. */
    void (*trace)(void *opaque, enum ktlsnic_trace what,
                  uint64_t a, uint64_t b, uint64_t c);
};

/*
 * Faults that the host injects for tests of a driver. Each of the next count
 * commands with this op is not done, but completed with this status. The TX
 * rings of stuck_tx take no units. The host may change all this at any time, and
 * runs the device when it lets a ring go; the device counts down, and clears
 * stuck_tx on reset.
 */
struct ktlsnic_fault {
    uint16_t op;                    /* enum ktlsnic_cmd_op */
    uint16_t status;                /* enum ktlsnic_cmd_status, or below */
    uint32_t count;
    uint32_t stuck_tx;              /* bit q: TX ring q */
};

/* The command is never completed, nor is any after it, until a reset. */
#define KTLSNIC_FAULT_HANG UINT16_MAX

/* The properties of one device, fixed for its life but for cmd_latency. */
struct ktlsnic_config {
    unsigned queues;                /* queue pairs, 1..KTLSNIC_MAX_QUEUES */
    unsigned tls_tx_contexts;       /* 0..KTLSNIC_TLS_CONTEXTS_MAX;
                                     * 0: no TX offload */
    uint32_t tls_tx_ciphers[KTLSNIC_TLS_VERSIONS]; /* bit c: offer cipher c, if
                                     * it is supported too */
    bool tls_tx_replay;             /* TLS_RESYNC units in the TX ring */
    unsigned tls_rx_contexts;       /* the same for RX */
    uint32_t tls_rx_ciphers[KTLSNIC_TLS_VERSIONS];
    enum ktlsnic_tls_rx_mode tls_rx_mode;
    uint32_t cmd_latency;           /* us from when a command is taken from its
                                     * ring until it is done and completed,
                                     * 0..KTLSNIC_CMD_LATENCY_MAX */
    uint32_t link_speed;            /* Mbit/s */
    uint8_t mac[KTLSNIC_MAC_LEN];   /* the factory address */
    struct ktlsnic_fault *fault;    /* the host's, or NULL */
};

/* The register blocks of all rings in one array: CMD, CMD_CQ and EVENT, then
 * TX, TX_CQ, RX, RX_CQ of each queue pair. */
enum ktlsnic_ring_id {
    KTLSNIC_RID_CMD,
    KTLSNIC_RID_CMD_CQ,
    KTLSNIC_RID_EVENT,
    KTLSNIC_RID_QUEUES,             /* the first ring of queue pair 0 */
    KTLSNIC_RINGS = KTLSNIC_RID_QUEUES + 4 * KTLSNIC_MAX_QUEUES
};

/* SPEC 8: one ring's registers. */
struct ktlsnic_ring_state {
    uint64_t base;                  /* bus address */
    uint32_t log2;                  /* as written; in range while enabled */
    uint32_t doorbell;
    uint32_t index;
    bool ctrl_enable;               /* CTRL.ENABLE */
    bool enabled;                   /* STATUS.ENABLED */
    uint8_t error;                  /* STATUS.ERROR, enum ktlsnic_ring_error */
};

/* SPEC 7: one vector. */
struct ktlsnic_vector_state {
    bool armed;
    uint16_t itr;                   /* us */
    int64_t last;                   /* when its last message was sent, ns */
};

/* Everything that a driver can see of a device without TLS contexts: what a
 * host saves and restores. */
struct ktlsnic_state {
    struct ktlsnic_ring_state ring[KTLSNIC_RINGS];
    struct ktlsnic_vector_state vector[KTLSNIC_MAX_VECTORS];
    uint8_t mac[KTLSNIC_MAC_LEN];
    bool link_up;
    uint32_t rx_ctrl;
    uint32_t rx_max_frame;
    uint32_t filter_lo[KTLSNIC_FILTERS];
    uint32_t filter_hi[KTLSNIC_FILTERS];
    uint32_t rss_ctrl;
    uint8_t rss_key[KTLSNIC_RSS_KEY_SIZE];
    uint8_t rss_indir[KTLSNIC_RSS_INDIR_SIZE];
    uint16_t events_lost;           /* SPEC 12, since the last event */
    uint32_t tls_tx_payload[KTLSNIC_MAX_QUEUES]; /* SPEC 9.7, since the last
                                     * completion of that TX ring */
    uint32_t stat_latch_index;      /* SPEC 13: the counter that was latched */
    uint32_t stat_latch_high;       /* and its high word */
    uint64_t stat[KTLSNIC_STATS];
};

enum ktlsnic_rx_verdict {
    KTLSNIC_RX_TAKEN,               /* delivered, or dropped and counted */
    KTLSNIC_RX_WAIT,                /* the wire is paused: offer it again */
};

struct ktlsnic_dev;

/* Whether contexts for the pair are implemented, in each direction. Any values
 * may be asked. */
bool ktlsnic_dev_tls_tx_supported(unsigned version, unsigned cipher);
bool ktlsnic_dev_tls_rx_supported(unsigned version, unsigned cipher);

/* A device that has just got power, with its link down. The tables are copied.
 * NULL if a value of config is out of range. */
struct ktlsnic_dev *ktlsnic_dev_new(const struct ktlsnic_config *config,
                                    const struct ktlsnic_host_ops *ops,
                                    void *opaque);

/* Wipes the keys, ends every access. Accepts NULL. */
void ktlsnic_dev_free(struct ktlsnic_dev *dev);

/* SPEC 3.1: CTRL.RESET, FLR or a bus reset. */
void ktlsnic_dev_reset(struct ktlsnic_dev *dev);

/* Aligned 32-bit register access, value in host byte order. Any offset may be
 * given: what is unaligned or has no name reads 0 and ignores writes. */
uint32_t ktlsnic_dev_read(struct ktlsnic_dev *dev, uint64_t offset);
void ktlsnic_dev_write(struct ktlsnic_dev *dev, uint64_t offset,
                       uint32_t value);

/* Does a bounded amount of the work that register writes gave, and asks for
 * another call if there is more. Safe to call at any time. */
void ktlsnic_dev_run(struct ktlsnic_dev *dev);

/* A frame of len bytes comes in from the wire (no FCS). */
enum ktlsnic_rx_verdict ktlsnic_dev_receive(struct ktlsnic_dev *dev,
                                            const uint8_t *frame, size_t len);

/* The wire takes frames again, after send() returned false. */
void ktlsnic_dev_tx_ready(struct ktlsnic_dev *dev);

/* The link went up or down. Without a change nothing happens. */
void ktlsnic_dev_set_link(struct ktlsnic_dev *dev, bool up);

/* Another latency for the commands that are taken from now on; those that have
 * been taken keep their time. False, and no change, if it is out of range. */
bool ktlsnic_dev_set_cmd_latency(struct ktlsnic_dev *dev, uint32_t usecs);

/* TLS contexts in use, of both directions: a device with any cannot be saved. */
unsigned ktlsnic_dev_tls_live(const struct ktlsnic_dev *dev);

/* The state, to save or overwrite. */
struct ktlsnic_state *ktlsnic_dev_state(struct ktlsnic_dev *dev);

/* The state has been overwritten (it is not trusted): checks it and goes on
 * from there. False if no device could be in this state; reset it then. */
bool ktlsnic_dev_restored(struct ktlsnic_dev *dev);

#endif
