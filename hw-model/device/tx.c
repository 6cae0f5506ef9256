/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Transmit (SPEC 9). A unit is fetched and checked, gathered into one buffer,
 * encrypted there, and leaves as one frame or cut into segments.
 */

#include <string.h>

#include "device/dev_private.h"
#include "packet/checksum.h"
#include "packet/packet.h"
#include "packet/tso.h"

#define TX_FLAGS (KTLSNIC_TXF_COMPLETE | KTLSNIC_TXF_L3_CSUM | \
                  KTLSNIC_TXF_L4_CSUM | KTLSNIC_TXF_TSO | \
                  KTLSNIC_TXF_VLAN | KTLSNIC_TXF_TLS)
#define TX_HEADER_FLAGS (KTLSNIC_TXF_L3_CSUM | KTLSNIC_TXF_L4_CSUM | \
                         KTLSNIC_TXF_TSO | KTLSNIC_TXF_TLS)
#define TX_ADDR_LEN     (2 * KTLSNIC_MAC_LEN)   /* both addresses */

/*
 * How long one run works, and one ring in it before the next has its turn. A
 * unit costs its bytes and something for itself, each of its segments as much
 * again. A run may stop between segments: a unit can have 16,384 of them.
 */
#define TX_COST_PER_RUN     (512 * 1024)
#define TX_COST_PER_VISIT   (128 * 1024)
#define TX_COST_PER_UNIT    1024
#define TX_COST_PER_SEGMENT 1024

struct tx_unit {
    unsigned queue;
    struct ring *ring;
    unsigned ndesc;
    unsigned type;
    unsigned flags;             /* KTLSNIC_TXF_* */
    uint32_t len;               /* total_len or prefix_len */
    struct packet_info info;
};

struct tx {
    unsigned next;              /* ring whose turn it is */
    struct tx_unit unit;        /* what is being done */
    struct ktlsnic_tx_desc desc[KTLSNIC_MAX_DESC];  /* of it */
    uint8_t *frame;             /* it, gathered; headroom before it */
    struct tso tso;             /* its segments, while unit.ring->begun */
    uint8_t *segment;           /* one of them; headroom before it */
};

void tx_init(struct ktlsnic_dev *dev)
{
    struct tx *tx = g_new0(struct tx, 1);

    tx->frame = (uint8_t *)g_malloc(FRAME_TAG_LEN + KTLSNIC_MAX_TSO) +
                FRAME_TAG_LEN;
    tx->segment = (uint8_t *)g_malloc(FRAME_TAG_LEN + KTLSNIC_MAX_FRAME) +
                  FRAME_TAG_LEN;
    dev->tx = tx;
}

void tx_free(struct ktlsnic_dev *dev)
{
    g_free(dev->tx->frame - FRAME_TAG_LEN);
    g_free(dev->tx->segment - FRAME_TAG_LEN);
    g_free(dev->tx);
}

void tx_reset(struct ktlsnic_dev *dev)
{
    dev->tx->next = 0;
}

/* Gets the unit's descriptors. False: there are bounds that cannot be (SPEC
 * 9.2), or memory failed, and the ring has stopped. */
static bool tx_fetch(struct ktlsnic_dev *dev, struct tx_unit *unit)
{
    struct ktlsnic_tx_desc *desc = dev->tx->desc;

    if (!ring_fetch(dev, unit->ring, 0, 1, desc)) {
        return false;
    }
    unit->type = desc->type;
    unit->ndesc = desc->ndesc;
    unit->flags = GUINT16_FROM_LE(desc->flags);
    unit->len = unit->type == KTLSNIC_TXD_PACKET
                ? GUINT32_FROM_LE(desc->total_len) : GUINT32_FROM_LE(desc->len);
    if ((unit->type != KTLSNIC_TXD_PACKET &&
         unit->type != KTLSNIC_TXD_TLS_RESYNC) ||
        unit->ndesc == 0 || unit->ndesc > KTLSNIC_MAX_DESC ||
        unit->ndesc > ring_pending(unit->ring)) {
        ring_fail(dev, unit->ring, KTLSNIC_RING_BAD_ENTRY);
        return false;
    }
    if (!ring_fetch(dev, unit->ring, 1, unit->ndesc - 1, desc + 1)) {
        return false;
    }
    for (unsigned i = 1; i < unit->ndesc; i++) {
        if (desc[i].type != KTLSNIC_TXD_BUFFER) {
            ring_fail(dev, unit->ring, KTLSNIC_RING_BAD_ENTRY);
            return false;
        }
    }
    return true;
}

