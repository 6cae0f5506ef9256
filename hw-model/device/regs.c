/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Register decode (SPEC 3 to 8). A table of ranges leads to a pair of functions
 * each; what no range covers does not exist.
 */

#include <string.h>

#include "device/dev_private.h"

#define FEATURES (KTLSNIC_FEATURE_TX_CSUM | KTLSNIC_FEATURE_RX_CSUM | \
                  KTLSNIC_FEATURE_TSO | KTLSNIC_FEATURE_VLAN_INSERT | \
                  KTLSNIC_FEATURE_VLAN_STRIP | KTLSNIC_FEATURE_RSS)
#define RX_CTRL_BITS (KTLSNIC_RX_CTRL_ENABLE | KTLSNIC_RX_CTRL_PROMISC | \
                      KTLSNIC_RX_CTRL_ALLMULTI | KTLSNIC_RX_CTRL_VLAN_STRIP)
#define RSS_CTRL_BITS (KTLSNIC_RSS_ENABLE | KTLSNIC_RSS_IPV4 | \
                       KTLSNIC_RSS_TCP4 | KTLSNIC_RSS_UDP4 | \
                       KTLSNIC_RSS_IPV6 | KTLSNIC_RSS_TCP6 | KTLSNIC_RSS_UDP6)
#define RX_MAX_FRAME_RESET 1522

static uint32_t word_read(const uint8_t *bytes)
{
    return bytes[0] | bytes[1] << 8 | bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static void word_write(uint8_t *bytes, uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        bytes[i] = value >> 8 * i;
    }
}

static uint32_t global_read(struct ktlsnic_dev *dev, uint32_t offset)
{
    switch (offset) {
    case KTLSNIC_REG_ID:
        return KTLSNIC_ID;
    case KTLSNIC_REG_VERSION:
        return KTLSNIC_VERSION;
    case KTLSNIC_REG_STATUS:
        return KTLSNIC_STATUS_READY |
               (dev->state.link_up ? KTLSNIC_STATUS_LINK_UP : 0);
    case KTLSNIC_REG_CAP_QUEUES:
        return dev->config.queues | KTLSNIC_RING_LOG2_MIN << 8 |
               KTLSNIC_RING_LOG2_MAX << 16;
    case KTLSNIC_REG_CAP_FEATURES:
        return FEATURES;
    case KTLSNIC_REG_CAP_MAX_FRAME:
        return KTLSNIC_MAX_FRAME;
    case KTLSNIC_REG_CAP_MAX_TSO:
        return KTLSNIC_MAX_TSO;
    case KTLSNIC_REG_CAP_MAX_DESC:
        return KTLSNIC_MAX_DESC;
    case KTLSNIC_REG_CAP_FILTERS:
        return KTLSNIC_FILTERS;
    default:
        return 0;
    }
}

static void global_write(struct ktlsnic_dev *dev, uint32_t offset,
                         uint32_t value)
{
    if (offset == KTLSNIC_REG_CTRL && value & KTLSNIC_CTRL_RESET) {
        dev->reset_pending = true;      /* until the write is over */
    }
}

/* How contexts of both directions can be put right. */
static uint32_t tls_resync_ways(const struct ktlsnic_dev *dev)
{
    uint32_t ways = 0;

    if (dev->tls_tx.size) {
        ways |= KTLSNIC_TLS_RESYNC_TX_CMD;
        ways |= dev->config.tls_tx_replay ? KTLSNIC_TLS_RESYNC_TX_RING : 0;
    }
    if (dev->tls_rx.size) {
        ways |= dev->config.tls_rx_mode << 8;
    }
    return ways;
}

static uint32_t tls_read(struct ktlsnic_dev *dev, uint32_t offset)
{
    switch (offset) {
    case KTLSNIC_REG_TLS_TX_CONTEXTS:
        return dev->tls_tx.size;
    case KTLSNIC_REG_TLS_RX_CONTEXTS:
        return dev->tls_rx.size;
    case KTLSNIC_REG_TLS_TX_LIVE:
        return dev->tls_tx.live;
    case KTLSNIC_REG_TLS_RX_LIVE:
        return dev->tls_rx.live;
    case KTLSNIC_REG_TLS_TX_CIPHERS(KTLSNIC_TLS_1_2):
    case KTLSNIC_REG_TLS_TX_CIPHERS(KTLSNIC_TLS_1_3):
        return dev->tls_tx.ciphers[(offset -
                                    KTLSNIC_REG_TLS_TX_CIPHERS(0)) / 4];
    case KTLSNIC_REG_TLS_RX_CIPHERS(KTLSNIC_TLS_1_2):
    case KTLSNIC_REG_TLS_RX_CIPHERS(KTLSNIC_TLS_1_3):
        return dev->tls_rx.ciphers[(offset -
                                    KTLSNIC_REG_TLS_RX_CIPHERS(0)) / 4];
    case KTLSNIC_REG_TLS_RESYNC:
        return tls_resync_ways(dev);
    default:
        return 0;
    }
}

