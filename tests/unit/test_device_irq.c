/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interrupts (SPEC 7). */
#include <string.h>

#include "fake_host.h"

#define VECTOR KTLSNIC_QUEUE_VECTOR(2)

struct fixture {
    struct fake_host *host;
    struct fake_queue q;        /* queue pair 2 */
    struct ktlsnic_tx_desc desc;
};

static struct fixture setup(void)
{
    struct fixture f = { .host = fake_host_new(NULL) };

    f.q = fake_queue_open(f.host, 2, 6);
    f.desc = (struct ktlsnic_tx_desc) {
        .addr = GUINT64_TO_LE(fake_alloc(f.host, 60)),
        .len = GUINT32_TO_LE(60),
        .type = KTLSNIC_TXD_PACKET,
        .ndesc = 1,
        .flags = GUINT16_TO_LE(KTLSNIC_TXF_COMPLETE),
        .total_len = GUINT32_TO_LE(60),
    };
    return f;
}

static void transmit(struct fixture *f)
{
    fake_push(&f->q.tx, &f->desc);
    fake_ring_doorbell(&f->q.tx);
    fake_settle(f->host);
}

static void arm(struct fixture *f, uint32_t armed)
{
    fake_write(f->host, KTLSNIC_REG_IVEC_ARM(VECTOR), armed);
}

static unsigned armed(struct fixture *f)
{
    return fake_read(f->host, KTLSNIC_REG_IVEC_ARM(VECTOR));
}

/* The driver consumes all completions. */
static void consume(struct fixture *f)
{
    struct ktlsnic_tx_cpl cpl;

    while (fake_pop(&f->q.tx_cq, &cpl)) {
    }
    fake_ring_doorbell(&f->q.tx_cq);
}

static void test_one_shot(void)
{
    struct fixture f = setup();
    unsigned *count = &f.host->interrupts[VECTOR];

    transmit(&f);
    g_assert_cmpuint(*count, ==, 0);        /* not armed */
    consume(&f);
    arm(&f, 1);
    g_assert_cmpuint(*count, ==, 0);        /* armed, but nothing there */
    g_assert_cmpuint(armed(&f), ==, 1);
    transmit(&f);
    g_assert_cmpuint(*count, ==, 1);
    g_assert_cmpuint(armed(&f), ==, 0);
    transmit(&f);
    transmit(&f);
    g_assert_cmpuint(*count, ==, 1);        /* one-shot */
    consume(&f);
    arm(&f, 1);
    arm(&f, 0);
    g_assert_cmpuint(armed(&f), ==, 0);
    transmit(&f);
    g_assert_cmpuint(*count, ==, 1);        /* disarmed */
    for (unsigned v = 0; v < KTLSNIC_MAX_VECTORS; v++) {
        g_assert_cmpuint(f.host->interrupts[v], ==, v == VECTOR);
    }
    fake_host_free(f.host);
}

/* A completion between the driver's last look and its arming. */
static void test_no_lost_wakeup(void)
{
    struct fixture f = setup();

    transmit(&f);
    arm(&f, 1);
    g_assert_cmpuint(f.host->interrupts[VECTOR], ==, 1);
    /* Not consumed, and armed again: at once again. */
    arm(&f, 1);
    g_assert_cmpuint(f.host->interrupts[VECTOR], ==, 2);
    consume(&f);
    arm(&f, 1);
    g_assert_cmpuint(f.host->interrupts[VECTOR], ==, 2);
    fake_host_free(f.host);
}

static void test_rx_ring(void)
{
    struct fixture f = setup();
    uint8_t frame[60] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
    struct ktlsnic_rx_desc buf = {
        .addr = GUINT64_TO_LE(fake_alloc(f.host, 2048)),
        .len = GUINT32_TO_LE(2048),
    };

    f.q = fake_queue_open(f.host, 0, 6);    /* where frames without RSS go */
    fake_push(&f.q.rx, &buf);
    fake_ring_doorbell(&f.q.rx);
    fake_write(f.host, KTLSNIC_REG_RX_CTRL, KTLSNIC_RX_CTRL_ENABLE);
    fake_write(f.host, KTLSNIC_REG_IVEC_ARM(1), 1);
    g_assert_cmpint(ktlsnic_dev_receive(f.host->dev, frame, sizeof(frame)), ==,
                    KTLSNIC_RX_TAKEN);
    g_assert_cmpuint(f.host->interrupts[1], ==, 1);
    fake_host_free(f.host);
}

static void test_itr(void)
{
    struct fixture f = setup();
    unsigned *count = &f.host->interrupts[VECTOR];

    fake_write(f.host, KTLSNIC_REG_IVEC_ITR(VECTOR), 50);
    arm(&f, 1);
    transmit(&f);
    g_assert_cmpuint(*count, ==, 1);        /* the first one at once */
    consume(&f);
    arm(&f, 1);
    fake_sleep(f.host, 20 * FAKE_USEC);
    transmit(&f);
    g_assert_cmpuint(*count, ==, 1);        /* too early */
    g_assert_cmpuint(armed(&f), ==, 1);
    fake_sleep(f.host, 29 * FAKE_USEC);
    g_assert_cmpuint(*count, ==, 1);
    fake_sleep(f.host, 1 * FAKE_USEC);
    g_assert_cmpuint(*count, ==, 2);        /* after 50 us, by itself */
    g_assert_cmpuint(armed(&f), ==, 0);

    /* Consumed meanwhile: then there is nothing to announce. */
    consume(&f);
    arm(&f, 1);
    transmit(&f);
    consume(&f);
    fake_sleep(f.host, 1000 * FAKE_USEC);
    g_assert_cmpuint(*count, ==, 2);
    g_assert_cmpuint(armed(&f), ==, 1);
    fake_host_free(f.host);
}

