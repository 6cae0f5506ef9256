/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Receive (SPEC 10). */

#include <string.h>

#include "device/dev_private.h"
#include "packet/checksum.h"
#include "packet/packet.h"
#include "packet/rss.h"

/* The most buffers that a frame can take. */
#define RX_MAX_BUFS (KTLSNIC_MAX_FRAME / KTLSNIC_RX_BUF_MIN + 1)
#define RX_ADDR_LEN (2 * KTLSNIC_MAC_LEN)   /* both addresses */

/* What is said about a frame in each of its completions. */
struct rx_result {
    unsigned queue;
    uint32_t hash;
    uint16_t hash_type;
    uint16_t vlan_tci;
    uint16_t flags;                 /* KTLSNIC_RXF_* but FIRST and LAST */
    enum filter_class addr_class;
    size_t wire_len;                /* with the tag that was stripped */
    size_t tcp_len;                 /* payload that went through a context */
    struct tls_rx_result tls;
};

static enum ktlsnic_rx_verdict rx_taken(struct ktlsnic_dev *dev)
{
    dev->rx_paused = false;
    return KTLSNIC_RX_TAKEN;
}

static enum ktlsnic_rx_verdict rx_drop(struct ktlsnic_dev *dev,
                                       enum ktlsnic_stat why, size_t len)
{
    dev_count(dev, why, 1);
    dev_trace(dev, KTLSNIC_TRACE_RX_DROP, why, len, 0);
    return rx_taken(dev);
}

/* A frame that is offered again after each kick counts once. */
static enum ktlsnic_rx_verdict rx_pause(struct ktlsnic_dev *dev, unsigned queue,
                                        size_t len)
{
    if (!dev->rx_paused) {
        dev->rx_paused = true;
        dev_count(dev, KTLSNIC_STAT_RX_PAUSES, 1);
        dev_trace(dev, KTLSNIC_TRACE_RX_PAUSE, queue, len, 0);
    }
    return KTLSNIC_RX_WAIT;
}

static uint16_t rx_csum_flags(const uint8_t *frame,
                              const struct packet_info *info)
{
    static const uint16_t l3[] = {
        [CHECKSUM_GOOD] = KTLSNIC_RXF_L3_OK,
        [CHECKSUM_BAD] = KTLSNIC_RXF_L3_BAD,
    };
    static const uint16_t l4[] = {
        [CHECKSUM_GOOD] = KTLSNIC_RXF_L4_OK,
        [CHECKSUM_BAD] = KTLSNIC_RXF_L4_BAD,
    };

    return l3[checksum_verify_l3(frame, info)] |
           l4[checksum_verify_l4(frame, info)];
}

/* RSS (SPEC 6): which queue, and the hash that says so. */
static void rx_steer(struct ktlsnic_dev *dev, const uint8_t *frame,
                     const struct packet_info *info, struct rx_result *result)
{
    const struct ktlsnic_state *s = &dev->state;
    unsigned queue;

    result->hash = rss_hash(&dev->rss_key, s->rss_ctrl, frame, info,
                            &result->hash_type);
    if (result->hash_type) {
        queue = s->rss_indir[result->hash % KTLSNIC_RSS_INDIR_SIZE];
        result->queue = queue < dev->config.queues ? queue : 0;
    }
}

static bool rx_has_tag(const uint8_t *frame, size_t len)
{
    return len >= PACKET_ETH_HLEN + FRAME_TAG_LEN &&
           frame[RX_ADDR_LEN] == 0x81 && frame[RX_ADDR_LEN + 1] == 0x00;
}

/* Takes the tag out of a copy of the frame, which is returned. */
static const uint8_t *rx_strip_tag(struct ktlsnic_dev *dev,
                                   const uint8_t *frame, size_t *len,
                                   struct rx_result *result)
{
    const uint8_t *tag = frame + RX_ADDR_LEN;

