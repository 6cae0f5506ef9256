/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rings (SPEC 8) and events (SPEC 12). NOP commands are cheap entries. */
#include <string.h>

#include "fake_host.h"

#define ENABLED KTLSNIC_RING_STATUS_ENABLED
#define ERROR(code) ((uint32_t)KTLSNIC_RING_##code << 8)

/* The three admin rings. */
struct admin {
    struct fake_host *host;
    struct fake_ring cmd, cq, event;
};

static struct admin admin_open(unsigned log2)
{
    struct admin a = { .host = fake_host_new(NULL) };

    a.event = fake_ring_open(a.host, KTLSNIC_RING_EVENT, log2,
                             sizeof(struct ktlsnic_event));
    a.cq = fake_ring_open(a.host, KTLSNIC_RING_CMD_CQ, log2,
                          sizeof(struct ktlsnic_cmd_cpl));
    a.cmd = fake_ring_open(a.host, KTLSNIC_RING_CMD, log2,
                           sizeof(struct ktlsnic_cmd));
    return a;
}

static void push_nop(struct admin *a, uint16_t tag)
{
    struct ktlsnic_cmd cmd = { .tag = GUINT16_TO_LE(tag) };

    fake_push(&a->cmd, &cmd);
}

static void assert_completed(struct admin *a, uint16_t tag, uint32_t index)
{
    struct ktlsnic_cmd_cpl cpl;

    g_assert_true(fake_pop(&a->cq, &cpl));
    g_assert_cmpuint(GUINT16_FROM_LE(cpl.tag), ==, tag);
    g_assert_cmpuint(GUINT16_FROM_LE(cpl.status), ==, KTLSNIC_CMD_OK);
    g_assert_cmphex(GUINT32_FROM_LE(cpl.index), ==, index);
    g_assert_cmpuint(cpl.value | cpl.reserved, ==, 0);
}

static void assert_ring_error(struct admin *a, uint32_t reg, uint32_t code)
{
    struct ktlsnic_event event;

    g_assert_true(fake_pop(&a->event, &event));
    g_assert_cmpuint(GUINT16_FROM_LE(event.type), ==, KTLSNIC_EVENT_RING_ERROR);
    g_assert_cmphex(GUINT32_FROM_LE(event.source), ==, reg);
    g_assert_cmpuint(GUINT32_FROM_LE(event.data), ==, code);
    g_assert_cmpuint(event.reserved, ==, 0);
}

static void assert_no_event(struct admin *a)
{
    struct ktlsnic_event event;

    g_assert_false(fake_pop(&a->event, &event));
}

static void assert_stopped(struct admin *a, struct fake_ring *ring,
                           enum ktlsnic_ring_error code)
{
    g_assert_cmphex(fake_ring_status(ring), ==, (uint32_t)code << 8);
    assert_ring_error(a, ring->reg, code);
}

static void try_setup(struct admin *a, uint32_t reg, uint64_t base,
                      uint32_t log2)
{
    fake_write(a->host, reg + KTLSNIC_RING_CTRL, 0);
    fake_write(a->host, reg + KTLSNIC_RING_BASE_LO, base);
    fake_write(a->host, reg + KTLSNIC_RING_BASE_HI, base >> 32);
    fake_write(a->host, reg + KTLSNIC_RING_LOG2, log2);
    fake_write(a->host, reg + KTLSNIC_RING_CTRL, 1);
}

