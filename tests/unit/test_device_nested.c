/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls that come back into the device from inside its callbacks. */
#include <string.h>

#include "tx_units.h"

struct nested {
    struct fake_host *host;
    struct fake_queue q;
    struct tx_unit_spec unit;
};

static struct nested nested_setup(void)
{
    struct nested n = { .host = fake_host_new(NULL) };
    uint8_t data[200] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
    struct ktlsnic_rx_desc buf = {
        .addr = GUINT64_TO_LE(fake_alloc(n.host, 2048)),
        .len = GUINT32_TO_LE(2048),
    };

    n.q = fake_queue_open(n.host, 0, 6);
    fake_push(&n.q.rx, &buf);
    fake_ring_doorbell(&n.q.rx);
    fake_write(n.host, KTLSNIC_REG_RX_CTRL, KTLSNIC_RX_CTRL_ENABLE);
    fake_settle(n.host);
    n.unit = tx_unit_make(n.host, data, sizeof(data), 1, KTLSNIC_TXF_COMPLETE);
    tx_unit_push(&n.q.tx, &n.unit);
    tx_unit_push(&n.q.tx, &n.unit);
    fake_ring_doorbell(&n.q.tx);
    return n;
}

/* The wire answers at once: the frame is received during the send. */
static void echo(struct fake_host *host)
{
    const GByteArray *sent = fake_last_sent(host);

    host->in_send = NULL;
    g_assert_cmpint(ktlsnic_dev_receive(host->dev, sent->data, sent->len), ==,
                    KTLSNIC_RX_TAKEN);
    /* The run goes on: still no register can be written. */
    fake_write(host, KTLSNIC_REG_CTRL, KTLSNIC_CTRL_RESET);
}

static void test_receive_in_send(void)
{
    struct nested n = nested_setup();
    struct ktlsnic_rx_cpl cpl;

    n.host->in_send = echo;
    fake_settle(n.host);
    g_assert_true(fake_pop(&n.q.rx_cq, &cpl));
    g_assert_cmpuint(GUINT16_FROM_LE(cpl.len), ==, 200);
    g_assert_cmpuint(n.host->sent->len, ==, 2);
    g_assert_cmpuint(n.host->traced[KTLSNIC_TRACE_NESTED_WRITE], ==, 1);
    fake_host_free(n.host);
}

/* Memory that is the device itself: the write is dropped. */
static void write_own_registers(struct fake_host *host, uint64_t addr,
                                size_t len)
{
    (void)addr;
    (void)len;
    fake_write(host, KTLSNIC_RING_TX(0) + KTLSNIC_RING_CTRL, 0);
    fake_write(host, KTLSNIC_RING_TX_CQ(0) + KTLSNIC_RING_CTRL, 0);
    fake_write(host, KTLSNIC_REG_CTRL, KTLSNIC_CTRL_RESET);
    ktlsnic_dev_run(host->dev);
}

static void test_write_in_dma(void)
{
    struct nested n = nested_setup();

    n.host->in_dma = write_own_registers;
    n.host->wake_now = false;
    ktlsnic_dev_run(n.host->dev);
    n.host->in_dma = NULL;
    fake_settle(n.host);
    g_assert_cmpuint(n.host->sent->len, ==, 2);
    g_assert_cmphex(fake_ring_status(&n.q.tx), ==, 1);
    g_assert_cmpuint(n.host->traced[KTLSNIC_TRACE_NESTED_WRITE], ==, 4 * 3);
    fake_host_free(n.host);
}

/* Memory whose access makes the wire offer a frame: it has to wait. */
static void receive_in_dma(struct fake_host *host, uint64_t addr, size_t len)
{
    uint8_t frame[60];

    (void)addr;
    (void)len;
    memset(frame, 0xff, sizeof(frame));
    g_assert_cmpint(ktlsnic_dev_receive(host->dev, frame, sizeof(frame)), ==,
                    KTLSNIC_RX_WAIT);
}

static void test_receive_in_dma(void)
{
    struct nested n = nested_setup();

    n.host->in_dma = receive_in_dma;
    n.host->wake_now = false;
    ktlsnic_dev_run(n.host->dev);
    n.host->in_dma = NULL;
    fake_settle(n.host);
    g_assert_cmpuint(n.host->rx_ready, >=, 1);
    g_assert_cmpuint(fake_stat(n.host, KTLSNIC_STAT_RX_PAUSES), ==, 0);
    fake_host_free(n.host);
}

