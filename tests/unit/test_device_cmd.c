/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands (SPEC 11) and the life of TX contexts. */
#include <string.h>

#include "fake_host.h"

struct fixture {
    struct fake_host *host;
    struct fake_ring cmd, cq;
    uint16_t tag;
};

static void open_rings(struct fixture *f)
{
    f->cq = fake_ring_open(f->host, KTLSNIC_RING_CMD_CQ, 6, 16);
    f->cmd = fake_ring_open(f->host, KTLSNIC_RING_CMD, 6, 128);
}

static struct fixture setup(void)
{
    struct fixture f = { .host = fake_host_new(NULL), .tag = 0xfff0 };

    open_rings(&f);
    return f;
}

static struct fixture setup_with_fault(struct ktlsnic_fault *fault)
{
    struct ktlsnic_config config = {
        .queues = 1,
        .tls_tx_contexts = 4,
        .tls_tx_ciphers = { 0xf, 0 },
        .fault = fault,
    };
    struct fixture f = { .host = fake_host_new(&config) };

    open_rings(&f);
    return f;
}

/* Does one command; returns its status. */
static unsigned command(struct fixture *f, uint16_t op,
                        const struct ktlsnic_cmd *body)
{
    struct ktlsnic_cmd cmd = *body;
    struct ktlsnic_cmd_cpl cpl;

    cmd.op = GUINT16_TO_LE(op);
    cmd.tag = GUINT16_TO_LE(++f->tag);
    fake_push(&f->cmd, &cmd);
    fake_ring_doorbell(&f->cmd);
    fake_settle(f->host);
    g_assert_true(fake_pop(&f->cq, &cpl));
    fake_ring_doorbell(&f->cq);
    g_assert_cmpuint(GUINT16_FROM_LE(cpl.tag), ==, f->tag);
    g_assert_cmpuint(GUINT32_FROM_LE(cpl.index), ==, f->cmd.index);
    g_assert_cmpuint(cpl.value | cpl.reserved, ==, 0);
    g_assert_cmpuint(GUINT16_FROM_LE(cpl.flags) & ~1, ==, 0);
    return GUINT16_FROM_LE(cpl.status);
}

static struct ktlsnic_cmd add_body(uint32_t ctx,
                                   enum ktlsnic_tls_cipher cipher)
{
    struct ktlsnic_cmd cmd = { 0 };

    cmd.body.tls_add.tls_ctx = GUINT32_TO_LE(ctx);
    cmd.body.tls_add.cipher = cipher;
    memset(cmd.body.tls_add.iv, 0x44, sizeof(cmd.body.tls_add.iv));
    memset(cmd.body.tls_add.key, 0x55,
           cipher == KTLSNIC_CIPHER_AES_GCM_256 ? 32 : 16);
    return cmd;
}

static unsigned add(struct fixture *f, uint32_t ctx)
{
    struct ktlsnic_cmd body = add_body(ctx, KTLSNIC_CIPHER_AES_GCM_128);

    return command(f, KTLSNIC_CMD_TLS_TX_ADD, &body);
}

static unsigned del(struct fixture *f, uint32_t ctx)
{
    struct ktlsnic_cmd body = { 0 };

    body.body.tls_ctx.tls_ctx = GUINT32_TO_LE(ctx);
    return command(f, KTLSNIC_CMD_TLS_TX_DEL, &body);
}

static unsigned live(struct fixture *f)
{
    return fake_read(f->host, KTLSNIC_REG_TLS_TX_LIVE);
}

