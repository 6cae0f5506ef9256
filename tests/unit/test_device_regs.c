/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Registers and reset (SPEC 3 to 8.1). */
#include <string.h>

#include "fake_host.h"
#include "flow/flow_rx.h"
#include "flow/flow_tx.h"

static void test_capabilities(void)
{
    struct fake_host *h = fake_host_new(NULL);

    g_assert_cmphex(fake_read(h, KTLSNIC_REG_ID), ==, 0x4b544c53);
    g_assert_cmphex(fake_read(h, KTLSNIC_REG_VERSION), ==, 0x00010002);
    g_assert_cmphex(fake_read(h, KTLSNIC_REG_CTRL), ==, 0);
    g_assert_cmphex(fake_read(h, KTLSNIC_REG_STATUS), ==, 3);
    g_assert_cmphex(fake_read(h, KTLSNIC_REG_CAP_QUEUES), ==, 0x000c0604);
    g_assert_cmphex(fake_read(h, KTLSNIC_REG_CAP_FEATURES), ==, 0x3f);
    g_assert_cmpuint(fake_read(h, KTLSNIC_REG_CAP_MAX_FRAME), ==, 9238);
    g_assert_cmpuint(fake_read(h, KTLSNIC_REG_CAP_MAX_TSO), ==, 524288);
    g_assert_cmpuint(fake_read(h, KTLSNIC_REG_CAP_MAX_DESC), ==, 64);
    g_assert_cmpuint(fake_read(h, KTLSNIC_REG_CAP_FILTERS), ==, 32);
    g_assert_cmphex(fake_read(h, KTLSNIC_REG_PERM_MAC_LO), ==, 0x12005452);
    g_assert_cmphex(fake_read(h, KTLSNIC_REG_PERM_MAC_HI), ==, 0x5634);
    g_assert_cmpuint(fake_read(h, KTLSNIC_REG_LINK_SPEED), ==, 25000);
    g_assert_cmpuint(fake_read(h, KTLSNIC_REG_RX_MAX_FRAME), ==, 1522);
    fake_host_free(h);
}

static void test_tls_capabilities(void)
{
    struct ktlsnic_config config = {
        .queues = 1,
        .tls_tx_contexts = 7,
        .tls_tx_ciphers = { 1u << KTLSNIC_CIPHER_AES_GCM_256, 0 },
        .tls_tx_replay = true,
        .tls_rx_ciphers = { 0xf, 0xf },
        .tls_rx_mode = KTLSNIC_TLS_RX_SCAN,
    };
    struct fake_host *h = fake_host_new(&config);

    /* Without contexts of a direction nothing is said about it. */
    g_assert_cmpuint(fake_read(h, KTLSNIC_REG_TLS_TX_CONTEXTS), ==, 7);
    g_assert_cmpuint(fake_read(h, KTLSNIC_REG_TLS_RX_CONTEXTS), ==, 0);
    g_assert_cmphex(fake_read(h, KTLSNIC_REG_TLS_TX_CIPHERS(0)), ==, 2);
    g_assert_cmphex(fake_read(h, KTLSNIC_REG_TLS_TX_CIPHERS(1)), ==, 0);
    g_assert_cmphex(fake_read(h, KTLSNIC_REG_TLS_RX_CIPHERS(0)), ==, 0);
    g_assert_cmphex(fake_read(h, KTLSNIC_REG_TLS_RESYNC), ==, 3);
    fake_host_free(h);

    config.tls_tx_replay = false;
    h = fake_host_new(&config);
    g_assert_cmphex(fake_read(h, KTLSNIC_REG_TLS_RESYNC), ==, 2);
    fake_host_free(h);

    config.tls_tx_contexts = 0;
    config.tls_rx_contexts = 9;
    config.tls_rx_ciphers[0] = 1u << KTLSNIC_CIPHER_AES_GCM_128;
    h = fake_host_new(&config);
    g_assert_cmpuint(fake_read(h, KTLSNIC_REG_TLS_TX_CONTEXTS), ==, 0);
    g_assert_cmpuint(fake_read(h, KTLSNIC_REG_TLS_RX_CONTEXTS), ==, 9);
    g_assert_cmphex(fake_read(h, KTLSNIC_REG_TLS_TX_CIPHERS(0)), ==, 0);
    g_assert_cmphex(fake_read(h, KTLSNIC_REG_TLS_RX_CIPHERS(0)), ==, 1);
    g_assert_cmphex(fake_read(h, KTLSNIC_REG_TLS_RESYNC), ==, 0x100);
    fake_host_free(h);
}

