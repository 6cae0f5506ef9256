/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>
#include <glib.h>

#include "link_fixture.h"

/* ---- chance ------------------------------------------------------------- */

#define MANY 100000

static void test_transparent(void)
{
    struct wire *wire = wire_new("", NULL);

    wire_send_many(wire, LINK_TX, 3);
    wire_send_many(wire, LINK_RX, 2);
    wire_assert_order(wire, LINK_TX, "1 2 3");
    wire_assert_order(wire, LINK_RX, "4 5");
    for (int i = LINK_FRAMES + 1; i < LINK_COUNTERS; i++) {
        g_assert_cmpuint(wire_count(wire, LINK_TX, i), ==, 0);
        g_assert_cmpuint(wire_count(wire, LINK_RX, i), ==, 0);
    }
    g_assert_cmpuint(wire_count(wire, LINK_TX, LINK_FRAMES), ==, 3);
    g_assert_cmpuint(wire_count(wire, LINK_RX, LINK_FRAMES), ==, 2);
    g_assert_cmpint(wire->wake, ==, NEVER);
    g_assert_cmpuint(wire->faults, ==, 0);
    wire_free(wire);
}

/* What comes out of a link, with 2000 frames sent each way. */
static char *outcome(const char *options)
{
    struct wire *wire = wire_new(options, NULL);
    g_autofree char *tx = NULL, *rx = NULL;
    char *both;

    wire_send_many(wire, LINK_TX, 2000);
    wire_send_many(wire, LINK_RX, 2000);
    wire_pass(wire, 1000 * MS);
    tx = wire_order(wire, LINK_TX);
    rx = wire_order(wire, LINK_RX);
    both = g_strdup_printf("%s; %s", tx, rx);
    wire_free(wire);
    return both;
}

#define FAULTS "loss=3%,reorder=3%,duplicate=3%,jitter=1"

static void test_same_seed(void)
{
    g_autofree char *a = outcome(FAULTS ",seed=7");
    g_autofree char *b = outcome(FAULTS ",seed=7");

    g_assert_cmpstr(a, ==, b);
}

static void test_other_seed(void)
{
    g_autofree char *a = outcome(FAULTS ",seed=7");
    g_autofree char *b = outcome(FAULTS ",seed=8");
    g_autofree char *c = outcome(FAULTS ",seed=4294967303");   /* 7 + 2^32 */

    g_assert_cmpstr(a, !=, b);
    g_assert_cmpstr(a, !=, c);
}

/* The same faults on every machine and after every change, so that a seed in a
 * bug report keeps its meaning. Expected: a Mersenne Twister (init_by_array) with
 * the key {1, 0, direction, 0}, and numbers below 0.3 * 2^32 lost. */
static void test_known_seed(void)
{
    struct wire *wire = wire_new("loss=30%,seed=1", NULL);

    wire_send_many(wire, LINK_TX, 20);
    wire_send_many(wire, LINK_RX, 20);
    wire_assert_order(wire, LINK_TX, "1 4 5 6 9 10 11 12 13 14 15 17 19 20");
    wire_assert_order(wire, LINK_RX, "21 22 23 24 26 27 29 30 31 32 33 34 35 "
                      "36 37 39 40");
    wire_free(wire);
}

/* Within six standard deviations of what a share says. */
static void assert_share(uint64_t hits, uint64_t of, double share)
{
    double expected = of * share;
    double deviation = hits - expected;

    g_assert_cmpfloat(deviation * deviation, <,
                      36 * expected * (1 - share) + 1);
}

static void test_rates(void)
{
    static const double shares[] = { 0, 0.001, 0.02, 0.5, 0.99, 1 };

    for (size_t i = 0; i < G_N_ELEMENTS(shares); i++) {
        g_autofree char *options = g_strdup_printf("loss=%g%%",
                                                   shares[i] * 100);
        struct wire *wire = wire_new(options, NULL);

        wire_send_many(wire, LINK_TX, MANY);
        assert_share(wire_count(wire, LINK_TX, LINK_DROPPED), MANY, shares[i]);
        g_assert_cmpuint(wire->out[LINK_TX]->len +
                         wire_count(wire, LINK_TX, LINK_DROPPED), ==, MANY);
        wire_free(wire);
    }
}

