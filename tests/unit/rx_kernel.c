/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "rx_kernel.h"

#define HEADER 5

void rx_kernel_init(struct rx_kernel *kernel, struct rx *rx, size_t lag,
                    unsigned delay)
{
    memset(kernel, 0, sizeof(*kernel));
    kernel->rx = rx;
    kernel->lag = lag;
    kernel->delay = delay;
    kernel->bytes = g_malloc0(rx->len);
    kernel->how = g_malloc0(rx->len);
    kernel->reset = true;
}

void rx_kernel_free(struct rx_kernel *kernel)
{
    g_free(kernel->bytes);
    g_free(kernel->how);
}

/* ---- tls_device.c ---- */

static void resync(struct rx_kernel *kernel, size_t seq, uint64_t num)
{
    kernel->confirm = true;
    kernel->confirm_due = kernel->delay;
    kernel->confirm_seq = seq;
    kernel->confirm_num = num;
}

static uint64_t num_of(const struct rx_kernel *kernel, unsigned record)
{
    return kernel->rx->stream->rec_num + record;
}

/* tls_offload_rx_resync_async_request_start() */
static void async_start(struct rx_kernel *kernel, size_t seq, size_t len)
{
    kernel->pending = kernel->async = true;
    kernel->req_seq = seq;
    kernel->req_end = seq + len;
    kernel->log_len = kernel->delta = 0;
}

/* tls_device_rx_resync_async(), for the record that begins at seq */
static bool async_match(struct rx_kernel *kernel, size_t *seq, unsigned *delta)
{
    *delta = 0;
    if (kernel->async) {
        if (*seq < kernel->req_seq) {
            return false;
        }
        if (*seq <= kernel->req_end && kernel->log_len < RX_KERNEL_LOG) {
            kernel->log[kernel->log_len++] = *seq;
        }
        kernel->delta++;
        return false;
    }
    for (unsigned i = 0; i < kernel->log_len; i++) {
        if (kernel->log[i] == kernel->req_seq) {
            *seq = kernel->req_seq;
            *delta = kernel->delta - i;
            kernel->pending = false;
            return true;
        }
    }
    kernel->log_len = kernel->delta = 0;
    if (kernel->req_seq == *seq) {
        kernel->pending = false;
        return true;
    }
    return false;
}

/* tls_device_rx_resync_new_rec(): a record's header has been parsed */
static void parsed_header(struct rx_kernel *kernel, size_t seq, size_t len)
{
    uint64_t num = num_of(kernel, kernel->record);
    unsigned delta;

    switch (kernel->rx->mode) {
    case KTLSNIC_TLS_RX_SCAN:
        if (kernel->pending && kernel->req_seq == seq) {
            kernel->pending = false;
            resync(kernel, seq, num);
        }
        break;
    case KTLSNIC_TLS_RX_ASYNC:
        if (kernel->pending && async_match(kernel, &seq, &delta)) {
            resync(kernel, seq, num - delta);
        }
        break;
    case KTLSNIC_TLS_RX_HINT:
        if (kernel->do_now && kernel->arrived - seq <= len) {
            kernel->do_now = false;
            resync(kernel, seq + len, num + 1);
        }
        break;
    }
}

/*
 * tls_device_core_ctrl_rx_resync(): a record in which nothing is decrypted. The
 * third in a row makes it speak, the fifth, the ninth...
 */
static void wire_record(struct rx_kernel *kernel, size_t seq, size_t len)
{
    kernel->wire_records++;
    if (kernel->rx->mode != KTLSNIC_TLS_RX_HINT || kernel->do_now) {
        return;
    }
    if (kernel->reset) {
        kernel->reset = false;
        kernel->failed = 1;
        kernel->target = 2;
        return;
    }
    if (++kernel->failed <= kernel->target) {
        return;
    }
    kernel->target += MIN(kernel->target, 128);
    if (kernel->arrived - seq > len) {
        kernel->do_now = true;
    } else {
        resync(kernel, seq + len, num_of(kernel, kernel->record) + 1);
    }
}

static void read_record(struct rx_kernel *kernel, size_t seq, size_t len)
{
    const uint8_t *how = kernel->how + seq;
    size_t clear = 0;

    for (size_t i = 0; i < len; i++) {
        clear += how[i] == RX_CLEAR;
    }
    if (clear == 0) {
        wire_record(kernel, seq, len);
        return;
    }
    if (clear == len) {
        kernel->clear_records++;
    } else {
        kernel->mixed_records++;
    }
    kernel->reset = true;
}

