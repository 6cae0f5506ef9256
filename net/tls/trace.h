/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the device half does: the events, by name and field, of the kernel's module; and
 * keys that are used for too long.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM tls

#if !defined(KTLS_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define KTLS_TRACE_H

#include <linux/tracepoint.h>

struct sock;

/* A device was asked to take over one direction of a connection. */
TRACE_EVENT(tls_device_offload_set,
	TP_PROTO(struct sock *sk, int dir, u32 tcp_seq, u64 rec_no, int ret),
	TP_ARGS(sk, dir, tcp_seq, rec_no, ret),
	TP_STRUCT__entry(
		__field(struct sock *, sk)
		__field(u64, rec_no)
		__field(u32, tcp_seq)
		__field(int, dir)
		__field(int, ret)
	),
	TP_fast_assign(
		__entry->sk = sk;
		__entry->rec_no = rec_no;
		__entry->tcp_seq = tcp_seq;
		__entry->dir = dir;
		__entry->ret = ret;
	),
	TP_printk("sk=%p direction=%d tcp_seq=%u rec_no=%llu ret=%d", __entry->sk,
		  __entry->dir, __entry->tcp_seq, __entry->rec_no, __entry->ret)
);

/* A record has come; it is neither encrypted nor decrypted if it is both in part. */
TRACE_EVENT(tls_device_decrypted,
	TP_PROTO(struct sock *sk, u32 tcp_seq, u64 rec_no, u32 len, bool encrypted,
		 bool decrypted),
	TP_ARGS(sk, tcp_seq, rec_no, len, encrypted, decrypted),
	TP_STRUCT__entry(
		__field(struct sock *, sk)
		__field(u64, rec_no)
		__field(u32, tcp_seq)
		__field(u32, len)
		__field(bool, encrypted)
		__field(bool, decrypted)
	),
	TP_fast_assign(
		__entry->sk = sk;
		__entry->rec_no = rec_no;
		__entry->tcp_seq = tcp_seq;
		__entry->len = len;
		__entry->encrypted = encrypted;
		__entry->decrypted = decrypted;
	),
	TP_printk("sk=%p tcp_seq=%u rec_no=%llu len=%u encrypted=%d decrypted=%d",
		  __entry->sk, __entry->tcp_seq, __entry->rec_no, __entry->len,
		  __entry->encrypted, __entry->decrypted)
);

/* A receiver's device is told where a record begins. */
TRACE_EVENT(tls_device_rx_resync_send,
	TP_PROTO(struct sock *sk, u32 tcp_seq, u64 rec_no, int sync_type),
	TP_ARGS(sk, tcp_seq, rec_no, sync_type),
	TP_STRUCT__entry(
		__field(struct sock *, sk)
		__field(u64, rec_no)
		__field(u32, tcp_seq)
		__field(int, sync_type)
	),
	TP_fast_assign(
		__entry->sk = sk;
		__entry->rec_no = rec_no;
		__entry->tcp_seq = tcp_seq;
		__entry->sync_type = sync_type;
	),
	TP_printk("sk=%p tcp_seq=%u rec_no=%llu sync_type=%d", __entry->sk,
		  __entry->tcp_seq, __entry->rec_no, __entry->sync_type)
);

/* A hint is due, but the next record has come already. */
TRACE_EVENT(tls_device_rx_resync_nh_schedule,
	TP_PROTO(struct sock *sk),
	TP_ARGS(sk),
	TP_STRUCT__entry(
		__field(struct sock *, sk)
	),
	TP_fast_assign(
		__entry->sk = sk;
	),
	TP_printk("sk=%p", __entry->sk)
);

/* The same for the record after that, and so on. */
TRACE_EVENT(tls_device_rx_resync_nh_delay,
	TP_PROTO(struct sock *sk, u32 sock_data, u32 rec_len),
	TP_ARGS(sk, sock_data, rec_len),
	TP_STRUCT__entry(
		__field(struct sock *, sk)
		__field(u32, sock_data)
		__field(u32, rec_len)
	),
	TP_fast_assign(
		__entry->sk = sk;
		__entry->sock_data = sock_data;
		__entry->rec_len = rec_len;
	),
	TP_printk("sk=%p sock_data=%u rec_len=%u", __entry->sk, __entry->sock_data,
		  __entry->rec_len)
);

/* A driver has seen a gap in what is sent. */
TRACE_EVENT(tls_device_tx_resync_req,
	TP_PROTO(struct sock *sk, u32 tcp_seq, u32 exp_tcp_seq),
	TP_ARGS(sk, tcp_seq, exp_tcp_seq),
	TP_STRUCT__entry(
		__field(struct sock *, sk)
		__field(u32, tcp_seq)
		__field(u32, exp_tcp_seq)
	),
	TP_fast_assign(
		__entry->sk = sk;
		__entry->tcp_seq = tcp_seq;
		__entry->exp_tcp_seq = exp_tcp_seq;
	),
	TP_printk("sk=%p tcp_seq=%u exp_tcp_seq=%u", __entry->sk, __entry->tcp_seq,
		  __entry->exp_tcp_seq)
);

