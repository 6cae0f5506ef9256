/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands on RX contexts (SPEC 11.4 to 11.6), and their life. */
#include <string.h>

#include "conn.h"
#include "wiped.h"

#define ADD     KTLSNIC_CMD_TLS_RX_ADD
#define DEL     KTLSNIC_CMD_TLS_RX_DEL
#define RESYNC  KTLSNIC_CMD_TLS_RX_RESYNC
#define QUERY   KTLSNIC_CMD_TLS_RX_QUERY

static const size_t lengths[] = { 100, 200 };

static void setup(struct conn *t, unsigned ip_version)
{
    conn_open(t, KTLSNIC_TLS_RX_ASYNC, ip_version, 77, 3, lengths,
              G_N_ELEMENTS(lengths));
    g_assert_cmpuint(conn_on_ctx(t, DEL, CONN_CONTEXT), ==, KTLSNIC_CMD_OK);
    t->want[KTLSNIC_STAT_TLS_RX_DELETED] = 1;
}

static unsigned live(struct conn *t)
{
    return fake_read(t->h.host, KTLSNIC_REG_TLS_RX_LIVE);
}

/* A command that must fail, and a context that it must not have made. */
static void refused(struct conn *t, const struct ktlsnic_cmd *cmd,
                    enum ktlsnic_cmd_status status)
{
    unsigned before = live(t);

    g_assert_cmpuint(conn_command(t, ADD, cmd), ==, status);
    g_assert_cmpuint(live(t), ==, before);
    g_assert_cmpuint(t->value, ==, 0);
}

static void test_add_del(void)
{
    static const uint32_t outside[] = { 16, 17, 0x10005, 0xffffffff };
    struct conn t;

    setup(&t, 4);
    g_assert_cmpuint(live(&t), ==, 0);
    g_assert_cmpuint(t.h.host->tls_live, ==, 0);
    g_assert_cmpuint(conn_add(&t, 0), ==, KTLSNIC_CMD_OK);
    g_assert_cmpuint(t.h.host->tls_live, ==, 1);
    g_assert_cmpuint(live(&t), ==, 1);
    g_assert_cmpuint(fake_read(t.h.host, KTLSNIC_REG_TLS_TX_LIVE), ==, 0);
    t.tuple.local_port[1] ^= 1;
    g_assert_cmpuint(conn_add(&t, 0), ==, KTLSNIC_CMD_IN_USE);
    g_assert_cmpuint(conn_add(&t, 15), ==, KTLSNIC_CMD_OK);
    g_assert_cmpuint(live(&t), ==, 2);
    t.tuple.local_port[1] ^= 2;
    for (unsigned i = 0; i < G_N_ELEMENTS(outside); i++) {
        g_assert_cmpuint(conn_add(&t, outside[i]), ==, KTLSNIC_CMD_BAD_PARAM);
        for (unsigned op = DEL; op <= QUERY; op++) {
            g_assert_cmpuint(conn_on_ctx(&t, op, outside[i]), ==,
                             KTLSNIC_CMD_BAD_PARAM);
        }
    }
    for (unsigned op = DEL; op <= QUERY; op++) {
        g_assert_cmpuint(conn_on_ctx(&t, op, 7), ==, KTLSNIC_CMD_NO_CONTEXT);
    }
    g_assert_cmpuint(live(&t), ==, 2);
    g_assert_cmpuint(conn_on_ctx(&t, DEL, 0), ==, KTLSNIC_CMD_OK);
    g_assert_cmpuint(conn_on_ctx(&t, DEL, 0), ==, KTLSNIC_CMD_NO_CONTEXT);
    g_assert_cmpuint(t.h.host->tls_live, ==, 1);
    g_assert_cmpuint(ktlsnic_dev_tls_live(t.h.host->dev), ==, 1);
    g_assert_cmpuint(conn_on_ctx(&t, DEL, 15), ==, KTLSNIC_CMD_OK);
    g_assert_cmpuint(t.h.host->tls_live, ==, 0);
    t.want[KTLSNIC_STAT_TLS_RX_ADDED] += 2;
    t.want[KTLSNIC_STAT_TLS_RX_DELETED] += 2;
    conn_close(&t);
}

