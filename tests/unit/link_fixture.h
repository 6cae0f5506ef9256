/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An impaired link between two test ends, with a clock that stands still
 * unless it is moved, and TCP conversations to send across it.
 */
#ifndef TESTS_UNIT_LINK_FIXTURE_H
#define TESTS_UNIT_LINK_FIXTURE_H

#include "frames.h"
#include "link/link.h"

#define MS INT64_C(1000000)
#define NEVER INT64_MAX

#define FIN 0x01
#define SYN 0x02
#define ACK 0x10

/* A frame that came out. */
struct arrival {
    unsigned id;            /* what wire_send() returned for it */
    int64_t when;
    enum link_csum csum;
    uint8_t *data;
    size_t len;
};

struct wire {
    struct link_config *config;
    struct link *link;
    int64_t now, wake;      /* wake: NEVER if nothing is asked for */
    unsigned sent;
    unsigned faults;        /* that the host was told of */
    GArray *out[LINK_DIRS]; /* of struct arrival */
    struct frame *echo;     /* if set: a frame that each RX one of what is
                             * delivered in TX brings in */
};

/* Options as "loss=1%,seed=3"; rules are given apart. */
struct wire *wire_new(const char *options, const char *rules);
void wire_free(struct wire *wire);

/* Returns the number of the frame, from 1. */
unsigned wire_send(struct wire *wire, enum link_dir dir,
                   const struct frame *frame);
unsigned wire_send_as(struct wire *wire, enum link_dir dir,
                      const struct frame *frame, enum link_csum csum);

/* Count small frames, that the link has no reason to look into. */
void wire_send_many(struct wire *wire, enum link_dir dir, unsigned count);

/* Moves the clock, running the link whenever it asks for it. */
void wire_pass(struct wire *wire, int64_t ns);

const struct arrival *wire_arrival(struct wire *wire, enum link_dir dir,
                                   unsigned index);

/* The numbers of what came out so far, in order: "1 2 4 3". */
char *wire_order(struct wire *wire, enum link_dir dir);
void wire_assert_order(struct wire *wire, enum link_dir dir,
                       const char *expected);

uint64_t wire_count(struct wire *wire, enum link_dir dir,
                    enum link_counter counter);

/* A connection: who talks to whom, and from which sequence numbers on. */
struct talk {
    unsigned version;       /* 4 or 6 */
    unsigned tags;          /* VLAN tags */
    uint16_t port;          /* of the end that sends in direction TX */
    uint32_t isn[LINK_DIRS];
};

/* SYN, SYN+ACK, ACK: three frames, opened by the end that sends in dir. */
void talk_open(struct wire *wire, const struct talk *talk, enum link_dir dir);

/* len payload bytes from offset on in the stream. Returns its number. */
unsigned talk_data(struct wire *wire, const struct talk *talk,
                   enum link_dir dir, int64_t offset, uint32_t len);

unsigned talk_send(struct wire *wire, const struct talk *talk,
                   enum link_dir dir, uint8_t flags, uint32_t seq,
                   uint32_t len);

/* The frame that talk_send() would send. */
struct frame talk_frame(const struct talk *talk, enum link_dir dir,
                        uint8_t flags, uint32_t seq, uint32_t len);

#endif
