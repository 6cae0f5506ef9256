/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stddef.h>
#include <string.h>

#include "packet/bytes.h"
#include "packet/checksum.h"

#define IPV4_CSUM_OFF   10
#define TCP_CSUM_OFF    16
#define UDP_CSUM_OFF    6

/* Two words that are worked on at once, where the host can. */
typedef uint64_t lanes __attribute__((vector_size(2 * sizeof(uint64_t))));

static uint64_t word_sum(uint64_t word)
{
    return (word & UINT32_MAX) + (word >> 32);
}

/*
 * RFC 1071: the sum does not depend on the byte order in which the words are
 * taken, as long as the result is stored in the same one; so memory is added up
 * in the host's order, and only stored through memcpy(). 32-bit words in 64-bit
 * sums cannot overflow for any frame.
 */
static uint64_t sum_add(uint64_t sum, const uint8_t *p, size_t len)
{
    lanes even = { 0 }, odd = { 0 }, words[2];
    uint64_t word;

    for (; len >= sizeof(words); p += sizeof(words), len -= sizeof(words)) {
        memcpy(words, p, sizeof(words));
        even += (words[0] & UINT32_MAX) + (words[1] & UINT32_MAX);
        odd += (words[0] >> 32) + (words[1] >> 32);
    }
    even += odd;
    sum += even[0] + even[1];
    for (; len >= sizeof(word); p += sizeof(word), len -= sizeof(word)) {
        memcpy(&word, p, sizeof(word));
        sum += word_sum(word);
    }
    if (len) {
        word = 0;
        memcpy(&word, p, len);
        sum += word_sum(word);
    }
    return sum;
}

static uint16_t sum_fold(uint64_t sum)
{
    while (sum >> 16) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return sum;
}

static void sum_store(uint8_t *field, uint64_t sum)
{
    uint16_t checksum = ~sum_fold(sum);

    memcpy(field, &checksum, sizeof(checksum));
}

static uint64_t l3_sum(const uint8_t *frame, const struct packet_info *info)
{
    const uint8_t *ip = frame + info->l3_off;

    return sum_add(0, ip, (ip[0] & 0xf) * 4);
}

/* Bytes from the TCP or UDP header that the checksum covers. */
static uint32_t l4_len(const uint8_t *frame, const struct packet_info *info)
{
    if (info->l4_proto == PACKET_PROTO_UDP) {
        return get_be16(frame + info->l4_off + 4);
    }
    return info->payload_off - info->l4_off + info->payload_len;
}

static uint64_t l4_sum(const uint8_t *frame, const struct packet_info *info)
{
    const uint8_t *ip = frame + info->l3_off;
    uint32_t len = l4_len(frame, info);
    uint8_t tail[8] = { 0 };
    uint64_t sum;

    /* The pseudo header's zeros add nothing, whatever their number. */
    put_be32(tail, len);
    tail[7] = info->l4_proto;
    sum = sum_add(0, tail, sizeof(tail));
    sum = info->ip_version == 4 ? sum_add(sum, ip + 12, 8)
                                : sum_add(sum, ip + 8, 32);
    return sum_add(sum, frame + info->l4_off, len);
}

static size_t l4_csum_off(const struct packet_info *info)
{
    return info->l4_off + (info->l4_proto == PACKET_PROTO_UDP ? UDP_CSUM_OFF
                                                              : TCP_CSUM_OFF);
}

void checksum_set_l3(uint8_t *frame, const struct packet_info *info)
{
    uint8_t *field = frame + info->l3_off + IPV4_CSUM_OFF;

    put_be16(field, 0);
    sum_store(field, l3_sum(frame, info));
}

void checksum_set_l4(uint8_t *frame, const struct packet_info *info)
{
    uint8_t *field = frame + l4_csum_off(info);

    put_be16(field, 0);
    sum_store(field, l4_sum(frame, info));
    if (info->l4_proto == PACKET_PROTO_UDP && get_be16(field) == 0) {
        put_be16(field, 0xffff);
    }
}

static enum checksum_verdict verdict(uint64_t sum)
{
    return sum_fold(sum) == 0xffff ? CHECKSUM_GOOD : CHECKSUM_BAD;
}

enum checksum_verdict checksum_verify_l3(const uint8_t *frame,
                                         const struct packet_info *info)
{
    if (info->ip_version != 4) {
        return CHECKSUM_ABSENT;
    }
    return verdict(l3_sum(frame, info));
}

enum checksum_verdict checksum_verify_l4(const uint8_t *frame,
                                         const struct packet_info *info)
{
    if (!info->has_l4 || checksum_verify_l3(frame, info) == CHECKSUM_BAD) {
        return CHECKSUM_ABSENT;
    }
    if (info->l4_proto == PACKET_PROTO_UDP) {
        uint32_t len = l4_len(frame, info);

        if (len < PACKET_UDP_HLEN ||
            len > PACKET_UDP_HLEN + info->payload_len) {
            return CHECKSUM_ABSENT;
        }
        if (get_be16(frame + l4_csum_off(info)) == 0) {
            return info->ip_version == 4 ? CHECKSUM_ABSENT : CHECKSUM_BAD;
        }
    }
    return verdict(l4_sum(frame, info));
}
