/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The driver's side of receive, for a fake host's device with four queue pairs.
 */
#ifndef TESTS_UNIT_RX_HOST_H
#define TESTS_UNIT_RX_HOST_H

#include "fake_host.h"

struct rx_host {
    struct fake_host *host;
    struct fake_ring event;
    struct fake_queue q[4];
    uint32_t used;              /* memory of the rings */
};

/* A frame as the driver sees it. */
struct rx_received {
    struct ktlsnic_rx_cpl first;    /* its first completion, fields LE */
    unsigned bufs;
    uint8_t data[KTLSNIC_MAX_FRAME + 4];
    size_t len;
    unsigned flags;                 /* without PHASE, FIRST, LAST */
};

/* All rings enabled, no buffers in them. */
struct rx_host rx_host_open(uint32_t rx_ctrl);
struct rx_host rx_host_open_device(const struct ktlsnic_config *config,
                                   uint32_t rx_ctrl);
void rx_host_close(struct rx_host *f);

/* Hands a buffer over. */
void rx_host_give(struct rx_host *f, unsigned queue, uint32_t size);

/* A frame from the wire; whether it was taken. */
bool rx_host_offer(struct rx_host *f, const uint8_t *frame, size_t len);

/* Takes the next frame of a queue; false if there is none. All completions of
 * it must agree, and index the buffers in order. */
bool rx_host_take(struct rx_host *f, unsigned queue, struct rx_received *r);

void rx_host_assert(const struct rx_received *r, const uint8_t *data,
                    size_t len);

#endif
