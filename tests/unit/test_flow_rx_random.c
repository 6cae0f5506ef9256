/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RX contexts on a network that cuts, loses, repeats, swaps, overlaps and
 * forges as it likes, between a sender made by libcrypto and the model of a
 * kernel that sees the whole stream. What must hold, whatever comes:
 *
 * - A segment delivered untouched has the bytes of the wire.
 * - A segment delivered decrypted is the plaintext of its bytes on the wire.
 * - A record all of whose bytes were delivered decrypted is authentic.
 * - A KeyUpdate that was decrypted is the last record that was. One that was not,
 *   for bytes of it were missing, leaves the context with a key that does not fit.
 *
 * A run that fails prints its number; with the seed of the whole test, which is
 * printed at its start, it can be done again alone:
 *   make check T=flow_rx_random RX_RUN=number TEST_ARGS=--seed=seed
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <glib.h>

#include "rx_fixture.h"
#include "rx_kernel.h"

#define HEADER          5
#define KEY_UPDATE_LEN  5
#define RUNS            120000
#define RUNS_PER_STREAM 50
#define HOSTILE_RUNS    300
#define RECORDS_MAX     24

/* ---- dice ---- */

static uint64_t dice;

static uint64_t roll64(void)
{
    uint64_t z = dice += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

/* 0 to n - 1 */
static size_t roll(size_t n)
{
    return roll64() % n;
}

static bool chance(unsigned percent)
{
    return roll(100) < percent;
}

/* ---- the network ---- */

/* What it does to segments, in percent. */
struct weather {
    unsigned lose, again, swap, overlap, forge, drop, junk;
};

struct segment {
    size_t from, to;
    uint64_t when;
    uint8_t flip;           /* xored to byte `at` */
    size_t at;
    bool junk;              /* nothing of the stream */
    bool drop;              /* the receiver will not take it */
};

struct run {
    struct rx rx;
    struct rx_kernel kernel;
    struct weather weather;
    size_t piece;           /* longest segment */
    GArray *segments;       /* struct segment, for one pass */
    bool astray;            /* the flow follows a forged prefix, maybe: its */
    bool astray_for_good;   /* plaintext is not that of the stream */
    bool lies;              /* somebody sends it wrong confirmations */
    unsigned key_update;    /* which record is one; 0: none */
    bool stopped;           /* by it */
    unsigned verified;
};

struct totals {
    uint64_t runs, segments, decrypted, records, clear, mixed, wire, confirmed;
    uint64_t stale, auth_failed, bad_headers, false_headers;
    uint64_t key_updates, stops;
};

static struct totals totals;

static gint by_time(gconstpointer a, gconstpointer b)
{
    uint64_t x = ((const struct segment *)a)->when;
    uint64_t y = ((const struct segment *)b)->when;

    return (x > y) - (x < y);
}

static void add_segment(struct run *run, size_t from, size_t to, uint64_t when)
{
    const struct weather *w = &run->weather;
    struct segment s = { .from = from, .to = to };

    if (chance(w->overlap)) {
        size_t before = roll(run->piece + 1);
        size_t after = roll(run->piece / 2 + 1);

        s.from -= MIN(s.from, before);
        s.to = MIN(run->rx.len, s.to + after);
    }
    /* times never tie: the order is the run's, not the sort's */
    s.when = (when + (chance(w->swap) ? roll(8000) : 0)) << 20 |
             run->segments->len;
    if (chance(w->forge)) {
        s.flip = 1 << roll(8);
        s.at = s.from + roll(s.to - s.from);
    }
    s.junk = chance(w->junk);
    s.drop = chance(w->drop);
    g_array_append_val(run->segments, s);
}

/* The bytes that the receiver lacks are sent, in segments of any length. */
static void plan_pass(struct run *run)
{
    const struct weather *w = &run->weather;
    uint64_t when = 0;
    size_t from = 0;

    g_array_set_size(run->segments, 0);
    while (from < run->rx.len) {
        size_t to = from;
        size_t max = 1 + roll(run->piece);

        while (to < run->rx.len && to - from < max &&
               run->kernel.how[to] == RX_MISSING) {
            to++;
        }
        if (to > from) {
            when += 1000;
            if (!chance(w->lose)) {
                add_segment(run, from, to, when);
            } else if (chance(50)) {
                add_segment(run, from, to, when + 1000 + roll(30000));
            }
            if (chance(w->again)) {
                add_segment(run, from, to, when + roll(10000));
            }
        }
        from = MAX(to, from + 1);
    }
    g_array_sort(run->segments, by_time);
}

/* ---- deliveries ---- */

static bool in_prefix(const struct rx *rx, size_t pos)
{
    return pos - rx_start(rx, rx_record_at(rx, pos)) < rx->prefix;
}

static void check_delivery(const struct run *run, const struct segment *s,
                           const uint8_t *sent, const uint8_t *data)
{
    const struct rx *rx = &run->rx;
    size_t len = s->to - s->from;

    if (!rx->result.decrypted) {
        g_assert_cmpmem(data, len, sent, len);
        g_assert_cmpuint(rx->result.payload, ==, 0);
        return;
    }
    g_assert_false(rx->result.auth_failed || rx->result.bad_header);
    if (run->astray || run->astray_for_good) {
        return;
    }
    g_assert_cmpuint(rx->result.payload, ==, rx_payload(rx, s->from, s->to));
    for (size_t i = 0; i < len; i++) {
        uint8_t wire = rx->stream->wire->data[s->from + i];

        /* stream ciphers: the change of a bit is the change of a bit */
        g_assert_cmphex(data[i], ==,
                        rx->clear[s->from + i] ^ wire ^ sent[i]);
    }
}

/* Whether and where the context stops, and that it stays so. */
static void check_stop(struct run *run, const struct segment *s)
{
    static const struct flow_rx_result nothing;
    const struct flow_rx_result *result = &run->rx.result;
    size_t end = rx_start(&run->rx, run->key_update + 1);

    if (run->stopped) {
        g_assert_cmpmem(result, sizeof(*result), &nothing, sizeof(nothing));
    }
    if (result->key_update) {
        g_assert_cmpuint(run->key_update, !=, 0);
        g_assert_cmpuint(s->from, <, end);
        g_assert_cmpuint(end, <=, s->to);
        g_assert_true(!result->decrypted || s->to == end);
        g_assert_false(result->resync_request);
        run->stopped = true;
    }
}

static void count_delivery(struct run *run)
{
    const struct flow_rx_result *result = &run->rx.result;

    run->verified += result->records;
    totals.segments++;
    totals.decrypted += result->decrypted;
    totals.records += result->records;
    totals.auth_failed += result->auth_failed;
    totals.bad_headers += result->bad_header;
    totals.false_headers += result->false_headers;
}

/* What goes on the wire; returns whether a prefix in it may be forged. */
static bool forge(const struct run *run, const struct segment *s, uint8_t *sent)
{
    if (s->junk) {
        for (size_t i = 0; i < s->to - s->from; i++) {
            sent[i] = roll64();
        }
        return true;
    }
    if (s->flip) {
        sent[s->at - s->from] ^= s->flip;
        return in_prefix(&run->rx, s->at);
    }
    return false;
}

static void deliver(struct run *run, const struct segment *s)
{
    struct rx *rx = &run->rx;
    size_t len = s->to - s->from;
    g_autofree uint8_t *sent = g_memdup2(rx->stream->wire->data + s->from, len);
    bool forged = forge(run, s, sent), failed;
    g_autofree uint8_t *data = g_memdup2(sent, len);

    run->astray = run->astray || forged;
    memset(&rx->result, 0xa5, sizeof(rx->result));
    rx_segment(rx->flow, rx->seq + s->from, data, len, &rx->result);
    check_delivery(run, s, sent, data);
    check_stop(run, s);
    count_delivery(run);
    failed = rx->result.auth_failed || rx->result.bad_header;
    run->astray = run->astray && !failed;
    if (forged && !failed && !rx->result.decrypted) {
        run->astray_for_good = true;    /* the search may have seen it */
    }
    rx_kernel_segment(&run->kernel, s->from, data, len, s->drop || s->junk);
}

static bool is_start(const struct rx *rx, size_t pos)
{
    return pos < rx->len && rx_start(rx, rx_record_at(rx, pos)) == pos;
}

/*
 * Confirmations that nobody asked for, of anything: of a header that is none,
 * and which the kernel would not confirm, the flow can but believe it. Where the
 * nonce is made of the number, a wrong number makes wrong plaintext.
 */
static void lie(struct run *run)
{
    struct rx *rx = &run->rx;
    uint32_t seq = rx->seq + roll(rx->len);

    if (chance(50)) {
        flow_rx_tracked(rx->flow, &seq);
    }
    if (flow_rx_confirm(rx->flow, seq, roll64() >> roll(64)) &&
        (rx->prefix == HEADER || !is_start(rx, (uint32_t)(seq - rx->seq)))) {
        g_assert_false(run->stopped);
        run->astray = true;
    }
}

/* ---- runs ---- */

static const struct weather weathers[] = {
    { 0 },
    { .lose = 2 },
    { .lose = 5 },
    { .lose = 20, .swap = 10 },
    { .swap = 5 },
    { .swap = 30 },
    { .lose = 2, .again = 5, .swap = 2, .overlap = 5, .forge = 1 },
    { .lose = 5, .again = 20, .swap = 10, .overlap = 20 },
    { .lose = 40, .again = 30, .swap = 50, .overlap = 40, .drop = 10 },
    { .lose = 3, .swap = 3, .forge = 3 },
    { .lose = 10, .again = 20, .swap = 20, .overlap = 20, .forge = 10,
      .drop = 20, .junk = 3 },
};

/* If no segment is lost and the numbers do not end before it. */
static bool reaches_key_update(const struct run *run)
{
    return run->key_update &&
           run->rx.stream->rec_num <= UINT64_MAX - run->key_update;
}

static void run_once(struct run *run)
{
    static const size_t pieces[] = { 1, 4, 9, 30, 100, 100, 400, 1500 };
    struct rx *rx = &run->rx;
    unsigned passes = 0;
    size_t few = chance(10) ? 40 : 12;
    bool calm;

    rx->seq = chance(50) ? roll64() : -roll(rx->len + 1);
    rx->mode = roll(3);
    rx_restart(rx);
    rx_kernel_init(&run->kernel, rx, chance(50) ? 0 : roll(500), roll(6));
    run->weather = weathers[roll(G_N_ELEMENTS(weathers))];
    run->piece = pieces[roll(G_N_ELEMENTS(pieces))];
    run->piece = MAX(run->piece, rx->len / few);
    run->lies = chance(10);
    run->astray = run->astray_for_good = run->stopped = false;
    calm = memcmp(&run->weather, &weathers[0], sizeof(run->weather)) == 0;
    run->verified = 0;

    while (run->kernel.arrived < rx->len) {
        if (++passes == 4) {
            run->weather = weathers[0];
        }
        plan_pass(run);
        for (unsigned i = 0; i < run->segments->len; i++) {
            deliver(run, &g_array_index(run->segments, struct segment, i));
            if (run->lies && chance(5)) {
                lie(run);
            }
        }
    }
    rx_kernel_check(&run->kernel, run->verified);
    g_assert_true(run->stopped || !calm || !reaches_key_update(run));
    totals.runs++;
    totals.key_updates += !!run->key_update;
    totals.stops += run->stopped;
    totals.clear += run->kernel.clear_records;
    totals.mixed += run->kernel.mixed_records;
    totals.wire += run->kernel.wire_records;
    totals.confirmed += run->kernel.confirmed;
    totals.stale += run->kernel.stale;
    rx_kernel_free(&run->kernel);
}

/* Ciphertext that looks like a header, at places where it is not. */
static void plant_headers(struct run *run, const size_t *lengths,
                          unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        uint8_t header[HEADER] = { 20 + roll(5), 3, 3, 0, 24 + roll(200) };

        if (lengths[i] >= HEADER && chance(40)) {
            rx_plant(&run->rx, i, roll(lengths[i] - HEADER + 1), header,
                     HEADER);
        }
    }
}