/* A sender's device is told where a record begins. */
TRACE_EVENT(tls_device_tx_resync_send,
	TP_PROTO(struct sock *sk, u32 tcp_seq, u64 rec_no),
	TP_ARGS(sk, tcp_seq, rec_no),
	TP_STRUCT__entry(
		__field(struct sock *, sk)
		__field(u64, rec_no)
		__field(u32, tcp_seq)
	),
	TP_fast_assign(
		__entry->sk = sk;
		__entry->rec_no = rec_no;
		__entry->tcp_seq = tcp_seq;
	),
	TP_printk("sk=%p tcp_seq=%u rec_no=%llu", __entry->sk, __entry->tcp_seq,
		  __entry->rec_no)
);

/* Another key: @in_flight bytes before or after @tcp_seq still belong to the old one. */
TRACE_EVENT(tls_device_rekey_start,
	TP_PROTO(struct sock *sk, int dir, u32 tcp_seq, u32 in_flight),
	TP_ARGS(sk, dir, tcp_seq, in_flight),
	TP_STRUCT__entry(
		__field(struct sock *, sk)
		__field(int, dir)
		__field(u32, tcp_seq)
		__field(u32, in_flight)
	),
	TP_fast_assign(
		__entry->sk = sk;
		__entry->dir = dir;
		__entry->tcp_seq = tcp_seq;
		__entry->in_flight = in_flight;
	),
	TP_printk("sk=%p direction=%d tcp_seq=%u in_flight=%u", __entry->sk,
		  __entry->dir, __entry->tcp_seq, __entry->in_flight)
);

/* A record of the new key was decrypted by a device with the old one. */
TRACE_EVENT(tls_device_rekey_reencrypt,
	TP_PROTO(struct sock *sk, u32 tcp_seq, u64 rec_no, u64 old_rec_no, u32 len),
	TP_ARGS(sk, tcp_seq, rec_no, old_rec_no, len),
	TP_STRUCT__entry(
		__field(struct sock *, sk)
		__field(u64, rec_no)
		__field(u64, old_rec_no)
		__field(u32, tcp_seq)
		__field(u32, len)
	),
	TP_fast_assign(
		__entry->sk = sk;
		__entry->rec_no = rec_no;
		__entry->old_rec_no = old_rec_no;
		__entry->tcp_seq = tcp_seq;
		__entry->len = len;
	),
	TP_printk("sk=%p tcp_seq=%u rec_no=%llu old_rec_no=%llu len=%u", __entry->sk,
		  __entry->tcp_seq, __entry->rec_no, __entry->old_rec_no, __entry->len)
);

/* A device has the new key, from this record on. */
TRACE_EVENT(tls_device_rekey_done,
	TP_PROTO(struct sock *sk, int dir, u32 tcp_seq, u64 rec_no),
	TP_ARGS(sk, dir, tcp_seq, rec_no),
	TP_STRUCT__entry(
		__field(struct sock *, sk)
		__field(u64, rec_no)
		__field(int, dir)
		__field(u32, tcp_seq)
	),
	TP_fast_assign(
		__entry->sk = sk;
		__entry->rec_no = rec_no;
		__entry->dir = dir;
		__entry->tcp_seq = tcp_seq;
	),
	TP_printk("sk=%p direction=%d tcp_seq=%u rec_no=%llu", __entry->sk,
		  __entry->dir, __entry->tcp_seq, __entry->rec_no)
);

/* No device takes the new key: software goes on. */
TRACE_EVENT(tls_device_complete_rekey_fail,
	TP_PROTO(struct sock *sk, int dir, u32 tcp_seq, int err),
	TP_ARGS(sk, dir, tcp_seq, err),
	TP_STRUCT__entry(
		__field(struct sock *, sk)
		__field(int, dir)
		__field(u32, tcp_seq)
		__field(int, err)
	),
	TP_fast_assign(
		__entry->sk = sk;
		__entry->dir = dir;
		__entry->tcp_seq = tcp_seq;
		__entry->err = err;
	),
	TP_printk("sk=%p direction=%d tcp_seq=%u err=%d", __entry->sk, __entry->dir,
		  __entry->tcp_seq, __entry->err)
);

/* The new key cannot go to the device yet; the next message is another chance. */
TRACE_EVENT(tls_device_complete_rekey_retry,
	TP_PROTO(struct sock *sk, int err),
	TP_ARGS(sk, err),
	TP_STRUCT__entry(
		__field(struct sock *, sk)
		__field(int, err)
	),
	TP_fast_assign(
		__entry->sk = sk;
		__entry->err = err;
	),
	TP_printk("sk=%p err=%d", __entry->sk, __entry->err)
);

/* A key has been used for as many records as it is good for. */
TRACE_EVENT(tls_key_limit,
	TP_PROTO(struct sock *sk, int dir, u64 rec_no),
	TP_ARGS(sk, dir, rec_no),
	TP_STRUCT__entry(
		__field(struct sock *, sk)
		__field(u64, rec_no)
		__field(int, dir)
	),
	TP_fast_assign(
		__entry->sk = sk;
		__entry->rec_no = rec_no;
		__entry->dir = dir;
	),
	TP_printk("sk=%p direction=%d rec_no=%llu", __entry->sk, __entry->dir,
		  __entry->rec_no)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