static void test_nop(void)
{
    struct fixture f = setup();
    struct ktlsnic_cmd body = { 0 };

    g_assert_cmpuint(command(&f, 0, &body), ==, KTLSNIC_CMD_OK);
    g_assert_cmpuint(command(&f, 8, &body), ==, KTLSNIC_CMD_BAD_OP);
    g_assert_cmpuint(command(&f, 0xffff, &body), ==, KTLSNIC_CMD_BAD_OP);
    body.reserved = 1;
    g_assert_cmpuint(command(&f, 0, &body), ==, KTLSNIC_CMD_BAD_PARAM);
    body.reserved = 0;
    body.body.bytes[119] = 1;
    g_assert_cmpuint(command(&f, 0, &body), ==, KTLSNIC_CMD_BAD_PARAM);
    fake_host_free(f.host);
}

static void test_add_del(void)
{
    struct fixture f = setup();

    g_assert_cmpuint(add(&f, 0), ==, KTLSNIC_CMD_OK);
    g_assert_cmpuint(f.host->tls_live, ==, 1);
    g_assert_cmpuint(add(&f, 15), ==, KTLSNIC_CMD_OK);
    g_assert_cmpuint(live(&f), ==, 2);
    g_assert_cmpuint(add(&f, 15), ==, KTLSNIC_CMD_IN_USE);
    g_assert_cmpuint(add(&f, 16), ==, KTLSNIC_CMD_BAD_PARAM);
    g_assert_cmpuint(add(&f, 0xffffffff), ==, KTLSNIC_CMD_BAD_PARAM);
    g_assert_cmpuint(del(&f, 1), ==, KTLSNIC_CMD_NO_CONTEXT);
    g_assert_cmpuint(del(&f, 16), ==, KTLSNIC_CMD_BAD_PARAM);
    g_assert_cmpuint(live(&f), ==, 2);
    g_assert_cmpuint(del(&f, 0), ==, KTLSNIC_CMD_OK);
    g_assert_cmpuint(del(&f, 0), ==, KTLSNIC_CMD_NO_CONTEXT);
    g_assert_cmpuint(f.host->tls_live, ==, 1);
    g_assert_cmpuint(ktlsnic_dev_tls_live(f.host->dev), ==, 1);
    g_assert_cmpuint(del(&f, 15), ==, KTLSNIC_CMD_OK);
    g_assert_cmpuint(f.host->tls_live, ==, 0);
    g_assert_cmpuint(live(&f), ==, 0);
    g_assert_cmpuint(fake_stat(f.host, KTLSNIC_STAT_TLS_TX_ADDED), ==, 2);
    g_assert_cmpuint(fake_stat(f.host, KTLSNIC_STAT_TLS_TX_DELETED), ==, 2);
    fake_host_free(f.host);
}

/* Every byte that is reserved, and every one after the body, must be 0. */
static void test_reserved(void)
{
    struct fixture f = setup();
    struct ktlsnic_cmd body;
    size_t iv_end = offsetof(struct ktlsnic_cmd_tls_add, reserved3);

    for (unsigned i = 0; i < sizeof(body.body); i++) {
        bool reserved = (i >= 6 && i < 8) || (i >= 12 && i < 16) ||
                        (i >= iv_end && i < iv_end + 4) || i >= 40 + 16;

        if (reserved) {
            body = add_body(0, KTLSNIC_CIPHER_AES_GCM_128);
            body.body.bytes[i] = 0x80;
            g_assert_cmpuint(command(&f, KTLSNIC_CMD_TLS_TX_ADD, &body), ==,
                             KTLSNIC_CMD_BAD_PARAM);
        }
    }
    for (unsigned i = 4; i < sizeof(body.body); i++) {
        memset(&body, 0, sizeof(body));
        body.body.bytes[i] = 1;
        g_assert_cmpuint(command(&f, KTLSNIC_CMD_TLS_TX_DEL, &body), ==,
                         KTLSNIC_CMD_BAD_PARAM);
    }
    g_assert_cmpuint(live(&f), ==, 0);
    /* With a long key nothing of the field is unused. */
    body = add_body(0, KTLSNIC_CIPHER_AES_GCM_256);
    g_assert_cmpuint(command(&f, KTLSNIC_CMD_TLS_TX_ADD, &body), ==,
                     KTLSNIC_CMD_OK);
    fake_host_free(f.host);
}