    *len -= FRAME_TAG_LEN;
    memcpy(dev->rx_frame, frame, RX_ADDR_LEN);
    memcpy(dev->rx_frame + RX_ADDR_LEN, tag + FRAME_TAG_LEN,
           *len - RX_ADDR_LEN);
    result->vlan_tci = tag[2] << 8 | tag[3];
    result->flags |= KTLSNIC_RXF_VLAN;
    return dev->rx_frame;
}

/* Finds the buffers for len bytes; their number, or 0 if there are too few or
 * the ring has stopped. */
static unsigned rx_take_buffers(struct ktlsnic_dev *dev, struct ring *ring,
                                size_t len,
                                struct ktlsnic_rx_desc bufs[RX_MAX_BUFS])
{
    uint32_t pending = ring_pending(ring);
    unsigned n = 0;

    while (len) {
        uint32_t size;

        if (n == pending || !ring_fetch(dev, ring, n, 1, &bufs[n])) {
            return 0;
        }
        size = GUINT32_FROM_LE(bufs[n].len);
        if (size < KTLSNIC_RX_BUF_MIN || size > KTLSNIC_RX_BUF_MAX ||
            bufs[n].reserved) {
            ring_fail(dev, ring, KTLSNIC_RING_BAD_ENTRY);
            return 0;
        }
        len -= MIN(len, size);
        n++;
    }
    return ring_room(ring->cq) >= n ? n : 0;
}

static bool rx_write_frame(struct ktlsnic_dev *dev, struct ring *ring,
                           const uint8_t *frame, size_t len,
                           const struct ktlsnic_rx_desc *bufs, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        size_t size = MIN(len, GUINT32_FROM_LE(bufs[i].len));

        if (!host_dma_write(dev, GUINT64_FROM_LE(bufs[i].addr), frame, size)) {
            ring_fail(dev, ring, KTLSNIC_RING_DMA_FAULT);
            return false;
        }
        frame += size;
        len -= size;
    }
    return true;
}

static bool rx_complete(struct ktlsnic_dev *dev, struct ring *ring, size_t len,
                        const struct ktlsnic_rx_desc *bufs, unsigned n,
                        const struct rx_result *result)
{
    uint32_t index = ring_advance(ring, n) - n;

    for (unsigned i = 0; i < n; i++) {
        size_t size = MIN(len, GUINT32_FROM_LE(bufs[i].len));
        uint16_t flags = result->flags | result->tls.flags |
                         (i == 0 ? KTLSNIC_RXF_FIRST : 0) |
                         (i == n - 1 ? KTLSNIC_RXF_LAST : 0);
        struct ktlsnic_rx_cpl cpl = {
            .index = GUINT32_TO_LE(index + i),
            .rss_hash = GUINT32_TO_LE(result->hash),
            .len = GUINT16_TO_LE(size),
            .vlan_tci = GUINT16_TO_LE(result->vlan_tci),
            .rss_type = GUINT16_TO_LE(result->hash_type),
            .tls_ctx = GUINT32_TO_LE(result->tls.ctx),
            .tls_seq = GUINT32_TO_LE(result->tls.resync_seq),
            .tls_payload = GUINT32_TO_LE(result->tls.payload),
            .flags = GUINT16_TO_LE(flags),
        };

        if (!ring_post(dev, ring->cq, &cpl)) {
            return false;
        }
        len -= size;
    }
    return true;
}

static void rx_count(struct ktlsnic_dev *dev, const struct rx_result *result)
{
    dev_count(dev, KTLSNIC_STAT_RX_PACKETS, 1);
    dev_count(dev, KTLSNIC_STAT_RX_BYTES, result->wire_len);
    if (result->addr_class == FILTER_MULTICAST) {
        dev_count(dev, KTLSNIC_STAT_RX_MULTICAST, 1);
    } else if (result->addr_class == FILTER_BROADCAST) {
        dev_count(dev, KTLSNIC_STAT_RX_BROADCAST, 1);
    }
    if (result->flags & (KTLSNIC_RXF_L3_BAD | KTLSNIC_RXF_L4_BAD)) {
        dev_count(dev, KTLSNIC_STAT_RX_CSUM_BAD, 1);
    }
    if (result->tls.flags & KTLSNIC_RXF_TLS_DECRYPTED) {
        dev_count(dev, KTLSNIC_STAT_TLS_RX_PACKETS, 1);
        dev_count(dev, KTLSNIC_STAT_TLS_RX_BYTES, result->tcp_len);
    }
}

