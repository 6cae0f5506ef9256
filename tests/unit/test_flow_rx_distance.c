/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How far it is back into step when losses end, and what share of a stream is
 * decrypted while they last, with TCP segments of a usual size, a kernel that
 * confirms by its own rules, and retransmission.
 */
#include <string.h>
#include <glib.h>

#include "rx_fixture.h"
#include "rx_kernel.h"

#define MSS         1448
#define ROUND_TRIP  20      /* segments until a lost one comes again */
#define RUNS        24
#define LAG         100000

static const char *const mode_names[] = { "hint", "scan", "async" };

struct sim {
    struct rx rx;
    struct rx_kernel kernel;
    size_t sent;            /* the stream up to here has been sent once */
    unsigned pauses;        /* percent of records with a pause after them */
    GQueue *again;          /* lost segments: struct lost */
    unsigned now;           /* segments sent, lost or not */
};

struct lost {
    size_t from, to;
    unsigned due;
};

static void sim_start(struct sim *sim, enum ktlsnic_tls_rx_mode mode,
                      size_t lag)
{
    sim->rx.mode = mode;
    sim->rx.seq = g_test_rand_int();
    rx_restart(&sim->rx);
    rx_kernel_init(&sim->kernel, &sim->rx, lag, 2);
    sim->sent = sim->now = 0;
    sim->again = g_queue_new();
}

static void sim_end(struct sim *sim)
{
    rx_kernel_free(&sim->kernel);
    g_queue_free_full(sim->again, g_free);
}

static void transmit(struct sim *sim, size_t from, size_t to,
                     unsigned per_mille)
{
    const uint8_t *wire = sim->rx.stream->wire->data;

    sim->now++;
    if (g_test_rand_int_range(0, 1000) < (int)per_mille) {
        struct lost *lost = g_new(struct lost, 1);

        lost->from = from;
        lost->to = to;
        lost->due = sim->now + ROUND_TRIP;
        g_queue_push_tail(sim->again, lost);
        return;
    }
    rx_send(&sim->rx, from, to);
    rx_kernel_segment(&sim->kernel, from,
                      (sim->rx.result.decrypted ? sim->rx.clear : wire) + from,
                      to - from, false);
}

/*
 * Sends what is due again, then the next new segment. The sender pauses
 * after some records: a segment ends there, and everybody has time.
 */
static void step(struct sim *sim, unsigned per_mille)
{
    struct lost *lost = g_queue_peek_head(sim->again);
    size_t from = sim->sent, to = MIN(from + MSS, sim->rx.len), end;

    while (lost && lost->due <= sim->now) {
        g_queue_pop_head(sim->again);
        transmit(sim, lost->from, lost->to, per_mille);
        g_free(lost);
        lost = g_queue_peek_head(sim->again);
    }
    end = rx_start(&sim->rx, rx_record_at(&sim->rx, to - 1));
    if (end > from && (end / 8) % 100 < sim->pauses) {
        to = end;
    }
    sim->sent = to;
    transmit(sim, from, to, per_mille);
    if (to == end) {
        rx_kernel_idle(&sim->kernel);
    }
}

static int by_size(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;

    return (x > y) - (x < y);
}

/* ---- distance ---- */

/*
 * Loss for a fifth of the stream, then none. Returns false if the context was
 * in step when it ended; otherwise where new data was last delivered
 * untouched. Once confirmed, what begins with the next record must be
 * decrypted.
 */
static bool distance(struct sim *sim, size_t *calm, size_t *last)
{
    size_t must = sim->rx.len;
    bool any = false;

    while (sim->sent < sim->rx.len / 5) {
        step(sim, 200);
    }
    *calm = *last = sim->sent;
    while (sim->sent < sim->rx.len) {
        size_t from = sim->sent;
        unsigned confirmed = sim->kernel.confirmed;

        step(sim, 0);
        if (!sim->rx.result.decrypted) {
            g_assert_cmpuint(from, <, must);
            *last = sim->sent;
            any = true;
        }
        if (sim->kernel.confirmed > confirmed && sim->sent < sim->rx.len) {
            unsigned record = rx_record_at(&sim->rx, MAX(sim->sent,
                sim->rx.mode == KTLSNIC_TLS_RX_HINT ? sim->kernel.confirm_seq
                                                    : 0));

            must = rx_start(&sim->rx, record + 1);
        }
    }
    return any;
}

