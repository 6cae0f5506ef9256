/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands that take their time (config.cmd_latency). */
#include <string.h>

#include "fake_host.h"

#define USECS   1000                    /* the latency of most tests */
#define LATENCY (USECS * FAKE_USEC)     /* ns */
#define CTX     3

struct fixture {
    struct ktlsnic_fault fault;
    struct fake_host *host;
    struct fake_ring cmd, cq;
    uint16_t given;                     /* tag of the last command */
    uint16_t done;                      /* tag of the last completion */
};

/* The CMD ring has room for twice as many as its completion ring. */
static void open_rings(struct fixture *f)
{
    f->cq = fake_ring_open(f->host, KTLSNIC_RING_CMD_CQ, 6, 16);
    f->cmd = fake_ring_open(f->host, KTLSNIC_RING_CMD, 7, 128);
    f->done = f->given;
}

static void setup(struct fixture *f, uint32_t usecs)
{
    struct ktlsnic_config config = fake_usual_config;

    memset(f, 0, sizeof(*f));
    config.fault = &f->fault;
    config.cmd_latency = usecs;
    f->host = fake_host_new(&config);
    open_rings(f);
}

/* Hands over so many commands at once. */
static void give(struct fixture *f, uint16_t op, unsigned count)
{
    struct ktlsnic_cmd cmd = { .op = GUINT16_TO_LE(op) };

    if (op == KTLSNIC_CMD_TLS_TX_ADD) {
        cmd.body.tls_add.tls_ctx = GUINT32_TO_LE(CTX);
        cmd.body.tls_add.cipher = KTLSNIC_CIPHER_AES_GCM_128;
        memset(cmd.body.tls_add.key, 0x55, 16);
    } else if (op == KTLSNIC_CMD_TLS_TX_DEL) {
        cmd.body.tls_ctx.tls_ctx = GUINT32_TO_LE(CTX);
    }
    for (unsigned i = 0; i < count; i++) {
        cmd.tag = GUINT16_TO_LE(++f->given);
        fake_push(&f->cmd, &cmd);
    }
    fake_ring_doorbell(&f->cmd);
    fake_settle(f->host);
}

/* Just these are completed now and no other: the next ones, in order, the last
 * one with this status. The driver makes room for more. */
static void assert_done(struct fixture *f, unsigned count, unsigned status)
{
    struct ktlsnic_cmd_cpl cpl;

    for (unsigned i = 0; i < count; i++) {
        g_assert_true(fake_pop(&f->cq, &cpl));
        g_assert_cmpuint(GUINT16_FROM_LE(cpl.tag), ==, ++f->done);
        g_assert_cmpuint(GUINT32_FROM_LE(cpl.index), ==, f->cq.index);
    }
    g_assert_false(fake_pop(&f->cq, &cpl));
    if (count) {
        g_assert_cmpuint(GUINT16_FROM_LE(cpl.status), ==, status);
        fake_ring_doorbell(&f->cq);
        fake_settle(f->host);
    }
    g_assert_cmpuint(fake_read(f->host, f->cmd.reg + KTLSNIC_RING_INDEX), ==,
                     f->cq.index);
}

static void assert_done_ok(struct fixture *f, unsigned count)
{
    assert_done(f, count, KTLSNIC_CMD_OK);
}

static unsigned live(struct fixture *f)
{
    return fake_read(f->host, KTLSNIC_REG_TLS_TX_LIVE);
}

static unsigned ring_status(struct fixture *f)
{
    return fake_ring_status(&f->cmd);
}

/* Until its time is over nothing of a command shows, nor of its interrupt. */
static void test_one(void)
{
    struct fixture f;
    const uint64_t *delayed;

    setup(&f, USECS);
    delayed = f.host->trace_args[KTLSNIC_TRACE_COMMANDS_DELAYED];
    fake_write(f.host, KTLSNIC_REG_IVEC_ARM(KTLSNIC_ADMIN_VECTOR), 1);
    give(&f, KTLSNIC_CMD_TLS_TX_ADD, 1);
    g_assert_cmpuint(f.host->traced[KTLSNIC_TRACE_COMMANDS_DELAYED], ==, 1);
    g_assert_cmpuint(delayed[0], ==, 0);
    g_assert_cmpuint(delayed[1], ==, 1);
    g_assert_cmpuint(delayed[2], ==, USECS);
    fake_sleep(f.host, LATENCY - 1);
    ktlsnic_dev_run(f.host->dev);           /* too early, for whatever reason */
    assert_done_ok(&f, 0);
    g_assert_cmpuint(live(&f), ==, 0);
    g_assert_cmpuint(f.host->tls_live, ==, 0);
    g_assert_cmpuint(f.host->interrupts[KTLSNIC_ADMIN_VECTOR], ==, 0);
    fake_sleep(f.host, 1);
    g_assert_cmpuint(f.host->interrupts[KTLSNIC_ADMIN_VECTOR], ==, 1);
    assert_done_ok(&f, 1);
    g_assert_cmpuint(live(&f), ==, 1);
    fake_host_free(f.host);
}

