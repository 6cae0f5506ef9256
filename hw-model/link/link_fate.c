/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "link/link_conn.h"
#include "link/link_dice.h"
#include "link/link_fate.h"

struct link_fates {
    const struct link_config *config;
    struct link_conns *conns;       /* their counters: hits of each rule */
    struct link_dice *dice;
    bool looks_inside;              /* else frames are not parsed */
    uint64_t *hits;
};

struct link_fates *link_fates_new(const struct link_config *config)
{
    struct link_fates *fates = g_new0(struct link_fates, 1);

    fates->config = config;
    fates->conns = link_conns_new(config->rules->len);
    fates->dice = link_dice_new(config);
    fates->looks_inside = config->rules->len || config->data_only ||
                          config->chance[LINK_CORRUPTION];
    fates->hits = g_new0(uint64_t, config->rules->len);
    return fates;
}

void link_fates_free(struct link_fates *fates)
{
    if (fates) {
        link_conns_free(fates->conns);
        link_dice_free(fates->dice);
        g_free(fates->hits);
        g_free(fates);
    }
}

unsigned link_fates_conns(const struct link_fates *fates)
{
    return link_conns_seen(fates->conns);
}

uint64_t link_fates_hits(const struct link_fates *fates, size_t rule)
{
    return fates->hits[rule];
}

static bool is_tcp(const struct packet_info *info)
{
    return info->has_l4 && info->l4_proto == PACKET_PROTO_TCP;
}

/* The first rule that wants the frame; the others have not seen it then. */
static const struct link_rule *find_rule(struct link_fates *fates,
                                         enum link_dir dir,
                                         const struct link_place *place,
                                         unsigned *hits)
{
    GArray *rules = fates->config->rules;

    for (unsigned i = 0; hits && i < rules->len; i++) {
        const struct link_rule *rule = &g_array_index(rules, struct link_rule,
                                                      i);

        if (link_rule_matches(rule, dir, place, hits[i])) {
            hits[i]++;
            fates->hits[i]++;
            return rule;
        }
    }
    return NULL;
}

/* The byte that the rule names, or the last one of the payload. */
static void aim_rule(const struct link_rule *rule, struct link_fate *fate,
                     const struct packet_info *info,
                     const struct link_place *place)
{
    uint32_t index = rule->select == LINK_BYTE ?
                     (int64_t)rule->at - place->offset : place->len - 1;

    fate->flip_off = info->payload_off + index;
    fate->flip_mask = 1;
}

static void obey_rule(const struct link_config *config,
                      const struct link_rule *rule, struct link_fate *fate,
                      const struct packet_info *info,
                      const struct link_place *place)
{
    fate->hold_ns = LINK_HOLD_RULE_NS;
    switch (rule->action) {
    case LINK_DROP:
        fate->drop = true;
        break;
    case LINK_DUPLICATE:
        fate->duplicate = true;
        fate->gap = rule->by;
        break;
    case LINK_REORDER:
        fate->reorder = true;
        fate->gap = rule->by ? rule->by : config->gap;
        break;
    case LINK_DELAY:
        fate->postpone = true;
        fate->hold_ns = rule->delay_ns;
        break;
    case LINK_CORRUPT:
    case LINK_FORGE:
        fate->corrupt = rule->action == LINK_CORRUPT;
        fate->forge = rule->action == LINK_FORGE;
        aim_rule(rule, fate, info, place);
        break;
    }
}

/* Any bit of the TCP header and payload: the checksum covers all of them, and
 * finds every single one that is wrong. */
static void aim_roll(const struct link_roll *roll, struct link_fate *fate,
                     const struct packet_info *info)
{
    uint32_t len = info->payload_off + info->payload_len - info->l4_off;
    uint64_t bit = (uint64_t)len * 8 * roll->position >> 32;

    fate->flip_off = info->l4_off + bit / 8;
    fate->flip_mask = 1 << bit % 8;
}

static void obey_chance(const struct link_config *config,
                        const struct link_roll *roll, struct link_fate *fate,
                        const struct packet_info *info)
{
    fate->hold_ns = LINK_HOLD_CHANCE_NS;
    fate->drop = roll->fault[LINK_LOSS];
    fate->duplicate = roll->fault[LINK_DUPLICATION];
    fate->reorder = roll->fault[LINK_REORDERING];
    fate->corrupt = roll->fault[LINK_CORRUPTION] && is_tcp(info);
    if (fate->reorder) {
        fate->gap = config->gap;
    }
    if (fate->corrupt) {
        aim_roll(roll, fate, info);
    }
}

void link_fates_decide(struct link_fates *fates, enum link_dir dir,
                       const struct link_frame *frame, struct link_fate *fate,
                       struct packet_info *info)
{
    const struct link_config *config = fates->config;
    const struct link_rule *rule = NULL;
    struct link_roll roll = { 0 };
    struct link_place place;

    *info = (struct packet_info) { 0 };
    *fate = (struct link_fate) { 0 };
    if (fates->looks_inside) {
        packet_parse(frame->data, frame->len, info);
    }
    if (config->rules->len) {
        unsigned *hits = link_conns_note(fates->conns, dir, frame->data, info,
                                         &place);

        rule = find_rule(fates, dir, &place, hits);
    }
    if (!config->data_only || (is_tcp(info) && info->payload_len)) {
        link_dice_roll(fates->dice, dir, &roll);
    }
    fate->delay_ns = link_dice_delay(fates->dice, dir);
    if (rule) {
        obey_rule(config, rule, fate, info, &place);
    } else {
        obey_chance(config, &roll, fate, info);
    }
}