/* Whether the buffers from descriptor first on are well-formed, none empty,
 * and hold len bytes in all. */
static bool tx_buffers_ok(struct ktlsnic_dev *dev, const struct tx_unit *unit,
                          unsigned first, uint32_t len)
{
    uint64_t sum = 0;

    for (unsigned i = first; i < unit->ndesc; i++) {
        const struct ktlsnic_tx_desc *desc = &dev->tx->desc[i];

        if (!desc->len) {
            return false;
        }
        if (i > 0 && (desc->ndesc | desc->flags | desc->total_len | desc->mss |
                      desc->vlan_tci | desc->l3_off | desc->l4_off |
                      desc->reserved | desc->tls_ctx)) {
            return false;
        }
        sum += GUINT32_FROM_LE(desc->len);
    }
    return sum == len;
}

/* Collects len bytes of the buffers from descriptor first on. False: memory
 * failed, the ring has stopped. */
static bool tx_gather(struct ktlsnic_dev *dev, const struct tx_unit *unit,
                      unsigned first, uint32_t len)
{
    uint8_t *to = dev->tx->frame;

    for (unsigned i = first; i < unit->ndesc && len; i++) {
        uint32_t n = MIN(GUINT32_FROM_LE(dev->tx->desc[i].len), len);

        if (!host_dma_read(dev, GUINT64_FROM_LE(dev->tx->desc[i].addr), to, n)) {
            ring_fail(dev, unit->ring, KTLSNIC_RING_DMA_FAULT);
            return false;
        }
        to += n;
        len -= n;
    }
    return true;
}

static bool tx_packet_desc_ok(struct ktlsnic_dev *dev,
                              const struct tx_unit *unit)
{
    const struct ktlsnic_tx_desc *head = dev->tx->desc;

    return unit->len >= PACKET_ETH_HLEN && unit->len <= KTLSNIC_MAX_TSO &&
           !(unit->flags & ~TX_FLAGS) && !head->reserved &&
           (!(unit->flags & KTLSNIC_TXF_TSO) ||
            GUINT16_FROM_LE(head->mss) >= KTLSNIC_TX_MIN_MSS) &&
           tx_buffers_ok(dev, unit, 0, unit->len);
}

/* The checks that need the gathered bytes (SPEC 9.2). */
static enum ktlsnic_tx_status tx_check_headers(struct ktlsnic_dev *dev,
                                               struct tx_unit *unit)
{
    const struct ktlsnic_tx_desc *head = dev->tx->desc;
    uint32_t longest = unit->len;

    if (unit->flags & TX_HEADER_FLAGS &&
        !packet_check_tx(dev->tx->frame, unit->len, head->l3_off, head->l4_off,
                         unit->flags, &unit->info)) {
        return KTLSNIC_TX_BAD_HEADER;
    }
    if (unit->flags & KTLSNIC_TXF_TSO) {
        longest = unit->info.payload_off + GUINT16_FROM_LE(head->mss);
    }
    return longest <= KTLSNIC_MAX_FRAME ? KTLSNIC_TX_OK : KTLSNIC_TX_TOO_LONG;
}

static enum ktlsnic_tx_status tx_flow_status(enum flow_tx_result result)
{
    switch (result) {
    case FLOW_TX_OK:
        return KTLSNIC_TX_OK;
    case FLOW_TX_BAD_SEQ:
        return KTLSNIC_TX_TLS_BAD_SEQ;
    default:
        return KTLSNIC_TX_TLS_BAD_RECORD;
    }
}