static void test_itr_change(void)
{
    struct fixture f = setup();
    unsigned *count = &f.host->interrupts[VECTOR];

    fake_write(f.host, KTLSNIC_REG_IVEC_ITR(VECTOR), 60000);
    arm(&f, 1);
    transmit(&f);
    arm(&f, 1);
    fake_sleep(f.host, 100 * FAKE_USEC);
    g_assert_cmpuint(*count, ==, 1);
    fake_write(f.host, KTLSNIC_REG_IVEC_ITR(VECTOR), 200);
    fake_sleep(f.host, 99 * FAKE_USEC);
    g_assert_cmpuint(*count, ==, 1);
    fake_sleep(f.host, 1 * FAKE_USEC);
    g_assert_cmpuint(*count, ==, 2);
    arm(&f, 1);
    fake_write(f.host, KTLSNIC_REG_IVEC_ITR(VECTOR), 0);
    g_assert_cmpuint(*count, ==, 3);
    fake_host_free(f.host);
}

/* Two vectors that wait for different times: whichever comes first. */
static void check_two_vectors(unsigned itr0, unsigned itr1)
{
    struct fake_host *h = fake_host_new(NULL);
    struct fake_ring tx;
    struct ktlsnic_tx_desc bad = { .type = KTLSNIC_TXD_PACKET, .ndesc = 1 };
    unsigned sooner = MIN(itr0, itr1), later = MAX(itr0, itr1);

    fake_ring_open(h, KTLSNIC_RING_EVENT, 6, 16);
    fake_ring_open(h, KTLSNIC_RING_TX_CQ(0), 6, 16);
    tx = fake_ring_open(h, KTLSNIC_RING_TX(0), 6, 32);
    fake_write(h, KTLSNIC_REG_IVEC_ITR(0), itr0);
    fake_write(h, KTLSNIC_REG_IVEC_ITR(1), itr1);
    for (unsigned round = 0; round < 2; round++) {
        fake_write(h, KTLSNIC_REG_IVEC_ARM(0), 1);
        fake_write(h, KTLSNIC_REG_IVEC_ARM(1), 1);
        fake_push(&tx, &bad);
        fake_ring_doorbell(&tx);
        ktlsnic_dev_set_link(h->dev, round);
        fake_settle(h);
    }
    g_assert_cmpuint(h->interrupts[0], ==, 1);
    g_assert_cmpuint(h->interrupts[1], ==, 1);
    fake_sleep(h, sooner * FAKE_USEC);
    g_assert_cmpuint(h->interrupts[0], ==, itr0 == sooner ? 2 : 1);
    g_assert_cmpuint(h->interrupts[1], ==, itr1 == sooner ? 2 : 1);
    fake_sleep(h, (later - sooner) * FAKE_USEC);
    g_assert_cmpuint(h->interrupts[0], ==, 2);
    g_assert_cmpuint(h->interrupts[1], ==, 2);
    fake_host_free(h);
}

static void test_itr_two_vectors(void)
{
    check_two_vectors(300, 100);
    check_two_vectors(100, 300);
}

static void test_reset_silences(void)
{
    struct fixture f = setup();

    fake_write(f.host, KTLSNIC_REG_IVEC_ITR(VECTOR), 50);
    arm(&f, 1);
    transmit(&f);
    arm(&f, 1);
    transmit(&f);
    ktlsnic_dev_reset(f.host->dev);
    fake_sleep(f.host, 1000 * FAKE_USEC);
    g_assert_cmpuint(f.host->interrupts[VECTOR], ==, 1);
    g_assert_cmpuint(armed(&f), ==, 0);
    fake_host_free(f.host);
}

/* A restored state may have a message due. */
static void test_restored(void)
{
    struct fixture f = setup();
    struct ktlsnic_vector_state *vector =
        &ktlsnic_dev_state(f.host->dev)->vector[VECTOR];

    transmit(&f);
    *vector = (struct ktlsnic_vector_state) {
        .armed = true,
        .itr = 100,
        .last = INT64_MAX,          /* no message was sent in the future */
    };
    g_assert_true(ktlsnic_dev_restored(f.host->dev));
    fake_settle(f.host);
    fake_sleep(f.host, 100 * FAKE_USEC);
    g_assert_cmpuint(f.host->interrupts[VECTOR], ==, 1);
    fake_host_free(f.host);
}

/* What a message announces is in memory before the message: the interrupt
 * count is 0 in every write of the run. */
static void no_interrupt_yet(struct fake_host *host, uint64_t addr, size_t len)
{
    (void)addr;
    (void)len;
    g_assert_cmpuint(host->interrupts[VECTOR], ==, 0);
}

static void test_after_memory(void)
{
    struct fixture f = setup();

    arm(&f, 1);
    f.host->in_dma = no_interrupt_yet;
    for (unsigned i = 0; i < 10; i++) {
        fake_push(&f.q.tx, &f.desc);
    }
    fake_ring_doorbell(&f.q.tx);
    fake_settle(f.host);
    g_assert_cmpuint(f.host->interrupts[VECTOR], ==, 1);
    fake_host_free(f.host);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/device/irq/one-shot", test_one_shot);
    g_test_add_func("/device/irq/no-lost-wakeup", test_no_lost_wakeup);
    g_test_add_func("/device/irq/rx-ring", test_rx_ring);
    g_test_add_func("/device/irq/itr", test_itr);
    g_test_add_func("/device/irq/itr-change", test_itr_change);
    g_test_add_func("/device/irq/itr-two-vectors", test_itr_two_vectors);
    g_test_add_func("/device/irq/reset-silences", test_reset_silences);
    g_test_add_func("/device/irq/restored", test_restored);
    g_test_add_func("/device/irq/after-memory", test_after_memory);
    return g_test_run();
}
