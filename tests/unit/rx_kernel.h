/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What receives from the NIC: TCP, the part of the kernel's TLS that looks at
 * each record, with its three ways to bring a device back in step, and a
 * driver. It is written from the kernel's rules (Documentation/contract.md,
 * "Receive" and "Resynchronization of RX"), and knows the stream, but of the
 * flow only what a driver would be told.
 */
#ifndef TESTS_UNIT_RX_KERNEL_H
#define TESTS_UNIT_RX_KERNEL_H

#include "rx_fixture.h"

#define RX_KERNEL_LOG 13        /* TLS_DEVICE_RESYNC_ASYNC_LOGMAX */

enum rx_byte { RX_MISSING, RX_WIRE, RX_CLEAR };

struct rx_kernel {
    struct rx *rx;
    size_t lag;             /* bytes that follow a record before it is read */
    unsigned delay;         /* segments until a command reaches the flow */

    /* TCP */
    uint8_t *bytes;         /* the stream as it was taken */
    uint8_t *how;           /* enum rx_byte of each */
    size_t arrived;         /* all bytes in front of this are there */

    /* records */
    unsigned record;        /* that is next to be read */
    bool parsed;            /* its header has been seen */
    unsigned clear_records, wire_records, mixed_records;

    /* DRIVER_REQ and DRIVER_REQ_ASYNC */
    bool pending, async;
    size_t req_seq, req_end;
    size_t log[RX_KERNEL_LOG];
    unsigned log_len, delta;

    /* CORE_NEXT_HINT */
    bool reset, do_now;
    unsigned failed, target;

    /* commands on their way */
    bool query;
    unsigned query_due;
    bool confirm;
    unsigned confirm_due;
    size_t confirm_seq;
    uint64_t confirm_num;
    unsigned confirmed, stale;      /* how they ended */
};

void rx_kernel_init(struct rx_kernel *kernel, struct rx *rx, size_t lag,
                    unsigned delay);
void rx_kernel_free(struct rx_kernel *kernel);

/*
 * The driver gets a segment with the flow's result for it; the receiver takes
 * its bytes as far as it lacks them, or drops it.
 */
void rx_kernel_segment(struct rx_kernel *kernel, size_t from,
                       const uint8_t *data, size_t len, bool drop);

/* Nothing comes for so long that all commands reach the flow. */
void rx_kernel_idle(struct rx_kernel *kernel);

/* What must hold of the records that were taken: see rx_kernel.c. */
void rx_kernel_check(const struct rx_kernel *kernel, unsigned verified);

#endif