/* A tuple belongs to one context; any difference makes it another. */
static void test_tuple_in_use(void)
{
    struct conn t;
    uint8_t *bytes = (uint8_t *)&t.tuple;

    setup(&t, 6);
    g_assert_cmpuint(conn_add(&t, 1), ==, KTLSNIC_CMD_OK);
    g_assert_cmpuint(conn_add(&t, 2), ==, KTLSNIC_CMD_IN_USE);
    for (size_t i = offsetof(struct ktlsnic_tls_tuple, remote_port);
         i < sizeof(t.tuple); i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            bytes[i] ^= 1 << bit;
            g_assert_cmpuint(conn_add(&t, 2), ==, KTLSNIC_CMD_OK);
            g_assert_cmpuint(conn_on_ctx(&t, DEL, 2), ==, KTLSNIC_CMD_OK);
            bytes[i] ^= 1 << bit;
            t.want[KTLSNIC_STAT_TLS_RX_ADDED]++;
            t.want[KTLSNIC_STAT_TLS_RX_DELETED]++;
        }
    }
    g_assert_cmpuint(conn_add(&t, 2), ==, KTLSNIC_CMD_IN_USE);
    g_assert_cmpuint(conn_on_ctx(&t, DEL, 1), ==, KTLSNIC_CMD_OK);
    g_assert_cmpuint(conn_add(&t, 2), ==, KTLSNIC_CMD_OK);
    t.want[KTLSNIC_STAT_TLS_RX_ADDED] += 2;
    t.want[KTLSNIC_STAT_TLS_RX_DELETED]++;
    conn_close(&t);
}

/* An address of the same bytes in the other version of IP is another. */
static void test_tuple_versions(void)
{
    struct conn t;

    setup(&t, 4);
    g_assert_cmpuint(conn_add(&t, 1), ==, KTLSNIC_CMD_OK);
    t.tuple.ip_version = 6;
    g_assert_cmpuint(conn_add(&t, 2), ==, KTLSNIC_CMD_OK);
    g_assert_cmpuint(conn_add(&t, 3), ==, KTLSNIC_CMD_IN_USE);
    t.want[KTLSNIC_STAT_TLS_RX_ADDED] += 2;
    conn_close(&t);
}

/* Every byte that is reserved, and every one after the body, must be 0. */
static bool is_reserved(size_t i, unsigned ip_version, size_t key_len)
{
    const size_t tuple = offsetof(struct ktlsnic_cmd_tls_rx_add, tuple);

    return (i >= 6 && i < 8) || (i >= 12 && i < 16) || (i >= 36 && i < 40) ||
           (i >= 40 + key_len && i < tuple) ||
           (i > tuple && i < tuple + 4) ||
           (ip_version == 4 &&
            ((i >= tuple + 12 && i < tuple + 24) || i >= tuple + 28)) ||
           i >= sizeof(struct ktlsnic_cmd_tls_rx_add);
}

static void check_reserved(unsigned ip_version)
{
    struct conn t;
    unsigned reserved = 0;

    setup(&t, ip_version);
    for (size_t i = 0; i < sizeof(((struct ktlsnic_cmd *)0)->body); i++) {
        struct ktlsnic_cmd cmd = conn_add_body(&t, 0);

        if (is_reserved(i, ip_version, t.rx.key.cipher ? 32 : 16)) {
            cmd.body.bytes[i] = 1 << g_test_rand_int_range(0, 8);
            refused(&t, &cmd, KTLSNIC_CMD_BAD_PARAM);
            reserved++;
        }
    }
    g_assert_cmpuint(reserved, >=, 8 + 8 + 3 + 2 + (ip_version == 4 ? 24 : 0));
    g_assert_cmpuint(conn_add(&t, 0), ==, KTLSNIC_CMD_OK);
    t.want[KTLSNIC_STAT_TLS_RX_ADDED]++;
    conn_close(&t);
}

static void test_reserved(void)
{
    for (unsigned i = 0; i < 4; i++) {      /* both key lengths, probably */
        check_reserved(4);
        check_reserved(6);
    }
}

static void test_reserved_others(void)
{
    static const struct {
        uint16_t op;
        size_t len;
    } ops[] = {
        { DEL, sizeof(struct ktlsnic_cmd_tls_ctx) },
        { QUERY, sizeof(struct ktlsnic_cmd_tls_ctx) },
        { RESYNC, sizeof(struct ktlsnic_cmd_tls_resync) },
    };
    struct conn t;

    setup(&t, 4);
    g_assert_cmpuint(conn_add(&t, 0), ==, KTLSNIC_CMD_OK);
    for (unsigned k = 0; k < G_N_ELEMENTS(ops); k++) {
        for (size_t i = ops[k].len; i < 120; i++) {
            struct ktlsnic_cmd cmd = { 0 };

            cmd.body.bytes[i] = 1;
            g_assert_cmpuint(conn_command(&t, ops[k].op, &cmd), ==,
                             KTLSNIC_CMD_BAD_PARAM);
        }
    }
    g_assert_cmpuint(live(&t), ==, 1);
    t.want[KTLSNIC_STAT_TLS_RX_ADDED]++;
    conn_close(&t);
}