static void test_bad_setup(void)
{
    struct admin a = admin_open(8);
    uint32_t cq = KTLSNIC_RING_RX_CQ(0), rx = KTLSNIC_RING_RX(0);
    static const struct {
        uint64_t base;
        uint32_t log2;
    } bad[] = {
        { FAKE_MEM_BASE + 1, 6 }, { FAKE_MEM_BASE + 32, 6 },
        { FAKE_MEM_BASE, 5 }, { FAKE_MEM_BASE, 13 }, { FAKE_MEM_BASE, 0 },
        { FAKE_MEM_BASE, 64 }, { FAKE_MEM_BASE, 0xffffffff },
        { FAKE_MEM_BASE, 0x106 },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        try_setup(&a, cq, bad[i].base, bad[i].log2);
        g_assert_cmphex(fake_read(a.host, cq + KTLSNIC_RING_STATUS), ==,
                        ERROR(BAD_SETUP));
        assert_ring_error(&a, cq, KTLSNIC_RING_BAD_SETUP);
        /* Stays so until ENABLE = 0 is written. */
        fake_write(a.host, cq + KTLSNIC_RING_CTRL, 1);
        g_assert_cmphex(fake_read(a.host, cq + KTLSNIC_RING_STATUS), ==,
                        ERROR(BAD_SETUP));
        fake_write(a.host, cq + KTLSNIC_RING_CTRL, 0);
        g_assert_cmphex(fake_read(a.host, cq + KTLSNIC_RING_STATUS), ==, 0);
    }
    /* Without its completion ring. */
    try_setup(&a, rx, FAKE_MEM_BASE, 6);
    g_assert_cmphex(fake_read(a.host, rx + KTLSNIC_RING_STATUS), ==,
                    ERROR(BAD_SETUP));
    assert_ring_error(&a, rx, KTLSNIC_RING_BAD_SETUP);
    /* The limits themselves. */
    try_setup(&a, cq, FAKE_MEM_BASE, 12);
    g_assert_cmphex(fake_read(a.host, cq + KTLSNIC_RING_STATUS), ==, ENABLED);
    try_setup(&a, rx, FAKE_MEM_BASE, 6);
    g_assert_cmphex(fake_read(a.host, rx + KTLSNIC_RING_STATUS), ==, ENABLED);
    assert_no_event(&a);
    fake_host_free(a.host);
}

static void test_registers_while_enabled(void)
{
    struct admin a = admin_open(6);
    struct fake_ring *r = &a.cmd;

    fake_write(a.host, r->reg + KTLSNIC_RING_BASE_LO, 0);
    fake_write(a.host, r->reg + KTLSNIC_RING_BASE_HI, 7);
    fake_write(a.host, r->reg + KTLSNIC_RING_LOG2, 9);
    fake_write(a.host, r->reg + KTLSNIC_RING_STATUS, 0);
    fake_write(a.host, r->reg + KTLSNIC_RING_INDEX, 5);
    g_assert_cmphex(fake_read(a.host, r->reg + KTLSNIC_RING_BASE_LO), ==,
                    r->base);
    g_assert_cmphex(fake_read(a.host, r->reg + KTLSNIC_RING_BASE_HI), ==, 0);
    g_assert_cmphex(fake_read(a.host, r->reg + KTLSNIC_RING_LOG2), ==, 6);
    g_assert_cmphex(fake_read(a.host, r->reg + KTLSNIC_RING_CTRL), ==, 1);
    g_assert_cmphex(fake_ring_status(r), ==, ENABLED);
    g_assert_cmphex(fake_read(a.host, r->reg + KTLSNIC_RING_INDEX), ==, 0);
    push_nop(&a, 77);
    fake_ring_doorbell(r);
    g_assert_cmphex(fake_read(a.host, r->reg + KTLSNIC_RING_DOORBELL), ==, 1);
    /* The doorbell is posted: nothing has been done yet. */
    g_assert_cmphex(fake_read(a.host, r->reg + KTLSNIC_RING_INDEX), ==, 0);
    /* ENABLE = 1 to an enabled ring does not start it over. */
    fake_write(a.host, r->reg + KTLSNIC_RING_CTRL, 1);
    fake_settle(a.host);
    g_assert_cmphex(fake_read(a.host, r->reg + KTLSNIC_RING_INDEX), ==, 1);
    assert_completed(&a, 77, 1);
    fake_host_free(a.host);
}

