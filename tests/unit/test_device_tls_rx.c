/* SPDX-License-Identifier: GPL-2.0-or-later */
/* TLS receive through frames and rings (SPEC 10.2 to 10.4), against records
 * made by another library. */
#include <string.h>

#include "conn.h"

#define ASYNC   KTLSNIC_TLS_RX_ASYNC
#define PREFIX  13

static const size_t lengths[] = { 100, 0, 16384, 1, 4000, 16, 9999 };
static const size_t small_lengths[] = { 40, 50, 60, 70, 80, 90, 30, 31 };

static void setup(struct conn *t, unsigned ip_version)
{
    conn_open(t, ASYNC, ip_version, g_test_rand_int(), 3, small_lengths,
              G_N_ELEMENTS(small_lengths));
}

static void send_clear(struct conn *t, size_t from, size_t to)
{
    g_assert_true(conn_send(t, from, to));
}

static void send_wire(struct conn *t, size_t from, size_t to)
{
    g_assert_false(conn_send(t, from, to));
}

/* The whole stream, cut anywhere, in frames and buffers of many shapes; the
 * sequence wraps. */
static void test_stream(void)
{
    static const uint32_t sizes[] = { 256, 300, 2048, 4096, 16384 };

    for (unsigned i = 0; i < 60; i++) {
        struct conn t;
        unsigned longest = i % 4 ? 1460 : 8900;

        conn_open(&t, i % 3, i % 2 ? 4 : 6,
                  i % 5 ? g_test_rand_int() : -g_test_rand_int_range(1, 30000),
                  i % 4 ? 1 : 0xfffffffffull, lengths, G_N_ELEMENTS(lengths));
        t.spec.options = i % 7 ? 0 : 8;
        t.spec.tcp_options = i % 6 * 4;
        t.spec.padding = i % 9 ? 0 : 20;
        t.buf_size = sizes[i % G_N_ELEMENTS(sizes)];
        for (size_t from = 0, to; from < t.rx.len; from = to) {
            to = from + g_test_rand_int_range(1, longest);
            to = MIN(to, t.rx.len);
            send_clear(&t, from, to);
        }
        g_assert_cmpuint(t.want[KTLSNIC_STAT_TLS_RX_RECORDS], ==,
                         G_N_ELEMENTS(lengths));
        g_assert_cmpuint(t.want[KTLSNIC_STAT_TLS_RX_BYTES], ==, t.rx.len);
        conn_close(&t);
    }
}

/* Case 29: a header and its nonce over two to five frames, cut at
 * each place. */
static void test_header_split(void)
{
    struct conn t;
    size_t start, end;

    setup(&t, 4);
    start = rx_start(&t.rx, 1);
    end = start + PREFIX + 1;
    for (size_t a = start; a <= end; a++) {
        for (size_t b = a + 1; b <= end; b++) {
            const size_t cuts[] = { a, b, b + 1, end, t.rx.len };
            size_t from = 0;

            conn_reopen(&t);
            for (unsigned i = 0; i < G_N_ELEMENTS(cuts); i++) {
                if (cuts[i] > from) {
                    send_clear(&t, from, cuts[i]);
                    from = cuts[i];
                }
            }
        }
    }
    conn_close(&t);
}

/* Byte by byte, tags too. */
static void test_bytes(void)
{
    struct conn t;

    setup(&t, 6);
    for (size_t i = 0; i < t.rx.len; i++) {
        send_clear(&t, i, i + 1);
    }
    conn_close(&t);
}

/* rx_host_take() looks that all completions of a frame say the same. */
static void test_many_buffers(void)
{
    struct conn t;

    conn_open(&t, ASYNC, 4, 0, 0, lengths, G_N_ELEMENTS(lengths));
    t.buf_size = 256;
    send_clear(&t, 0, 9100);
    g_assert_cmpuint(t.got.bufs, ==, 36);
    send_wire(&t, 100, 9200);                   /* overlap */
    g_assert_cmpuint(t.got.bufs, ==, 36);
    send_clear(&t, 9200, 18000);
    conn_close(&t);
}

/*
 * While the wire is paused the frame is offered again and again. It goes
 * through the context once, when it is delivered.
 */
static void offer_in_vain(struct conn *t, const struct frame *frame)
{
    for (unsigned i = 0; i < 3; i++) {
        g_assert_false(rx_host_offer(&t->h, frame->data, frame->len));
        conn_check_stats(t);
    }
}

