/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * filter-impair: the impaired link of link/ as a QEMU net filter, for any NIC
 * and netdev. Its options are those of link_config; see hw-model/link/README.md.
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qapi/visitor.h"
#include "qemu/error-report.h"
#include "qemu/iov.h"
#include "qemu/module.h"
#include "qemu/timer.h"
#include "net/filter.h"
#include "net/net.h"
#include "qom/object.h"
#include "standard-headers/linux/virtio_net.h"
#include "trace.h"

#include "link/link.h"

#define TYPE_FILTER_IMPAIR "filter-impair"
OBJECT_DECLARE_SIMPLE_TYPE(FilterImpair, FILTER_IMPAIR)

struct FilterImpair {
    NetFilterState parent_obj;

    struct link_config *config;
    GHashTable *values;         /* option name: text that it was set to */
    char *stats_name;           /* NULL: none */
    FILE *stats;                /* open from setup on, if there is a name */

    struct link *link;          /* NULL before setup */
    QEMUTimer *timer;
    GByteArray *scratch;        /* for frames that come in pieces */
};

static const char *const impair_dir_names[LINK_DIRS] = {
    [LINK_TX] = "tx",
    [LINK_RX] = "rx",
};

/* ---- What the link asks of its host -------------------------------------- */

static int64_t impair_now(void *opaque)
{
    return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
}

static void impair_wake(void *opaque, int64_t when)
{
    FilterImpair *s = opaque;

    timer_mod(s->timer, when);
}

static void impair_fault(void *opaque, enum link_dir dir,
                         enum link_counter what, const struct link_frame *frame)
{
    trace_filter_impair_fault(NETFILTER(opaque)->netdev_id,
                              impair_dir_names[dir], link_counter_names[what],
                              frame->len);
}

/*
 * The sender is looked up anew: it may have been unplugged while the link had
 * the frame. A header that leaves the checksum to the receiver, or vouches for
 * it, does not fit a frame that was damaged.
 */
static void impair_deliver(void *opaque, enum link_dir dir,
                           const struct link_frame *frame)
{
    NetFilterState *nf = opaque;
    NetClientState *sender = dir == LINK_TX ? nf->netdev->peer : nf->netdev;
    uint8_t head[sizeof(struct virtio_net_hdr_v1_hash)];
    struct iovec iov[] = {
        { .iov_base = head, .iov_len = frame->head_len },
        { .iov_base = (void *)frame->data, .iov_len = frame->len },
    };

    assert(frame->head_len <= sizeof(head));
    memcpy(head, frame->head, frame->head_len);
    if (frame->head_len && frame->csum == LINK_CSUM_DONE) {
        head[offsetof(struct virtio_net_hdr, flags)] = 0;
    }
    qemu_netfilter_pass_to_next(sender, frame->flags, iov, ARRAY_SIZE(iov), nf);
}

static const struct link_host impair_host = {
    .now = impair_now,
    .deliver = impair_deliver,
    .wake = impair_wake,
    .fault = impair_fault,
};

static void impair_timer(void *opaque)
{
    FilterImpair *s = opaque;

    link_run(s->link);
}

/* ---- The filter ---------------------------------------------------------- */

/* What the frame's offload header says about its checksum. */
static enum link_csum impair_csum(const struct link_frame *frame)
{
    struct virtio_net_hdr head;

    if (frame->head_len < sizeof(head)) {
        return LINK_CSUM_DONE;
    }
    memcpy(&head, frame->head, sizeof(head));
    if (head.gso_type != VIRTIO_NET_HDR_GSO_NONE) {
        return LINK_CSUM_SEGMENTS;
    }
    return head.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM ? LINK_CSUM_PENDING :
                                                      LINK_CSUM_DONE;
}

/* The bytes in one piece, valid until the next call. */
static const uint8_t *impair_bytes(FilterImpair *s, const struct iovec *iov,
                                   int iovcnt, size_t size)
{
    if (iovcnt == 1) {
        return iov[0].iov_base;
    }
    g_byte_array_set_size(s->scratch, size);
    iov_to_buf(iov, iovcnt, 0, s->scratch->data, size);
    return s->scratch->data;
}

static ssize_t impair_receive_iov(NetFilterState *nf, NetClientState *sender,
                                  unsigned flags, const struct iovec *iov,
                                  int iovcnt, NetPacketSent *sent_cb)
{
    FilterImpair *s = FILTER_IMPAIR(nf);
    enum link_dir dir = sender == nf->netdev ? LINK_RX : LINK_TX;
    size_t head_len = flags & QEMU_NET_PACKET_FLAG_RAW ?
                      0 : qemu_get_vnet_hdr_len(nf->netdev);
    size_t size = iov_size(iov, iovcnt);
    struct link_frame frame = { .head_len = head_len, .flags = flags };

    if (size <= head_len) {
        return 0;
    }
    frame.head = impair_bytes(s, iov, iovcnt, size);
    frame.data = frame.head + head_len;
    frame.len = size - head_len;
    frame.csum = impair_csum(&frame);
    return link_submit(s->link, dir, &frame) ? size : 0;
}

static void impair_setup(NetFilterState *nf, Error **errp)
{
    FilterImpair *s = FILTER_IMPAIR(nf);
    g_autoptr(GError) error = NULL;

    if (!link_config_check(s->config, &error)) {
        error_setg(errp, "%s", error->message);
        return;
    }
    if (s->stats_name) {
        s->stats = fopen(s->stats_name, "w");
        if (!s->stats) {
            error_setg_file_open(errp, errno, s->stats_name);
            return;
        }
    }
    s->timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, impair_timer, s);
    s->link = link_new(s->config, &impair_host, s);
}

