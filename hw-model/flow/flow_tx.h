/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One TX TLS context: the state that a connection keeps in the NIC between
 * segments, over ranges of the TCP byte stream (SPEC.md 9.4).
 *
 * It knows TCP sequence numbers and TLS records; it knows no packets and no
 * memory but the bytes it is given.
 */
#ifndef FLOW_TX_H
#define FLOW_TX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow/flow_params.h"

enum flow_tx_result {
    FLOW_TX_OK,
    FLOW_TX_BAD_SEQ,            /* not the expected sequence; nothing changed */
    FLOW_TX_BAD_RECORD,         /* framing broken; lost until flow_tx_resync() */
};

/* What a call of flow_tx_encrypt() did. */
struct flow_tx_done {
    unsigned records;           /* that were completed: tags written */
    size_t payload;             /* TLS payload bytes that became ciphertext */
};

struct flow_tx;

/* Whether the pair is implemented; what the NIC offers is the device's choice. */
bool flow_tx_supported(unsigned version, unsigned cipher);

/* Returns NULL if the pair is not supported. The parameters are copied. */
struct flow_tx *flow_tx_new(const struct flow_params *params);

/* Wipes the keys and all cipher state. Accepts NULL. */
void flow_tx_free(struct flow_tx *flow);

/*
 * Encrypts in place the len payload bytes whose first byte has sequence seq:
 * record headers and explicit nonces stay, payload becomes ciphertext, the tag
 * placeholder becomes the tag. All of *done is set. After an error the bytes
 * must not be sent, and *done is all 0.
 */
enum flow_tx_result flow_tx_encrypt(struct flow_tx *flow, uint32_t seq,
                                    uint8_t *data, size_t len,
                                    struct flow_tx_done *done);

/*
 * Moves the context into record rec_num, which starts at sequence seq, past
 * the len bytes of it in prefix (header first, plaintext, possibly part of the
 * tag placeholder). The next expected sequence is seq + len.
 */
enum flow_tx_result flow_tx_resync(struct flow_tx *flow, uint32_t seq,
                                   uint64_t rec_num, const uint8_t *prefix,
                                   size_t len);

#endif
