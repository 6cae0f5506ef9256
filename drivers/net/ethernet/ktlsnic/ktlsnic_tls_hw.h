/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The cut between the TLS half of the driver and the hardware. The TLS half
 * (ktlsnic_tls*.[ch] without "_hw") knows no register, ring, descriptor, command
 * or number of the device, and includes nothing of the driver but this; it is
 * brought to another NIC by implementing the functions below (ktlsnic_tls_hw*.c
 * here, ktlsnic_mbox.c for the same card as another kind of NIC would have it,
 * ktlsnic_tls_stub.c for nothing at all), calling struct ktlsnic_tls_ops
 * where packets and completions come in, and calling what ktlsnic_tls.h declares
 * from the driver's own places.
 *
 * Contexts. One is created by an add function, which returns a handle: a number
 * that means something to the hardware only. It lives until it is deleted, and
 * survives ndo_stop: the core of kTLS deletes most of them after that. It does
 * not survive a reset of the device; the TLS half then puts it back with a
 * restore function, which gives another handle. What is done with a handle from
 * before a reset fails with -ENETDOWN and does no harm.
 *
 * Order. Packets of a queue are done in the order in which they were posted.
 * Nothing is said about the order between queues, nor between a queue and the
 * functions about contexts: the TLS half does not post in a queue what goes on
 * from a packet in another one (see ktlsnic_tls_hw_tx_busy()), nor move or
 * delete a context while packets of it are posted.
 *
 * Errors. -ENETDOWN: the device is stopped, or about to be reset, which deletes
 * all contexts. -ETIMEDOUT: it did not answer; what was wanted may have been
 * done. Anything else: it was not done.
 */
#ifndef KTLSNIC_TLS_HW_H
#define KTLSNIC_TLS_HW_H

#include <linux/in6.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <linux/types.h>
#include <net/tls.h>

struct ktlsnic_nic;
struct ktlsnic_tls;
struct ktlsnic_tls_rx;
struct ktlsnic_tls_tx;

#define KTLSNIC_TLS_HW_KEY_MAX		32
#define KTLSNIC_TLS_HW_IV_SIZE		12

/**
 * struct ktlsnic_tls_keys - what a context is made of
 * @version: TLS_1_2_VERSION or TLS_1_3_VERSION
 * @cipher: TLS_CIPHER_*
 * @iv: the salt, then the IV
 * @key: the key, then zeros
 * @rec_num: number of the first record
 *
 * Whoever fills it wipes it; the hardware's functions keep no copy.
 */
struct ktlsnic_tls_keys {
	u16 version;
	u16 cipher;
	u8 iv[KTLSNIC_TLS_HW_IV_SIZE];
	u8 key[KTLSNIC_TLS_HW_KEY_MAX];
	u64 rec_num;
};

/**
 * struct ktlsnic_tls_frag - a piece of a record in memory
 * @page: a referenced page
 * @offset: where in the page
 * @len: bytes
 */
struct ktlsnic_tls_frag {
	struct page *page;
	u32 offset;
	u32 len;
};

/**
 * struct ktlsnic_tls_sync - where a context must be before a packet
 * @rec_num: number of the record in which the packet begins
 * @rec_seq: TCP sequence of that record's first byte
 * @prefix_len: bytes of the record before the packet
 * @nr_frags: pieces that they lie in
 * @frags: the pieces, plaintext with its framing
 */
struct ktlsnic_tls_sync {
	u64 rec_num;
	u32 rec_seq;
	u32 prefix_len;
	unsigned int nr_frags;
	struct ktlsnic_tls_frag frags[MAX_SKB_FRAGS];
};