static enum ktlsnic_tx_status tx_encrypt(struct ktlsnic_dev *dev,
                                         const struct tx_unit *unit)
{
    struct flow_tx *flow = tls_tx_get(dev,
                                      GUINT32_FROM_LE(dev->tx->desc->tls_ctx));
    enum flow_tx_result result;
    struct flow_tx_done done;

    if (!flow) {
        return KTLSNIC_TX_TLS_NO_CONTEXT;
    }
    if (!unit->info.payload_len) {
        return KTLSNIC_TX_OK;
    }
    result = flow_tx_encrypt(flow,
                             packet_tcp_seq(dev->tx->frame, &unit->info),
                             dev->tx->frame + unit->info.payload_off,
                             unit->info.payload_len, &done);
    dev_count(dev, KTLSNIC_STAT_TLS_TX_RECORDS, done.records);
    dev->state.tls_tx_payload[unit->queue] += done.payload;
    return tx_flow_status(result);
}

/* Puts a tag after the addresses, into the headroom that all frames have. */
static uint8_t *tx_insert_tag(uint8_t *frame, uint16_t tci)
{
    uint8_t *tag;

    memmove(frame - FRAME_TAG_LEN, frame, TX_ADDR_LEN);
    frame -= FRAME_TAG_LEN;
    tag = frame + TX_ADDR_LEN;
    tag[0] = 0x81;
    tag[1] = 0x00;
    tag[2] = tci >> 8;
    tag[3] = tci;
    return frame;
}

static void tx_count(struct ktlsnic_dev *dev, const struct tx_unit *unit,
                     size_t payload_len, size_t len)
{
    dev_count(dev, KTLSNIC_STAT_TX_PACKETS, 1);
    dev_count(dev, KTLSNIC_STAT_TX_BYTES, len);
    if (unit->flags & KTLSNIC_TXF_TLS && payload_len) {
        dev_count(dev, KTLSNIC_STAT_TLS_TX_PACKETS, 1);
        dev_count(dev, KTLSNIC_STAT_TLS_TX_BYTES, payload_len);
    }
}

/* Puts a finished frame on the wire; the buffer has FRAME_MIN bytes. */
static void tx_emit(struct ktlsnic_dev *dev, const struct tx_unit *unit,
                    uint8_t *frame, size_t len)
{
    size_t payload_len = len - unit->info.payload_off;

    if (unit->flags & KTLSNIC_TXF_VLAN) {
        frame = tx_insert_tag(frame, GUINT16_FROM_LE(dev->tx->desc->vlan_tci));
        len += FRAME_TAG_LEN;
    }
    if (!dev->state.link_up) {
        dev_count(dev, KTLSNIC_STAT_TX_NO_CARRIER, 1);
        return;
    }
    tx_count(dev, unit, payload_len, len);
    if (len < FRAME_MIN) {
        memset(frame + len, 0, FRAME_MIN - len);
        len = FRAME_MIN;
    }
    dev->sending = true;
    if (!dev->ops.send(dev->opaque, unit->queue, frame, len)) {
        dev->wire_busy = true;
        dev_trace(dev, KTLSNIC_TRACE_TX_WIRE_PAUSED, unit->queue, 0, 0);
    }
    dev->sending = false;
}

/* The segments of the unit that was begun, as many as there is time for; returns
 * whether that is all of them. */
static bool tx_emit_segments(struct ktlsnic_dev *dev, uint32_t *cost)
{
    struct tx *tx = dev->tx;

    while (tso_more(&tx->tso)) {
        if (!dev_alive(dev) || dev->wire_busy || *cost >= TX_COST_PER_RUN) {
            return false;
        }
        tx_emit(dev, &tx->unit, tx->segment, tso_next(&tx->tso, tx->segment));
        *cost += TX_COST_PER_SEGMENT;
    }
    return true;
}

static void tx_emit_single(struct ktlsnic_dev *dev, const struct tx_unit *unit)
{
    if (unit->flags & KTLSNIC_TXF_L3_CSUM) {
        checksum_set_l3(dev->tx->frame, &unit->info);
    }
    if (unit->flags & (KTLSNIC_TXF_L4_CSUM | KTLSNIC_TXF_TLS)) {
        checksum_set_l4(dev->tx->frame, &unit->info);
    }
    tx_emit(dev, unit, dev->tx->frame, unit->len);
}