/* Many take no longer than one, and those that come later end as much later.
 * More than one run does are due at the same time. */
static void test_overlap(void)
{
    struct fixture f;

    setup(&f, USECS);
    give(&f, KTLSNIC_CMD_NOP, 40);
    fake_sleep(f.host, LATENCY / 2);
    give(&f, KTLSNIC_CMD_NOP, 20);
    g_assert_cmpuint(f.host->trace_args[KTLSNIC_TRACE_COMMANDS_DELAYED][0], ==,
                     40);
    g_assert_cmpuint(f.host->trace_args[KTLSNIC_TRACE_COMMANDS_DELAYED][1], ==,
                     20);
    fake_sleep(f.host, LATENCY / 2 - 1);
    assert_done_ok(&f, 0);
    fake_sleep(f.host, 1);
    assert_done_ok(&f, 40);
    fake_sleep(f.host, LATENCY / 2 - 1);
    assert_done_ok(&f, 0);
    fake_sleep(f.host, 1);
    assert_done_ok(&f, 20);
    fake_host_free(f.host);
}

/* Each meets what those before it have left, one after the other. */
static void test_order(void)
{
    static const struct {
        enum ktlsnic_cmd_op op;
        enum ktlsnic_cmd_status status;
    } commands[] = {
        { KTLSNIC_CMD_TLS_TX_DEL, KTLSNIC_CMD_NO_CONTEXT },
        { KTLSNIC_CMD_TLS_TX_ADD, KTLSNIC_CMD_OK },
        { KTLSNIC_CMD_TLS_TX_ADD, KTLSNIC_CMD_IN_USE },
        { KTLSNIC_CMD_TLS_TX_DEL, KTLSNIC_CMD_OK },
        { KTLSNIC_CMD_TLS_TX_ADD, KTLSNIC_CMD_OK },
    };
    unsigned count = G_N_ELEMENTS(commands);
    int64_t apart = LATENCY / count / 2;
    struct fixture f;

    setup(&f, USECS);
    for (unsigned i = 0; i < count; i++) {
        give(&f, commands[i].op, 1);
        fake_sleep(f.host, apart);
    }
    assert_done_ok(&f, 0);
    fake_sleep(f.host, LATENCY - count * apart);
    for (unsigned i = 0; i < count; i++) {
        assert_done(&f, 1, commands[i].status);
        fake_sleep(f.host, apart);
    }
    g_assert_cmpuint(live(&f), ==, 1);
    fake_host_free(f.host);
}

/* Without latency the clock has no part in it. */
static void test_none(void)
{
    struct fixture f;

    setup(&f, 0);
    give(&f, KTLSNIC_CMD_TLS_TX_ADD, 1);
    assert_done_ok(&f, 1);
    give(&f, KTLSNIC_CMD_NOP, 60);
    assert_done_ok(&f, 60);
    g_assert_cmpuint(f.host->wake_at, ==, 0);
    g_assert_cmpuint(f.host->traced[KTLSNIC_TRACE_COMMANDS_DELAYED], ==, 0);
    fake_host_free(f.host);
}