/* Some record, if one of them is long enough; not the last one. */
static void key_update(struct run *run, const size_t *lengths, unsigned count)
{
    unsigned record = 1 + roll(count - 2);

    if (lengths[record] >= KEY_UPDATE_LEN) {
        run->key_update = record;
        rx_key_update(&run->rx, record);
    }
}

static void new_stream(struct run *run)
{
    static const size_t longest[] = { 1, 20, 100, 100, 400, 1500 };
    size_t max = longest[roll(G_N_ELEMENTS(longest))];
    unsigned count = 3 + roll(max > 400 ? 5 : RECORDS_MAX - 2);
    size_t lengths[RECORDS_MAX];

    for (unsigned i = 0; i < count; i++) {
        lengths[i] = roll(max + 1);
    }
    rx_setup(&run->rx, reference_suites[roll(REFERENCE_SUITES)],
             KTLSNIC_TLS_RX_HINT, 0, chance(10) ? UINT64_MAX - roll(count + 2)
                        : roll64() >> (1 + roll(63)), lengths, count);
    if (chance(50)) {
        plant_headers(run, lengths, count);
    }
    run->key_update = 0;
    if (run->rx.key.version == KTLSNIC_TLS_1_3 && chance(50)) {
        key_update(run, lengths, count);
    }
}