static void test_unsupported(void)
{
    struct ktlsnic_config config = {
        .queues = 1,
        .tls_tx_contexts = 4,
        .tls_tx_ciphers = { 1u << KTLSNIC_CIPHER_AES_GCM_256, 0 },
    };
    struct fixture f = { .host = fake_host_new(&config) };
    struct ktlsnic_cmd body;

    open_rings(&f);
    for (unsigned version = 0; version < 256; version++) {
        for (unsigned cipher = 0; cipher < 256; cipher++) {
            bool offered = version == 0 && cipher == 1;

            body = add_body(1, KTLSNIC_CIPHER_AES_GCM_256);
            body.body.tls_add.version = version;
            body.body.tls_add.cipher = cipher;
            g_assert_cmpuint(command(&f, KTLSNIC_CMD_TLS_TX_ADD, &body), ==,
                             offered ? KTLSNIC_CMD_OK
                                     : KTLSNIC_CMD_UNSUPPORTED);
        }
        if (!version) {
            g_assert_cmpuint(del(&f, 1), ==, KTLSNIC_CMD_OK);
        }
    }
    fake_host_free(f.host);

    config.tls_tx_contexts = 0;
    f = (struct fixture) { .host = fake_host_new(&config) };
    open_rings(&f);
    g_assert_cmpuint(add(&f, 0), ==, KTLSNIC_CMD_BAD_PARAM);
    fake_host_free(f.host);
}

static void test_resync_errors(void)
{
    struct fixture f = setup();
    struct ktlsnic_cmd body = { 0 };

    body.body.tls_resync.tls_ctx = GUINT32_TO_LE(16);
    g_assert_cmpuint(command(&f, KTLSNIC_CMD_TLS_TX_RESYNC, &body), ==,
                     KTLSNIC_CMD_BAD_PARAM);
    body.body.tls_resync.tls_ctx = GUINT32_TO_LE(15);
    g_assert_cmpuint(command(&f, KTLSNIC_CMD_TLS_TX_RESYNC, &body), ==,
                     KTLSNIC_CMD_NO_CONTEXT);
    g_assert_cmpuint(add(&f, 15), ==, KTLSNIC_CMD_OK);
    g_assert_cmpuint(command(&f, KTLSNIC_CMD_TLS_TX_RESYNC, &body), ==,
                     KTLSNIC_CMD_OK);
    body.body.bytes[sizeof(body.body.tls_resync)] = 1;
    g_assert_cmpuint(command(&f, KTLSNIC_CMD_TLS_TX_RESYNC, &body), ==,
                     KTLSNIC_CMD_BAD_PARAM);
    fake_host_free(f.host);
}

/* Injected: as many commands of that kind as were asked for are not done, and
 * answered as was asked for. */
static void test_fault_status(void)
{
    struct ktlsnic_fault fault = {
        .op = KTLSNIC_CMD_TLS_TX_ADD,
        .status = KTLSNIC_CMD_BAD_PARAM,
        .count = 2,
    };
    struct fixture f = setup_with_fault(&fault);
    struct ktlsnic_cmd nop = { 0 };

    g_assert_cmpuint(command(&f, KTLSNIC_CMD_NOP, &nop), ==, KTLSNIC_CMD_OK);
    g_assert_cmpuint(add(&f, 0), ==, KTLSNIC_CMD_BAD_PARAM);
    g_assert_cmpuint(add(&f, 0), ==, KTLSNIC_CMD_BAD_PARAM);
    g_assert_cmpuint(live(&f), ==, 0);
    g_assert_cmpuint(add(&f, 0), ==, KTLSNIC_CMD_OK);
    g_assert_cmpuint(fault.count, ==, 0);
    fake_host_free(f.host);
}