/* What is under way keeps its time, and nothing overtakes it. */
static void test_changed(void)
{
    struct fixture f;

    setup(&f, USECS);
    give(&f, KTLSNIC_CMD_TLS_TX_ADD, 1);
    g_assert_true(ktlsnic_dev_set_cmd_latency(f.host->dev, 0));
    fake_sleep(f.host, LATENCY / 2);
    give(&f, KTLSNIC_CMD_TLS_TX_DEL, 1);
    g_assert_true(ktlsnic_dev_set_cmd_latency(f.host->dev, 10 * USECS));
    give(&f, KTLSNIC_CMD_TLS_TX_ADD, 1);
    fake_sleep(f.host, LATENCY / 2 - 1);
    assert_done_ok(&f, 0);
    fake_sleep(f.host, 1);
    assert_done_ok(&f, 2);                  /* both, the second one at once */
    g_assert_cmpuint(live(&f), ==, 0);
    fake_sleep(f.host, 9 * LATENCY + LATENCY / 2 - 1);
    assert_done_ok(&f, 0);
    fake_sleep(f.host, 1);
    assert_done_ok(&f, 1);
    g_assert_cmpuint(live(&f), ==, 1);
    fake_host_free(f.host);
}

static void test_range(void)
{
    struct ktlsnic_config config = fake_usual_config;
    struct ktlsnic_host_ops none = { 0 };
    struct fixture f;

    config.cmd_latency = KTLSNIC_CMD_LATENCY_MAX + 1;
    g_assert_null(ktlsnic_dev_new(&config, &none, NULL));

    setup(&f, KTLSNIC_CMD_LATENCY_MAX);
    g_assert_false(ktlsnic_dev_set_cmd_latency(f.host->dev,
                                               config.cmd_latency));
    g_assert_false(ktlsnic_dev_set_cmd_latency(f.host->dev, UINT32_MAX));
    give(&f, KTLSNIC_CMD_NOP, 1);
    fake_sleep(f.host, (int64_t)KTLSNIC_CMD_LATENCY_MAX * FAKE_USEC - 1);
    assert_done_ok(&f, 0);
    fake_sleep(f.host, 1);
    assert_done_ok(&f, 1);
    fake_host_free(f.host);
}

static void reset_by_register(struct fixture *f)
{
    fake_write(f->host, KTLSNIC_REG_CTRL, KTLSNIC_CTRL_RESET);
}

static void reset_of_function(struct fixture *f)
{
    ktlsnic_dev_reset(f->host->dev);
}

static void disable(struct fixture *f)
{
    fake_write(f->host, f->cmd.reg + KTLSNIC_RING_CTRL, 0);
    g_assert_cmpuint(ring_status(f), ==, 0);
    fake_write(f->host, f->cq.reg + KTLSNIC_RING_CTRL, 0);
}

/* The completion ring goes first, and takes the other one with it. */
static void disable_cq(struct fixture *f)
{
    fake_write(f->host, f->cq.reg + KTLSNIC_RING_CTRL, 0);
    g_assert_cmpuint(ring_status(f), ==, KTLSNIC_RING_BAD_SETUP << 8);
    fake_write(f->host, f->cmd.reg + KTLSNIC_RING_CTRL, 0);
}

static void bad_doorbell(struct fixture *f)
{
    f->cmd.index--;
    fake_ring_doorbell(&f->cmd);
    g_assert_cmpuint(ring_status(f), ==, KTLSNIC_RING_BAD_DOORBELL << 8);
    disable(f);
}

/* Commands under way are dropped: memory is the driver's again, and what is
 * given later takes its own time. */
static void check_dropped(void (*drop)(struct fixture *f))
{
    struct fixture f;
    uint8_t mine[1024], *cq_memory;

    setup(&f, USECS);
    cq_memory = fake_ptr(f.host, f.cq.base);
    fake_write(f.host, KTLSNIC_REG_IVEC_ARM(KTLSNIC_ADMIN_VECTOR), 1);
    give(&f, KTLSNIC_CMD_NOP, 1);
    give(&f, KTLSNIC_CMD_TLS_TX_ADD, 1);
    fake_sleep(f.host, LATENCY / 4);
    drop(&f);
    fake_settle(f.host);
    memset(mine, 0xa5, sizeof(mine));
    memcpy(cq_memory, mine, sizeof(mine));
    open_rings(&f);
    fake_sleep(f.host, LATENCY / 4);
    give(&f, KTLSNIC_CMD_NOP, 3);
    fake_sleep(f.host, LATENCY - 1);
    assert_done_ok(&f, 0);
    g_assert_cmpuint(live(&f), ==, 0);
    g_assert_cmpuint(f.host->interrupts[KTLSNIC_ADMIN_VECTOR], ==, 0);
    g_assert_cmpmem(cq_memory, sizeof(mine), mine, sizeof(mine));
    fake_sleep(f.host, 1);
    assert_done_ok(&f, 3);
    g_assert_cmpmem(cq_memory, sizeof(mine), mine, sizeof(mine));
    fake_host_free(f.host);
}

