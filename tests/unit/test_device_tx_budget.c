/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Units of many segments (SPEC 9.3): the device does a bounded part of one in a
 * run, and something may happen before it goes on.
 */
#include <string.h>

#include "tx_units.h"

#define MSS         32
#define PAYLOAD     60000
#define SEGMENTS    (PAYLOAD / MSS)
#define PER_RUN     600     /* segments; a host can wait for so many */

struct fixture {
    struct fake_host *host;
    struct fake_ring event;
    struct fake_queue q[2];
    struct frame frame;
    struct tx_unit_spec unit;
};

static void open_rings(struct fixture *f)
{
    f->event = fake_ring_open(f->host, KTLSNIC_RING_EVENT, 6, 16);
    for (unsigned i = 0; i < G_N_ELEMENTS(f->q); i++) {
        f->q[i] = fake_queue_open(f->host, i, 6);
    }
}

static struct fixture setup(void)
{
    struct fixture f = { .host = fake_host_new(NULL) };
    struct frame_spec spec = {
        .version = 4,
        .proto = PROTO_TCP,
        .payload_len = PAYLOAD,
    };

    open_rings(&f);
    f.frame = frame_make(&spec);
    f.unit = tx_unit_of_frame(f.host, &f.frame, 1,
                              KTLSNIC_TXF_TSO | KTLSNIC_TXF_COMPLETE);
    f.unit.desc[0].mss = GUINT16_TO_LE(MSS);
    return f;
}

static void teardown(struct fixture *f)
{
    frame_free(&f->frame);
    fake_host_free(f->host);
}

/* Hands units over without a run. */
static void give(struct fixture *f, unsigned queue, unsigned count)
{
    while (count--) {
        tx_unit_push(&f->q[queue].tx, &f->unit);
    }
    fake_ring_doorbell(&f->q[queue].tx);
}

/* One run, in which something must leave, and not too much. */
static void run(struct fixture *f)
{
    unsigned before = f->host->sent->len;

    f->host->wake_now = false;
    ktlsnic_dev_run(f->host->dev);
    g_assert_cmpuint(f->host->sent->len, >, before);
    g_assert_cmpuint(f->host->sent->len - before, <=, PER_RUN);
}

/* A unit of ring 0 leaves in part; returns how much of it. */
static unsigned begin(struct fixture *f)
{
    give(f, 0, 1);
    run(f);
    g_assert_cmpuint(f->host->sent->len, <, SEGMENTS);
    return f->host->sent->len;
}

/* From frame first on the segments of the unit have been sent, and no others. */
static void assert_segments(struct fixture *f, unsigned first)
{
    struct frame seg;
    unsigned i;

    for (i = 0; (seg = tx_segment_of(&f->frame, MSS, i)).data; i++) {
        g_assert_cmpuint(first + i, <, f->host->sent->len);
        tx_assert_sent(g_ptr_array_index(f->host->sent, first + i), seg.data,
                       seg.len);
        frame_free(&seg);
    }
    g_assert_cmpuint(first + i, ==, f->host->sent->len);
}

static uint32_t ring_index(struct fixture *f, unsigned queue)
{
    return fake_read(f->host, f->q[queue].tx.reg + KTLSNIC_RING_INDEX);
}

/* It is not done before its last segment; another ring has to wait for it. */
static void test_steps(void)
{
    struct fixture f = setup();
    struct ktlsnic_tx_cpl cpl;
    unsigned runs = 0;

    give(&f, 0, 1);
    give(&f, 1, 1);
    while (f.host->sent->len < SEGMENTS) {
        g_assert_cmpuint(ring_index(&f, 0), ==, 0);
        g_assert_false(fake_pop(&f.q[0].tx_cq, &cpl));
        run(&f);
        runs++;
    }
    g_assert_cmpuint(runs, >, 2);
    fake_settle(f.host);
    g_assert_cmpuint(ring_index(&f, 0), ==, 1);
    g_assert_true(fake_pop(&f.q[0].tx_cq, &cpl));
    g_assert_cmpuint(GUINT16_FROM_LE(cpl.status), ==, KTLSNIC_TX_OK);
    g_assert_true(fake_pop(&f.q[1].tx_cq, &cpl));
    assert_segments(&f, SEGMENTS);
    g_ptr_array_set_size(f.host->sent, SEGMENTS);
    assert_segments(&f, 0);
    g_assert_cmpuint(fake_stat(f.host, KTLSNIC_STAT_TX_PACKETS), ==,
                     2 * SEGMENTS);
    teardown(&f);
}

/* A ring that is disabled takes the rest of its unit with it. */
static void test_disabled(void)
{
    struct fixture f = setup();
    unsigned sent = begin(&f);

    fake_write(f.host, f.q[0].tx.reg + KTLSNIC_RING_CTRL, 0);
    fake_settle(f.host);
    g_assert_cmpuint(f.host->sent->len, ==, sent);
    fake_write(f.host, f.q[0].tx.reg + KTLSNIC_RING_CTRL,
               KTLSNIC_RING_CTRL_ENABLE);
    fake_settle(f.host);
    g_assert_cmpuint(f.host->sent->len, ==, sent);
    /* it begins anew, at index 0 */
    f.q[0].tx.index = 0;
    give(&f, 0, 1);
    fake_settle(f.host);
    assert_segments(&f, sent);
    teardown(&f);
}

static void test_reset(void)
{
    struct fixture f = setup();
    unsigned sent = begin(&f);

    fake_write(f.host, KTLSNIC_REG_CTRL, KTLSNIC_CTRL_RESET);
    fake_settle(f.host);
    g_assert_cmpuint(f.host->sent->len, ==, sent);
    open_rings(&f);
    give(&f, 1, 1);
    fake_settle(f.host);
    assert_segments(&f, sent);
    teardown(&f);
}

/* What was saved in the middle of a unit begins with it: TCP gets some segments
 * twice, and misses none. */
static void test_restored(void)
{
    struct fixture f = setup();
    unsigned sent = begin(&f);

    g_assert_true(ktlsnic_dev_restored(f.host->dev));
    fake_settle(f.host);
    assert_segments(&f, sent);
    teardown(&f);
}

/* A frame that comes in between is received. */
static void test_receives(void)
{
    struct fixture f = setup();

    fake_write(f.host, KTLSNIC_REG_RX_MAX_FRAME, KTLSNIC_MAX_FRAME);
    begin(&f);
    g_assert_cmpint(ktlsnic_dev_receive(f.host->dev, f.frame.data, 60), ==,
                    KTLSNIC_RX_TAKEN);
    fake_settle(f.host);
    assert_segments(&f, 0);
    teardown(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/device/tx-budget/steps", test_steps);
    g_test_add_func("/device/tx-budget/disabled", test_disabled);
    g_test_add_func("/device/tx-budget/reset", test_reset);
    g_test_add_func("/device/tx-budget/restored", test_restored);
    g_test_add_func("/device/tx-budget/receives", test_receives);
    return g_test_run();
}