/*
 * A frame must go through its context once, so this is done when nothing but
 * memory can still keep it from being delivered. (If memory does, the context
 * has met what the host has not: for the host, a frame that was lost.) The wire
 * keeps its bytes: what is decrypted is a copy. Returns what to deliver.
 */
static const uint8_t *rx_tls(struct ktlsnic_dev *dev, const uint8_t *frame,
                             size_t len, const struct packet_info *info,
                             struct rx_result *result)
{
    size_t end = info->payload_off + info->payload_len;
    struct tls_rx_ctx *ctx = NULL;

    if (result->flags & KTLSNIC_RXF_L4_OK) {
        ctx = tls_rx_match(dev, frame, info);
    }
    if (!ctx) {
        return frame;
    }
    tls_rx_segment(dev, ctx, frame, info, dev->rx_frame + info->payload_off,
                   &result->tls);
    result->tcp_len = info->payload_len;
    if (!(result->tls.flags & KTLSNIC_RXF_TLS_DECRYPTED)) {
        return frame;
    }
    memcpy(dev->rx_frame, frame, info->payload_off);
    memcpy(dev->rx_frame + end, frame + end, len - end);
    return dev->rx_frame;
}

/* Into memory with it, if its ring is enabled and remains so. */
static enum ktlsnic_rx_verdict rx_deliver(struct ktlsnic_dev *dev,
                                          const uint8_t *frame, size_t len,
                                          const struct packet_info *info,
                                          struct rx_result *result)
{
    struct ring *ring = ring_queue(dev, result->queue, RING_RX);
    struct ktlsnic_rx_desc bufs[RX_MAX_BUFS];
    unsigned n = rx_take_buffers(dev, ring, len, bufs);

    if (!n && ring->state->enabled) {
        return rx_pause(dev, result->queue, result->wire_len);
    }
    if (n) {
        frame = rx_tls(dev, frame, len, info, result);
    }
    if (!n || !rx_write_frame(dev, ring, frame, len, bufs, n) ||
        !rx_complete(dev, ring, len, bufs, n, result)) {
        return rx_drop(dev, KTLSNIC_STAT_RX_NO_QUEUE, result->wire_len);
    }
    rx_count(dev, result);
    dev_trace(dev, KTLSNIC_TRACE_RX_FRAME, result->queue, result->wire_len,
              result->flags | result->tls.flags);
    return rx_taken(dev);
}

enum ktlsnic_rx_verdict rx_receive(struct ktlsnic_dev *dev,
                                   const uint8_t *frame, size_t len)
{
    const struct ktlsnic_state *s = &dev->state;
    struct rx_result result = { .wire_len = len };
    struct packet_info info;
    bool strip;

    if (!(s->rx_ctrl & KTLSNIC_RX_CTRL_ENABLE) || !s->link_up) {
        return rx_taken(dev);
    }
    if (len < PACKET_ETH_HLEN) {
        return rx_drop(dev, KTLSNIC_STAT_RX_TOO_SHORT, len);
    }
    strip = s->rx_ctrl & KTLSNIC_RX_CTRL_VLAN_STRIP && rx_has_tag(frame, len);
    if (len - (strip ? FRAME_TAG_LEN : 0) > s->rx_max_frame) {
        return rx_drop(dev, KTLSNIC_STAT_RX_TOO_LONG, len);
    }
    if (!filter_accepts(&dev->filter, frame)) {
        return rx_drop(dev, KTLSNIC_STAT_RX_FILTERED, len);
    }
    packet_parse(frame, len, &info);
    rx_steer(dev, frame, &info, &result);
    result.flags = rx_csum_flags(frame, &info);
    result.addr_class = filter_classify(frame);
    if (strip) {
        frame = rx_strip_tag(dev, frame, &len, &result);
    }
    return rx_deliver(dev, frame, len, &info, &result);
}