static void report(enum ktlsnic_tls_rx_mode mode, size_t size, size_t lag,
                   size_t *bytes, unsigned count, unsigned never)
{
    size_t median, worst;

    if (!count) {
        return;
    }
    qsort(bytes, count, sizeof(bytes[0]), by_size);
    median = bytes[count / 2];
    worst = bytes[count - 1];
    g_test_message("%-5s records of %5zu, reader %6zu behind: %2u of %u lost "
                   "their place, %u for good; the others, records: median %zu, "
                   "worst %zu; bytes: %zu, %zu", mode_names[mode], size, lag,
                   count + never, RUNS, never, median / (size + 29) + 1,
                   worst / (size + 29) + 1, median, worst);
}

static void measure(struct sim *sim, enum ktlsnic_tls_rx_mode mode, size_t size,
                    size_t lag)
{
    size_t bytes[RUNS];
    unsigned count = 0, never = 0;

    for (unsigned i = 0; i < RUNS; i++) {
        size_t calm, last;

        sim_start(sim, mode, lag);
        if (distance(sim, &calm, &last)) {
            /* a hint comes when the kernel likes, and may come too late */
            g_assert_true(last < sim->rx.len || mode == KTLSNIC_TLS_RX_HINT);
            if (last < sim->rx.len) {
                bytes[count++] = last - calm;
            } else {
                never++;
            }
        }
        sim_end(sim);
    }
    report(mode, size, lag, bytes, count, never);
}

static void make_sim(struct sim *sim, size_t size, unsigned count,
                     unsigned pauses)
{
    g_autofree size_t *lengths = g_new(size_t, count);

    for (unsigned i = 0; i < count; i++) {
        lengths[i] = size;
    }
    memset(sim, 0, sizeof(*sim));
    rx_setup(&sim->rx, SUITE(1_2, AES_GCM_128), KTLSNIC_TLS_RX_HINT, 0, 0,
             lengths, count);
    sim->pauses = pauses;
}

static void test_distance(void)
{
    static const struct {
        size_t size;
        unsigned count;
    } kinds[] = { { 100, 2500 }, { 1400, 400 }, { 16384, 60 } };

    for (size_t k = 0; k < G_N_ELEMENTS(kinds); k++) {
        struct sim sim;

        make_sim(&sim, kinds[k].size, kinds[k].count, 20);
        for (unsigned mode = 0; mode < 3; mode++) {
            measure(&sim, mode, kinds[k].size, 0);
            if (mode != KTLSNIC_TLS_RX_HINT) {
                measure(&sim, mode, kinds[k].size, LAG);
            }
        }
        rx_teardown(&sim.rx);
    }
}

/* ---- share ---- */

static unsigned share(struct sim *sim, enum ktlsnic_tls_rx_mode mode,
                      unsigned per_mille)
{
    size_t clear = 0;

    sim_start(sim, mode, 0);
    while (sim->sent < sim->rx.len) {
        step(sim, per_mille);
    }
    for (size_t i = 0; i < sim->rx.len; i++) {
        clear += sim->kernel.how[i] == RX_CLEAR;
    }
    sim_end(sim);
    return clear * 1000 / sim->rx.len;
}

/* Steady loss, 16 KB records: the share of bytes delivered decrypted. */
static void test_share(void)
{
    static const unsigned losses[] = { 0, 2, 5, 10, 20, 30, 50 };
    struct sim sim;

    make_sim(&sim, 16384, 300, 20);
    for (unsigned mode = 0; mode < 3; mode++) {
        for (size_t i = 0; i < G_N_ELEMENTS(losses); i++) {
            unsigned part = share(&sim, mode, losses[i]);

            g_test_message("%-5s loss %u.%u %%: %u.%u %% decrypted",
                           mode_names[mode], losses[i] / 10, losses[i] % 10,
                           part / 10, part % 10);
            g_assert_true(losses[i] || part == 1000);
            g_assert_true(losses[i] > 10 || mode == KTLSNIC_TLS_RX_HINT ||
                          part >= 700);
        }
    }
    rx_teardown(&sim.rx);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/flow-rx/distance", test_distance);
    g_test_add_func("/flow-rx/share", test_share);
    return g_test_run();
}
