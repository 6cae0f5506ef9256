// SPDX-License-Identifier: GPL-2.0-only
/*
 * How many records a key is good for. The library that made it does not see the
 * records and cannot count them; whoever has to change it learns of it here.
 */

#include "limit.h"
#include "stat.h"
#include "trace.h"

/**
 * ktls_record_passed() - go on to the next record, in a direction of a socket
 * @sk: the socket, locked
 * @number: of a record that is done
 * @direction: which one
 *
 * Says so once if the next record is one more than a key is good for (RFC 8446 5.5).
 * Records are sent and received all the same.
 */
void ktls_record_passed(struct sock *sk, struct ktls_number *number,
			enum tls_offload_ctx_dir direction)
{
	const struct ktls_cipher *cipher = ktls_ctx(sk)->format.cipher;
	bool tx = direction == TLS_OFFLOAD_CTX_DIR_TX;

	ktls_number_advance(number);
	if (likely(!cipher->limit || number->seq != cipher->limit))
		return;
	trace_tls_key_limit(sk, direction, number->seq);
	ktls_stat_inc(sock_net(sk), tx ? KTLS_STAT_TX_KEY_LIMIT : KTLS_STAT_RX_KEY_LIMIT);
}
