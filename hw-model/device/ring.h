/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rings (SPEC 8): registers, life, fetching entries of rings that the driver
 * fills, posting entries to those that the device fills.
 */
#ifndef DEVICE_RING_H
#define DEVICE_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "device/ktlsnic_dev.h"

#define RING_CACHE_SIZE 2048        /* bytes of entries fetched ahead */

/* The rings of one queue pair, in the order of their register blocks. */
enum ring_queue_ring {
    RING_TX,
    RING_TX_CQ,
    RING_RX,
    RING_RX_CQ,
};

struct ring {
    struct ktlsnic_ring_state *state;
    uint32_t reg;                   /* offset of the register block */
    uint16_t entry_size;            /* bytes */
    uint16_t vector;                /* device to driver: whom it interrupts */
    bool to_driver;                 /* direction */
    bool is_rx;                     /* RX or RX_CQ */
    bool secret;                    /* entries hold keys: never kept */
    struct ring *cq;                /* driver to device: its completion ring */
    struct ring *served;            /* completion ring: the ring it serves */

    /* Entries fetched ahead: from index cache_first, none past doorbell. */
    uint32_t cache_first;
    uint32_t cache_count;
    uint8_t cache[RING_CACHE_SIZE];

    bool begun;                     /* TX: of the unit at INDEX some segments
                                     * have left, and some have not */
    uint32_t taken;                 /* CMD: entries from INDEX on whose time
                                     * runs; the completion ring has room */
};

struct ring *ring_cmd(struct ktlsnic_dev *dev);
struct ring *ring_event(struct ktlsnic_dev *dev);
struct ring *ring_queue(struct ktlsnic_dev *dev, unsigned queue,
                        enum ring_queue_ring which);

/* Ties the rings to the state and to each other. */
void ring_init_all(struct ktlsnic_dev *dev);
void ring_reset_all(struct ktlsnic_dev *dev);

/* Forgets what the device has of the entries from INDEX on. */
void ring_forget(struct ring *ring);

/* Whether the state, if it comes from outside, is one a ring can be in. */
bool ring_valid(const struct ring *ring);

/* Registers; offset is that in BAR 0. NULL: no ring of this device is there. */
struct ring *ring_at(struct ktlsnic_dev *dev, uint32_t offset);
uint32_t ring_read_reg(const struct ring *ring, uint32_t offset);
void ring_write_reg(struct ktlsnic_dev *dev, struct ring *ring,
                    uint32_t offset, uint32_t value);

/* Driver to device: entries handed over and not finished. 0 if not enabled. */
uint32_t ring_pending(const struct ring *ring);

/* Device to driver: entries that can be posted. 0 if not enabled. */
uint32_t ring_room(const struct ring *ring);

/* Device to driver: whether the driver has something to consume. */
bool ring_has_news(const struct ring *ring);

/*
 * Copies count entries to out, the first of them skip entries past INDEX;
 * skip + count must not exceed ring_pending(). False if memory failed: the
 * ring has stopped.
 */
bool ring_fetch(struct ktlsnic_dev *dev, struct ring *ring, uint32_t skip,
                uint32_t count, void *out);

/* The device has finished with count entries; returns the new INDEX. */
uint32_t ring_advance(struct ring *ring, uint32_t count);

/*
 * Writes an entry (the phase is added to its last 16-bit word) and notes its
 * interrupt. Needs ring_room(). False if memory failed: the ring has stopped.
 */
bool ring_post(struct ktlsnic_dev *dev, struct ring *ring, void *entry);

/* Stops the ring with an error (SPEC 8.4), and the ring that it serves. The
 * events are posted at the end of the host's call. */
void ring_fail(struct ktlsnic_dev *dev, struct ring *ring,
               enum ktlsnic_ring_error error);

#endif