/* What the engine lacks is not offered, whatever the configuration says. */
static void test_tls_ciphers(void)
{
    struct fake_host *h = fake_host_new(NULL);

    for (unsigned v = 0; v < KTLSNIC_TLS_VERSIONS; v++) {
        uint32_t tx = 0, rx = 0;

        for (unsigned c = 0; c < KTLSNIC_CIPHERS; c++) {
            tx |= flow_tx_supported(v, c) << c;
            rx |= flow_rx_supported(v, c) << c;
        }
        g_assert_cmphex(fake_read(h, KTLSNIC_REG_TLS_TX_CIPHERS(v)), ==, tx);
        g_assert_cmphex(fake_read(h, KTLSNIC_REG_TLS_RX_CIPHERS(v)), ==, rx);
    }
    g_assert_cmphex(fake_read(h, KTLSNIC_REG_TLS_RESYNC), ==, 0x203);
    fake_host_free(h);
}

/* Each RW register: what it keeps of all ones and of a pattern. */
static const struct {
    uint32_t reg;
    uint32_t reset;
    uint32_t kept;      /* bits */
} rw_regs[] = {
    { KTLSNIC_REG_MAC_LO, 0x12005452, 0xffffffff },
    { KTLSNIC_REG_MAC_HI, 0x5634, 0xffff },
    { KTLSNIC_REG_RX_CTRL, 0, 0xf },
    { KTLSNIC_REG_FILTER_LO(0), 0, 0xffffffff },
    { KTLSNIC_REG_FILTER_HI(0), 0, 0x8000ffff },
    { KTLSNIC_REG_FILTER_LO(31), 0, 0xffffffff },
    { KTLSNIC_REG_FILTER_HI(31), 0, 0x8000ffff },
    { KTLSNIC_REG_RSS_CTRL, 0, 0x7f },
    { KTLSNIC_REG_RSS_KEY(0), 0, 0xffffffff },
    { KTLSNIC_REG_RSS_KEY(9), 0, 0xffffffff },
    { KTLSNIC_REG_RSS_INDIR(0), 0, 0xffffffff },
    { KTLSNIC_REG_RSS_INDIR(31), 0, 0xffffffff },
    { KTLSNIC_REG_IVEC_ARM(0), 0, 1 },
    { KTLSNIC_REG_IVEC_ITR(0), 0, 0xffff },
    { KTLSNIC_REG_IVEC_ARM(4), 0, 1 },
    { KTLSNIC_REG_IVEC_ITR(4), 0, 0xffff },
    { KTLSNIC_RING_CMD + KTLSNIC_RING_BASE_LO, 0, 0xffffffff },
    { KTLSNIC_RING_CMD + KTLSNIC_RING_BASE_HI, 0, 0xffffffff },
    { KTLSNIC_RING_CMD + KTLSNIC_RING_LOG2, 0, 0xffffffff },
    { KTLSNIC_RING_EVENT + KTLSNIC_RING_BASE_LO, 0, 0xffffffff },
    { KTLSNIC_RING_RX_CQ(3) + KTLSNIC_RING_BASE_HI, 0, 0xffffffff },
};