static void test_paused(void)
{
    struct conn t;
    struct frame frame;
    uint8_t *want;

    setup(&t, 4);
    t.buf_size = 256;
    send_clear(&t, 0, 10);
    frame = conn_frame(&t, 10, t.rx.stream->wire->data + 10, 400);
    offer_in_vain(&t, &frame);
    rx_host_give(&t.h, 0, 256);
    offer_in_vain(&t, &frame);
    g_assert_cmpuint(fake_stat(t.h.host, KTLSNIC_STAT_RX_PAUSES), ==, 1);
    rx_host_give(&t.h, 0, 256);
    want = conn_expect(&t, &frame, 10);
    g_assert_true(t.rx.result.decrypted);
    g_assert_true(rx_host_offer(&t.h, frame.data, frame.len));
    g_assert_true(rx_host_take(&t.h, 0, &t.got));
    conn_assert(&t, want, frame.len);
    send_clear(&t, 410, t.rx.len);
    g_free(want);
    frame_free(&frame);
    conn_close(&t);
}

/* A full completion ring pauses the wire, too. */
static void test_paused_cq_full(void)
{
    struct conn t;
    struct frame frame;
    uint8_t *want;

    setup(&t, 4);
    frame = conn_frame(&t, 0, NULL, 0);
    for (unsigned i = 0; i < 64; i++) {
        rx_host_give(&t.h, 0, 256);
        g_assert_true(rx_host_offer(&t.h, frame.data, frame.len));
    }
    frame_free(&frame);
    frame = conn_frame(&t, 0, t.rx.stream->wire->data, 100);
    rx_host_give(&t.h, 0, 256);
    offer_in_vain(&t, &frame);
    for (unsigned i = 0; i < 64; i++) {
        g_assert_true(rx_host_take(&t.h, 0, &t.got));
        g_assert_cmphex(t.got.flags & KTLSNIC_RXF_TLS, ==, 0);
    }
    fake_settle(t.h.host);
    want = conn_expect(&t, &frame, 0);
    g_assert_true(rx_host_offer(&t.h, frame.data, frame.len));
    g_assert_true(rx_host_take(&t.h, 0, &t.got));
    conn_assert(&t, want, frame.len);
    g_assert_true(t.rx.result.decrypted);
    g_free(want);
    frame_free(&frame);
    conn_close(&t);
}

/* Case 33: a wrong checksum, of either layer. */
static void test_bad_checksum(void)
{
    for (unsigned v = 4; v <= 6; v += 2) {
        struct conn t;
        struct frame frame;

        setup(&t, v);
        send_clear(&t, 0, 50);
        frame = conn_frame(&t, 50, t.rx.stream->wire->data + 50, 100);
        for (size_t i = frame.l4_off + 4; i < frame.len; i++) {
            if (i == frame.l4_off + 12) {
                continue;                       /* the header's length */
            }
            frame.data[i] ^= 0x10;
            conn_deliver_plain(&t, &frame);
            g_assert_true(t.got.flags & KTLSNIC_RXF_L4_BAD);
            frame.data[i] ^= 0x10;
        }
        if (v == 4) {
            frame.data[frame.l3_off + 8] ^= 1;  /* TTL */
            conn_deliver_plain(&t, &frame);
            g_assert_true(t.got.flags & KTLSNIC_RXF_L3_BAD);
        }
        send_clear(&t, 50, 150);
        frame_free(&frame);
        conn_close(&t);
    }
}

static void set_tcp_flags(struct frame *frame, uint8_t flags)
{
    frame->data[frame->l4_off + 13] = flags;
    frame_set_checksums(frame);
}

/* What has no payload, or none of the stream, goes by: any sequence, any
 * flags. */
static void test_no_payload(void)
{
    struct conn t;

    setup(&t, 4);
    send_clear(&t, 0, 50);
    for (unsigned flags = 0; flags < 256; flags++) {
        struct frame frame = conn_frame(&t, g_test_rand_int_range(0, 100), NULL,
                                        0);

        t.spec.padding = flags % 10;
        set_tcp_flags(&frame, flags);
        conn_deliver_plain(&t, &frame);
        frame_free(&frame);
    }
    t.spec.padding = 0;
    send_clear(&t, 50, t.rx.len);
    conn_close(&t);
}

static void test_tcp_flags(void)
{
    struct conn t;

    setup(&t, 6);
    for (unsigned flags = 0; flags < 256; flags++) {
        struct frame frame;

        conn_reopen(&t);
        frame = conn_frame(&t, 0, t.rx.stream->wire->data, 60);
        set_tcp_flags(&frame, flags);
        if (flags & 0x06) {                     /* SYN, RST */
            conn_deliver_plain(&t, &frame);
        } else {
            g_autofree uint8_t *want = conn_expect(&t, &frame, 0);

            conn_deliver(&t, &frame);
            conn_assert(&t, want, frame.len);
            g_assert_true(t.rx.result.decrypted);
        }
        frame_free(&frame);
    }
    conn_close(&t);
}