/**
 * struct ktlsnic_tls_mark - how a packet of a connection is to be sent
 * @ctx: handle of the context that encrypts it
 * @first: no packet has been posted with this handle: a device that takes a
 *	   context's parameters from the ring is given them now. With @sync the
 *	   context begins there, else where add or restore put it
 * @owner: the connection, given back to &ktlsnic_tls_ops.tx_failed and, once for
 *	   each unit that was posted, to &ktlsnic_tls_ops.tx_put
 * @generation: given back to &ktlsnic_tls_ops.tx_failed
 * @sync: bring the context here first, or NULL if it is there; then this is a
 *	  unit of its own, before the packet
 */
struct ktlsnic_tls_mark {
	u64 ctx;
	bool first;
	struct ktlsnic_tls_tx *owner;
	u32 generation;
	const struct ktlsnic_tls_sync *sync;
};

/**
 * struct ktlsnic_tls_flow - the packets of a connection, seen from the receiver
 * @version: 4 or 6
 * @remote_port: their source port
 * @local_port: their destination port
 * @remote: their source address; IPv4: in the first word, then zeros
 * @local: their destination address
 */
struct ktlsnic_tls_flow {
	u8 version;
	__be16 remote_port;
	__be16 local_port;
	struct in6_addr remote;
	struct in6_addr local;
};

/**
 * struct ktlsnic_tls_rx_mark - what the hardware says of a received packet that
 *				belongs to an offloaded connection
 * @owner: whose context it met, as the add function was told, or NULL if the
 *	   hardware does not say: then the TLS half looks at the packet's
 *	   addresses. Under RCU
 * @payload: bytes of TLS payload that are plaintext now
 * @seq: @resync: TCP sequence of the record header that is asked about
 * @named: @resync: @seq is known. A device that names the header only when it is
 *	   asked (ktlsnic_tls_hw_rx_query()) leaves this false
 * @decrypted: all TLS payload in the packet is plaintext
 * @failed: a record in it has a wrong tag or no header
 * @resync: the context lost its place and asks for the number of a record
 * @stale: the context is none that the hardware should have
 */
struct ktlsnic_tls_rx_mark {
	struct ktlsnic_tls_rx *owner;
	u32 payload;
	u32 seq;
	bool named;
	bool decrypted;
	bool failed;
	bool resync;
	bool stale;
};

/**
 * typedef ktlsnic_tls_hw_done_t - called once when the hardware has answered, or will not
 * @arg: what the caller gave
 * @err: 0 or a negative errno
 * @value: the answer
 *
 * Bottom halves are off. It must not sleep and must not call the hardware. It may come
 * while the context is deleted and after that, but not when the device was removed.
 */
typedef void (*ktlsnic_tls_hw_done_t)(void *arg, int err, u32 value);

/**
 * struct ktlsnic_tls_ops - what the hardware tells the TLS half
 * @tx_put: a unit is done or was dropped, after @tx_failed if it failed; any
 *	    context but hard interrupts
 * @tx_failed: the device could not do what was posted; @gone: it has no such
 *	       context. In NAPI. Of a device that only says that a whole queue
 *	       failed this is not called: its driver empties the queue and calls
 *	       ktlsnic_tls_queues_closed()
 * @tx_encrypted: the device has encrypted so many bytes of TLS payload; in the
 *		  NAPI of the TX queue. Optional to call: a counter, nothing more
 * @rx: a packet that met a context has come, with its network header at its
 *	beginning; in the NAPI of the RX queue. Returns false if it must be dropped
 */
struct ktlsnic_tls_ops {
	void (*tx_put)(struct ktlsnic_tls_tx *owner);
	void (*tx_failed)(struct ktlsnic_tls_tx *owner, u32 generation,
			  bool gone);
	void (*tx_encrypted)(struct ktlsnic_tls *tls, unsigned int queue,
			     u64 bytes);
	bool (*rx)(struct ktlsnic_tls *tls, unsigned int queue,
		   struct sk_buff *skb, const struct ktlsnic_tls_rx_mark *mark);
};