/* Switched off, the link lets everything go that it had. */
static void impair_status_changed(NetFilterState *nf, Error **errp)
{
    FilterImpair *s = FILTER_IMPAIR(nf);

    if (!nf->on) {
        timer_del(s->timer);
        link_flush(s->link);
    }
}

static void impair_write_stats(FilterImpair *s)
{
    g_autofree char *report = link_report(s->link);

    fputs(report, s->stats);
    if (fclose(s->stats)) {
        warn_report("filter-impair: cannot write %s: %s", s->stats_name,
                    strerror(errno));
    }
}

/* Called also when setup has not been; netdev may be gone. */
static void impair_cleanup(NetFilterState *nf)
{
    FilterImpair *s = FILTER_IMPAIR(nf);

    if (s->stats) {
        impair_write_stats(s);
    }
    timer_free(s->timer);
    link_free(s->link);
    link_config_free(s->config);
    g_hash_table_unref(s->values);
    g_byte_array_unref(s->scratch);
    g_free(s->stats_name);
}

/* ---- Properties ---------------------------------------------------------- */

static void impair_get_option(Object *obj, Visitor *v, const char *name,
                              void *opaque, Error **errp)
{
    const char *set = g_hash_table_lookup(FILTER_IMPAIR(obj)->values, name);
    g_autofree char *value = g_strdup(set ? set : "");

    visit_type_str(v, name, &value, errp);
}

static void impair_set_option(Object *obj, Visitor *v, const char *name,
                              void *opaque, Error **errp)
{
    FilterImpair *s = FILTER_IMPAIR(obj);
    g_autofree char *value = NULL;
    g_autoptr(GError) error = NULL;

    if (!visit_type_str(v, name, &value, errp)) {
        return;
    }
    if (s->link) {
        error_setg(errp, "%s cannot be changed any more", name);
    } else if (!link_config_set(s->config, name, value, &error)) {
        error_setg(errp, "%s", error->message);
    } else {
        g_hash_table_insert(s->values, g_strdup(name), g_steal_pointer(&value));
    }
}

static char *impair_get_stats(Object *obj, Error **errp)
{
    return g_strdup(FILTER_IMPAIR(obj)->stats_name);
}

static void impair_set_stats(Object *obj, const char *value, Error **errp)
{
    FilterImpair *s = FILTER_IMPAIR(obj);

    g_free(s->stats_name);
    s->stats_name = g_strdup(value);
}

static char *impair_get_report(Object *obj, Error **errp)
{
    FilterImpair *s = FILTER_IMPAIR(obj);

    return s->link ? link_report(s->link) : g_strdup("");
}

/* Of each counter of each direction: where it is, as the property's opaque. */
struct impair_counter {
    enum link_dir dir;
    enum link_counter counter;
};

static struct impair_counter impair_counters[LINK_DIRS][LINK_COUNTERS];

static void impair_get_counter(Object *obj, Visitor *v, const char *name,
                               void *opaque, Error **errp)
{
    FilterImpair *s = FILTER_IMPAIR(obj);
    const struct impair_counter *which = opaque;
    uint64_t value = 0;

    if (s->link) {
        value = link_count(s->link, which->dir, which->counter);
    }
    visit_type_uint64(v, name, &value, errp);
}

static void impair_add_counters(ObjectClass *oc)
{
    for (int dir = 0; dir < LINK_DIRS; dir++) {
        for (int i = 0; i < LINK_COUNTERS; i++) {
            g_autofree char *name = g_strdup_printf("%s-%s",
                                                    impair_dir_names[dir],
                                                    link_counter_names[i]);

            impair_counters[dir][i] = (struct impair_counter) { dir, i };
            object_class_property_add(oc, name, "uint64", impair_get_counter,
                                      NULL, NULL, &impair_counters[dir][i]);
        }
    }
}

static void impair_add_properties(ObjectClass *oc)
{
    for (size_t i = 0; i < link_options_count; i++) {
        object_class_property_add(oc, link_options[i].name, "string",
                                  impair_get_option, impair_set_option,
                                  NULL, NULL);
        object_class_property_set_description(oc, link_options[i].name,
                                              link_options[i].help);
    }
    object_class_property_add_str(oc, "stats", impair_get_stats,
                                  impair_set_stats);
    object_class_property_set_description(oc, "stats",
        "file for the counters, written as JSON when the filter goes "
        "(default: none)");
    object_class_property_add_str(oc, "report", impair_get_report, NULL);
    impair_add_counters(oc);
}

static void impair_init(Object *obj)
{
    FilterImpair *s = FILTER_IMPAIR(obj);

    s->config = link_config_new();
    s->values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    s->scratch = g_byte_array_new();
}

static void impair_class_init(ObjectClass *oc, void *data)
{
    NetFilterClass *nfc = NETFILTER_CLASS(oc);

    nfc->setup = impair_setup;
    nfc->cleanup = impair_cleanup;
    nfc->status_changed = impair_status_changed;
    nfc->receive_iov = impair_receive_iov;
    impair_add_properties(oc);
}

static const TypeInfo impair_types[] = {
    {
        .name = TYPE_FILTER_IMPAIR,
        .parent = TYPE_NETFILTER,
        .instance_size = sizeof(FilterImpair),
        .instance_init = impair_init,
        .class_init = impair_class_init,
    },
};

DEFINE_TYPES(impair_types)