static void send_forged(struct conn *t, size_t from, size_t to, size_t at)
{
    g_autofree uint8_t *data = g_memdup2(t->rx.stream->wire->data + from,
                                         to - from);

    data[at - from] ^= 1 << g_test_rand_int_range(0, 8);
    g_assert_false(conn_send_bytes(t, from, data, to - from));
    g_assert_cmpmem(t->got.data + t->got.len - (to - from), to - from, data,
                    to - from);
}

/* Case 32: a wrong tag, in one frame or in the last of many. */
static void test_wrong_tag(void)
{
    struct conn t;
    size_t end;

    setup(&t, 4);
    end = rx_start(&t.rx, 2);
    for (size_t at = PREFIX; at < rx_start(&t.rx, 1); at++) {
        conn_reopen(&t);
        send_forged(&t, 0, end, at);
        g_assert_true(t.rx.result.auth_failed);
        g_assert_true(t.got.flags & KTLSNIC_RXF_TLS_FAILED);
        send_wire(&t, end, t.rx.len);
    }
    conn_reopen(&t);
    for (size_t i = 0; i < rx_start(&t.rx, 1) - 1; i++) {
        send_clear(&t, i, i + 1);
    }
    end = rx_start(&t.rx, 1);
    send_forged(&t, end - 1, end, end - 1);
    g_assert_true(t.got.flags & KTLSNIC_RXF_TLS_FAILED);
    g_assert_cmpuint(t.h.host->traced[KTLSNIC_TRACE_TLS_RX_FAILED], ==,
                     t.want[KTLSNIC_STAT_TLS_RX_AUTH_FAILED]);
    conn_close(&t);
}

static void test_bad_header(void)
{
    struct conn t;
    size_t second;

    setup(&t, 6);
    second = rx_start(&t.rx, 1);
    send_forged(&t, 0, second + 50, second + 1);
    g_assert_true(t.rx.result.bad_header);
    g_assert_true(t.got.flags & KTLSNIC_RXF_TLS_FAILED);
    g_assert_cmpuint(t.want[KTLSNIC_STAT_TLS_RX_BAD_HEADERS], ==, 1);
    send_wire(&t, second + 50, second + 80);
    g_assert_false(t.got.flags & KTLSNIC_RXF_TLS_FAILED);
    conn_close(&t);
}

/* Case 41: old, again, overlapping, and a keepalive's byte. */
static void test_old(void)
{
    struct conn t;

    setup(&t, 4);
    send_clear(&t, 0, 300);
    send_wire(&t, 0, 300);
    send_wire(&t, 299, 300);
    send_wire(&t, 100, 150);
    send_clear(&t, 300, 310);
    send_wire(&t, 250, 320);
    send_clear(&t, 320, t.rx.len);
    conn_close(&t);
}

/*
 * Memory fails while the frame is on its way: it is dropped, and for the host
 * it was lost. What it sends for again is old to the context.
 */
static void test_memory_fails(void)
{
    struct conn t;
    struct ktlsnic_rx_desc desc = {
        .addr = GUINT64_TO_LE(FAKE_UNMAPPED),
        .len = GUINT32_TO_LE(2048),
    };
    struct frame frame;

    setup(&t, 4);
    send_clear(&t, 0, 50);
    fake_push(&t.h.q[0].rx, &desc);
    fake_ring_doorbell(&t.h.q[0].rx);
    frame = conn_frame(&t, 50, t.rx.stream->wire->data + 50, 100);
    g_free(conn_expect(&t, &frame, 50));
    t.want[KTLSNIC_STAT_TLS_RX_PACKETS]--;      /* it is not delivered */
    t.want[KTLSNIC_STAT_TLS_RX_BYTES] -= 100;
    g_assert_true(rx_host_offer(&t.h, frame.data, frame.len));
    g_assert_cmpuint(fake_stat(t.h.host, KTLSNIC_STAT_RX_NO_QUEUE), ==, 1);
    conn_check_stats(&t);
    frame_free(&frame);

    fake_write(t.h.host, t.h.q[0].rx.reg + KTLSNIC_RING_CTRL, 0);
    fake_write(t.h.host, t.h.q[0].rx_cq.reg + KTLSNIC_RING_CTRL, 0);
    t.h.host->used = t.h.used;
    t.h.q[0].rx_cq = fake_ring_open(t.h.host, KTLSNIC_RING_RX_CQ(0), 6, 32);
    t.h.q[0].rx = fake_ring_open(t.h.host, KTLSNIC_RING_RX(0), 6, 16);
    t.h.used = t.h.host->used;
    send_wire(&t, 50, 150);
    send_clear(&t, 150, t.rx.len);
    conn_close(&t);
}

