/* SPDX-License-Identifier: GPL-2.0-or-later */
/* TX rings that are stuck because the host wants it: a fault for drivers. */
#include <string.h>

#include "tx_units.h"

struct fixture {
    struct ktlsnic_fault fault;
    struct fake_host *host;
    struct fake_ring event;
    struct fake_queue q[2];
    uint8_t data[100];
};

static void open_rings(struct fixture *f)
{
    f->event = fake_ring_open(f->host, KTLSNIC_RING_EVENT, 6, 16);
    for (unsigned i = 0; i < G_N_ELEMENTS(f->q); i++) {
        f->q[i] = fake_queue_open(f->host, i, 6);
    }
}

static void setup(struct fixture *f)
{
    struct ktlsnic_config config = fake_usual_config;

    memset(f, 0, sizeof(*f));
    config.fault = &f->fault;
    f->host = fake_host_new(&config);
    open_rings(f);
}

/* Gives a ring so many frames. */
static void give(struct fixture *f, unsigned queue, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct tx_unit_spec unit = tx_unit_make(f->host, f->data,
                                                sizeof(f->data), 1,
                                                KTLSNIC_TXF_COMPLETE);

        tx_unit_push(&f->q[queue].tx, &unit);
    }
    fake_ring_doorbell(&f->q[queue].tx);
    fake_settle(f->host);
}

static uint32_t ring_index(struct fixture *f, unsigned queue)
{
    return fake_read(f->host, f->q[queue].tx.reg + KTLSNIC_RING_INDEX);
}

/* It takes nothing and completes nothing, yet it is no error; others go on. */
static void test_one_ring(void)
{
    struct fixture f;
    struct ktlsnic_tx_cpl cpl;
    struct ktlsnic_event event;

    setup(&f);
    give(&f, 0, 3);
    g_assert_cmpuint(f.host->sent->len, ==, 3);
    f.fault.stuck_tx = 1u << 0;
    give(&f, 0, 5);
    g_assert_cmpuint(f.host->sent->len, ==, 3);
    g_assert_cmpuint(ring_index(&f, 0), ==, 3);
    g_assert_cmpuint(fake_ring_status(&f.q[0].tx), ==,
                     KTLSNIC_RING_STATUS_ENABLED);
    g_assert_cmpuint(f.host->traced[KTLSNIC_TRACE_TX_STUCK], >, 0);
    g_assert_cmpuint(f.host->trace_args[KTLSNIC_TRACE_TX_STUCK][0], ==, 0);
    g_assert_cmpuint(f.host->trace_args[KTLSNIC_TRACE_TX_STUCK][1], ==, 5);
    for (unsigned i = 0; i < 3; i++) {
        g_assert_true(fake_pop(&f.q[0].tx_cq, &cpl));
    }
    g_assert_false(fake_pop(&f.q[0].tx_cq, &cpl));
    g_assert_false(fake_pop(&f.event, &event));

    give(&f, 1, 2);
    g_assert_cmpuint(f.host->sent->len, ==, 5);
    g_assert_cmpuint(ring_index(&f, 1), ==, 2);
    fake_host_free(f.host);
}

/* A ring without work is as stuck, and a wire that is ready does not help. */
static void test_idle(void)
{
    struct fixture f;

    setup(&f);
    f.fault.stuck_tx = UINT32_MAX;
    fake_settle(f.host);
    g_assert_cmpuint(f.host->traced[KTLSNIC_TRACE_TX_STUCK], ==, 0);
    give(&f, 1, 1);
    ktlsnic_dev_tx_ready(f.host->dev);
    fake_settle(f.host);
    g_assert_cmpuint(f.host->sent->len, ==, 0);
    fake_host_free(f.host);
}

/* Only a reset helps, not a ring that is set up again; and it helps for good. */
static void test_reset(void)
{
    struct fixture f;

    setup(&f);
    f.fault.stuck_tx = 1u << 1;
    give(&f, 1, 4);
    fake_write(f.host, f.q[1].tx.reg + KTLSNIC_RING_CTRL, 0);
    g_assert_cmpuint(fake_ring_status(&f.q[1].tx), ==, 0);
    fake_write(f.host, f.q[1].tx_cq.reg + KTLSNIC_RING_CTRL, 0);
    fake_write(f.host, f.q[1].rx.reg + KTLSNIC_RING_CTRL, 0);
    fake_write(f.host, f.q[1].rx_cq.reg + KTLSNIC_RING_CTRL, 0);
    f.q[1] = fake_queue_open(f.host, 1, 6);
    give(&f, 1, 4);
    g_assert_cmpuint(f.host->sent->len, ==, 0);

    fake_write(f.host, KTLSNIC_REG_CTRL, KTLSNIC_CTRL_RESET);
    g_assert_cmpuint(f.fault.stuck_tx, ==, 0);
    open_rings(&f);
    give(&f, 1, 4);
    g_assert_cmpuint(f.host->sent->len, ==, 4);
    fake_host_free(f.host);
}

/* The host lets go without a reset: the next run takes all that waits. */
static void test_let_go(void)
{
    struct fixture f;

    setup(&f);
    f.fault.stuck_tx = 1u << 0;
    give(&f, 0, 4);
    f.fault.stuck_tx = 0;
    ktlsnic_dev_run(f.host->dev);
    fake_settle(f.host);
    g_assert_cmpuint(f.host->sent->len, ==, 4);
    g_assert_cmpuint(fake_stat(f.host, KTLSNIC_STAT_TX_ERRORS), ==, 0);
    fake_host_free(f.host);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/device/tx-stuck/one-ring", test_one_ring);
    g_test_add_func("/device/tx-stuck/idle", test_idle);
    g_test_add_func("/device/tx-stuck/reset", test_reset);
    g_test_add_func("/device/tx-stuck/let-go", test_let_go);
    return g_test_run();
}