static uint32_t port_read(struct ktlsnic_dev *dev, uint32_t offset)
{
    bool perm = offset < KTLSNIC_REG_MAC_LO;
    uint32_t lo, hi;

    filter_addr_to_regs(perm ? dev->config.mac : dev->state.mac, &lo, &hi);
    switch (offset) {
    case KTLSNIC_REG_PERM_MAC_LO:
    case KTLSNIC_REG_MAC_LO:
        return lo;
    case KTLSNIC_REG_PERM_MAC_HI:
    case KTLSNIC_REG_MAC_HI:
        return hi;
    case KTLSNIC_REG_RX_CTRL:
        return dev->state.rx_ctrl;
    case KTLSNIC_REG_RX_MAX_FRAME:
        return dev->state.rx_max_frame;
    case KTLSNIC_REG_LINK_SPEED:
        return dev->config.link_speed;
    default:
        return 0;
    }
}

static void port_write(struct ktlsnic_dev *dev, uint32_t offset, uint32_t value)
{
    struct ktlsnic_state *s = &dev->state;
    uint32_t lo, hi;

    filter_addr_to_regs(s->mac, &lo, &hi);
    switch (offset) {
    case KTLSNIC_REG_MAC_LO:
        filter_addr_from_regs(s->mac, value, hi);
        break;
    case KTLSNIC_REG_MAC_HI:
        filter_addr_from_regs(s->mac, lo, value);
        break;
    case KTLSNIC_REG_RX_CTRL:
        s->rx_ctrl = value & RX_CTRL_BITS;
        break;
    case KTLSNIC_REG_RX_MAX_FRAME:
        s->rx_max_frame = MIN(value, KTLSNIC_MAX_FRAME);
        break;
    default:
        return;
    }
    regs_update_filter(dev);
}

static uint32_t filter_read(struct ktlsnic_dev *dev, uint32_t offset)
{
    uint32_t i = (offset - KTLSNIC_REG_FILTER_LO(0)) / 8;

    return offset == KTLSNIC_REG_FILTER_LO(i) ? dev->state.filter_lo[i]
                                              : dev->state.filter_hi[i];
}

static void filter_write(struct ktlsnic_dev *dev, uint32_t offset,
                         uint32_t value)
{
    uint32_t i = (offset - KTLSNIC_REG_FILTER_LO(0)) / 8;

    if (offset == KTLSNIC_REG_FILTER_LO(i)) {
        dev->state.filter_lo[i] = value;
    } else {
        dev->state.filter_hi[i] = value & (KTLSNIC_MAC_HI_ADDR |
                                           KTLSNIC_FILTER_HI_VALID);
    }
    regs_update_filter(dev);
}

static uint32_t rss_ctrl_read(struct ktlsnic_dev *dev, uint32_t offset)
{
    (void)offset;
    return dev->state.rss_ctrl;
}

static void rss_ctrl_write(struct ktlsnic_dev *dev, uint32_t offset,
                           uint32_t value)
{
    (void)offset;
    dev->state.rss_ctrl = value & RSS_CTRL_BITS;
}

static uint32_t rss_key_read(struct ktlsnic_dev *dev, uint32_t offset)
{
    return word_read(&dev->state.rss_key[offset - KTLSNIC_REG_RSS_KEY(0)]);
}

static void rss_key_write(struct ktlsnic_dev *dev, uint32_t offset,
                          uint32_t value)
{
    word_write(&dev->state.rss_key[offset - KTLSNIC_REG_RSS_KEY(0)], value);
    regs_update_rss(dev);
}

static uint32_t rss_indir_read(struct ktlsnic_dev *dev, uint32_t offset)
{
    return word_read(&dev->state.rss_indir[offset - KTLSNIC_REG_RSS_INDIR(0)]);
}

static void rss_indir_write(struct ktlsnic_dev *dev, uint32_t offset,
                            uint32_t value)
{
    word_write(&dev->state.rss_indir[offset - KTLSNIC_REG_RSS_INDIR(0)], value);
}

/* Registers from first up to, not including, end; write may be NULL. Within a
 * range the functions answer for offsets that have no name. */