static void test_rw(void)
{
    struct fake_host *h = fake_host_new(NULL);

    for (unsigned i = 0; i < G_N_ELEMENTS(rw_regs); i++) {
        g_assert_cmphex(fake_read(h, rw_regs[i].reg), ==, rw_regs[i].reset);
        fake_write(h, rw_regs[i].reg, 0xffffffff);
        g_assert_cmphex(fake_read(h, rw_regs[i].reg), ==, rw_regs[i].kept);
        fake_write(h, rw_regs[i].reg, 0xa5c39617);
        g_assert_cmphex(fake_read(h, rw_regs[i].reg), ==,
                        0xa5c39617 & rw_regs[i].kept);
    }
    fake_write(h, KTLSNIC_REG_RX_MAX_FRAME, 0xffffffff);
    g_assert_cmpuint(fake_read(h, KTLSNIC_REG_RX_MAX_FRAME), ==, 9238);
    fake_write(h, KTLSNIC_REG_RX_MAX_FRAME, 100);
    g_assert_cmpuint(fake_read(h, KTLSNIC_REG_RX_MAX_FRAME), ==, 100);

    fake_write(h, KTLSNIC_REG_CTRL, KTLSNIC_CTRL_RESET);
    for (unsigned i = 0; i < G_N_ELEMENTS(rw_regs); i++) {
        g_assert_cmphex(fake_read(h, rw_regs[i].reg), ==, rw_regs[i].reset);
    }
    g_assert_cmpuint(fake_read(h, KTLSNIC_REG_RX_MAX_FRAME), ==, 1522);
    fake_host_free(h);
}

/* Every other word of the BAR: nothing that is written there changes any. */
static void test_everything_else_is_ro(void)
{
    struct fake_host *h = fake_host_new(NULL);
    uint32_t before[KTLSNIC_BAR_REGS_SIZE / 4];

    for (uint32_t reg = 0; reg < KTLSNIC_BAR_REGS_SIZE; reg += 4) {
        before[reg / 4] = fake_read(h, reg);
    }
    for (uint32_t reg = 0; reg < KTLSNIC_BAR_REGS_SIZE; reg += 4) {
        fake_write(h, reg, ~KTLSNIC_CTRL_RESET);
    }
    fake_write(h, KTLSNIC_REG_CTRL, KTLSNIC_CTRL_RESET);
    for (uint32_t reg = 0; reg < KTLSNIC_BAR_REGS_SIZE; reg += 4) {
        g_assert_cmphex(fake_read(h, reg), ==, before[reg / 4]);
    }
    fake_settle(h);
    fake_host_free(h);
}

static void test_unnamed(void)
{
    static const uint64_t offsets[] = {
        0x0028, 0x003c, 0x0064, 0x0ffc, 0x101c, 0x10fc, 0x1200, 0x2004, 0x203c,
        0x2068, 0x2100, 0x3008, 0x300c, KTLSNIC_REG_IVEC_ARM(5), 0x401c, 0x4060,
        KTLSNIC_REG_STAT_LO(KTLSNIC_STATS), 0x1001c, 0x10080,
        KTLSNIC_RING_TX(4), KTLSNIC_RING_TX(15), 0x1fffc, 0x20000,
        0x100000000ull, 0x100000000ull + KTLSNIC_REG_MAC_LO, UINT64_MAX - 3,
        KTLSNIC_REG_ID + 1, KTLSNIC_REG_MAC_LO + 2,
    };
    struct fake_host *h = fake_host_new(NULL);

    for (unsigned i = 0; i < G_N_ELEMENTS(offsets); i++) {
        ktlsnic_dev_write(h->dev, offsets[i], 0xffffffff);
        g_assert_cmphex(ktlsnic_dev_read(h->dev, offsets[i]), ==, 0);
    }
    g_assert_cmphex(fake_read(h, KTLSNIC_REG_MAC_LO), ==, 0x12005452);
    fake_host_free(h);
}

static void test_config_range(void)
{
    static const struct ktlsnic_host_ops ops = { 0 };
    struct ktlsnic_config config = { .queues = 0 };

    g_assert_null(ktlsnic_dev_new(&config, &ops, NULL));
    config.queues = 17;
    g_assert_null(ktlsnic_dev_new(&config, &ops, NULL));
    config.queues = 1;
    config.tls_tx_contexts = 65537;
    g_assert_null(ktlsnic_dev_new(&config, &ops, NULL));
    config.tls_tx_contexts = 0;
    config.tls_rx_contexts = 65537;
    g_assert_null(ktlsnic_dev_new(&config, &ops, NULL));
    config.tls_rx_contexts = 65536;
    config.tls_rx_mode = 3;
    g_assert_null(ktlsnic_dev_new(&config, &ops, NULL));
    ktlsnic_dev_free(NULL);
}

