/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between the kernels that the module builds against. The HAVE_
 * macros come from compile tests of the kernel at hand (conftest/), never from
 * its version: stable kernels change too.
 */
#ifndef KTLS_COMPAT_H
#define KTLS_COMPAT_H

#include <linux/socket.h>
#include <net/tcp.h>
#include <net/tls.h>

#include "ktls_conftest.h"

#ifndef TLS_HANDSHAKE_KEYUPDATE
#define TLS_HANDSHAKE_KEYUPDATE		24
#endif

/* Where TCP has the hook for data that is acknowledged */
#ifdef HAVE_CLEAN_ACKED_TCP
#define KTLS_CLEAN_ACKED(sk)		tcp_sk(sk)
#else
#define KTLS_CLEAN_ACKED(sk)		inet_csk(sk)
#endif

#ifdef HAVE_DST_DEV_RCU
#define ktls_dst_dev(dst)		dst_dev_rcu(dst)
#else
#define ktls_dst_dev(dst)		((dst)->dev)
#endif

/* RFC 8449: no peer may ask for smaller records */
#ifndef TLS_MIN_RECORD_SIZE_LIM
#define TLS_MIN_RECORD_SIZE_LIM		64
#endif

#ifndef TLS_TX_MAX_PAYLOAD_LEN
#define TLS_TX_MAX_PAYLOAD_LEN		5
#endif

#ifdef HAVE_INFO_MAX_PAYLOAD
#define KTLS_INFO_TX_MAX_PAYLOAD_LEN	TLS_INFO_TX_MAX_PAYLOAD_LEN
#else
#define KTLS_INFO_TX_MAX_PAYLOAD_LEN	(TLS_INFO_RX_NO_PAD + 1)
#endif

/* Senders inside older kernels set it; it says nothing to us. */
#ifdef MSG_SENDPAGE_NOPOLICY
#define KTLS_MSG_NOPOLICY		MSG_SENDPAGE_NOPOLICY
#else
#define KTLS_MSG_NOPOLICY		0
#endif

/* The parameters of callbacks that have changed. */
#ifdef HAVE_RECVMSG_ADDR_LEN
#define KTLS_RECVMSG_ARGS						\
	struct sock *sk, struct msghdr *msg, size_t len, int flags, int *addr_len
#else
#define KTLS_RECVMSG_ARGS						\
	struct sock *sk, struct msghdr *msg, size_t len, int flags
#endif

#ifdef HAVE_ULP_INFO_NET_ADMIN
#define KTLS_GET_INFO_ARGS						\
	struct sock *sk, struct sk_buff *skb, bool net_admin
#define KTLS_GET_INFO_SIZE_ARGS						\
	const struct sock *sk, bool net_admin
#else
#define KTLS_GET_INFO_ARGS						\
	struct sock *sk, struct sk_buff *skb
#define KTLS_GET_INFO_SIZE_ARGS						\
	const struct sock *sk
#endif

#endif