static void test_ip_version(void)
{
    struct conn t;

    setup(&t, 4);
    for (unsigned v = 0; v < 256; v++) {
        struct ktlsnic_cmd cmd = conn_add_body(&t, 0);

        cmd.body.tls_rx_add.tuple.ip_version = v;
        if (v != 4 && v != 6) {
            refused(&t, &cmd, KTLSNIC_CMD_BAD_PARAM);
        }
    }
    conn_close(&t);
}

/* The TX side's ciphers say nothing about RX. */
static void test_unsupported(void)
{
    struct ktlsnic_config config = fake_usual_config;
    struct conn t;

    config.tls_rx_ciphers[0] = 1u << KTLSNIC_CIPHER_AES_GCM_256;
    config.tls_rx_ciphers[1] = 0;
    setup(&t, 4);
    fake_host_free(t.h.host);
    t.h = rx_host_open_device(&config, 0);
    t.cmd_cq = fake_ring_open(t.h.host, KTLSNIC_RING_CMD_CQ, 6, 16);
    t.cmd = fake_ring_open(t.h.host, KTLSNIC_RING_CMD, 6, 128);
    for (unsigned version = 0; version < 256; version++) {
        for (unsigned cipher = 0; cipher < 256; cipher++) {
            struct ktlsnic_cmd cmd = conn_add_body(&t, 0);

            cmd.body.tls_rx_add.add.version = version;
            cmd.body.tls_rx_add.add.cipher = cipher;
            if (version != 0 || cipher != KTLSNIC_CIPHER_AES_GCM_256) {
                refused(&t, &cmd, KTLSNIC_CMD_UNSUPPORTED);
            }
        }
    }
    t.rx.key.cipher = KTLSNIC_CIPHER_AES_GCM_256;
    g_assert_cmpuint(conn_add(&t, 0), ==, KTLSNIC_CMD_OK);
    t.want[KTLSNIC_STAT_TLS_RX_ADDED] = 1;
    t.want[KTLSNIC_STAT_TLS_RX_DELETED] = 0;
    conn_close(&t);
}

/* Without a table every index is outside. */
static void test_no_table(void)
{
    struct ktlsnic_config config = fake_usual_config;
    struct conn t;

    config.tls_rx_contexts = 0;
    setup(&t, 4);
    fake_host_free(t.h.host);
    t.h = rx_host_open_device(&config, 0);
    t.cmd_cq = fake_ring_open(t.h.host, KTLSNIC_RING_CMD_CQ, 6, 16);
    t.cmd = fake_ring_open(t.h.host, KTLSNIC_RING_CMD, 6, 128);
    g_assert_cmpuint(conn_add(&t, 0), ==, KTLSNIC_CMD_BAD_PARAM);
    for (unsigned op = DEL; op <= QUERY; op++) {
        g_assert_cmpuint(conn_on_ctx(&t, op, 0), ==, KTLSNIC_CMD_BAD_PARAM);
    }
    memset(t.want, 0, sizeof(t.want));
    conn_close(&t);
}

/* Nothing to tell, nothing to put right: the context has its place. */
static void test_no_resync(void)
{
    for (unsigned mode = 0; mode <= KTLSNIC_TLS_RX_ASYNC; mode++) {
        struct conn t;

        conn_open(&t, mode, 4, 1000, 0, lengths, G_N_ELEMENTS(lengths));
        g_assert_cmpuint(conn_on_ctx(&t, QUERY, CONN_CONTEXT), ==,
                         KTLSNIC_CMD_NO_RESYNC);
        g_assert_cmpuint(t.value, ==, 0);
        for (int off = -10; off < 200; off += 10) {
            g_assert_cmpuint(conn_resync(&t, 1000 + off, 0), ==,
                             KTLSNIC_CMD_NO_RESYNC);
        }
        g_assert_true(conn_send(&t, 0, t.rx.len));
        conn_close(&t);
    }
}

static void test_reset_deletes(void)
{
    struct conn t;

    setup(&t, 4);
    for (unsigned i = 0; i < 16; i += 3) {
        t.tuple.remote_port[1] = i;
        g_assert_cmpuint(conn_add(&t, i), ==, KTLSNIC_CMD_OK);
    }
    fake_write(t.h.host, KTLSNIC_REG_CTRL, KTLSNIC_CTRL_RESET);
    g_assert_cmpuint(live(&t), ==, 0);
    g_assert_cmpuint(t.h.host->tls_live, ==, 0);
    t.want[KTLSNIC_STAT_TLS_RX_ADDED] += 6;
    t.want[KTLSNIC_STAT_TLS_RX_DELETED] += 6;
    conn_check_stats(&t);
    t.cmd_cq = fake_ring_open(t.h.host, KTLSNIC_RING_CMD_CQ, 6, 16);
    t.cmd = fake_ring_open(t.h.host, KTLSNIC_RING_CMD, 6, 128);
    g_assert_cmpuint(conn_on_ctx(&t, DEL, 0), ==, KTLSNIC_CMD_NO_CONTEXT);
    /* The tuple is free, too. Freed with a context in use: nothing leaks. */
    g_assert_cmpuint(conn_add(&t, 1), ==, KTLSNIC_CMD_OK);
    t.want[KTLSNIC_STAT_TLS_RX_ADDED]++;
    conn_close(&t);
}