/* Injected: the device does no command any more, until it is reset. */
static void test_fault_hang(void)
{
    struct ktlsnic_fault fault = {
        .op = KTLSNIC_CMD_TLS_TX_DEL,
        .status = KTLSNIC_FAULT_HANG,
        .count = 1,
    };
    struct fixture f = setup_with_fault(&fault);
    struct ktlsnic_cmd cmd = { 0 };
    struct ktlsnic_cmd_cpl cpl;

    g_assert_cmpuint(add(&f, 0), ==, KTLSNIC_CMD_OK);
    cmd.op = GUINT16_TO_LE(KTLSNIC_CMD_TLS_TX_DEL);
    fake_push(&f.cmd, &cmd);
    cmd.op = GUINT16_TO_LE(KTLSNIC_CMD_NOP);
    fake_push(&f.cmd, &cmd);
    fake_ring_doorbell(&f.cmd);
    fake_settle(f.host);
    g_assert_false(fake_pop(&f.cq, &cpl));
    g_assert_cmpuint(live(&f), ==, 1);
    g_assert_cmpuint(fault.count, ==, 0);
    fake_write(f.host, KTLSNIC_REG_CTRL, KTLSNIC_CTRL_RESET);
    open_rings(&f);
    g_assert_cmpuint(del(&f, 0), ==, KTLSNIC_CMD_NO_CONTEXT);
    fake_host_free(f.host);
}

static void test_reset_deletes(void)
{
    struct fixture f = setup();

    for (unsigned i = 0; i < 16; i += 3) {
        g_assert_cmpuint(add(&f, i), ==, KTLSNIC_CMD_OK);
    }
    fake_write(f.host, KTLSNIC_REG_CTRL, KTLSNIC_CTRL_RESET);
    g_assert_cmpuint(live(&f), ==, 0);
    g_assert_cmpuint(f.host->tls_live, ==, 0);
    g_assert_cmpuint(fake_stat(f.host, KTLSNIC_STAT_TLS_TX_ADDED), ==, 6);
    g_assert_cmpuint(fake_stat(f.host, KTLSNIC_STAT_TLS_TX_DELETED), ==, 6);
    open_rings(&f);
    g_assert_cmpuint(del(&f, 0), ==, KTLSNIC_CMD_NO_CONTEXT);
    g_assert_cmpuint(add(&f, 0), ==, KTLSNIC_CMD_OK);
    /* Freed with a context in use: nothing leaks. */
    fake_host_free(f.host);
}

/* More commands than one run does, with a completion each, in order. */
static void test_many(void)
{
    struct fixture f = setup();

    for (unsigned i = 0; i < 60; i++) {
        struct ktlsnic_cmd cmd = { .tag = GUINT16_TO_LE(1000 + i) };

        fake_push(&f.cmd, &cmd);
    }
    fake_ring_doorbell(&f.cmd);
    fake_settle(f.host);
    for (unsigned i = 0; i < 60; i++) {
        struct ktlsnic_cmd_cpl cpl;

        g_assert_true(fake_pop(&f.cq, &cpl));
        g_assert_cmpuint(GUINT16_FROM_LE(cpl.tag), ==, 1000 + i);
        g_assert_cmpuint(GUINT32_FROM_LE(cpl.index), ==, i + 1);
    }
    fake_host_free(f.host);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/device/cmd/nop", test_nop);
    g_test_add_func("/device/cmd/add-del", test_add_del);
    g_test_add_func("/device/cmd/reserved", test_reserved);
    g_test_add_func("/device/cmd/unsupported", test_unsupported);
    g_test_add_func("/device/cmd/resync-errors", test_resync_errors);
    g_test_add_func("/device/cmd/fault-status", test_fault_status);
    g_test_add_func("/device/cmd/fault-hang", test_fault_hang);
    g_test_add_func("/device/cmd/reset-deletes", test_reset_deletes);
    g_test_add_func("/device/cmd/many", test_many);
    return g_test_run();
}