static void test_bad_doorbell(void)
{
    static const uint32_t bad_cmd[] = { 65, 0x80000000, 0xffffffff };
    static const uint32_t bad_cq[] = { 1, 0x80000000, 0xffffffff };

    for (unsigned i = 0; i < G_N_ELEMENTS(bad_cmd); i++) {
        struct admin a = admin_open(6);

        fake_write(a.host, a.cmd.reg + KTLSNIC_RING_DOORBELL, bad_cmd[i]);
        assert_stopped(&a, &a.cmd, KTLSNIC_RING_BAD_DOORBELL);
        fake_settle(a.host);
        g_assert_cmphex(fake_read(a.host, a.cmd.reg + KTLSNIC_RING_INDEX), ==,
                        0);
        /* A doorbell of a stopped ring is nothing. */
        fake_write(a.host, a.cmd.reg + KTLSNIC_RING_DOORBELL, 2000);
        assert_no_event(&a);
        g_assert_cmphex(fake_ring_status(&a.cq), ==, ENABLED);
        fake_host_free(a.host);

        a = admin_open(6);
        fake_write(a.host, a.cq.reg + KTLSNIC_RING_DOORBELL, bad_cq[i]);
        assert_stopped(&a, &a.cq, KTLSNIC_RING_BAD_DOORBELL);
        /* And the ring that it serves. */
        assert_stopped(&a, &a.cmd, KTLSNIC_RING_BAD_SETUP);
        fake_host_free(a.host);
    }
}

static void test_doorbell_moves_back(void)
{
    struct admin a = admin_open(6);

    for (unsigned i = 0; i < 3; i++) {
        push_nop(&a, i);
    }
    fake_ring_doorbell(&a.cmd);
    fake_write(a.host, a.cmd.reg + KTLSNIC_RING_DOORBELL, 3);   /* the same */
    g_assert_cmphex(fake_ring_status(&a.cmd), ==, ENABLED);
    fake_write(a.host, a.cmd.reg + KTLSNIC_RING_DOORBELL, 2);
    assert_stopped(&a, &a.cmd, KTLSNIC_RING_BAD_DOORBELL);
    fake_settle(a.host);
    g_assert_cmphex(fake_read(a.host, a.cq.reg + KTLSNIC_RING_INDEX), ==, 0);
    fake_host_free(a.host);
}

/* Round the ring and round 2^32, with the phase that each entry must have. */
static void wrap(uint32_t start)
{
    struct admin a = admin_open(6);
    uint32_t index = start;

    fake_ring_jump(&a.cmd, KTLSNIC_RID_CMD, start);
    fake_ring_jump(&a.cq, KTLSNIC_RID_CMD_CQ, start);
    for (unsigned round = 0; round < 40; round++) {
        unsigned n = 1 + round % 60;

        for (unsigned i = 0; i < n; i++) {
            push_nop(&a, index + i);
        }
        fake_ring_doorbell(&a.cmd);
        fake_settle(a.host);
        for (unsigned i = 0; i < n; i++) {
            index++;
            assert_completed(&a, index - 1, index);
        }
        fake_ring_doorbell(&a.cq);
        g_assert_cmphex(fake_read(a.host, a.cmd.reg + KTLSNIC_RING_INDEX), ==,
                        index);
        g_assert_cmphex(fake_read(a.host, a.cq.reg + KTLSNIC_RING_INDEX), ==,
                        index);
    }
    assert_no_event(&a);
    fake_host_free(a.host);
}

static void test_wrap(void)
{
    wrap(0);
}

/* fake_ring_jump() leaves the memory zeroed, which is right for indices whose
 * first pass has phase 1. */
static void test_wrap_32_bit(void)
{
    wrap(0xffffff80);
}

static void test_full_ring(void)
{
    struct admin a = admin_open(6);

    for (unsigned i = 0; i < 64; i++) {
        push_nop(&a, i);
    }
    fake_ring_doorbell(&a.cmd);
    fake_settle(a.host);
    for (unsigned i = 0; i < 64; i++) {
        assert_completed(&a, i, i + 1);
    }
    assert_no_event(&a);

    /* The completion ring is full until its doorbell moves: nothing is taken
     * and nothing overwritten. */
    push_nop(&a, 64);
    push_nop(&a, 65);
    fake_ring_doorbell(&a.cmd);
    fake_settle(a.host);
    g_assert_cmpuint(fake_read(a.host, a.cmd.reg + KTLSNIC_RING_INDEX), ==, 64);
    g_assert_cmpuint(fake_read(a.host, a.cq.reg + KTLSNIC_RING_INDEX), ==, 64);
    fake_write(a.host, a.cq.reg + KTLSNIC_RING_DOORBELL, 1);
    fake_settle(a.host);
    g_assert_cmpuint(fake_read(a.host, a.cmd.reg + KTLSNIC_RING_INDEX), ==, 65);
    assert_completed(&a, 64, 65);
    fake_write(a.host, a.cq.reg + KTLSNIC_RING_DOORBELL, 64);
    fake_settle(a.host);
    assert_completed(&a, 65, 66);
    fake_host_free(a.host);
}

