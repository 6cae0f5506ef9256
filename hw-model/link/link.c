/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>
#include <glib.h>

#include "link/link.h"
#include "link/link_fate.h"
#include "packet/checksum.h"

const char *const link_counter_names[LINK_COUNTERS] = {
    [LINK_FRAMES] = "frames",
    [LINK_DROPPED] = "dropped",
    [LINK_DUPLICATED] = "duplicated",
    [LINK_REORDERED] = "reordered",
    [LINK_CORRUPTED] = "corrupted",
    [LINK_FORGED] = "forged",
    [LINK_DELAYED] = "delayed",
    [LINK_OVERFLOWED] = "overflowed",
};

/* A frame that the link stores. */
struct parcel {
    struct link_frame frame;    /* its head and data are in bytes */
    int64_t delay_ns;           /* time on the wire */
    int64_t due;                /* when it goes on, in ns */
    unsigned gap;               /* it goes on after that many; 0: only when due */
    uint8_t bytes[];
};

/* One direction. */
struct lane {
    GQueue held;                /* to be overtaken, in order of arrival */
    GQueue wire;                /* in order; none leaves before the head */
    size_t frames, bytes;       /* stored in both */
    uint64_t count[LINK_COUNTERS];
};

struct link {
    const struct link_config *config;
    struct link_host host;
    void *opaque;
    struct link_fates *fates;
    struct lane lane[LINK_DIRS];
};

struct link *link_new(const struct link_config *config,
                      const struct link_host *host, void *opaque)
{
    struct link *link = g_new0(struct link, 1);

    link->config = config;
    link->host = *host;
    link->opaque = opaque;
    link->fates = link_fates_new(config);
    for (int dir = 0; dir < LINK_DIRS; dir++) {
        g_queue_init(&link->lane[dir].held);
        g_queue_init(&link->lane[dir].wire);
    }
    return link;
}

void link_free(struct link *link)
{
    if (!link) {
        return;
    }
    for (int dir = 0; dir < LINK_DIRS; dir++) {
        g_queue_clear_full(&link->lane[dir].held, g_free);
        g_queue_clear_full(&link->lane[dir].wire, g_free);
    }
    link_fates_free(link->fates);
    g_free(link);
}

static void count(struct link *link, enum link_dir dir, enum link_counter what,
                  const struct link_frame *frame)
{
    link->lane[dir].count[what]++;
    if (link->host.fault) {
        link->host.fault(link->opaque, dir, what, frame);
    }
}

/* ---- storing ------------------------------------------------------------ */

/* Of nothing there may be no address to copy from. */
static void copy(uint8_t *to, const uint8_t *from, size_t len)
{
    if (len) {
        memcpy(to, from, len);
    }
}

static struct parcel *parcel_new(const struct link_frame *frame,
                                 int64_t delay_ns)
{
    struct parcel *parcel = g_malloc(sizeof(*parcel) + frame->head_len +
                                     frame->len);
    uint8_t *data = parcel->bytes + frame->head_len;

    *parcel = (struct parcel) { .frame = *frame, .delay_ns = delay_ns };
    copy(parcel->bytes, frame->head, frame->head_len);
    copy(data, frame->data, frame->len);
    parcel->frame.head = parcel->bytes;
    parcel->frame.data = data;
    return parcel;
}

static size_t parcel_size(const struct parcel *parcel)
{
    return sizeof(*parcel) + parcel->frame.head_len + parcel->frame.len;
}

static uint8_t *parcel_data(struct parcel *parcel)
{
    return parcel->bytes + parcel->frame.head_len;
}

static void store(struct link *link, enum link_dir dir, GQueue *queue,
                  struct parcel *parcel)
{
    struct lane *lane = &link->lane[dir];

    if (lane->frames >= LINK_STORE_FRAMES ||
        lane->bytes + parcel_size(parcel) > LINK_STORE_BYTES) {
        count(link, dir, LINK_OVERFLOWED, &parcel->frame);
        g_free(parcel);
        return;
    }
    lane->frames++;
    lane->bytes += parcel_size(parcel);
    g_queue_push_tail(queue, parcel);
}

static struct parcel *unstore(struct lane *lane, GQueue *queue, GList *node)
{
    struct parcel *parcel = node->data;