/* Each fault has its share, whatever the others do. */
static void test_all_rates(void)
{
    struct wire *wire = wire_new("loss=10%,reorder=5%,duplicate=2%", NULL);
    unsigned passed;

    wire_send_many(wire, LINK_RX, MANY);
    passed = MANY - wire_count(wire, LINK_RX, LINK_DROPPED);
    assert_share(wire_count(wire, LINK_RX, LINK_DROPPED), MANY, 0.1);
    assert_share(wire_count(wire, LINK_RX, LINK_REORDERED), passed, 0.05);
    assert_share(wire_count(wire, LINK_RX, LINK_DUPLICATED), passed, 0.02);
    wire_free(wire);
}

/* The frames of the other direction change nothing in this one. */
static void test_directions_apart(void)
{
    struct wire *wire = wire_new("loss=10%", NULL);
    struct wire *busy = wire_new("loss=10%", NULL);
    struct frame frame = { .data = (uint8_t[60]) { 0 }, .len = 60 };

    for (unsigned i = 0; i < 1000; i++) {
        wire_send(wire, LINK_TX, &frame);
        wire_send(busy, LINK_TX, &frame);
        wire_send_many(busy, LINK_RX, i % 3);
        busy->sent = wire->sent;
        g_assert_cmpuint(wire_count(wire, LINK_TX, LINK_DROPPED), ==,
                         wire_count(busy, LINK_TX, LINK_DROPPED));
    }
    g_assert_cmpuint(wire_count(busy, LINK_RX, LINK_DROPPED), >, 0);
    wire_free(wire);
    wire_free(busy);
}

/* More loss does not move the duplicates. */
static void test_faults_apart(void)
{
    struct wire *wire = wire_new("duplicate=10%", NULL);
    struct wire *lossy = wire_new("duplicate=10%,loss=0.5%", NULL);
    unsigned differ = 0;

    for (unsigned i = 0; i < 1000; i++) {
        uint64_t before[2] = {
            wire_count(wire, LINK_TX, LINK_DUPLICATED),
            wire_count(lossy, LINK_TX, LINK_DUPLICATED),
        };

        wire_send_many(wire, LINK_TX, 1);
        wire_send_many(lossy, LINK_TX, 1);
        differ += wire_count(wire, LINK_TX, LINK_DUPLICATED) - before[0] !=
                  wire_count(lossy, LINK_TX, LINK_DUPLICATED) - before[1];
    }
    g_assert_cmpuint(differ, <=, wire_count(lossy, LINK_TX, LINK_DROPPED));
    g_assert_cmpuint(wire_count(lossy, LINK_TX, LINK_DROPPED), >, 0);
    wire_free(wire);
    wire_free(lossy);
}

static void test_window(void)
{
    struct wire *wire = wire_new("loss=100%,from=3,to=5", NULL);

    wire_send_many(wire, LINK_TX, 7);
    wire_send_many(wire, LINK_RX, 4);
    wire_assert_order(wire, LINK_TX, "1 2 6 7");
    wire_assert_order(wire, LINK_RX, "8 9");
    wire_free(wire);
}

static void test_dir(void)
{
    struct wire *wire = wire_new("loss=100%,delay=1,dir=rx", NULL);

    wire_send_many(wire, LINK_TX, 2);
    wire_send_many(wire, LINK_RX, 2);
    wire_pass(wire, 2 * MS);
    wire_assert_order(wire, LINK_TX, "1 2");
    g_assert_cmpint(wire_arrival(wire, LINK_TX, 1)->when, ==, 0);
    wire_assert_order(wire, LINK_RX, "");
    wire_free(wire);
}

/* Pure ACKs and other traffic are neither hit nor counted in the window. */
static void test_data_only(void)
{
    struct wire *wire = wire_new("loss=100%,data-only=on,from=2", NULL);
    struct talk talk = { .version = 4, .port = 1000 };

    talk_open(wire, &talk, LINK_TX);                    /* 1 2 3 */
    talk_data(wire, &talk, LINK_TX, 0, 100);
    talk_data(wire, &talk, LINK_TX, 100, 100);          /* 5 is lost */
    talk_data(wire, &talk, LINK_TX, 200, 0);
    wire_send_many(wire, LINK_TX, 1);
    talk_data(wire, &talk, LINK_TX, 200, 1);            /* 8 is lost */
    wire_assert_order(wire, LINK_TX, "1 3 4 6 7");
    wire_free(wire);
}

/* ---- reordering, duplication, delay ------------------------------------- */