static void test_disable(void)
{
    struct admin a = admin_open(6);

    push_nop(&a, 1);
    fake_ring_doorbell(&a.cmd);
    fake_write(a.host, a.cmd.reg + KTLSNIC_RING_CTRL, 0);
    g_assert_cmphex(fake_ring_status(&a.cmd), ==, 0);
    fake_settle(a.host);
    g_assert_cmphex(fake_read(a.host, a.cq.reg + KTLSNIC_RING_INDEX), ==, 0);

    /* Again from 0. */
    fake_write(a.host, a.cmd.reg + KTLSNIC_RING_CTRL, 1);
    g_assert_cmphex(fake_read(a.host, a.cmd.reg + KTLSNIC_RING_DOORBELL), ==,
                    0);
    a.cmd.index = 0;
    push_nop(&a, 2);
    fake_ring_doorbell(&a.cmd);
    fake_settle(a.host);
    assert_completed(&a, 2, 1);

    /* The completion ring first: that stops the other. */
    fake_write(a.host, a.cq.reg + KTLSNIC_RING_CTRL, 0);
    g_assert_cmphex(fake_ring_status(&a.cq), ==, 0);
    assert_stopped(&a, &a.cmd, KTLSNIC_RING_BAD_SETUP);
    fake_host_free(a.host);
}

static void test_dma_fault(void)
{
    struct admin a = admin_open(6);

    /* A command that cannot be read. */
    try_setup(&a, a.cmd.reg, FAKE_UNMAPPED, 6);
    fake_write(a.host, a.cmd.reg + KTLSNIC_RING_DOORBELL, 1);
    fake_settle(a.host);
    assert_stopped(&a, &a.cmd, KTLSNIC_RING_DMA_FAULT);
    /* One whose address runs over the end of all. */
    try_setup(&a, a.cmd.reg, UINT64_MAX - 63, 6);
    fake_write(a.host, a.cmd.reg + KTLSNIC_RING_DOORBELL, 1);
    fake_settle(a.host);
    assert_stopped(&a, &a.cmd, KTLSNIC_RING_DMA_FAULT);

    /* A completion that cannot be written. */
    try_setup(&a, a.cq.reg, FAKE_UNMAPPED, 6);
    try_setup(&a, a.cmd.reg, a.cmd.base, 6);
    fake_write(a.host, a.cmd.reg + KTLSNIC_RING_DOORBELL, 1);
    fake_settle(a.host);
    assert_stopped(&a, &a.cq, KTLSNIC_RING_DMA_FAULT);
    assert_stopped(&a, &a.cmd, KTLSNIC_RING_BAD_SETUP);

    /* Bus mastering off: not even an event gets out. */
    try_setup(&a, a.cq.reg, a.cq.base, 6);
    try_setup(&a, a.cmd.reg, a.cmd.base, 6);
    a.host->bus_master = false;
    fake_write(a.host, a.cmd.reg + KTLSNIC_RING_DOORBELL, 1);
    fake_settle(a.host);
    g_assert_cmphex(fake_ring_status(&a.cmd), ==, ERROR(DMA_FAULT));
    g_assert_cmphex(fake_ring_status(&a.event), ==, ERROR(DMA_FAULT));
    fake_host_free(a.host);
}

