/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>
#include <glib.h>

#include "link/link_conn.h"

/* The ends of a connection; the one that sends in direction TX is first. No
 * padding: it is hashed and compared as bytes. */
struct key {
    uint8_t ip_version;
    uint8_t port[LINK_DIRS][2];
    uint8_t addr[LINK_DIRS][PACKET_IPV6_ALEN];
};

/* One direction of a connection. */
struct stream {
    bool known;             /* start is */
    uint32_t start;         /* sequence of payload byte 0 */
    int64_t end;            /* payload bytes up to the last one seen */
    uint64_t frames, segments;
};

struct conn {
    struct stream stream[LINK_DIRS];
    unsigned number;
    struct key key;
    unsigned counters[];
};

struct link_conns {
    GHashTable *by_key;
    GQueue by_age;          /* the oldest is the head */
    size_t counters;
    unsigned seen;
};

/* Bernstein's, as g_str_hash() has it. */
static guint hash_key(gconstpointer key)
{
    const uint8_t *byte = key;
    guint hash = 5381;

    for (size_t i = 0; i < sizeof(struct key); i++) {
        hash = hash * 33 + byte[i];
    }
    return hash;
}

static gboolean equal_keys(gconstpointer a, gconstpointer b)
{
    return !memcmp(a, b, sizeof(struct key));
}

struct link_conns *link_conns_new(size_t counters)
{
    struct link_conns *conns = g_new0(struct link_conns, 1);

    conns->by_key = g_hash_table_new(hash_key, equal_keys);
    g_queue_init(&conns->by_age);
    conns->counters = counters;
    return conns;
}

void link_conns_free(struct link_conns *conns)
{
    if (!conns) {
        return;
    }
    g_hash_table_unref(conns->by_key);
    g_queue_clear_full(&conns->by_age, g_free);
    g_free(conns);
}

unsigned link_conns_seen(const struct link_conns *conns)
{
    return conns->seen;
}

static void make_key(struct key *key, enum link_dir dir, const uint8_t *frame,
                     const struct packet_info *info)
{
    size_t addr_len;
    const uint8_t *addr = packet_addrs(frame, info, &addr_len);
    const uint8_t *port = frame + info->l4_off;
    int src = dir, dst = !dir;

    memset(key, 0, sizeof(*key));
    key->ip_version = info->ip_version;
    memcpy(key->addr[src], addr, addr_len);
    memcpy(key->addr[dst], addr + addr_len, addr_len);
    memcpy(key->port[src], port, 2);
    memcpy(key->port[dst], port + 2, 2);
}

/* The old connection of a reused key stays in the queue of ages, out of reach,
 * until it is its turn to be forgotten. */
static struct conn *add_conn(struct link_conns *conns, const struct key *key)
{
    struct conn *conn = g_malloc0(sizeof(*conn) + conns->counters *
                                  sizeof(conn->counters[0]));

    if (conns->by_age.length == LINK_CONNS_MAX) {
        struct conn *oldest = g_queue_pop_head(&conns->by_age);

        if (g_hash_table_lookup(conns->by_key, &oldest->key) == oldest) {
            g_hash_table_remove(conns->by_key, &oldest->key);
        }
        g_free(oldest);
    }
    conn->key = *key;
    conn->number = ++conns->seen;
    g_hash_table_replace(conns->by_key, &conn->key, conn);
    g_queue_push_tail(&conns->by_age, conn);
    return conn;
}

/* The connection that a SYN belongs to, which may be a new one. */
static struct conn *open_conn(struct link_conns *conns, struct conn *conn,
                              const struct key *key, enum link_dir dir,
                              bool answer, uint32_t start)
{
    if (!conn || (conn->stream[dir].known && conn->stream[dir].start != start)) {
        if (answer) {
            return conn;    /* of a SYN that was not seen */
        }
        conn = add_conn(conns, key);
    }
    conn->stream[dir].known = true;
    conn->stream[dir].start = start;
    return conn;
}

/* Sequence numbers wrap; what they count does not. */
static int64_t stream_offset(const struct stream *stream, uint32_t seq)
{
    uint32_t end_seq = stream->start + (uint32_t)stream->end;

    return stream->end + (int32_t)(seq - end_seq);
}

static void set_place(struct link_place *place, struct conn *conn,
                      enum link_dir dir, uint32_t seq)
{
    struct stream *stream = &conn->stream[dir];

    place->conn = conn->number;
    place->frame = ++stream->frames;
    place->segment = place->len ? ++stream->segments : 0;
    place->offset_known = stream->known;
    if (stream->known) {
        place->offset = stream_offset(stream, seq);
        stream->end = MAX(stream->end, place->offset + place->len);
    }
}

unsigned *link_conns_note(struct link_conns *conns, enum link_dir dir,
                          const uint8_t *frame, const struct packet_info *info,
                          struct link_place *place)
{
    struct conn *conn;
    struct key key;
    uint32_t seq;
    uint8_t flags;

    memset(place, 0, sizeof(*place));
    if (!info->has_l4 || info->l4_proto != PACKET_PROTO_TCP) {
        return NULL;
    }
    make_key(&key, dir, frame, info);
    conn = g_hash_table_lookup(conns->by_key, &key);
    flags = packet_tcp_flags(frame, info);
    seq = packet_tcp_seq(frame, info);
    if (flags & PACKET_TCP_SYN) {
        seq++;              /* the SYN takes a sequence number itself */
        conn = open_conn(conns, conn, &key, dir, flags & PACKET_TCP_ACK, seq);
    }
    if (!conn) {
        return NULL;
    }
    place->len = info->payload_len;
    place->fin = flags & PACKET_TCP_FIN;
    set_place(place, conn, dir, seq);
    return conn->counters;
}
