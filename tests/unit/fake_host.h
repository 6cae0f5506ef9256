/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A host for the device without QEMU: memory, a wire, interrupts and a clock
 * that tests look into, and the driver's side of the rings.
 */
#ifndef TESTS_UNIT_FAKE_HOST_H
#define TESTS_UNIT_FAKE_HOST_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "device/ktlsnic_dev.h"

#define FAKE_MEM_BASE   0x40000000u         /* bus address of the memory */
#define FAKE_MEM_SIZE   (8u << 20)          /* nothing is mapped after it */
#define FAKE_UNMAPPED   (FAKE_MEM_BASE + FAKE_MEM_SIZE)
#define FAKE_USEC       1000                /* ns */

struct fake_host {
    struct ktlsnic_config config;
    struct ktlsnic_dev *dev;

    uint8_t *mem;
    uint32_t used;                  /* of mem, by fake_alloc() */
    bool bus_master;                /* false: every access fails */

    GPtrArray *sent;                /* GByteArray: frames, in order */
    unsigned sent_queue;            /* TX ring of the last one */
    bool wire_busy;                 /* what send() answers, inverted */

    unsigned interrupts[KTLSNIC_MAX_VECTORS];
    unsigned rx_ready;              /* calls */
    unsigned tls_live;              /* the last that was told */
    unsigned traced[KTLSNIC_TRACES];
    uint64_t trace_args[KTLSNIC_TRACES][3];     /* of the last of each */

    int64_t now;                    /* ns */
    bool wake_now;
    int64_t wake_at;                /* 0: not asked */

    /* Called from inside send(), dma_write() and rx_ready(), if set. */
    void (*in_send)(struct fake_host *host);
    void (*in_dma)(struct fake_host *host, uint64_t addr, size_t len);
    void (*in_rx_ready)(struct fake_host *host);
};

/* The driver's side of a ring. */
struct fake_ring {
    struct fake_host *host;
    uint32_t reg;                   /* register block */
    uint64_t base;
    unsigned log2;
    unsigned entry_size;
    uint32_t index;                 /* the driver's: its next entry */
};

/* A queue pair that is set up. */
struct fake_queue {
    struct fake_ring tx, tx_cq, rx, rx_cq;
    uint32_t tls_payload;       /* of the last TX completion */
};

/* 4 queues, 16 contexts of each direction, all ciphers. */
extern const struct ktlsnic_config fake_usual_config;

/* NULL: the usual one. The link is up. */
struct fake_host *fake_host_new(const struct ktlsnic_config *config);
void fake_host_free(struct fake_host *host);

/* 64-byte aligned zeroed memory, and where the host sees it. */
uint64_t fake_alloc(struct fake_host *host, uint32_t size);
void *fake_ptr(struct fake_host *host, uint64_t addr);
uint64_t fake_copy(struct fake_host *host, const void *data, uint32_t size);

uint32_t fake_read(struct fake_host *host, uint32_t reg);
void fake_write(struct fake_host *host, uint32_t reg, uint32_t value);
uint64_t fake_stat(struct fake_host *host, enum ktlsnic_stat stat);

/* Runs the device until it is idle; it must become that. */
void fake_settle(struct fake_host *host);

/* Lets time pass; the device is run when it asked for it. */
void fake_sleep(struct fake_host *host, int64_t ns);

/* Sets a ring up; its completion ring must be there already. */
struct fake_ring fake_ring_open(struct fake_host *host, uint32_t reg,
                                unsigned log2, unsigned entry_size);
struct fake_queue fake_queue_open(struct fake_host *host, unsigned queue,
                                  unsigned log2);
uint32_t fake_ring_status(struct fake_ring *ring);

/* Moves both indices of a ring that is empty; the driver's one too. */
void fake_ring_jump(struct fake_ring *ring, enum ktlsnic_ring_id id,
                    uint32_t index);

/* The host's view of entry index. */
void *fake_entry(struct fake_ring *ring, uint32_t index);

/* Writes the next entry, without telling the device. */
void fake_push(struct fake_ring *ring, const void *entry);

/* Writes the doorbell with the driver's index. */
void fake_ring_doorbell(struct fake_ring *ring);

/* Takes the next completion or event, by its phase; the doorbell is the
 * caller's. False if there is none. */
bool fake_pop(struct fake_ring *ring, void *entry);

/* The last frame sent; there must be one. */
const GByteArray *fake_last_sent(struct fake_host *host);

#endif
