/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TLS contexts (SPEC 4, 11): what the tables of both directions have in common.
 */
#ifndef DEVICE_TLS_CTX_H
#define DEVICE_TLS_CTX_H

#include <stdbool.h>
#include <stdint.h>

#include "device/ktlsnic_dev.h"
#include "flow/flow_params.h"

struct tls_table {
    unsigned size;                              /* contexts */
    uint32_t ciphers[KTLSNIC_TLS_VERSIONS];     /* bit c: offered */
    unsigned live;                              /* contexts in use */
};

/* size 0 offers nothing; otherwise what is wanted and supported. */
void tls_table_init(struct tls_table *table, unsigned size,
                    const uint32_t wanted[KTLSNIC_TLS_VERSIONS],
                    bool (*supported)(unsigned version, unsigned cipher));

/*
 * Checks what does not depend on the contexts that are there, and fills in
 * params; the caller wipes it, whatever is returned.
 */
enum ktlsnic_cmd_status tls_table_check(const struct tls_table *table,
                                        const struct ktlsnic_cmd_tls_add *body,
                                        struct flow_params *params);

/* A context is made (1) or goes (-1): the host is told of the first and last
 * one of the device. */
void tls_table_count(struct ktlsnic_dev *dev, struct tls_table *table,
                     int change);

#endif
