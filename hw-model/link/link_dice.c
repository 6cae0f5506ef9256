/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "link/link_dice.h"

/* The streams of a direction: the faults, then these. */
enum {
    STREAM_POSITION = LINK_FAULTS,
    STREAM_JITTER,
    STREAMS,
};

struct link_dice {
    const struct link_config *config;
    GRand *stream[LINK_DIRS][STREAMS];
    uint64_t rolls[LINK_DIRS];
};

struct link_dice *link_dice_new(const struct link_config *config)
{
    struct link_dice *dice = g_new0(struct link_dice, 1);

    dice->config = config;
    for (uint32_t dir = 0; dir < LINK_DIRS; dir++) {
        for (uint32_t i = 0; i < STREAMS; i++) {
            const guint32 seed[] = {
                config->seed, config->seed >> 32, dir, i,
            };

            dice->stream[dir][i] =
                g_rand_new_with_seed_array(seed, G_N_ELEMENTS(seed));
        }
    }
    return dice;
}

void link_dice_free(struct link_dice *dice)
{
    if (!dice) {
        return;
    }
    for (int dir = 0; dir < LINK_DIRS; dir++) {
        for (int i = 0; i < STREAMS; i++) {
            g_rand_free(dice->stream[dir][i]);
        }
    }
    g_free(dice);
}

void link_dice_roll(struct link_dice *dice, enum link_dir dir,
                    struct link_roll *roll)
{
    const struct link_config *config = dice->config;
    uint64_t number = ++dice->rolls[dir];
    bool possible = config->impaired[dir] && number >= config->from &&
                    number <= config->to;

    for (int i = 0; i < LINK_FAULTS; i++) {
        uint32_t drawn = g_rand_int(dice->stream[dir][i]);

        roll->fault[i] = possible && drawn < config->chance[i];
    }
    roll->position = g_rand_int(dice->stream[dir][STREAM_POSITION]);
}

int64_t link_dice_delay(struct link_dice *dice, enum link_dir dir)
{
    const struct link_config *config = dice->config;
    uint64_t drawn = g_rand_int(dice->stream[dir][STREAM_JITTER]);

    if (!config->impaired[dir]) {
        return 0;
    }
    /* At most 10^10 ns times 2^32: within 64 bits only as a 128-bit product,
     * so microseconds are what is scaled. */
    return config->delay_ns +
           ((config->jitter_ns / 1000 * drawn) >> 32) * 1000;
}