static void test_reorder(void)
{
    struct wire *wire = wire_new("reorder=100%,gap=2,to=1", NULL);

    wire_send_many(wire, LINK_TX, 2);
    wire_assert_order(wire, LINK_TX, "2");
    wire_send_many(wire, LINK_TX, 2);
    wire_assert_order(wire, LINK_TX, "2 3 1 4");
    g_assert_cmpuint(wire_count(wire, LINK_TX, LINK_REORDERED), ==, 1);
    wire_pass(wire, LINK_HOLD_CHANCE_NS);
    wire_assert_order(wire, LINK_TX, "2 3 1 4");
    wire_free(wire);
}

/* Frames that nothing overtakes come out in their order in the end. */
static void test_reorder_alone(void)
{
    struct wire *wire = wire_new("reorder=100%", NULL);

    wire_send_many(wire, LINK_TX, 5);
    wire_pass(wire, LINK_HOLD_CHANCE_NS - 1);
    wire_assert_order(wire, LINK_TX, "");
    wire_pass(wire, 1);
    wire_assert_order(wire, LINK_TX, "1 2 3 4 5");
    g_assert_cmpint(wire->wake, ==, NEVER);
    wire_free(wire);
}

static void test_duplicate(void)
{
    struct wire *wire = wire_new("duplicate=100%,from=2,to=2", NULL);

    wire_send_many(wire, LINK_RX, 3);
    wire_assert_order(wire, LINK_RX, "1 2 2 3");
    g_assert_cmpuint(wire_count(wire, LINK_RX, LINK_DUPLICATED), ==, 1);
    g_assert_cmpuint(wire->faults, ==, 1);
    wire_free(wire);
}

static void test_duplicate_and_reorder(void)
{
    struct wire *wire = wire_new("duplicate=100%,reorder=100%,to=1", NULL);

    wire_send_many(wire, LINK_TX, 5);
    wire_assert_order(wire, LINK_TX, "1 2 3 4 1 5");
    wire_free(wire);
}

static void test_delay(void)
{
    struct wire *wire = wire_new("delay=2", NULL);

    wire_send_many(wire, LINK_TX, 1);
    wire_pass(wire, MS);
    wire_send_many(wire, LINK_TX, 1);
    wire_send_many(wire, LINK_RX, 1);
    wire_pass(wire, 3 * MS);
    wire_assert_order(wire, LINK_TX, "1 2");
    g_assert_cmpint(wire_arrival(wire, LINK_TX, 0)->when, ==, 2 * MS);
    g_assert_cmpint(wire_arrival(wire, LINK_TX, 1)->when, ==, 3 * MS);
    g_assert_cmpint(wire_arrival(wire, LINK_RX, 0)->when, ==, 3 * MS);
    g_assert_cmpuint(wire_count(wire, LINK_TX, LINK_DELAYED), ==, 2);
    wire_free(wire);
}

/* Frames come out as they went in, count of them, numbered from 1. */
static void assert_in_order(struct wire *wire, unsigned count)
{
    g_assert_cmpuint(wire->out[LINK_TX]->len, ==, count);
    for (unsigned i = 0; i < count; i++) {
        g_assert_cmpuint(wire_arrival(wire, LINK_TX, i)->id, ==, i + 1);
    }
}

/* Jitter spreads frames over its range and overtakes nothing. */
static void test_jitter(void)
{
    struct wire *wire = wire_new("delay=5,jitter=4", NULL);
    int64_t min = INT64_MAX, max = 0;

    for (unsigned i = 0; i < 1000; i++) {
        wire_send_many(wire, LINK_TX, 1);
        wire_pass(wire, 10 * MS);
    }
    for (unsigned i = 0; i < 1000; i++) {
        int64_t took = wire_arrival(wire, LINK_TX, i)->when - i * 10 * MS;

        min = MIN(min, took);
        max = MAX(max, took);
    }
    g_assert_cmpint(min, >=, 5 * MS);
    g_assert_cmpint(min, <, 5.1 * MS);
    g_assert_cmpint(max, <=, 9 * MS);
    g_assert_cmpint(max, >, 8.9 * MS);

    wire_send_many(wire, LINK_TX, 1000);
    wire_pass(wire, 10 * MS);
    assert_in_order(wire, 2000);
    wire_free(wire);
}