/* False: the ring has stopped; otherwise *status is how the unit ends, or, if it
 * is to leave in segments, they are still to come (ring->begun). */
static bool tx_packet(struct ktlsnic_dev *dev, struct tx_unit *unit,
                      enum ktlsnic_tx_status *status)
{
    if (!tx_packet_desc_ok(dev, unit)) {
        *status = KTLSNIC_TX_BAD_DESC;
        return true;
    }
    if (!tx_gather(dev, unit, 0, unit->len)) {
        return false;
    }
    *status = tx_check_headers(dev, unit);
    if (*status == KTLSNIC_TX_OK && unit->flags & KTLSNIC_TXF_TLS) {
        *status = tx_encrypt(dev, unit);
    }
    if (*status != KTLSNIC_TX_OK) {
        return true;
    }
    if (unit->flags & KTLSNIC_TXF_TSO) {
        dev_count(dev, KTLSNIC_STAT_TX_TSO_UNITS, 1);
        tso_begin(&dev->tx->tso, dev->tx->frame, &unit->info,
                  GUINT16_FROM_LE(dev->tx->desc->mss));
        unit->ring->begun = true;
    } else {
        tx_emit_single(dev, unit);
    }
    return true;
}

/* As tx_packet(), for a TLS_RESYNC unit (SPEC 9.5). */
static bool tx_resync(struct ktlsnic_dev *dev, struct tx_unit *unit,
                      enum ktlsnic_tx_status *status)
{
    struct ktlsnic_tx_resync head;
    struct flow_tx *flow;
    /* A longer prefix is as wrong as one of this length. */
    uint32_t len = MIN(unit->len, ENGINE_RECORD_MAX);

    memcpy(&head, dev->tx->desc, sizeof(head));
    if (!dev->config.tls_tx_replay || unit->flags & ~KTLSNIC_TXF_COMPLETE ||
        head.reserved[0] || head.reserved[1] ||
        !tx_buffers_ok(dev, unit, 1, unit->len)) {
        *status = KTLSNIC_TX_BAD_DESC;
        return true;
    }
    flow = tls_tx_get(dev, GUINT32_FROM_LE(head.tls_ctx));
    if (!flow) {
        *status = KTLSNIC_TX_TLS_NO_CONTEXT;
        return true;
    }
    if (!tx_gather(dev, unit, 1, len)) {
        return false;
    }
    *status = tx_flow_status(flow_tx_resync(flow,
                                            GUINT32_FROM_LE(head.tcp_seq),
                                            GUINT64_FROM_LE(head.rec_num),
                                            dev->tx->frame, len));
    if (*status == KTLSNIC_TX_OK) {
        dev_count(dev, KTLSNIC_STAT_TLS_TX_RESYNCS, 1);
        dev_count(dev, KTLSNIC_STAT_TLS_TX_RESYNC_BYTES, len);
        dev_trace(dev, KTLSNIC_TRACE_TLS_TX_RESYNC,
                  GUINT32_FROM_LE(head.tls_ctx),
                  GUINT32_FROM_LE(head.tcp_seq), len);
    }
    return true;
}

static void tx_complete(struct ktlsnic_dev *dev, const struct tx_unit *unit,
                        enum ktlsnic_tx_status status)
{
    uint32_t index = ring_advance(unit->ring, unit->ndesc);
    struct ktlsnic_tx_cpl cpl = {
        .index = GUINT32_TO_LE(index),
        .tls_payload = GUINT32_TO_LE(dev->state.tls_tx_payload[unit->queue]),
        .status = GUINT16_TO_LE(status),
    };