static void test_reset(void)
{
    check_dropped(reset_by_register);
    check_dropped(reset_of_function);
}

static void test_ring_stopped(void)
{
    check_dropped(disable);
    check_dropped(disable_cq);
    check_dropped(bad_doorbell);
}

/* Commands that cannot be read when they are due: the ring stops once, not for
 * each of them. */
static void test_dma_fault(void)
{
    struct fixture f;

    setup(&f, USECS);
    give(&f, KTLSNIC_CMD_NOP, 3);
    f.host->bus_master = false;
    fake_sleep(f.host, LATENCY - 1);
    g_assert_cmpuint(ring_status(&f), ==, KTLSNIC_RING_STATUS_ENABLED);
    fake_sleep(f.host, LATENCY);
    g_assert_cmpuint(ring_status(&f), ==, KTLSNIC_RING_DMA_FAULT << 8);
    g_assert_cmpuint(f.host->traced[KTLSNIC_TRACE_RING_ERROR], ==, 1);
    f.host->bus_master = true;
    assert_done_ok(&f, 0);
    fake_host_free(f.host);
}

/* No more are under way than their completion ring has room for; the others'
 * time begins when there is room. */
static void test_full_cq(void)
{
    struct ktlsnic_cmd_cpl cpl;
    struct fixture f;

    setup(&f, USECS);
    give(&f, KTLSNIC_CMD_NOP, 100);
    fake_sleep(f.host, 3 * LATENCY);
    g_assert_cmpuint(fake_read(f.host, f.cq.reg + KTLSNIC_RING_INDEX), ==, 64);
    for (unsigned i = 0; i < 10; i++) {
        g_assert_true(fake_pop(&f.cq, &cpl));
        g_assert_cmpuint(GUINT16_FROM_LE(cpl.tag), ==, ++f.done);
    }
    fake_ring_doorbell(&f.cq);
    fake_settle(f.host);
    fake_sleep(f.host, LATENCY - 1);
    g_assert_cmpuint(fake_read(f.host, f.cq.reg + KTLSNIC_RING_INDEX), ==, 64);
    fake_sleep(f.host, 1);
    g_assert_cmpuint(fake_read(f.host, f.cq.reg + KTLSNIC_RING_INDEX), ==, 74);
    assert_done_ok(&f, 64);
    fake_sleep(f.host, LATENCY);
    assert_done_ok(&f, 26);
    g_assert_cmpuint(ring_status(&f), ==, KTLSNIC_RING_STATUS_ENABLED);
    fake_host_free(f.host);
}

/* Those before the one that hangs are completed, those after it are not. */
static void test_hang(void)
{
    struct fixture f;

    setup(&f, USECS);
    f.fault = (struct ktlsnic_fault) {
        .op = KTLSNIC_CMD_TLS_TX_ADD,
        .status = KTLSNIC_FAULT_HANG,
        .count = 1,
    };
    give(&f, KTLSNIC_CMD_NOP, 2);
    give(&f, KTLSNIC_CMD_TLS_TX_ADD, 1);
    give(&f, KTLSNIC_CMD_NOP, 2);
    fake_sleep(f.host, LATENCY - 1);
    g_assert_cmpuint(f.fault.count, ==, 1); /* it is not done yet */
    fake_sleep(f.host, 1);
    assert_done_ok(&f, 2);
    g_assert_cmpuint(f.fault.count, ==, 0);
    give(&f, KTLSNIC_CMD_NOP, 1);           /* nor is it taken any more */
    g_assert_cmpuint(f.host->traced[KTLSNIC_TRACE_COMMANDS_DELAYED], ==, 3);
    fake_sleep(f.host, 10 * LATENCY);
    assert_done_ok(&f, 0);
    g_assert_cmpuint(f.host->wake_at, ==, 0);
    reset_by_register(&f);
    open_rings(&f);
    give(&f, KTLSNIC_CMD_TLS_TX_ADD, 1);
    fake_sleep(f.host, LATENCY);
    assert_done_ok(&f, 1);
    g_assert_cmpuint(live(&f), ==, 1);
    fake_host_free(f.host);
}

