/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the TLS half of the driver needs of the hardware, and all of it: the
 * other _tls files know no register, ring, descriptor or command. To bring the
 * TLS half to another NIC, implement these functions (ktlsnic_tls_hw*.c here),
 * call struct ktlsnic_tls_ops where packets and completions come in, and what
 * ktlsnic_tls.h declares from the driver's own places.
 */
#ifndef KTLSNIC_TLS_HW_H
#define KTLSNIC_TLS_HW_H

#include <linux/in6.h>
#include <linux/skbuff.h>
#include <linux/types.h>
#include <net/tls.h>

struct ktlsnic_nic;
struct ktlsnic_tls_tx;

#define KTLSNIC_TLS_HW_KEY_MAX		32
#define KTLSNIC_TLS_HW_IV_SIZE		12

/**
 * struct ktlsnic_tls_keys - what a context is made of
 * @version: the hardware's number of the TLS version
 * @cipher: the hardware's number of the cipher
 * @iv: the salt, then the IV
 * @key: the key, then zeros
 * @rec_num: number of the first record
 *
 * Whoever fills it wipes it.
 */
struct ktlsnic_tls_keys {
	u8 version;
	u8 cipher;
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
 * @ctx: the context that encrypts it
 * @owner: the connection, given back to &ktlsnic_tls_ops.tx_failed and, once for
 *	   each unit that was posted, to &ktlsnic_tls_ops.tx_put
 * @generation: given back to &ktlsnic_tls_ops.tx_failed
 * @sync: bring the context here first, or NULL if it is there
 */
struct ktlsnic_tls_mark {
	u32 ctx;
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
 * @ctx: the context that it met
 * @payload: bytes of TLS payload that are plaintext now
 * @seq: @resync: TCP sequence of the record header that is asked about
 * @decrypted: all TLS payload in the packet is plaintext
 * @failed: a record in it has a wrong tag or no header
 * @resync: the context lost its place and asks for the number of a record
 */
struct ktlsnic_tls_rx_mark {
	u32 ctx;
	u32 payload;
	u32 seq;
	bool decrypted;
	bool failed;
	bool resync;
};

/**
 * typedef ktlsnic_tls_hw_done_t - called once when the hardware has answered
 * @arg: what the caller gave
 * @err: 0 or a negative errno
 * @value: the answer
 *
 * Bottom halves are off. It must not sleep and must not call the hardware.
 */
typedef void (*ktlsnic_tls_hw_done_t)(void *arg, int err, u32 value);

/**
 * struct ktlsnic_tls_ops - what the hardware tells the TLS half
 * @tx_put: a unit is done or was dropped, after @tx_failed if it failed; any
 *	    context but hard interrupts
 * @tx_failed: the device could not do what was posted; @gone: it has no such
 *	       context. In NAPI
 * @tx_encrypted: the device has encrypted so many bytes of TLS payload; in the
 *		  NAPI of the TX queue
 * @rx: a packet that met a context has come, with its network header at its
 *	beginning; in the NAPI of the RX queue. Returns false if it must be dropped
 */
struct ktlsnic_tls_ops {
	void (*tx_put)(struct ktlsnic_tls_tx *owner);
	void (*tx_failed)(struct ktlsnic_tls_tx *owner, u32 generation,
			  bool gone);
	void (*tx_encrypted)(struct ktlsnic_nic *nic, unsigned int queue,
			     u64 bytes);
	bool (*rx)(struct ktlsnic_nic *nic, unsigned int queue,
		   struct sk_buff *skb, const struct ktlsnic_tls_rx_mark *mark);
};

/* Capabilities. */
u32 ktlsnic_tls_hw_tx_contexts(struct ktlsnic_nic *nic);
bool ktlsnic_tls_hw_tx_supports(struct ktlsnic_nic *nic, u8 version, u8 cipher);
bool ktlsnic_tls_hw_tx_can_replay(struct ktlsnic_nic *nic);
u32 ktlsnic_tls_hw_tx_live(struct ktlsnic_nic *nic);
u32 ktlsnic_tls_hw_rx_contexts(struct ktlsnic_nic *nic);
bool ktlsnic_tls_hw_rx_supports(struct ktlsnic_nic *nic, u8 version, u8 cipher);
enum tls_offload_sync_type
ktlsnic_tls_hw_rx_sync_type(struct ktlsnic_nic *nic);
u32 ktlsnic_tls_hw_rx_live(struct ktlsnic_nic *nic);

/* Contexts; these sleep and work whether the interface is up or not. */
int ktlsnic_tls_hw_tx_add(struct ktlsnic_nic *nic, u32 ctx,
			  const struct ktlsnic_tls_keys *keys, u32 tcp_seq);
int ktlsnic_tls_hw_tx_del(struct ktlsnic_nic *nic, u32 ctx);
int ktlsnic_tls_hw_tx_resync(struct ktlsnic_nic *nic, u32 ctx, u32 tcp_seq,
			     u64 rec_num);
int ktlsnic_tls_hw_rx_add(struct ktlsnic_nic *nic, u32 ctx,
			  const struct ktlsnic_tls_keys *keys, u32 tcp_seq,
			  const struct ktlsnic_tls_flow *flow);
int ktlsnic_tls_hw_rx_del(struct ktlsnic_nic *nic, u32 ctx);

/* RX contexts that lost their place; these do not sleep. */
int ktlsnic_tls_hw_rx_resync(struct ktlsnic_nic *nic, u32 ctx, u32 tcp_seq,
			     u64 rec_num, ktlsnic_tls_hw_done_t done,
			     void *arg);
int ktlsnic_tls_hw_rx_query(struct ktlsnic_nic *nic, u32 ctx,
			    ktlsnic_tls_hw_done_t done, void *arg);

/* Packets; called with the TX queue locked and room made sure of. */
int ktlsnic_tls_hw_tx_post(struct ktlsnic_nic *nic, unsigned int queue,
			   struct sk_buff *skb,
			   const struct ktlsnic_tls_mark *mark);
void ktlsnic_tls_hw_tx_send(struct ktlsnic_nic *nic, unsigned int queue,
			    struct sk_buff *skb);
u32 ktlsnic_tls_hw_tx_index(struct ktlsnic_nic *nic, unsigned int queue);
bool ktlsnic_tls_hw_tx_done(struct ktlsnic_nic *nic, unsigned int queue,
			    u32 index);

#endif /* KTLSNIC_TLS_HW_H */