    g_queue_delete_link(queue, node);
    lane->frames--;
    lane->bytes -= parcel_size(parcel);
    return parcel;
}

/* ---- the way through the link ------------------------------------------- */

static void leave(struct link *link, enum link_dir dir, struct parcel *parcel)
{
    link->host.deliver(link->opaque, dir, &parcel->frame);
    g_free(parcel);
}

/* The last stage: the frame is not overtaken any more. */
static void enter_wire(struct link *link, enum link_dir dir,
                       struct parcel *parcel)
{
    struct lane *lane = &link->lane[dir];
    int64_t now = link->host.now(link->opaque);

    parcel->due = now + parcel->delay_ns;
    if (parcel->due <= now && g_queue_is_empty(&lane->wire)) {
        leave(link, dir, parcel);
    } else {
        store(link, dir, &lane->wire, parcel);
    }
}

static void hold(struct link *link, enum link_dir dir, struct parcel *parcel,
                 unsigned gap, int64_t ns)
{
    parcel->gap = gap;
    parcel->due = link->host.now(link->opaque) + ns;
    store(link, dir, &link->lane[dir].held, parcel);
}

/* A frame passes by those that are held; what has been overtaken often enough
 * follows it. Who that is, is settled before anything is delivered, for that
 * can bring in more frames. */
static void pass_by(struct link *link, enum link_dir dir, struct parcel *parcel)
{
    struct lane *lane = &link->lane[dir];
    GQueue freed = G_QUEUE_INIT;
    struct parcel *next;
    GList *node, *after;

    for (node = lane->held.head; node; node = after) {
        struct parcel *held = node->data;

        after = node->next;
        if (held->gap && !--held->gap) {
            g_queue_push_tail(&freed, unstore(lane, &lane->held, node));
        }
    }
    enter_wire(link, dir, parcel);
    while ((next = g_queue_pop_head(&freed))) {
        enter_wire(link, dir, next);
    }
}

static void run_lane(struct link *link, enum link_dir dir, int64_t now)
{
    struct lane *lane = &link->lane[dir];
    GQueue freed = G_QUEUE_INIT;
    struct parcel *next;
    GList *node, *after;

    for (node = lane->held.head; node; node = after) {
        struct parcel *held = node->data;

        after = node->next;
        if (held->due <= now) {
            g_queue_push_tail(&freed, unstore(lane, &lane->held, node));
        }
    }
    while ((next = g_queue_pop_head(&freed))) {
        enter_wire(link, dir, next);
    }
    while ((next = g_queue_peek_head(&lane->wire)) && next->due <= now) {
        leave(link, dir, unstore(lane, &lane->wire, lane->wire.head));
    }
}

/* ---- faults ------------------------------------------------------------- */

/* Flips the bits. Returns false if the frame is lost by it: a unit that has not
 * been cut into segments has no checksum that could be wrong, so what the
 * receiver would do about a wrong one is done here. */
static bool damage(struct link *link, enum link_dir dir, struct parcel *parcel,
                   const struct link_fate *fate, const struct packet_info *info)
{
    struct link_frame *frame = &parcel->frame;
    uint8_t *data = parcel_data(parcel);

    if (!fate->corrupt && !fate->forge) {
        return true;
    }
    count(link, dir, fate->corrupt ? LINK_CORRUPTED : LINK_FORGED, frame);
    if (fate->corrupt && frame->csum == LINK_CSUM_SEGMENTS) {
        return false;
    }
    if (fate->corrupt && frame->csum == LINK_CSUM_PENDING) {
        checksum_set_l4(data, info);
    }
    data[fate->flip_off] ^= fate->flip_mask;
    if (fate->forge && frame->csum == LINK_CSUM_DONE) {
        checksum_set_l4(data, info);
    }
    if (fate->corrupt) {
        frame->csum = LINK_CSUM_DONE;
    }
    return true;
}

/* Sends a frame, and its copy if it has one, on its way. */
static void dispatch(struct link *link, enum link_dir dir,
                     struct parcel *parcel, const struct link_fate *fate)
{
    bool stays = fate->reorder || fate->postpone;