/* Nor does a frame without any overtake one with some. */
static void test_least_jitter(void)
{
    struct wire *wire = wire_new("jitter=0.002", NULL);

    wire_send_many(wire, LINK_TX, 100);
    wire_pass(wire, MS);
    assert_in_order(wire, 100);
    wire_free(wire);
}

/* Reordering happens before the delay, and is not undone by it. */
static void test_delay_and_reorder(void)
{
    struct wire *wire = wire_new("delay=5,reorder=100%,gap=1,to=1", NULL);

    wire_send_many(wire, LINK_TX, 3);
    wire_pass(wire, 5 * MS);
    wire_assert_order(wire, LINK_TX, "2 1 3");
    wire_free(wire);
}

static void test_overflow(void)
{
    struct wire *wire = wire_new("delay=1", NULL);
    struct frame big = { .data = g_malloc0(1 << 20), .len = 1 << 20 };

    wire_send_many(wire, LINK_TX, LINK_STORE_FRAMES + 5);
    g_assert_cmpuint(wire_count(wire, LINK_TX, LINK_OVERFLOWED), ==, 5);
    wire_pass(wire, MS);
    g_assert_cmpuint(wire->out[LINK_TX]->len, ==, LINK_STORE_FRAMES);
    wire_send_many(wire, LINK_TX, LINK_STORE_FRAMES);
    g_assert_cmpuint(wire_count(wire, LINK_TX, LINK_OVERFLOWED), ==, 5);

    for (unsigned i = 0; i < 40; i++) {
        wire_send(wire, LINK_RX, &big);
    }
    g_assert_cmpuint(wire_count(wire, LINK_RX, LINK_OVERFLOWED), ==, 9);
    wire_pass(wire, MS);
    g_assert_cmpuint(wire->out[LINK_RX]->len, ==, 31);
    wire_send(wire, LINK_RX, &big);
    g_assert_cmpuint(wire_count(wire, LINK_RX, LINK_OVERFLOWED), ==, 9);
    g_free(big.data);
    wire_free(wire);
}

static void test_flush(void)
{
    struct wire *wire = wire_new("delay=5,reorder=100%,to=1", NULL);

    wire_send_many(wire, LINK_TX, 3);
    link_flush(wire->link);
    wire_assert_order(wire, LINK_TX, "2 3 1");
    wire_send_many(wire, LINK_TX, 1);
    wire_pass(wire, 5 * MS);
    wire_assert_order(wire, LINK_TX, "2 3 1 4");
    wire_free(wire);
}

/* Nothing is delivered from a link that goes away, and nothing leaks. */
static void test_free_loaded(void)
{
    struct wire *wire = wire_new("delay=5,reorder=50%", NULL);

    wire_send_many(wire, LINK_TX, 100);
    wire_send_many(wire, LINK_RX, 100);
    g_assert_cmpuint(wire->out[LINK_TX]->len, ==, 0);
    wire_free(wire);
    link_free(NULL);
    link_config_free(NULL);
}

/* A receiver that answers at once, from within the delivery. */
static void test_echo(void)
{
    struct wire *wire = wire_new("delay=1,reorder=20%,duplicate=20%", NULL);
    struct frame frame = { .data = (uint8_t[60]) { 0 }, .len = 60 };

    wire->echo = &frame;
    for (unsigned i = 0; i < 100; i++) {
        wire_send(wire, LINK_TX, &frame);
        wire_pass(wire, MS / 4);
    }
    wire_pass(wire, 2 * LINK_HOLD_CHANCE_NS);
    g_assert_cmpuint(wire->out[LINK_TX]->len, ==,
                     100 + wire_count(wire, LINK_TX, LINK_DUPLICATED));
    g_assert_cmpuint(wire->out[LINK_RX]->len, ==, wire->out[LINK_TX]->len +
                     wire_count(wire, LINK_RX, LINK_DUPLICATED));
    wire_free(wire);
}

/* ---- damage ------------------------------------------------------------- */

/* How many bits differ; their frame must be as long. */
static unsigned flipped(const struct frame *frame,
                        const struct arrival *arrival, size_t *where)
{
    unsigned bits = 0;

    g_assert_cmpuint(frame->len, ==, arrival->len);
    for (size_t i = 0; i < frame->len; i++) {
        unsigned differ = frame->data[i] ^ arrival->data[i];

        if (differ) {
            bits += __builtin_popcount(differ);
            *where = i;
        }
    }
    return bits;
}