static unsigned tls_tx_op(struct conn *t, uint16_t op)
{
    struct ktlsnic_cmd cmd = conn_add_body(t, CONN_CONTEXT);

    if (op == KTLSNIC_CMD_TLS_TX_DEL) {
        memset(&cmd.body.bytes[4], 0, sizeof(cmd.body) - 4);
    } else {
        memset(&cmd.body.tls_rx_add.tuple, 0, sizeof(t->tuple));
    }
    return conn_command(t, op, &cmd);
}

/* The tables are apart, but a device with a context in either has keys. */
static void test_both_directions(void)
{
    struct conn t;

    setup(&t, 4);
    g_assert_cmpuint(tls_tx_op(&t, KTLSNIC_CMD_TLS_TX_ADD), ==, KTLSNIC_CMD_OK);
    g_assert_cmpuint(t.h.host->tls_live, ==, 1);
    g_assert_cmpuint(conn_on_ctx(&t, DEL, CONN_CONTEXT), ==,
                     KTLSNIC_CMD_NO_CONTEXT);
    g_assert_cmpuint(conn_add(&t, CONN_CONTEXT), ==, KTLSNIC_CMD_OK);
    g_assert_cmpuint(ktlsnic_dev_tls_live(t.h.host->dev), ==, 2);
    g_assert_cmpuint(tls_tx_op(&t, KTLSNIC_CMD_TLS_TX_DEL), ==, KTLSNIC_CMD_OK);
    g_assert_cmpuint(t.h.host->tls_live, ==, 1);
    g_assert_cmpuint(live(&t), ==, 1);
    g_assert_cmpuint(conn_on_ctx(&t, DEL, CONN_CONTEXT), ==,
                     KTLSNIC_CMD_OK);
    g_assert_cmpuint(t.h.host->tls_live, ==, 0);
    t.want[KTLSNIC_STAT_TLS_RX_ADDED]++;
    t.want[KTLSNIC_STAT_TLS_RX_DELETED]++;
    conn_close(&t);
}

/* The key was in what is wiped: of the command, and of what goes with it. */
static void test_wipe(void)
{
    struct conn t;

    setup(&t, 4);
    wiped_key = t.rx.key.key;
    wiped = 0;
    g_assert_cmpuint(conn_add(&t, 0), ==, KTLSNIC_CMD_OK);
    g_assert_cmpuint(wiped, >=, 2);             /* command, parameters */
    wiped = 0;
    g_assert_cmpuint(conn_add(&t, 0), ==, KTLSNIC_CMD_IN_USE);
    g_assert_cmpuint(wiped, >=, 2);
    wiped = 0;
    g_assert_cmpuint(conn_on_ctx(&t, DEL, 0), ==, KTLSNIC_CMD_OK);
    g_assert_cmpuint(wiped, >=, 1);
    g_assert_cmpuint(conn_add(&t, 0), ==, KTLSNIC_CMD_OK);
    wiped = 0;
    fake_write(t.h.host, KTLSNIC_REG_CTRL, KTLSNIC_CTRL_RESET);
    g_assert_cmpuint(wiped, >=, 1);
    wiped_key = NULL;
    t.want[KTLSNIC_STAT_TLS_RX_ADDED] += 2;
    t.want[KTLSNIC_STAT_TLS_RX_DELETED] += 2;
    conn_close(&t);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/device/tls-rx-cmd/add-del", test_add_del);
    g_test_add_func("/device/tls-rx-cmd/tuple-in-use", test_tuple_in_use);
    g_test_add_func("/device/tls-rx-cmd/tuple-versions", test_tuple_versions);
    g_test_add_func("/device/tls-rx-cmd/reserved", test_reserved);
    g_test_add_func("/device/tls-rx-cmd/reserved-others", test_reserved_others);
    g_test_add_func("/device/tls-rx-cmd/ip-version", test_ip_version);
    g_test_add_func("/device/tls-rx-cmd/case-44-unsupported", test_unsupported);
    g_test_add_func("/device/tls-rx-cmd/no-table", test_no_table);
    g_test_add_func("/device/tls-rx-cmd/no-resync", test_no_resync);
    g_test_add_func("/device/tls-rx-cmd/reset-deletes", test_reset_deletes);
    g_test_add_func("/device/tls-rx-cmd/both-directions", test_both_directions);
    g_test_add_func("/device/tls-rx-cmd/case-44-wipe", test_wipe);
    return g_test_run();
}
