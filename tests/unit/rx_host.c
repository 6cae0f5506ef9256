/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "rx_host.h"

struct rx_host rx_host_open_device(const struct ktlsnic_config *config,
                                   uint32_t rx_ctrl)
{
    struct rx_host f = { .host = fake_host_new(config) };

    f.event = fake_ring_open(f.host, KTLSNIC_RING_EVENT, 6, 16);
    for (unsigned i = 0; i < 4; i++) {
        f.q[i] = fake_queue_open(f.host, i, 6);
    }
    fake_write(f.host, KTLSNIC_REG_RX_CTRL, rx_ctrl);
    f.used = f.host->used;
    return f;
}

struct rx_host rx_host_open(uint32_t rx_ctrl)
{
    return rx_host_open_device(NULL, rx_ctrl);
}

void rx_host_close(struct rx_host *f)
{
    fake_host_free(f->host);
}

void rx_host_give(struct rx_host *f, unsigned queue, uint32_t size)
{
    struct ktlsnic_rx_desc desc = {
        .addr = GUINT64_TO_LE(fake_alloc(f->host, size)),
        .len = GUINT32_TO_LE(size),
    };

    fake_push(&f->q[queue].rx, &desc);
    fake_ring_doorbell(&f->q[queue].rx);
    fake_settle(f->host);
}

bool rx_host_offer(struct rx_host *f, const uint8_t *frame, size_t len)
{
    return ktlsnic_dev_receive(f->host->dev, frame, len) == KTLSNIC_RX_TAKEN;
}

bool rx_host_take(struct rx_host *f, unsigned queue, struct rx_received *r)
{
    struct fake_queue *q = &f->q[queue];
    uint32_t index = q->rx_cq.index;
    const struct ktlsnic_rx_desc *desc;
    struct ktlsnic_rx_cpl cpl;
    unsigned flags;

    memset(r, 0, sizeof(*r));
    if (!fake_pop(&q->rx_cq, &cpl)) {
        return false;
    }
    r->first = cpl;
    do {
        flags = GUINT16_FROM_LE(cpl.flags) & ~KTLSNIC_CPL_PHASE;
        g_assert_cmpuint(!!(flags & KTLSNIC_RXF_FIRST), ==, !r->bufs);
        g_assert_cmpuint(GUINT32_FROM_LE(cpl.index), ==, index + r->bufs);
        g_assert_cmpuint(cpl.reserved | cpl.reserved2, ==, 0);
        g_assert_cmphex(cpl.rss_hash, ==, r->first.rss_hash);
        g_assert_cmphex(cpl.rss_type, ==, r->first.rss_type);
        g_assert_cmphex(cpl.vlan_tci, ==, r->first.vlan_tci);
        g_assert_cmphex(cpl.tls_ctx, ==, r->first.tls_ctx);
        g_assert_cmphex(cpl.tls_seq, ==, r->first.tls_seq);
        g_assert_cmphex(cpl.tls_payload, ==, r->first.tls_payload);
        desc = fake_entry(&q->rx, index + r->bufs);
        memcpy(r->data + r->len, fake_ptr(f->host, GUINT64_FROM_LE(desc->addr)),
               GUINT16_FROM_LE(cpl.len));
        r->len += GUINT16_FROM_LE(cpl.len);
        r->bufs++;
        if (r->bufs > 1) {
            g_assert_cmphex(flags & ~KTLSNIC_RXF_LAST, ==, r->flags);
        }
        r->flags = flags & ~(KTLSNIC_RXF_FIRST | KTLSNIC_RXF_LAST);
        if (!(flags & KTLSNIC_RXF_LAST)) {      /* all but the last are full */
            g_assert_cmpuint(GUINT16_FROM_LE(cpl.len), ==,
                             GUINT32_FROM_LE(desc->len));
            g_assert_true(fake_pop(&q->rx_cq, &cpl));
        }
    } while (!(flags & KTLSNIC_RXF_LAST));
    fake_ring_doorbell(&q->rx_cq);
    return true;
}

void rx_host_assert(const struct rx_received *r, const uint8_t *data,
                    size_t len)
{
    g_assert_cmpuint(r->len, ==, len);
    g_assert_true(memcmp(r->data, data, len) == 0);
}