/* Reset: rings off, nothing pending is done, statistics and link stay. */
static void test_reset(void)
{
    struct fake_host *h = fake_host_new(NULL);
    struct fake_queue q = fake_queue_open(h, 1, 6);
    struct ktlsnic_tx_desc desc = {
        .addr = GUINT64_TO_LE(fake_alloc(h, 60)),
        .len = GUINT32_TO_LE(60),
        .type = KTLSNIC_TXD_PACKET,
        .ndesc = 1,
        .total_len = GUINT32_TO_LE(60),
    };

    fake_push(&q.tx, &desc);
    fake_ring_doorbell(&q.tx);
    fake_settle(h);
    g_assert_cmpuint(h->sent->len, ==, 1);

    fake_push(&q.tx, &desc);
    fake_ring_doorbell(&q.tx);
    fake_write(h, KTLSNIC_REG_CTRL, KTLSNIC_CTRL_RESET);
    fake_settle(h);
    g_assert_cmpuint(h->sent->len, ==, 1);
    g_assert_cmphex(fake_ring_status(&q.tx), ==, 0);
    g_assert_cmphex(fake_ring_status(&q.rx_cq), ==, 0);
    g_assert_cmphex(fake_read(h, q.tx.reg + KTLSNIC_RING_INDEX), ==, 0);
    g_assert_cmphex(fake_read(h, q.tx.reg + KTLSNIC_RING_DOORBELL), ==, 0);
    g_assert_cmphex(fake_read(h, q.tx.reg + KTLSNIC_RING_BASE_LO), ==, 0);
    g_assert_cmphex(fake_read(h, KTLSNIC_REG_STATUS), ==, 3);
    g_assert_cmpuint(fake_stat(h, KTLSNIC_STAT_TX_PACKETS), ==, 1);
    fake_host_free(h);
}

static void test_stat_latch(void)
{
    struct fake_host *h = fake_host_new(NULL);
    uint64_t *stat = ktlsnic_dev_state(h->dev)->stat;

    stat[KTLSNIC_STAT_TX_BYTES] = 0x00000001ffffffffull;
    stat[KTLSNIC_STAT_RX_BYTES] = 0x0000000700000000ull;
    g_assert_cmphex(fake_read(h, KTLSNIC_REG_STAT_LO(KTLSNIC_STAT_TX_BYTES)),
                    ==, 0xffffffff);
    stat[KTLSNIC_STAT_TX_BYTES]++;
    g_assert_cmphex(fake_read(h, KTLSNIC_REG_STAT_HI(KTLSNIC_STAT_TX_BYTES)),
                    ==, 1);
    g_assert_cmphex(fake_read(h, KTLSNIC_REG_STAT_HI(KTLSNIC_STAT_RX_BYTES)),
                    ==, 7);
    g_assert_cmphex(fake_stat(h, KTLSNIC_STAT_TX_BYTES), ==, 0x200000000ull);
    fake_host_free(h);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/device/regs/capabilities", test_capabilities);
    g_test_add_func("/device/regs/tls-capabilities", test_tls_capabilities);
    g_test_add_func("/device/regs/tls-ciphers", test_tls_ciphers);
    g_test_add_func("/device/regs/rw", test_rw);
    g_test_add_func("/device/regs/ro", test_everything_else_is_ro);
    g_test_add_func("/device/regs/unnamed", test_unnamed);
    g_test_add_func("/device/regs/config-range", test_config_range);
    g_test_add_func("/device/regs/reset", test_reset);
    g_test_add_func("/device/regs/stat-latch", test_stat_latch);
    return g_test_run();
}