/* The two halves find each other. */
int ktlsnic_tls_hw_attach(struct ktlsnic_nic *nic, struct ktlsnic_tls *tls,
			  const struct ktlsnic_tls_ops *ops);
struct ktlsnic_tls *ktlsnic_tls_hw_tls(const struct net_device *netdev);

/* Capabilities, asked once. */
u32 ktlsnic_tls_hw_contexts(struct ktlsnic_nic *nic,
			    enum tls_offload_ctx_dir direction);
bool ktlsnic_tls_hw_supports(struct ktlsnic_nic *nic,
			     enum tls_offload_ctx_dir direction, u16 version,
			     u16 cipher);
bool ktlsnic_tls_hw_tx_can_replay(struct ktlsnic_nic *nic);
enum tls_offload_sync_type
ktlsnic_tls_hw_rx_sync_type(struct ktlsnic_nic *nic);

/* Counters. */
u32 ktlsnic_tls_hw_used(struct ktlsnic_nic *nic,
			enum tls_offload_ctx_dir direction);
u32 ktlsnic_tls_hw_live(struct ktlsnic_nic *nic,
			enum tls_offload_ctx_dir direction);

/* Contexts; these sleep, and many of them may run at a time. */
int ktlsnic_tls_hw_tx_add(struct ktlsnic_nic *nic,
			  const struct ktlsnic_tls_keys *keys, u32 tcp_seq,
			  struct ktlsnic_tls_tx *owner, u64 *ctx);
int ktlsnic_tls_hw_tx_del(struct ktlsnic_nic *nic, u64 ctx, bool busy);
int ktlsnic_tls_hw_tx_resync(struct ktlsnic_nic *nic, u64 ctx, u32 tcp_seq,
			     u64 rec_num);
int ktlsnic_tls_hw_rx_add(struct ktlsnic_nic *nic,
			  const struct ktlsnic_tls_keys *keys, u32 tcp_seq,
			  const struct ktlsnic_tls_flow *flow,
			  struct ktlsnic_tls_rx *owner, u64 *ctx);
int ktlsnic_tls_hw_rx_del(struct ktlsnic_nic *nic, u64 ctx);

/* Contexts after a reset; these sleep, one at a time. */
int ktlsnic_tls_hw_tx_restore(struct ktlsnic_nic *nic,
			      const struct ktlsnic_tls_keys *keys, u32 tcp_seq,
			      struct ktlsnic_tls_tx *owner, u64 *ctx,
			      ktlsnic_tls_hw_done_t done);
int ktlsnic_tls_hw_rx_restore(struct ktlsnic_nic *nic,
			      const struct ktlsnic_tls_keys *keys, u32 tcp_seq,
			      const struct ktlsnic_tls_flow *flow,
			      struct ktlsnic_tls_rx *owner, u64 *ctx,
			      ktlsnic_tls_hw_done_t done);
void ktlsnic_tls_hw_restored(struct ktlsnic_nic *nic);

/* RX contexts that lost their place; these do not sleep. */
int ktlsnic_tls_hw_rx_resync(struct ktlsnic_nic *nic, u64 ctx, u32 tcp_seq,
			     u64 rec_num, ktlsnic_tls_hw_done_t done,
			     void *arg);
int ktlsnic_tls_hw_rx_query(struct ktlsnic_nic *nic, u64 ctx,
			    ktlsnic_tls_hw_done_t done, void *arg);

/* Packets; called with the TX queue locked and room made sure of. */
int ktlsnic_tls_hw_tx_post(struct ktlsnic_nic *nic, unsigned int queue,
			   struct sk_buff *skb,
			   const struct ktlsnic_tls_mark *mark, u64 *place);
void ktlsnic_tls_hw_tx_send(struct ktlsnic_nic *nic, unsigned int queue,
			    struct sk_buff *skb);
bool ktlsnic_tls_hw_tx_busy(struct ktlsnic_nic *nic, u64 place);

#endif /* KTLSNIC_TLS_HW_H */
