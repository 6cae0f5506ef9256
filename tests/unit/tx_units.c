/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "tx_units.h"

#define TCP_FIN_PSH 0x09
#define TCP_CWR     0x80

/* Spreads data over nbufs buffers, none empty, from descriptor first on. */
static void add_buffers(struct fake_host *host, struct tx_unit_spec *unit,
                        unsigned first, const uint8_t *data, uint32_t len,
                        unsigned nbufs)
{
    for (unsigned i = 0; i < nbufs; i++) {
        struct ktlsnic_tx_desc *desc = &unit->desc[first + i];
        uint32_t rest = nbufs - 1 - i;
        uint32_t fair = (len - rest) / (rest + 1);
        uint32_t n = len;

        if (rest) {
            n = 1 + g_test_rand_int_range(0, 2 * fair + 1);
        }
        n = MIN(n, len - rest);
        desc->addr = GUINT64_TO_LE(fake_copy(host, data, n));
        desc->len = GUINT32_TO_LE(n);
        desc->type = KTLSNIC_TXD_BUFFER;
        data += n;
        len -= n;
    }
    unit->ndesc = first + nbufs;
}

struct tx_unit_spec tx_unit_make(struct fake_host *host, const uint8_t *data,
                                 uint32_t len, unsigned nbufs, unsigned flags)
{
    struct tx_unit_spec unit = { .ndesc = 0 };

    add_buffers(host, &unit, 0, data, len, nbufs);
    unit.desc[0].type = KTLSNIC_TXD_PACKET;
    unit.desc[0].ndesc = nbufs;
    unit.desc[0].flags = GUINT16_TO_LE(flags);
    unit.desc[0].total_len = GUINT32_TO_LE(len);
    return unit;
}

struct tx_unit_spec tx_unit_of_frame(struct fake_host *host,
                                     const struct frame *frame, unsigned nbufs,
                                     unsigned flags)
{
    struct tx_unit_spec unit = tx_unit_make(host, frame->data, frame->len,
                                            nbufs, flags);

    unit.desc[0].l3_off = frame->l3_off;
    unit.desc[0].l4_off = frame->l4_off;
    return unit;
}

struct tx_unit_spec tx_unit_resync(struct fake_host *host, uint32_t ctx,
                                   uint32_t tcp_seq, uint64_t rec_num,
                                   const uint8_t *prefix, uint32_t len,
                                   unsigned nbufs)
{
    struct tx_unit_spec unit = { .ndesc = 1 };
    struct ktlsnic_tx_resync head = {
        .rec_num = GUINT64_TO_LE(rec_num),
        .prefix_len = GUINT32_TO_LE(len),
        .type = KTLSNIC_TXD_TLS_RESYNC,
        .ndesc = 1 + nbufs,
        .tcp_seq = GUINT32_TO_LE(tcp_seq),
        .tls_ctx = GUINT32_TO_LE(ctx),
    };

    add_buffers(host, &unit, 1, prefix, len, nbufs);
    memcpy(&unit.desc[0], &head, sizeof(head));
    return unit;
}

void tx_unit_push(struct fake_ring *tx, const struct tx_unit_spec *unit)
{
    for (unsigned i = 0; i < unit->ndesc; i++) {
        fake_push(tx, &unit->desc[i]);
    }
}

unsigned tx_unit_do(struct fake_queue *q, const struct tx_unit_spec *unit)
{
    struct ktlsnic_tx_cpl cpl;
    unsigned flags = GUINT16_FROM_LE(unit->desc[0].flags);
    unsigned status = KTLSNIC_TX_OK;

    tx_unit_push(&q->tx, unit);
    fake_ring_doorbell(&q->tx);
    fake_settle(q->tx.host);
    g_assert_cmphex(fake_ring_status(&q->tx), ==, KTLSNIC_RING_STATUS_ENABLED);
    g_assert_cmphex(fake_read(q->tx.host, q->tx.reg + KTLSNIC_RING_INDEX), ==,
                    q->tx.index);
    if (fake_pop(&q->tx_cq, &cpl)) {
        status = GUINT16_FROM_LE(cpl.status);
        g_assert_true(status || flags & KTLSNIC_TXF_COMPLETE);
        g_assert_cmphex(GUINT32_FROM_LE(cpl.index), ==, q->tx.index);
        g_assert_cmphex(cpl.reserved, ==, 0);
        q->tls_payload = GUINT32_FROM_LE(cpl.tls_payload);
        g_assert_cmphex(GUINT16_FROM_LE(cpl.flags) & ~1, ==, 0);
        fake_ring_doorbell(&q->tx_cq);
    } else {
        g_assert_false(flags & KTLSNIC_TXF_COMPLETE);
    }
    return status;
}

static void put16(uint8_t *p, unsigned value)
{
    p[0] = value >> 8;
    p[1] = value;
}

static void put32(uint8_t *p, uint32_t value)
{
    put16(p, value >> 16);
    put16(p + 2, value);
}

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

struct frame tx_segment_of(const struct frame *frame, uint32_t mss, unsigned i)
{
    struct frame seg = *frame;
    size_t payload = frame->len - frame->payload_off;
    size_t from = (size_t)i * mss;
    size_t n = MIN(mss, payload - MIN(from, payload));
    bool last = from + n == payload;
    uint8_t *ip, *tcp;

    seg.data = NULL;
    if (i > 0 && from >= payload) {
        return seg;
    }
    seg.len = seg.ip_end = seg.payload_off + n;
    seg.data = g_malloc(seg.len);
    memcpy(seg.data, frame->data, seg.payload_off);
    memcpy(seg.data + seg.payload_off, frame->data + frame->payload_off + from,
           n);
    ip = seg.data + seg.l3_off;
    tcp = seg.data + seg.l4_off;
    if (ip[0] >> 4 == 4) {
        put16(ip + 2, seg.len - seg.l3_off);
        put16(ip + 4, (ip[4] << 8 | ip[5]) + i);
    } else {
        put16(ip + 4, seg.len - seg.l3_off - 40);
    }
    put32(tcp + 4, get32(tcp + 4) + from);
    tcp[13] &= ~((last ? 0 : TCP_FIN_PSH) | (i ? TCP_CWR : 0));
    frame_set_checksums(&seg);
    return seg;
}

void tx_assert_sent(const GByteArray *sent, const uint8_t *data, size_t len)
{
    g_assert_cmpuint(sent->len, ==, MAX(len, 60));
    g_assert_true(memcmp(sent->data, data, len) == 0);
    for (size_t i = len; i < sent->len; i++) {
        g_assert_cmpuint(sent->data[i], ==, 0);
    }
}