/* Records are read as far as the reader wants; then the next header is seen. */
static void read_records(struct rx_kernel *kernel)
{
    const struct rx *rx = kernel->rx;
    unsigned count = rx->stream->starts->len - 1;

    while (kernel->record < count) {
        size_t start = rx_start(rx, kernel->record);
        size_t end = rx_start(rx, kernel->record + 1);

        if (!kernel->parsed) {
            if (kernel->arrived < start + HEADER) {
                return;
            }
            kernel->parsed = true;
            parsed_header(kernel, start, end - start);
        }
        if (kernel->arrived < end || kernel->arrived - end < kernel->lag) {
            return;
        }
        read_record(kernel, start, end - start);
        kernel->record++;
        kernel->parsed = false;
    }
}

/* ---- the driver ---- */

static void request(struct rx_kernel *kernel, size_t from, size_t len)
{
    uint32_t seq = kernel->rx->result.resync_seq - kernel->rx->seq;

    if (kernel->rx->mode == KTLSNIC_TLS_RX_SCAN) {
        kernel->pending = true;
        kernel->req_seq = seq;
        return;
    }
    /* a header that the kernel would not look for is of no use */
    g_assert_cmpuint(seq, >=, from);
    g_assert_cmpuint(seq, <=, from + len);
    async_start(kernel, from, len);
    kernel->query = true;
    kernel->query_due = kernel->delay;
}

/* Commands reach the flow, and their answers the driver, between segments. */
static void commands(struct rx_kernel *kernel)
{
    struct rx *rx = kernel->rx;
    uint32_t seq;

    if (kernel->query && kernel->query_due-- == 0) {
        kernel->query = false;
        if (flow_rx_tracked(rx->flow, &seq)) {
            kernel->async = false;
            kernel->req_seq = (uint32_t)(seq - rx->seq);
        } else {
            kernel->pending = false;
        }
    }
    if (kernel->confirm && kernel->confirm_due-- == 0) {
        kernel->confirm = false;
        if (flow_rx_confirm(rx->flow, rx->seq + kernel->confirm_seq,
                            kernel->confirm_num)) {
            kernel->confirmed++;
        } else {
            kernel->stale++;
        }
    }
}

void rx_kernel_segment(struct rx_kernel *kernel, size_t from,
                       const uint8_t *data, size_t len, bool drop)
{
    enum rx_byte how = kernel->rx->result.decrypted ? RX_CLEAR : RX_WIRE;

    if (kernel->rx->result.resync_request) {
        request(kernel, from, len);
    }
    for (size_t i = 0; i < len && !drop; i++) {
        if (kernel->how[from + i] == RX_MISSING) {
            kernel->how[from + i] = how;
            kernel->bytes[from + i] = data[i];
        }
    }
    while (kernel->arrived < kernel->rx->len &&
           kernel->how[kernel->arrived] != RX_MISSING) {
        kernel->arrived++;
    }
    read_records(kernel);
    commands(kernel);
}

void rx_kernel_idle(struct rx_kernel *kernel)
{
    for (unsigned i = 0; i <= 2 * kernel->delay + 1; i++) {
        commands(kernel);
    }
}

/*
 * The kernel takes a record for authentic, unseen, if all of it was delivered
 * decrypted; then it must be. What it takes for ciphertext, in part or as a
 * whole, it decrypts and authenticates itself; where that fails the connection
 * ends, and so it does at something else than a header.
 */
void rx_kernel_check(const struct rx_kernel *kernel, unsigned verified)
{
    const struct rx *rx = kernel->rx;
    unsigned clear_records = 0;

    for (unsigned i = 0; i + 1 < rx->stream->starts->len; i++) {
        size_t start = rx_start(rx, i), len = rx_start(rx, i + 1) - start;
        size_t clear = 0;
        bool good = true;

        if (memcmp(kernel->bytes + start, rx->clear + start, HEADER)) {
            break;
        }
        for (size_t j = start; j < start + len; j++) {
            g_assert_cmpint(kernel->how[j], !=, RX_MISSING);
            clear += kernel->how[j] == RX_CLEAR;
            good = good && kernel->bytes[j] ==
                   (kernel->how[j] == RX_CLEAR ? rx->clear
                                               : rx->stream->wire->data)[j];
        }
        g_assert_true(good || clear < len);
        if (!good) {
            break;
        }
        clear_records += clear == len;
    }
    g_assert_cmpuint(verified, >=, clear_records);
}
