/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <linux/types.h>
#include <glib.h>

#include "engine/cipher.h"
#include "ktlsnic_hw.h"

static const struct cipher ciphers[] = {
    [KTLSNIC_CIPHER_AES_GCM_128] = {
        .key_len = AES128_KEY_SIZE,
        .salt_len = 4,
        .explicit_nonce_len = 8,
        .tag_len = GCM_DIGEST_SIZE,
        .block_len = GCM_BLOCK_SIZE,
        .block_cipher = &nettle_aes128,
        .ops = &cipher_gcm_ops,
    },
    [KTLSNIC_CIPHER_AES_GCM_256] = {
        .key_len = AES256_KEY_SIZE,
        .salt_len = 4,
        .explicit_nonce_len = 8,
        .tag_len = GCM_DIGEST_SIZE,
        .block_len = GCM_BLOCK_SIZE,
        .block_cipher = &nettle_aes256,
        .ops = &cipher_gcm_ops,
    },
};

const struct cipher *cipher_find(unsigned cipher)
{
    if (cipher >= G_N_ELEMENTS(ciphers) || !ciphers[cipher].ops) {
        return NULL;
    }
    return &ciphers[cipher];
}