static volatile sig_atomic_t current;

static void on_abort(int signal G_GNUC_UNUSED)
{
    char text[64];
    int len = snprintf(text, sizeof(text), "# failed: RX_RUN=%d\n",
                       (int)current);

    if (write(STDERR_FILENO, text, len) < 0) {
        _exit(1);
    }
}

static void print_totals(void)
{
    const struct totals *t = &totals;

    g_test_message("%" PRIu64 " runs, %" PRIu64 " segments, %" PRIu64
                   " of them decrypted, %" PRIu64 " tags verified",
                   t->runs, t->segments, t->decrypted, t->records);
    g_test_message("records: %" PRIu64 " decrypted, %" PRIu64 " in part, %"
                   PRIu64 " not", t->clear, t->mixed, t->wire);
    g_test_message("%" PRIu64 " confirmations taken, %" PRIu64 " stale; %"
                   PRIu64 " wrong tags, %" PRIu64 " bad headers, %" PRIu64
                   " false headers", t->confirmed, t->stale, t->auth_failed,
                   t->bad_headers, t->false_headers);
    g_test_message("%" PRIu64 " runs with a KeyUpdate, which stopped %" PRIu64
                   " contexts", t->key_updates, t->stops);
}

static void test_random(void)
{
    const char *only = getenv("RX_RUN");
    uint64_t base = (uint64_t)g_test_rand_int() << 32 | g_test_rand_int();
    struct run run = { .segments = g_array_new(false, false,
                                               sizeof(struct segment)) };

    signal(SIGABRT, on_abort);
    for (int i = 0; i < RUNS; i++) {
        dice = base + i * 0x632be59bd9b4e019ULL;
        current = i;
        if (i % RUNS_PER_STREAM == 0) {
            if (i) {
                rx_teardown(&run.rx);
            }
            new_stream(&run);
        }
        dice = ~dice;
        if (!only || atoi(only) == i) {
            run_once(&run);
        }
    }
    rx_teardown(&run.rx);
    g_array_free(run.segments, true);
    signal(SIGABRT, SIG_DFL);
    print_totals();
}