/* More events than fit: the next one that does says how many. */
static void test_event_overflow(void)
{
    struct admin a = admin_open(6);
    struct ktlsnic_event event;

    for (unsigned i = 0; i < 64 + 10; i++) {
        ktlsnic_dev_set_link(a.host->dev, i % 2);
    }
    ktlsnic_dev_set_link(a.host->dev, 1);       /* no change, no event */
    g_assert_cmpuint(a.host->traced[KTLSNIC_TRACE_EVENT_LOST], ==, 10);
    for (unsigned i = 0; i < 64; i++) {
        g_assert_true(fake_pop(&a.event, &event));
        g_assert_cmpuint(GUINT16_FROM_LE(event.type), ==, KTLSNIC_EVENT_LINK);
        g_assert_cmpuint(event.source, ==, 0);
        g_assert_cmpuint(GUINT32_FROM_LE(event.data), ==, i % 2);
        g_assert_cmpuint(event.lost, ==, 0);
    }
    g_assert_false(fake_pop(&a.event, &event));
    fake_ring_doorbell(&a.event);
    g_assert_false(fake_pop(&a.event, &event));
    ktlsnic_dev_set_link(a.host->dev, 0);
    g_assert_true(fake_pop(&a.event, &event));
    g_assert_cmpuint(GUINT16_FROM_LE(event.lost), ==, 10);
    g_assert_cmpuint(GUINT32_FROM_LE(event.data), ==, 0);
    ktlsnic_dev_set_link(a.host->dev, 1);
    g_assert_true(fake_pop(&a.event, &event));
    g_assert_cmpuint(event.lost, ==, 0);
    fake_host_free(a.host);
}

/* `lost` stops at its greatest value; a disabled ring counts nothing. */
static void test_event_lost_saturates(void)
{
    struct admin a = admin_open(6);
    struct ktlsnic_event event;

    for (unsigned i = 0; i < 64 + 70000; i++) {
        ktlsnic_dev_set_link(a.host->dev, i % 2);
    }
    a.event.index = 64;
    fake_ring_doorbell(&a.event);
    ktlsnic_dev_set_link(a.host->dev, 0);
    g_assert_true(fake_pop(&a.event, &event));
    g_assert_cmpuint(GUINT16_FROM_LE(event.lost), ==, 65535);

    fake_write(a.host, a.event.reg + KTLSNIC_RING_CTRL, 0);
    ktlsnic_dev_set_link(a.host->dev, 1);
    fake_write(a.host, a.event.reg + KTLSNIC_RING_CTRL, 1);
    memset(fake_ptr(a.host, a.event.base), 0, 64 * sizeof(event));
    a.event.index = 0;
    ktlsnic_dev_set_link(a.host->dev, 0);
    g_assert_true(fake_pop(&a.event, &event));
    g_assert_cmpuint(event.lost, ==, 0);

    /* A reset forgets them, too. */
    for (unsigned i = 0; i < 100; i++) {
        ktlsnic_dev_set_link(a.host->dev, i % 2);
    }
    ktlsnic_dev_reset(a.host->dev);
    a.event = fake_ring_open(a.host, KTLSNIC_RING_EVENT, 6, sizeof(event));
    ktlsnic_dev_set_link(a.host->dev, 0);
    g_assert_true(fake_pop(&a.event, &event));
    g_assert_cmpuint(event.lost, ==, 0);
    fake_host_free(a.host);
}

/* The word with the phase comes alone, and after the rest of the entry. */
static unsigned writes_seen;

static void see_write(struct fake_host *host, uint64_t addr, size_t len)
{
    static uint64_t entry;

    (void)host;
    if (writes_seen++ % 2 == 0) {
        entry = addr;
        g_assert_cmpuint(len, ==, 12);
    } else {
        g_assert_cmphex(addr, ==, entry + 12);
        g_assert_cmpuint(len, ==, 4);
    }
}

static void test_phase_last(void)
{
    struct admin a = admin_open(6);

    a.host->in_dma = see_write;
    for (unsigned i = 0; i < 5; i++) {
        push_nop(&a, i);
    }
    fake_ring_doorbell(&a.cmd);
    fake_settle(a.host);
    g_assert_cmpuint(writes_seen, ==, 10);
    fake_host_free(a.host);
}