/* Whether the checksums in a frame are right: those that a straightforward
 * computation gives. */
static bool sums_right(const struct frame *shape, const struct arrival *arrival)
{
    struct frame copy = *shape;
    bool right;

    copy.data = g_memdup2(arrival->data, arrival->len);
    frame_set_checksums(&copy);
    right = !memcmp(copy.data, arrival->data, arrival->len);
    g_free(copy.data);
    return right;
}

static void test_corrupt(void)
{
    struct wire *wire = wire_new("corrupt=100%", NULL);
    struct talk talk = { .version = 6, .tags = 1 };
    size_t min = SIZE_MAX, max = 0, where = 0;
    struct frame f;

    for (unsigned i = 0; i < 2000; i++) {
        f = talk_frame(&talk, LINK_TX, ACK, i, 100);
        wire_send(wire, LINK_TX, &f);
        g_assert_cmpuint(flipped(&f, wire_arrival(wire, LINK_TX, i), &where),
                         ==, 1);
        g_assert_false(sums_right(&f, wire_arrival(wire, LINK_TX, i)));
        min = MIN(min, where);
        max = MAX(max, where);
        frame_free(&f);
    }
    /* Any byte of the TCP segment, and none outside. */
    g_assert_cmpuint(min, ==, f.l4_off);
    g_assert_cmpuint(max, ==, f.ip_end - 1);
    g_assert_cmpuint(wire_count(wire, LINK_TX, LINK_CORRUPTED), ==, 2000);
    wire_free(wire);
}

/* What has no checksum that must be right is left alone. */
static void test_corrupt_only_tcp(void)
{
    struct wire *wire = wire_new("corrupt=100%", NULL);
    struct frame_spec spec = { .version = 4, .proto = PROTO_UDP,
                               .payload_len = 50 };
    struct frame f = frame_make(&spec);
    const struct arrival *arrival;

    wire_send(wire, LINK_TX, &f);
    arrival = wire_arrival(wire, LINK_TX, 0);
    g_assert_cmpmem(arrival->data, arrival->len, f.data, f.len);
    wire_send_many(wire, LINK_TX, 1);
    g_assert_cmpuint(wire_count(wire, LINK_TX, LINK_CORRUPTED), ==, 0);
    frame_free(&f);
    wire_free(wire);
}

/* A sender that left the checksum to the receiver would have its damaged frame
 * believed: the link fills it in first. Of a unit without any it drops. */
static void test_corrupt_offloaded(void)
{
    struct wire *wire = wire_new("corrupt=100%", NULL);
    struct talk talk = { .version = 4 };
    struct frame f = talk_frame(&talk, LINK_TX, ACK, 1, 100);
    struct frame unset = f;
    size_t where;

    unset.data = g_memdup2(f.data, f.len);
    memset(unset.data + f.l4_off + 16, 0xab, 2);
    wire_send_as(wire, LINK_TX, &unset, LINK_CSUM_PENDING);
    g_assert_cmpuint(flipped(&f, wire_arrival(wire, LINK_TX, 0), &where), ==, 1);
    g_assert_cmpint(wire_arrival(wire, LINK_TX, 0)->csum, ==, LINK_CSUM_DONE);
    wire_send_as(wire, LINK_TX, &f, LINK_CSUM_SEGMENTS);
    g_assert_cmpuint(wire->out[LINK_TX]->len, ==, 1);
    g_assert_cmpuint(wire_count(wire, LINK_TX, LINK_CORRUPTED), ==, 2);
    frame_free(&unset);
    frame_free(&f);
    wire_free(wire);
}