    if (fate->delay_ns || fate->postpone) {
        link->lane[dir].count[LINK_DELAYED]++;
    }
    if (fate->duplicate) {
        struct parcel *twin = parcel_new(&parcel->frame, parcel->delay_ns);

        count(link, dir, LINK_DUPLICATED, &parcel->frame);
        if (stays || !fate->gap) {
            pass_by(link, dir, twin);
        } else {
            /* The original passes first, and is not one of those that are to
             * come between the two. */
            hold(link, dir, twin, fate->gap + 1, fate->hold_ns);
        }
    }
    if (fate->reorder) {
        count(link, dir, LINK_REORDERED, &parcel->frame);
        hold(link, dir, parcel, fate->gap, fate->hold_ns);
    } else if (fate->postpone) {
        hold(link, dir, parcel, 0, fate->hold_ns);
    } else {
        pass_by(link, dir, parcel);
    }
}

static bool untouched(const struct lane *lane, const struct link_fate *fate)
{
    return !fate->duplicate && !fate->reorder && !fate->postpone &&
           !fate->corrupt && !fate->forge && !fate->delay_ns &&
           !lane->frames;
}

/* Asks to be woken when the next frame is due. */
static void set_wake(struct link *link)
{
    int64_t when = INT64_MAX;

    for (int dir = 0; dir < LINK_DIRS; dir++) {
        struct lane *lane = &link->lane[dir];

        for (GList *node = lane->held.head; node; node = node->next) {
            when = MIN(when, ((struct parcel *)node->data)->due);
        }
        if (lane->wire.head) {
            when = MIN(when, ((struct parcel *)lane->wire.head->data)->due);
        }
    }
    if (when != INT64_MAX) {
        link->host.wake(link->opaque, when);
    }
}

bool link_submit(struct link *link, enum link_dir dir,
                 const struct link_frame *frame)
{
    struct packet_info info;
    struct parcel *parcel;
    struct link_fate fate;

    link->lane[dir].count[LINK_FRAMES]++;
    link_fates_decide(link->fates, dir, frame, &fate, &info);
    if (fate.drop) {
        count(link, dir, LINK_DROPPED, frame);
        return true;
    }
    if (untouched(&link->lane[dir], &fate)) {
        return false;
    }
    parcel = parcel_new(frame, fate.delay_ns);
    if (damage(link, dir, parcel, &fate, &info)) {
        dispatch(link, dir, parcel, &fate);
        set_wake(link);
    } else {
        g_free(parcel);
    }
    return true;
}

static void run(struct link *link, int64_t now)
{
    for (int dir = 0; dir < LINK_DIRS; dir++) {
        run_lane(link, dir, now);
    }
}

void link_run(struct link *link)
{
    run(link, link->host.now(link->opaque));
    set_wake(link);
}

void link_flush(struct link *link)
{
    run(link, INT64_MAX);
}

/* ---- what has happened -------------------------------------------------- */

uint64_t link_count(const struct link *link, enum link_dir dir,
                    enum link_counter counter)
{
    return link->lane[dir].count[counter];
}

uint64_t link_rule_hits(const struct link *link, size_t rule)
{
    return link_fates_hits(link->fates, rule);
}

static void report_lane(GString *report, const char *name,
                        const struct lane *lane)
{
    g_string_append_printf(report, " \"%s\": {", name);
    for (int i = 0; i < LINK_COUNTERS; i++) {
        g_string_append_printf(report, "%s\"%s\": %" G_GUINT64_FORMAT,
                               i ? ", " : "", link_counter_names[i],
                               lane->count[i]);
    }
    g_string_append(report, "},\n");
}

/* The words of a rule that was accepted need no escapes in JSON. */
char *link_report(const struct link *link)
{
    GString *report = g_string_new("{");
    GArray *rules = link->config->rules;

    report_lane(report, "tx", &link->lane[LINK_TX]);
    report_lane(report, "rx", &link->lane[LINK_RX]);
    g_string_append_printf(report, " \"connections\": %u,\n \"rules\": [",
                           link_fates_conns(link->fates));
    for (unsigned i = 0; i < rules->len; i++) {
        g_string_append_printf(report, "%s\n  {\"rule\": \"%s\", \"hits\": %"
                               G_GUINT64_FORMAT "}", i ? "," : "",
                               g_array_index(rules, struct link_rule, i).text,
                               link_fates_hits(link->fates, i));
    }
    g_string_append(report, "]}\n");
    return g_string_free(report, false);
}