/* A reset from inside: nothing is touched after it, and it happens. */
static void reset_in_send(struct fake_host *host)
{
    ktlsnic_dev_reset(host->dev);
    host->bus_master = false;
}

static void test_reset_in_send(void)
{
    struct nested n = nested_setup();
    struct frame_spec spec = {
        .version = 4,
        .proto = PROTO_TCP,
        .payload_len = 1000,
    };
    struct frame frame = frame_make(&spec);

    /* In the middle of a unit, at the first of its segments. */
    n.q.tx.index = 0;
    n.unit = tx_unit_of_frame(n.host, &frame, 1, KTLSNIC_TXF_TSO);
    n.unit.desc[0].mss = GUINT16_TO_LE(100);
    tx_unit_push(&n.q.tx, &n.unit);
    n.host->in_send = reset_in_send;
    fake_settle(n.host);
    frame_free(&frame);
    g_assert_cmpuint(n.host->sent->len, ==, 1);
    g_assert_cmphex(fake_ring_status(&n.q.tx), ==, 0);
    g_assert_cmpuint(n.host->traced[KTLSNIC_TRACE_RESET], ==, 1);
    g_assert_cmphex(fake_read(n.host, n.q.tx.reg + KTLSNIC_RING_BASE_LO), ==,
                    0);
    fake_host_free(n.host);
}

static void reset_in_dma(struct fake_host *host, uint64_t addr, size_t len)
{
    static unsigned calls;

    (void)addr;
    (void)len;
    g_assert_cmpuint(calls++, ==, 0);       /* no access after the reset */
    ktlsnic_dev_reset(host->dev);
}

static void test_reset_in_dma(void)
{
    struct nested n = nested_setup();

    n.host->in_dma = reset_in_dma;
    fake_settle(n.host);
    g_assert_cmpuint(n.host->sent->len, ==, 1);
    g_assert_cmphex(fake_ring_status(&n.q.tx_cq), ==, 0);
    g_assert_cmpuint(n.host->interrupts[1], ==, 0);
    n.host->in_dma = NULL;
    fake_host_free(n.host);
}

/* Unplugged from inside: the device goes when the outer call ends. */
static void free_in_send(struct fake_host *host)
{
    ktlsnic_dev_free(host->dev);
    host->dev = NULL;
}

static void test_free_in_send(void)
{
    struct nested n = nested_setup();
    struct ktlsnic_dev *dev = n.host->dev;

    n.host->in_send = free_in_send;
    n.host->wake_now = false;
    ktlsnic_dev_run(dev);
    g_assert_false(n.host->wake_now);
    g_assert_cmpuint(n.host->sent->len, ==, 1);
    fake_host_free(n.host);
}

static void free_in_rx_ready(struct fake_host *host)
{
    ktlsnic_dev_free(host->dev);
    host->dev = NULL;
}

static void test_free_in_rx_ready(void)
{
    struct nested n = nested_setup();
    uint8_t frame[1522];

    fake_settle(n.host);
    memset(frame, 0xff, sizeof(frame));
    g_assert_cmpint(ktlsnic_dev_receive(n.host->dev, frame, 1522), ==,
                    KTLSNIC_RX_TAKEN);
    g_assert_cmpint(ktlsnic_dev_receive(n.host->dev, frame, 1522), ==,
                    KTLSNIC_RX_WAIT);
    n.host->in_rx_ready = free_in_rx_ready;
    fake_write(n.host, KTLSNIC_REG_RX_CTRL, 0);
    fake_settle(n.host);
    g_assert_null(n.host->dev);
    fake_host_free(n.host);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/device/nested/receive-in-send", test_receive_in_send);
    g_test_add_func("/device/nested/write-in-dma", test_write_in_dma);
    g_test_add_func("/device/nested/receive-in-dma", test_receive_in_dma);
    g_test_add_func("/device/nested/reset-in-send", test_reset_in_send);
    g_test_add_func("/device/nested/reset-in-dma", test_reset_in_dma);
    g_test_add_func("/device/nested/free-in-send", test_free_in_send);
    g_test_add_func("/device/nested/free-in-rx-ready", test_free_in_rx_ready);
    return g_test_run();
}