    dev_trace(dev, KTLSNIC_TRACE_TX_DONE, unit->queue, index, status);
    if (status != KTLSNIC_TX_OK) {
        dev_count(dev, KTLSNIC_STAT_TX_ERRORS, 1);
    }
    if (status >= KTLSNIC_TX_TLS_NO_CONTEXT) {
        dev_count(dev, KTLSNIC_STAT_TLS_TX_ERRORS, 1);
    }
    if (status != KTLSNIC_TX_OK || unit->flags & KTLSNIC_TXF_COMPLETE) {
        dev->state.tls_tx_payload[unit->queue] = 0;
        ring_post(dev, unit->ring->cq, &cpl);
    }
}

/* A unit has left in part. */
static bool tx_begun(const struct ktlsnic_dev *dev)
{
    const struct ring *ring = dev->tx->unit.ring;

    return ring && ring->begun;
}

/* It goes on, and ends if there is time. */
static void tx_go_on(struct ktlsnic_dev *dev, uint32_t *cost)
{
    struct tx_unit *unit = &dev->tx->unit;

    if (tx_emit_segments(dev, cost) && dev_alive(dev)) {
        unit->ring->begun = false;
        tx_complete(dev, unit, KTLSNIC_TX_OK);
    }
}

/* Begins the next unit of a ring, and does it if there is time. */
static void tx_do_one(struct ktlsnic_dev *dev, unsigned queue, uint32_t *cost)
{
    struct tx_unit *unit = &dev->tx->unit;
    enum ktlsnic_tx_status status;
    bool done;

    *unit = (struct tx_unit) {
        .queue = queue,
        .ring = ring_queue(dev, queue, RING_TX),
    };
    *cost += TX_COST_PER_UNIT;
    if (!tx_fetch(dev, unit)) {
        return;
    }
    *cost += MIN(unit->len, KTLSNIC_MAX_TSO);
    dev_trace(dev, KTLSNIC_TRACE_TX_UNIT, queue,
              unit->ndesc << 16 | unit->flags, unit->len);
    if (unit->type == KTLSNIC_TXD_PACKET) {
        done = tx_packet(dev, unit, &status);
    } else {
        done = tx_resync(dev, unit, &status);
    }
    if (unit->ring->begun) {
        tx_go_on(dev, cost);
    } else if (done && dev_alive(dev)) {
        tx_complete(dev, unit, status);
    }
}

/* Whether the host wants this ring, in which there is work, to be stuck. */
static bool tx_stuck(struct ktlsnic_dev *dev, unsigned queue)
{
    const struct ktlsnic_fault *fault = dev->config.fault;

    if (!fault || !(fault->stuck_tx & 1u << queue)) {
        return false;
    }
    dev_trace(dev, KTLSNIC_TRACE_TX_STUCK, queue,
              ring_pending(ring_queue(dev, queue, RING_TX)), 0);
    return true;
}

static bool tx_ready(struct ktlsnic_dev *dev, unsigned queue)
{
    struct ring *ring = ring_queue(dev, queue, RING_TX);

    return dev_alive(dev) && !tx_begun(dev) && !dev->wire_busy &&
           ring_pending(ring) && ring_room(ring->cq) && !tx_stuck(dev, queue);
}

/* One ring has its turn. */
static void tx_visit(struct ktlsnic_dev *dev, unsigned queue, uint32_t *cost)
{
    uint32_t end = MIN(*cost + TX_COST_PER_VISIT, TX_COST_PER_RUN);

    while (tx_ready(dev, queue) && *cost < end) {
        tx_do_one(dev, queue, cost);
    }
}

bool tx_run(struct ktlsnic_dev *dev)
{
    struct tx *tx = dev->tx;
    uint32_t cost = 0;
    unsigned idle = 0;

    if (tx_begun(dev)) {
        tx_go_on(dev, &cost);
        irq_flush(dev);
    }
    while (idle < dev->config.queues) {
        unsigned queue = tx->next;
        uint32_t before = cost;

        if (tx_begun(dev)) {
            return !dev->wire_busy;
        }
        if (cost >= TX_COST_PER_RUN) {
            return true;
        }
        tx->next = (queue + 1) % dev->config.queues;
        tx_visit(dev, queue, &cost);
        if (cost != before) {
            irq_flush(dev);
            idle = 0;
        } else {
            idle++;
        }
    }
    return false;
}