/* ---- hostile ---- */

/* Bytes in which headers are frequent, and whole records do occur. */
static void hostile_bytes(uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        data[i] = roll64();
    }
    for (size_t i = roll(60); i + HEADER <= len; i += 1 + roll(60)) {
        uint8_t header[HEADER] = { 20 + roll(6), 3, 3, 0, 24 + roll(40) };

        while (i + HEADER <= len && chance(90)) {
            memcpy(data + i, header, HEADER);
            i += HEADER + header[4];
        }
    }
}

/*
 * Segments of anything from anywhere, and a host that says anything: the bytes
 * are given back or called decrypted, but never if a header or tag was bad. The
 * rest is for the sanitizers.
 */
static void test_hostile(void)
{
    static const size_t lengths[] = { 10 };
    struct rx rx;

    dice = (uint64_t)g_test_rand_int() << 32 | g_test_rand_int();
    rx_setup(&rx, reference_suites[0], KTLSNIC_TLS_RX_HINT, 0, 0, lengths, 1);
    for (unsigned i = 0; i < HOSTILE_RUNS; i++) {
        uint32_t place = rx.seq = roll64();

        rx.mode = i % 3;
        rx_restart(&rx);
        for (unsigned k = 0; k < 200; k++) {
            size_t len = roll(chance(5) ? 3000 : 200);
            g_autofree uint8_t *data = g_malloc(len);
            uint32_t at = place, seq = chance(5) ? roll64() : place + roll(300);

            if (!chance(60)) {
                at = chance(10) ? roll64() : place + roll(300) - 200;
            }
            hostile_bytes(data, len);
            if (rx_send_bytes(&rx, at - rx.seq, data, len)) {
                g_assert_false(rx.result.auth_failed || rx.result.bad_header);
            }
            place = chance(95) ? at + len : place;
            if (chance(20)) {
                flow_rx_tracked(rx.flow, &seq);
                flow_rx_confirm(rx.flow, seq, chance(50) ? -roll(3) : roll64());
            }
        }
    }
    rx_teardown(&rx);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/flow-rx/random", test_random);
    g_test_add_func("/flow-rx/hostile", test_hostile);
    return g_test_run();
}