/* The lowest bit of the byte that a rule names, in frame number 4. */
static void check_damage(const char *rule, enum link_csum csum, bool right)
{
    static const struct talk talks[] = {
        { .version = 4 }, { .version = 6 }, { .version = 6, .tags = 2 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(talks); i++) {
        struct wire *wire = wire_new("", rule);
        struct frame f = talk_frame(&talks[i], LINK_TX, ACK, 1, 100);
        const struct arrival *arrival;
        size_t where = 0;

        talk_open(wire, &talks[i], LINK_TX);
        wire_send_as(wire, LINK_TX, &f, csum);
        arrival = wire_arrival(wire, LINK_TX, 2);
        g_assert_cmpint(sums_right(&f, arrival), ==, right);
        memcpy(f.data + f.l4_off + 16, arrival->data + f.l4_off + 16, 2);
        g_assert_cmpuint(flipped(&f, arrival, &where), ==, 1);
        g_assert_cmpuint(where, ==, f.payload_off + 99);
        g_assert_cmpint(arrival->csum, ==, csum);
        g_assert_cmpuint(link_rule_hits(wire->link, 0), ==, 1);
        frame_free(&f);
        wire_free(wire);
    }
}

static void test_forge(void)
{
    check_damage("forge conn 1 tx byte 99", LINK_CSUM_DONE, true);
    check_damage("forge conn 1 tx segment 1", LINK_CSUM_DONE, true);
    check_damage("corrupt conn 1 tx byte 99", LINK_CSUM_DONE, false);
    check_damage("corrupt conn 1 tx segment 1", LINK_CSUM_DONE, false);
    /* The receiver, or who cuts the unit, makes the checksum. */
    check_damage("forge conn 1 tx byte 99", LINK_CSUM_PENDING, false);
    check_damage("forge conn 1 tx byte 99", LINK_CSUM_SEGMENTS, false);
}

/* Any length, any content: the sanitizers watch. */
static void test_hostile(void)
{
    struct wire *wire = wire_new("corrupt=50%,duplicate=10%,reorder=10%",
        "forge conn any tx segment 1 times 1000000; corrupt conn any rx byte "
        "281474976710656; drop conn any rx fin");
    g_autoptr(GRand) rand = g_rand_new_with_seed(1);

    for (unsigned i = 0; i < 20000; i++) {
        struct talk talk = {
            .version = i % 2 ? 4 : 6, .tags = i % 3, .port = i % 16,
        };
        struct frame f = talk_frame(&talk, i & 1, g_rand_int(rand),
                                    g_rand_int(rand), g_rand_int(rand) % 64);
        struct frame cut = { .len = g_rand_int(rand) % (f.len + 1) };

        for (unsigned j = g_rand_int(rand) % 4; j; j--) {
            f.data[g_rand_int(rand) % f.len] = g_rand_int(rand);
        }
        cut.data = g_memdup2(f.data, cut.len);
        wire_send_as(wire, g_rand_int(rand) % LINK_DIRS, i % 4 ? &f : &cut,
                     g_rand_int(rand) % 3);
        frame_free(&cut);
        frame_free(&f);
    }
    g_assert_cmpuint(wire_count(wire, LINK_TX, LINK_FORGED), >, 0);
    wire_free(wire);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/link/transparent", test_transparent);
    g_test_add_func("/link/chance/same-seed", test_same_seed);
    g_test_add_func("/link/chance/other-seed", test_other_seed);
    g_test_add_func("/link/chance/known-seed", test_known_seed);
    g_test_add_func("/link/chance/rates", test_rates);
    g_test_add_func("/link/chance/all-rates", test_all_rates);
    g_test_add_func("/link/chance/directions-apart", test_directions_apart);
    g_test_add_func("/link/chance/faults-apart", test_faults_apart);
    g_test_add_func("/link/chance/window", test_window);
    g_test_add_func("/link/chance/dir", test_dir);
    g_test_add_func("/link/chance/data-only", test_data_only);
    g_test_add_func("/link/reorder", test_reorder);
    g_test_add_func("/link/reorder-alone", test_reorder_alone);
    g_test_add_func("/link/duplicate", test_duplicate);
    g_test_add_func("/link/duplicate-and-reorder", test_duplicate_and_reorder);
    g_test_add_func("/link/delay", test_delay);
    g_test_add_func("/link/jitter", test_jitter);
    g_test_add_func("/link/least-jitter", test_least_jitter);
    g_test_add_func("/link/delay-and-reorder", test_delay_and_reorder);
    g_test_add_func("/link/overflow", test_overflow);
    g_test_add_func("/link/flush", test_flush);
    g_test_add_func("/link/free-loaded", test_free_loaded);
    g_test_add_func("/link/echo", test_echo);
    g_test_add_func("/link/corrupt", test_corrupt);
    g_test_add_func("/link/corrupt-only-tcp", test_corrupt_only_tcp);
    g_test_add_func("/link/corrupt-offloaded", test_corrupt_offloaded);
    g_test_add_func("/link/forge", test_forge);
    g_test_add_func("/link/hostile", test_hostile);
    return g_test_run();
}
