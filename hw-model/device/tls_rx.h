/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The RX context table (SPEC 10.4, 11.4 to 11.6): commands, and the segments of
 * received frames that belong to a context.
 */
#ifndef DEVICE_TLS_RX_H
#define DEVICE_TLS_RX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "device/ktlsnic_dev.h"
#include "packet/packet.h"

struct tls_rx_ctx;

/* What the completions say of a frame that went through a context. */
struct tls_rx_result {
    uint32_t ctx;               /* index in the table */
    uint16_t flags;             /* KTLSNIC_RXF_TLS* */
    uint32_t resync_seq;        /* with TLS_RESYNC */
    uint32_t payload;           /* TLS payload bytes that were decrypted */
};

void tls_rx_init(struct ktlsnic_dev *dev);
void tls_rx_free(struct ktlsnic_dev *dev);

/* Commands; statuses are theirs. */
enum ktlsnic_cmd_status tls_rx_add(struct ktlsnic_dev *dev,
                                   const struct ktlsnic_cmd_tls_rx_add *body);
enum ktlsnic_cmd_status tls_rx_del(struct ktlsnic_dev *dev, uint32_t index);
enum ktlsnic_cmd_status
tls_rx_resync(struct ktlsnic_dev *dev,
              const struct ktlsnic_cmd_tls_resync *body);
enum ktlsnic_cmd_status tls_rx_query(struct ktlsnic_dev *dev, uint32_t index,
                                     uint32_t *seq);
void tls_rx_del_all(struct ktlsnic_dev *dev);

/* The context that a frame with a good TCP checksum must go through, if there
 * is one. info is what packet_parse() found. */
struct tls_rx_ctx *tls_rx_match(struct ktlsnic_dev *dev, const uint8_t *frame,
                                const struct packet_info *info);

/* Takes the frame through its context, once. With KTLSNIC_RXF_TLS_DECRYPTED in
 * result->flags its TCP payload, decrypted, is in out. */
void tls_rx_segment(struct ktlsnic_dev *dev, struct tls_rx_ctx *ctx,
                    const uint8_t *frame, const struct packet_info *info,
                    uint8_t *out, struct tls_rx_result *result);

#endif