static const struct reg_range {
    uint32_t first;
    uint32_t end;
    uint32_t (*read)(struct ktlsnic_dev *dev, uint32_t offset);
    void (*write)(struct ktlsnic_dev *dev, uint32_t offset, uint32_t value);
} reg_ranges[] = {
    { KTLSNIC_REG_ID, KTLSNIC_REG_CAP_FILTERS + 4, global_read, global_write },
    { KTLSNIC_REG_TLS_TX_CONTEXTS, KTLSNIC_REG_TLS_RESYNC + 4, tls_read, NULL },
    { KTLSNIC_REG_PERM_MAC_LO, KTLSNIC_REG_LINK_SPEED + 4,
      port_read, port_write },
    { KTLSNIC_REG_FILTER_LO(0), KTLSNIC_REG_FILTER_LO(KTLSNIC_FILTERS),
      filter_read, filter_write },
    { KTLSNIC_REG_RSS_CTRL, KTLSNIC_REG_RSS_CTRL + 4,
      rss_ctrl_read, rss_ctrl_write },
    { KTLSNIC_REG_RSS_KEY(0), KTLSNIC_REG_RSS_KEY(KTLSNIC_RSS_KEY_SIZE / 4),
      rss_key_read, rss_key_write },
    { KTLSNIC_REG_RSS_INDIR(0),
      KTLSNIC_REG_RSS_INDIR(KTLSNIC_RSS_INDIR_SIZE / 4),
      rss_indir_read, rss_indir_write },
    { KTLSNIC_REG_STAT_LO(0), KTLSNIC_REG_STAT_LO(KTLSNIC_STATS),
      stats_read, NULL },
};

static const struct reg_range *range_at(uint32_t offset)
{
    for (size_t i = 0; i < G_N_ELEMENTS(reg_ranges); i++) {
        if (offset >= reg_ranges[i].first && offset < reg_ranges[i].end) {
            return &reg_ranges[i];
        }
    }
    return NULL;
}

/* How many vectors there are depends on the device. */
static bool is_vector(struct ktlsnic_dev *dev, uint32_t offset)
{
    return offset >= KTLSNIC_REG_IVEC_ARM(0) &&
           offset < KTLSNIC_REG_IVEC_ARM(dev->config.queues + 1);
}

uint32_t regs_read(struct ktlsnic_dev *dev, uint32_t offset)
{
    const struct ring *ring = ring_at(dev, offset);
    const struct reg_range *range;

    if (ring) {
        return ring_read_reg(ring, offset);
    }
    if (is_vector(dev, offset)) {
        return irq_read(dev, offset);
    }
    range = range_at(offset);
    return range ? range->read(dev, offset) : 0;
}

void regs_write(struct ktlsnic_dev *dev, uint32_t offset, uint32_t value)
{
    struct ring *ring = ring_at(dev, offset);
    const struct reg_range *range;

    if (ring) {
        ring_write_reg(dev, ring, offset, value);
        return;
    }
    if (is_vector(dev, offset)) {
        irq_write(dev, offset, value);
        return;
    }
    range = range_at(offset);
    if (range && range->write) {
        range->write(dev, offset, value);
        /* a frame that waits for a buffer may go to another ring now, or to none */
        host_rx_kick(dev);
    }
}

void regs_update_filter(struct ktlsnic_dev *dev)
{
    const struct ktlsnic_state *s = &dev->state;
    struct filter *filter = &dev->filter;

    filter->promisc = s->rx_ctrl & KTLSNIC_RX_CTRL_PROMISC;
    filter->allmulti = s->rx_ctrl & KTLSNIC_RX_CTRL_ALLMULTI;
    memcpy(filter->station, s->mac, sizeof(filter->station));
    filter->valid = 0;
    for (unsigned i = 0; i < KTLSNIC_FILTERS; i++) {
        if (s->filter_hi[i] & KTLSNIC_FILTER_HI_VALID) {
            filter->valid |= 1u << i;
        }
        filter_addr_from_regs(filter->exact[i], s->filter_lo[i],
                              s->filter_hi[i]);
    }
}

void regs_update_rss(struct ktlsnic_dev *dev)
{
    rss_key_init(&dev->rss_key, dev->state.rss_key);
}

void regs_reset(struct ktlsnic_dev *dev)
{
    struct ktlsnic_state *s = &dev->state;

    memcpy(s->mac, dev->config.mac, sizeof(s->mac));
    s->rx_ctrl = 0;
    s->rx_max_frame = RX_MAX_FRAME_RESET;
    memset(s->filter_lo, 0, sizeof(s->filter_lo));
    memset(s->filter_hi, 0, sizeof(s->filter_hi));
    s->rss_ctrl = 0;
    memset(s->rss_key, 0, sizeof(s->rss_key));
    memset(s->rss_indir, 0, sizeof(s->rss_indir));
    regs_update_filter(dev);
    regs_update_rss(dev);
}
