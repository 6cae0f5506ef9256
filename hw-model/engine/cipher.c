/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <linux/types.h>
#include <glib.h>

#include "engine/cipher.h"
#include "ktlsnic_hw.h"

static const struct cipher ciphers[] = {
    [KTLSNIC_CIPHER_AES_GCM_128] = {
        .key_len = AES128_KEY_SIZE,
        .tag_len = GCM_DIGEST_SIZE,
        .block_len = GCM_BLOCK_SIZE,
        .block_cipher = &nettle_aes128,
        .ops = &cipher_gcm_ops,
    },
    [KTLSNIC_CIPHER_AES_GCM_256] = {
        .key_len = AES256_KEY_SIZE,
        .tag_len = GCM_DIGEST_SIZE,
        .block_len = GCM_BLOCK_SIZE,
        .block_cipher = &nettle_aes256,
        .ops = &cipher_gcm_ops,
    },
    [KTLSNIC_CIPHER_AES_CCM_128] = {
        .key_len = AES128_KEY_SIZE,
        .tag_len = CCM_DIGEST_SIZE,
        .block_len = CCM_BLOCK_SIZE,
        .block_cipher = &nettle_aes128,
        .ops = &cipher_ccm_ops,
    },
    [KTLSNIC_CIPHER_CHACHA20_POLY1305] = {
        .key_len = CHACHA_POLY1305_KEY_SIZE,
        .tag_len = CHACHA_POLY1305_DIGEST_SIZE,
        .block_len = CHACHA_POLY1305_BLOCK_SIZE,
        .ops = &cipher_chacha_ops,
    },
};

const struct cipher *cipher_find(unsigned cipher)
{
    return cipher < G_N_ELEMENTS(ciphers) ? &ciphers[cipher] : NULL;
}