/* A restored state that no ring can be in is refused. */
static void test_restored(void)
{
    struct admin a = admin_open(6);
    struct ktlsnic_ring_state *s = ktlsnic_dev_state(a.host->dev)->ring;

    g_assert_true(ktlsnic_dev_restored(a.host->dev));
    s[KTLSNIC_RID_CMD].doorbell = 65;
    g_assert_false(ktlsnic_dev_restored(a.host->dev));
    s[KTLSNIC_RID_CMD].doorbell = 0;
    s[KTLSNIC_RID_CMD_CQ].doorbell = 1;
    g_assert_false(ktlsnic_dev_restored(a.host->dev));
    s[KTLSNIC_RID_CMD_CQ].doorbell = 0;
    s[KTLSNIC_RID_CMD_CQ].log2 = 40;
    g_assert_false(ktlsnic_dev_restored(a.host->dev));
    s[KTLSNIC_RID_CMD_CQ].log2 = 6;
    s[KTLSNIC_RID_CMD_CQ].enabled = false;
    g_assert_false(ktlsnic_dev_restored(a.host->dev));
    fake_host_free(a.host);
}

/* A restored state uses no ring or vector that this device has not got. */
static void test_restored_elsewhere(void)
{
    struct admin a = admin_open(6);
    struct ktlsnic_state *s = ktlsnic_dev_state(a.host->dev);
    unsigned queues = a.host->config.queues;
    struct ktlsnic_ring_state *ring =
        &s->ring[KTLSNIC_RID_QUEUES + 4 * queues];

    ring[-1] = (struct ktlsnic_ring_state) { .log2 = 6, .enabled = true };
    g_assert_true(ktlsnic_dev_restored(a.host->dev));
    ring[0] = (struct ktlsnic_ring_state) { .log2 = 6, .enabled = true };
    g_assert_false(ktlsnic_dev_restored(a.host->dev));
    ring[0] = (struct ktlsnic_ring_state) { .log2 = 40, .ctrl_enable = true };
    g_assert_false(ktlsnic_dev_restored(a.host->dev));
    ring[0] = (struct ktlsnic_ring_state) { 0 };
    s->vector[KTLSNIC_QUEUE_VECTOR(queues - 1)].armed = true;
    g_assert_true(ktlsnic_dev_restored(a.host->dev));
    s->vector[KTLSNIC_QUEUE_VECTOR(queues)].armed = true;
    g_assert_false(ktlsnic_dev_restored(a.host->dev));
    fake_host_free(a.host);
}

/* What was handed over before is done after. */
static void test_restored_goes_on(void)
{
    struct admin a = admin_open(6);
    struct ktlsnic_ring_state *s = ktlsnic_dev_state(a.host->dev)->ring;

    push_nop(&a, 9);
    s[KTLSNIC_RID_CMD].doorbell = 1;
    g_assert_true(ktlsnic_dev_restored(a.host->dev));
    fake_settle(a.host);
    assert_completed(&a, 9, 1);
    fake_host_free(a.host);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/device/rings/bad-setup", test_bad_setup);
    g_test_add_func("/device/rings/registers-while-enabled",
                    test_registers_while_enabled);
    g_test_add_func("/device/rings/bad-doorbell", test_bad_doorbell);
    g_test_add_func("/device/rings/doorbell-moves-back",
                    test_doorbell_moves_back);
    g_test_add_func("/device/rings/wrap", test_wrap);
    g_test_add_func("/device/rings/wrap-32-bit", test_wrap_32_bit);
    g_test_add_func("/device/rings/full", test_full_ring);
    g_test_add_func("/device/rings/disable", test_disable);
    g_test_add_func("/device/rings/dma-fault", test_dma_fault);
    g_test_add_func("/device/rings/phase-last", test_phase_last);
    g_test_add_func("/device/rings/restored", test_restored);
    g_test_add_func("/device/rings/restored-elsewhere",
                    test_restored_elsewhere);
    g_test_add_func("/device/rings/restored-goes-on", test_restored_goes_on);
    g_test_add_func("/device/events/overflow", test_event_overflow);
    g_test_add_func("/device/events/lost-saturates", test_event_lost_saturates);
    return g_test_run();
}