/* A command that is refused because the host wants it takes as long. */
static void test_fault_status(void)
{
    struct fixture f;

    setup(&f, USECS);
    f.fault = (struct ktlsnic_fault) {
        .op = KTLSNIC_CMD_TLS_TX_ADD,
        .status = KTLSNIC_CMD_BAD_PARAM,
        .count = 1,
    };
    give(&f, KTLSNIC_CMD_TLS_TX_ADD, 1);
    fake_sleep(f.host, LATENCY - 1);
    assert_done_ok(&f, 0);
    fake_sleep(f.host, 1);
    assert_done(&f, 1, KTLSNIC_CMD_BAD_PARAM);
    g_assert_cmpuint(live(&f), ==, 0);
    fake_host_free(f.host);
}

/* The host keeps one time for the device. A message that ITR holds back and a
 * command that is under way do not lose theirs to each other. */
static void check_with_itr(unsigned itr, unsigned usecs)
{
    unsigned sooner = MIN(itr, usecs), later = MAX(itr, usecs);
    unsigned *count;
    struct fixture f;

    setup(&f, 0);
    count = &f.host->interrupts[KTLSNIC_ADMIN_VECTOR];
    fake_ring_open(f.host, KTLSNIC_RING_EVENT, 6, 16);
    fake_write(f.host, KTLSNIC_REG_IVEC_ITR(KTLSNIC_ADMIN_VECTOR), itr);
    for (unsigned up = 0; up < 2; up++) {
        fake_write(f.host, KTLSNIC_REG_IVEC_ARM(KTLSNIC_ADMIN_VECTOR), 1);
        ktlsnic_dev_set_link(f.host->dev, up);
    }
    g_assert_true(ktlsnic_dev_set_cmd_latency(f.host->dev, usecs));
    give(&f, KTLSNIC_CMD_NOP, 1);
    fake_sleep(f.host, sooner * FAKE_USEC - 1);
    g_assert_cmpuint(*count, ==, 1);
    assert_done_ok(&f, 0);
    fake_sleep(f.host, 1);
    g_assert_cmpuint(*count, ==, itr == sooner ? 2 : 1);
    assert_done_ok(&f, usecs == sooner ? 1 : 0);
    fake_sleep(f.host, (later - sooner) * FAKE_USEC);
    g_assert_cmpuint(*count, ==, 2);
    assert_done_ok(&f, usecs == later ? 1 : 0);
    fake_host_free(f.host);
}

static void test_with_itr(void)
{
    check_with_itr(300, 100);
    check_with_itr(100, 300);
}

/* What is under way when the state is saved is in the ring, not done: where the
 * state is restored its time begins anew. */
static void test_restored(void)
{
    struct fixture f;

    setup(&f, USECS);
    give(&f, KTLSNIC_CMD_NOP, 5);
    fake_sleep(f.host, LATENCY / 2);
    g_assert_true(ktlsnic_dev_restored(f.host->dev));
    fake_settle(f.host);
    fake_sleep(f.host, LATENCY - 1);
    assert_done_ok(&f, 0);
    fake_sleep(f.host, 1);
    assert_done_ok(&f, 5);
    fake_host_free(f.host);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/device/cmd-latency/one", test_one);
    g_test_add_func("/device/cmd-latency/overlap", test_overlap);
    g_test_add_func("/device/cmd-latency/order", test_order);
    g_test_add_func("/device/cmd-latency/none", test_none);
    g_test_add_func("/device/cmd-latency/changed", test_changed);
    g_test_add_func("/device/cmd-latency/range", test_range);
    g_test_add_func("/device/cmd-latency/reset", test_reset);
    g_test_add_func("/device/cmd-latency/ring-stopped", test_ring_stopped);
    g_test_add_func("/device/cmd-latency/dma-fault", test_dma_fault);
    g_test_add_func("/device/cmd-latency/full-cq", test_full_cq);
    g_test_add_func("/device/cmd-latency/hang", test_hang);
    g_test_add_func("/device/cmd-latency/fault-status", test_fault_status);
    g_test_add_func("/device/cmd-latency/with-itr", test_with_itr);
    g_test_add_func("/device/cmd-latency/restored", test_restored);
    return g_test_run();
}