/* Frames that are dropped before they are delivered do not count. */
static void test_dropped(void)
{
    struct conn t;
    struct frame frame;

    setup(&t, 4);
    frame = conn_frame(&t, 0, t.rx.stream->wire->data, 100);
    fake_write(t.h.host, KTLSNIC_REG_RX_MAX_FRAME, frame.len - 1);
    g_assert_true(rx_host_offer(&t.h, frame.data, frame.len));
    fake_write(t.h.host, KTLSNIC_REG_RX_MAX_FRAME, KTLSNIC_MAX_FRAME);
    fake_write(t.h.host, KTLSNIC_REG_RX_CTRL, 0);
    g_assert_true(rx_host_offer(&t.h, frame.data, frame.len));
    fake_write(t.h.host, KTLSNIC_REG_RX_CTRL, KTLSNIC_RX_CTRL_ENABLE);
    fake_write(t.h.host, t.h.q[0].rx.reg + KTLSNIC_RING_CTRL, 0);
    g_assert_true(rx_host_offer(&t.h, frame.data, frame.len));
    g_assert_cmpuint(fake_stat(t.h.host, KTLSNIC_STAT_RX_TOO_LONG), ==, 1);
    g_assert_cmpuint(fake_stat(t.h.host, KTLSNIC_STAT_RX_NO_QUEUE), ==, 1);
    frame_free(&frame);
    conn_close(&t);
}

/* No byte of the key or IV is written anywhere. */
static void test_keys_stay(void)
{
    struct conn t;

    setup(&t, 4);
    memset(fake_ptr(t.h.host, t.cmd.base), 0, 128 * 64);
    send_clear(&t, 0, t.rx.len);
    for (unsigned i = 0; i + 8 <= 16; i += 4) {
        uint32_t word;

        memcpy(&word, t.rx.key.key + i, 4);
        g_assert_null(memmem(t.h.host->mem, FAKE_MEM_SIZE, t.rx.key.key + i,
                             8));
        for (uint32_t reg = 0; reg < KTLSNIC_BAR_REGS_SIZE; reg += 4) {
            g_assert_cmphex(fake_read(t.h.host, reg), !=, word);
        }
    }
    conn_close(&t);
}

/* After the delete nothing is decrypted; after another add it is again. */
static void test_deleted(void)
{
    struct conn t;
    struct frame frame;

    setup(&t, 4);
    send_clear(&t, 0, 100);
    g_assert_cmpuint(conn_on_ctx(&t, KTLSNIC_CMD_TLS_RX_DEL, CONN_CONTEXT), ==,
                     KTLSNIC_CMD_OK);
    frame = conn_frame(&t, 100, t.rx.stream->wire->data + 100, 100);
    conn_deliver_plain(&t, &frame);
    frame_free(&frame);
    g_assert_cmpuint(conn_add(&t, CONN_CONTEXT), ==, KTLSNIC_CMD_OK);
    t.want[KTLSNIC_STAT_TLS_RX_DELETED]++;
    t.want[KTLSNIC_STAT_TLS_RX_ADDED]++;
    rx_restart(&t.rx);
    send_clear(&t, 0, t.rx.len);
    conn_close(&t);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/device/tls-rx/stream", test_stream);
    g_test_add_func("/device/tls-rx/case-29-header-split", test_header_split);
    g_test_add_func("/device/tls-rx/bytes", test_bytes);
    g_test_add_func("/device/tls-rx/many-buffers", test_many_buffers);
    g_test_add_func("/device/tls-rx/paused", test_paused);
    g_test_add_func("/device/tls-rx/paused-cq-full", test_paused_cq_full);
    g_test_add_func("/device/tls-rx/case-33-bad-checksum", test_bad_checksum);
    g_test_add_func("/device/tls-rx/no-payload", test_no_payload);
    g_test_add_func("/device/tls-rx/tcp-flags", test_tcp_flags);
    g_test_add_func("/device/tls-rx/case-32-wrong-tag", test_wrong_tag);
    g_test_add_func("/device/tls-rx/bad-header", test_bad_header);
    g_test_add_func("/device/tls-rx/case-41-old", test_old);
    g_test_add_func("/device/tls-rx/memory-fails", test_memory_fails);
    g_test_add_func("/device/tls-rx/dropped", test_dropped);
    g_test_add_func("/device/tls-rx/keys-stay", test_keys_stay);
    g_test_add_func("/device/tls-rx/deleted", test_deleted);
    return g_test_run();
}
