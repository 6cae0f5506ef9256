/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The wire format of the ktlsnic NIC: registers, descriptors, completions,
 * commands and events. The hardware model and the driver both include this
 * file; hw-model/SPEC.md says what each item means, under the section number
 * that stands above it here.
 *
 * All fields are little-endian, except byte arrays, which are in the order of
 * the wire. Masks are plain constants, so that FIELD_GET() and its like in
 * other environments work on them. The includer provides __le16, __le32,
 * __le64 and __u8 (linux/types.h).
 */
#ifndef KTLSNIC_HW_H
#define KTLSNIC_HW_H

/* ---- SPEC 2: PCI identity ---------------------------------------------- */

#define KTLSNIC_PCI_VENDOR_ID		0x1234
#define KTLSNIC_PCI_DEVICE_ID		0x7150
#define KTLSNIC_PCI_REVISION		0x01

#define KTLSNIC_BAR_REGS		0	/* registers and doorbells */
#define KTLSNIC_BAR_REGS_SIZE		0x20000
#define KTLSNIC_BAR_MSIX		2	/* MSI-X table and PBA */
#define KTLSNIC_BAR_MSIX_SIZE		0x4000

#define KTLSNIC_MAX_QUEUES		16	/* queue pairs; CAP_QUEUES says how many */
#define KTLSNIC_ADMIN_VECTOR		0	/* command completions and events */
#define KTLSNIC_QUEUE_VECTOR(q)		((q) + 1)
#define KTLSNIC_MAX_VECTORS		(KTLSNIC_MAX_QUEUES + 1)

/* ---- SPEC 3: global registers ------------------------------------------ */

#define KTLSNIC_REG_ID			0x0000	/* RO */
#define   KTLSNIC_ID				0x4b544c53	/* "KTLS" */
#define KTLSNIC_REG_VERSION		0x0004	/* RO: version of SPEC.md */
#define   KTLSNIC_VERSION_MAJOR			0xffff0000
#define   KTLSNIC_VERSION_MINOR			0x0000ffff
#define   KTLSNIC_VERSION			0x00010002
#define KTLSNIC_REG_CTRL		0x0008	/* RW */
#define   KTLSNIC_CTRL_RESET			0x00000001	/* W1, self-clearing */
#define KTLSNIC_REG_STATUS		0x000c	/* RO */
#define   KTLSNIC_STATUS_READY			0x00000001
#define   KTLSNIC_STATUS_LINK_UP		0x00000002
#define KTLSNIC_REG_CAP_QUEUES		0x0010	/* RO */
#define   KTLSNIC_CAP_QUEUE_PAIRS		0x000000ff
#define   KTLSNIC_CAP_RING_LOG2_MIN		0x0000ff00
#define   KTLSNIC_CAP_RING_LOG2_MAX		0x00ff0000
#define KTLSNIC_REG_CAP_FEATURES	0x0014	/* RO */
#define   KTLSNIC_FEATURE_TX_CSUM		0x00000001
#define   KTLSNIC_FEATURE_RX_CSUM		0x00000002
#define   KTLSNIC_FEATURE_TSO			0x00000004
#define   KTLSNIC_FEATURE_VLAN_INSERT		0x00000008
#define   KTLSNIC_FEATURE_VLAN_STRIP		0x00000010
#define   KTLSNIC_FEATURE_RSS			0x00000020
#define KTLSNIC_REG_CAP_MAX_FRAME	0x0018	/* RO: bytes on the wire, no FCS */
#define KTLSNIC_REG_CAP_MAX_TSO		0x001c	/* RO: bytes of one unit, headers included */
#define KTLSNIC_REG_CAP_MAX_DESC	0x0020	/* RO: descriptors of one TX unit */
#define KTLSNIC_REG_CAP_FILTERS		0x0024	/* RO: exact address filters */

/* ---- SPEC 4: TLS capabilities ------------------------------------------ */

#define KTLSNIC_REG_TLS_TX_CONTEXTS	0x0040	/* RO: size of the TX context table */
#define KTLSNIC_REG_TLS_RX_CONTEXTS	0x0044	/* RO: size of the RX context table */
#define KTLSNIC_REG_TLS_TX_LIVE		0x0048	/* RO: TX contexts in use */
#define KTLSNIC_REG_TLS_RX_LIVE		0x004c	/* RO: RX contexts in use */
/* RO: BIT(cipher) for each cipher the direction supports in that version */
#define KTLSNIC_REG_TLS_TX_CIPHERS(version)	(0x0050 + 4 * (version))
#define KTLSNIC_REG_TLS_RX_CIPHERS(version)	(0x0058 + 4 * (version))
#define KTLSNIC_REG_TLS_RESYNC		0x0060	/* RO */
#define   KTLSNIC_TLS_RESYNC_TX_RING		0x00000001	/* TLS_RESYNC units */
#define   KTLSNIC_TLS_RESYNC_TX_CMD		0x00000002	/* command TLS_TX_RESYNC */
#define   KTLSNIC_TLS_RESYNC_RX			0x00000300	/* enum ktlsnic_tls_rx_mode */

/* How RX contexts that lost their place get it back. */
enum ktlsnic_tls_rx_mode {
	KTLSNIC_TLS_RX_HINT		= 0,	/* the host says where a record begins */
	KTLSNIC_TLS_RX_SCAN		= 1,	/* asks about a header to come */
	KTLSNIC_TLS_RX_ASYNC		= 2,	/* asks about a header that is here */
};

enum ktlsnic_tls_version {
	KTLSNIC_TLS_1_2			= 0,
	KTLSNIC_TLS_1_3			= 1,
	KTLSNIC_TLS_VERSIONS
};

enum ktlsnic_tls_cipher {
	KTLSNIC_CIPHER_AES_GCM_128	= 0,
	KTLSNIC_CIPHER_AES_GCM_256	= 1,
	KTLSNIC_CIPHER_AES_CCM_128	= 2,
	KTLSNIC_CIPHER_CHACHA20_POLY1305 = 3,
	KTLSNIC_CIPHERS
};

/* ---- SPEC 5: port registers -------------------------------------------- */

/* Addresses: LO holds bytes 0..3 (byte 0 in bits 7:0), HI bytes 4..5. */
#define KTLSNIC_REG_PERM_MAC_LO		0x1000	/* RO: the factory address */
#define KTLSNIC_REG_PERM_MAC_HI		0x1004	/* RO */
#define KTLSNIC_REG_MAC_LO		0x1008	/* RW: the station address */
#define KTLSNIC_REG_MAC_HI		0x100c	/* RW */
#define KTLSNIC_REG_RX_CTRL		0x1010	/* RW */
#define   KTLSNIC_RX_CTRL_ENABLE		0x00000001
#define   KTLSNIC_RX_CTRL_PROMISC		0x00000002
#define   KTLSNIC_RX_CTRL_ALLMULTI		0x00000004
#define   KTLSNIC_RX_CTRL_VLAN_STRIP		0x00000008
#define KTLSNIC_REG_RX_MAX_FRAME	0x1014	/* RW: bytes, no FCS */
#define KTLSNIC_REG_LINK_SPEED		0x1018	/* RO: Mbit/s */
#define KTLSNIC_FILTERS			32
#define KTLSNIC_REG_FILTER_LO(i)	(0x1100 + 8 * (i))	/* RW */
#define KTLSNIC_REG_FILTER_HI(i)	(0x1104 + 8 * (i))	/* RW */
#define   KTLSNIC_MAC_HI_ADDR			0x0000ffff
#define   KTLSNIC_FILTER_HI_VALID		0x80000000

/* ---- SPEC 6: receive side scaling -------------------------------------- */

#define KTLSNIC_REG_RSS_CTRL		0x2000	/* RW */
#define   KTLSNIC_RSS_ENABLE			0x00000001
#define   KTLSNIC_RSS_IPV4			0x00000002	/* address pair */
#define   KTLSNIC_RSS_TCP4			0x00000004	/* addresses and ports */
#define   KTLSNIC_RSS_UDP4			0x00000008
#define   KTLSNIC_RSS_IPV6			0x00000010
#define   KTLSNIC_RSS_TCP6			0x00000020
#define   KTLSNIC_RSS_UDP6			0x00000040
#define KTLSNIC_RSS_KEY_SIZE		40
/* RW: 10 words, byte 0 in bits 7:0 */
#define KTLSNIC_REG_RSS_KEY(i)		(0x2040 + 4 * (i))
#define KTLSNIC_RSS_INDIR_SIZE		128
/* RW: 32 words of 4 queue numbers */
#define KTLSNIC_REG_RSS_INDIR(i)	(0x2080 + 4 * (i))

/* ---- SPEC 7: interrupts ------------------------------------------------ */

#define KTLSNIC_REG_IVEC_ARM(v)		(0x3000 + 0x10 * (v))	/* RW */
#define   KTLSNIC_IVEC_ARMED			0x00000001
#define KTLSNIC_REG_IVEC_ITR(v)		(0x3004 + 0x10 * (v))	/* RW: least gap, microseconds */
#define   KTLSNIC_IVEC_ITR_USECS		0x0000ffff

/* ---- SPEC 8: rings ----------------------------------------------------- */

/* Every ring has the same block of registers, at one of these offsets. */
#define KTLSNIC_RING_CMD		0x4000	/* commands */
#define KTLSNIC_RING_CMD_CQ		0x4020	/* their completions */
#define KTLSNIC_RING_EVENT		0x4040	/* events */
#define KTLSNIC_QUEUE_PAGE(q)		(0x10000 + 0x1000 * (q))
#define KTLSNIC_RING_TX(q)		(KTLSNIC_QUEUE_PAGE(q) + 0x00)
#define KTLSNIC_RING_TX_CQ(q)		(KTLSNIC_QUEUE_PAGE(q) + 0x20)
#define KTLSNIC_RING_RX(q)		(KTLSNIC_QUEUE_PAGE(q) + 0x40)
#define KTLSNIC_RING_RX_CQ(q)		(KTLSNIC_QUEUE_PAGE(q) + 0x60)

#define KTLSNIC_RING_BASE_LO		0x00	/* RW: bus address, 64-byte aligned */
#define KTLSNIC_RING_BASE_HI		0x04	/* RW */
#define KTLSNIC_RING_LOG2		0x08	/* RW: log2 of the number of entries */
#define KTLSNIC_RING_CTRL		0x0c	/* RW */
#define   KTLSNIC_RING_CTRL_ENABLE		0x00000001
#define KTLSNIC_RING_STATUS		0x10	/* RO */
#define   KTLSNIC_RING_STATUS_ENABLED		0x00000001
#define   KTLSNIC_RING_STATUS_ERROR		0x0000ff00	/* enum ktlsnic_ring_error */
#define KTLSNIC_RING_DOORBELL		0x14	/* RW: the driver's index */
#define KTLSNIC_RING_INDEX		0x18	/* RO: the device's index */
#define KTLSNIC_RING_REGS_SIZE		0x20

#define KTLSNIC_RING_ALIGN		64
#define KTLSNIC_RING_LOG2_MIN		6
#define KTLSNIC_RING_LOG2_MAX		12

enum ktlsnic_ring_error {
	KTLSNIC_RING_OK			= 0,
	KTLSNIC_RING_BAD_SETUP		= 1,	/* base, size, or completion ring missing */
	KTLSNIC_RING_BAD_DOORBELL	= 2,	/* more entries than the ring has */
	KTLSNIC_RING_DMA_FAULT		= 3,	/* a read or write of memory failed */
	KTLSNIC_RING_BAD_ENTRY		= 4,	/* an entry that leaves no way to go on */
};

/* ---- SPEC 9: transmit -------------------------------------------------- */

enum ktlsnic_txd_type {
	KTLSNIC_TXD_PACKET		= 1,	/* head of a packet unit */
	KTLSNIC_TXD_TLS_RESYNC		= 2,	/* head of a TLS resync unit */
	KTLSNIC_TXD_BUFFER		= 3,	/* further buffer of a unit */
};

#define KTLSNIC_TXF_COMPLETE		0x0001	/* write a completion */
#define KTLSNIC_TXF_L3_CSUM		0x0002	/* IPv4 header checksum */
#define KTLSNIC_TXF_L4_CSUM		0x0004	/* TCP or UDP checksum */
#define KTLSNIC_TXF_TSO			0x0008	/* cut into segments of mss */
#define KTLSNIC_TXF_VLAN		0x0010	/* insert an 802.1Q tag */
#define KTLSNIC_TXF_TLS			0x0020	/* encrypt with context tls_ctx */

#define KTLSNIC_TX_MIN_MSS		32

/*
 *        31              16 15        8 7         0
 *       +------------------------------------------+
 *   +0  |            addr (low 32 bits)            |
 *   +4  |            addr (high 32 bits)           |
 *   +8  |                  len                     |
 *  +12  |      flags        |   ndesc   |   type   |
 *  +16  |                total_len                 |
 *  +20  |     vlan_tci      |         mss          |
 *  +24  |     reserved      |  l4_off  |  l3_off   |
 *  +28  |                 tls_ctx                  |
 *       +------------------------------------------+
 * A BUFFER descriptor uses addr, len and type; its other fields are zero.
 */
struct ktlsnic_tx_desc {
	__le64 addr;		/* bus address of this descriptor's buffer */
	__le32 len;		/* bytes in that buffer */
	__u8 type;		/* enum ktlsnic_txd_type */
	__u8 ndesc;		/* descriptors in this unit, this one included */
	__le16 flags;		/* KTLSNIC_TXF_* */
	__le32 total_len;	/* bytes of the frame, all buffers */
	__le16 mss;		/* TSO: TCP payload bytes per segment */
	__le16 vlan_tci;	/* VLAN: the tag to insert */
	__u8 l3_off;		/* checksum, TSO, TLS: bytes to the IP header */
	__u8 l4_off;		/* checksum, TSO, TLS: bytes to the TCP/UDP header */
	__le16 reserved;	/* zero */
	__le32 tls_ctx;		/* TLS: index in the TX context table */
};

/*
 *        31              16 15        8 7         0
 *       +------------------------------------------+
 *   +0  |          rec_num (low 32 bits)           |
 *   +4  |          rec_num (high 32 bits)          |
 *   +8  |               prefix_len                 |
 *  +12  |      flags        |   ndesc   |   type   |
 *  +16  |                 tcp_seq                  |
 *  +20  |                 reserved                 |
 *  +24  |                 reserved                 |
 *  +28  |                 tls_ctx                  |
 *       +------------------------------------------+
 * The prefix itself lies in the BUFFER descriptors that follow.
 */
struct ktlsnic_tx_resync {
	__le64 rec_num;		/* number of the record */
	__le32 prefix_len;	/* bytes of the record before the next packet */
	__u8 type;		/* KTLSNIC_TXD_TLS_RESYNC */
	__u8 ndesc;		/* descriptors in this unit, this one included */
	__le16 flags;		/* KTLSNIC_TXF_COMPLETE or 0 */
	__le32 tcp_seq;		/* TCP sequence of the record's first byte */
	__le32 reserved[2];	/* zero */
	__le32 tls_ctx;		/* index in the TX context table */
};

enum ktlsnic_tx_status {
	KTLSNIC_TX_OK			= 0,
	KTLSNIC_TX_BAD_DESC		= 1,	/* lengths, flags or count are wrong */
	KTLSNIC_TX_BAD_HEADER		= 2,	/* headers do not fit the offload asked */
	KTLSNIC_TX_TOO_LONG		= 3,	/* frame or segment above CAP_MAX_FRAME */
	KTLSNIC_TX_TLS_NO_CONTEXT	= 4,	/* no such context */
	KTLSNIC_TX_TLS_BAD_SEQ		= 5,	/* not the expected TCP sequence */
	KTLSNIC_TX_TLS_BAD_RECORD	= 6,	/* no TLS record where one must start */
};

struct ktlsnic_tx_cpl {
	__le32 index;		/* TX ring index after the unit */
	__le32 tls_payload;	/* bytes of TLS payload encrypted since the last one */
	__le32 reserved;	/* zero */
	__le16 status;		/* enum ktlsnic_tx_status */
	__le16 flags;		/* KTLSNIC_CPL_PHASE */
};

/* Last 16 bits of every completion and event: set in the first, third, ... pass. */
#define KTLSNIC_CPL_PHASE		0x0001

/* ---- SPEC 10: receive -------------------------------------------------- */

struct ktlsnic_rx_desc {
	__le64 addr;		/* bus address of an empty buffer */
	__le32 len;		/* its size in bytes, 256..65535 */
	__le32 reserved;	/* zero */
};

#define KTLSNIC_RX_BUF_MIN		256
#define KTLSNIC_RX_BUF_MAX		65535

#define KTLSNIC_RXF_FIRST		0x0002	/* first buffer of the frame */
#define KTLSNIC_RXF_LAST		0x0004	/* last buffer of the frame */
#define KTLSNIC_RXF_L3_OK		0x0008	/* IPv4 header checksum is right */
#define KTLSNIC_RXF_L3_BAD		0x0010	/* IPv4 header checksum is wrong */
#define KTLSNIC_RXF_L4_OK		0x0020	/* TCP or UDP checksum is right */
#define KTLSNIC_RXF_L4_BAD		0x0040	/* TCP or UDP checksum is wrong */
#define KTLSNIC_RXF_VLAN		0x0080	/* vlan_tci holds the stripped tag */
#define KTLSNIC_RXF_TLS			0x0100	/* went through RX context tls_ctx */
#define KTLSNIC_RXF_TLS_DECRYPTED	0x0200	/* TLS: all payload is plaintext */
#define KTLSNIC_RXF_TLS_FAILED		0x0400	/* TLS: a wrong tag or no header */
#define KTLSNIC_RXF_TLS_RESYNC		0x0800	/* TLS: a request; tls_seq is valid */

/*
 *        31              16 15                   0
 *       +------------------------------------------+
 *   +0  |                 index                    |
 *   +4  |                rss_hash                  |
 *   +8  |     vlan_tci      |         len          |
 *  +12  |     reserved      |      rss_type        |
 *  +16  |                 tls_ctx                  |
 *  +20  |                 tls_seq                  |
 *  +24  |               tls_payload                |
 *  +28  |      flags        |      reserved        |
 *       +------------------------------------------+
 */
struct ktlsnic_rx_cpl {
	__le32 index;		/* RX ring index of the buffer */
	__le32 rss_hash;	/* Toeplitz hash; 0 with rss_type 0 */
	__le16 len;		/* bytes written into this buffer */
	__le16 vlan_tci;	/* RXF_VLAN: the stripped tag */
	__le16 rss_type;	/* the KTLSNIC_RSS_* bit that was applied, or 0 */
	__le16 reserved;	/* zero */
	__le32 tls_ctx;		/* TLS: index in the RX context table, else 0 */
	__le32 tls_seq;		/* TLS_RESYNC: the header asked about, else 0 */
	__le32 tls_payload;	/* bytes of TLS payload that were decrypted */
	__le16 reserved2;	/* zero */
	__le16 flags;		/* KTLSNIC_RXF_*, KTLSNIC_CPL_PHASE */
};

/* ---- SPEC 11: commands ------------------------------------------------- */

enum ktlsnic_cmd_op {
	KTLSNIC_CMD_NOP			= 0,
	KTLSNIC_CMD_TLS_TX_ADD		= 1,
	KTLSNIC_CMD_TLS_TX_DEL		= 2,
	KTLSNIC_CMD_TLS_TX_RESYNC	= 3,
	KTLSNIC_CMD_TLS_RX_ADD		= 4,
	KTLSNIC_CMD_TLS_RX_DEL		= 5,
	KTLSNIC_CMD_TLS_RX_RESYNC	= 6,
	KTLSNIC_CMD_TLS_RX_QUERY	= 7,
};

#define KTLSNIC_TLS_KEY_MAX		32
#define KTLSNIC_TLS_IV_SIZE		12

/* Body of TLS_TX_ADD, and the first part of that of TLS_RX_ADD. */
struct ktlsnic_cmd_tls_add {
	__le32 tls_ctx;		/* index in the context table, chosen by the driver */
	__u8 version;		/* enum ktlsnic_tls_version */
	__u8 cipher;		/* enum ktlsnic_tls_cipher */
	__le16 reserved;	/* zero */
	__le32 tcp_seq;		/* TCP sequence of the first byte of record rec_num */
	__le32 reserved2;	/* zero */
	__le64 rec_num;		/* number of the first record */
	__u8 iv[KTLSNIC_TLS_IV_SIZE];	/* salt, then IV (SPEC 11.2) */
	__le32 reserved3;	/* zero */
	__u8 key[KTLSNIC_TLS_KEY_MAX];	/* from byte 0; the rest zero */
};

/* The packets that an RX context is for; byte arrays in wire order. */
struct ktlsnic_tls_tuple {
	__u8 ip_version;	/* 4 or 6 */
	__u8 reserved[3];	/* zero */
	__u8 remote_port[2];	/* the packets' source port */
	__u8 local_port[2];	/* the packets' destination port */
	__u8 remote_addr[16];	/* the packets' source; IPv4: 4 bytes, then zeros */
	__u8 local_addr[16];	/* the packets' destination */
};

/* Body of TLS_RX_ADD. */
struct ktlsnic_cmd_tls_rx_add {
	struct ktlsnic_cmd_tls_add add;
	struct ktlsnic_tls_tuple tuple;
};

/* Body of TLS_TX_DEL, TLS_RX_DEL and TLS_RX_QUERY. */
struct ktlsnic_cmd_tls_ctx {
	__le32 tls_ctx;
};

/* Body of TLS_TX_RESYNC and TLS_RX_RESYNC. */
struct ktlsnic_cmd_tls_resync {
	__le32 tls_ctx;
	__le32 tcp_seq;		/* TCP sequence of the first byte of record rec_num */
	__le64 rec_num;
};

struct ktlsnic_cmd {
	__le16 op;		/* enum ktlsnic_cmd_op */
	__le16 tag;		/* given back in the completion */
	__le32 reserved;	/* zero */
	union {
		struct ktlsnic_cmd_tls_add tls_add;
		struct ktlsnic_cmd_tls_rx_add tls_rx_add;
		struct ktlsnic_cmd_tls_ctx tls_ctx;
		struct ktlsnic_cmd_tls_resync tls_resync;
		__u8 bytes[120];
	} body;
};

enum ktlsnic_cmd_status {
	KTLSNIC_CMD_OK			= 0,
	KTLSNIC_CMD_BAD_OP		= 1,	/* no such command */
	KTLSNIC_CMD_BAD_PARAM		= 2,	/* index out of range, reserved field not zero */
	KTLSNIC_CMD_UNSUPPORTED		= 3,	/* version and cipher not in the capabilities */
	KTLSNIC_CMD_IN_USE		= 4,	/* add: the context exists, or the tuple's */
	KTLSNIC_CMD_NO_CONTEXT		= 5,	/* the context does not exist */
	KTLSNIC_CMD_NO_RESYNC		= 6,	/* RX: there is no use for it (any more) */
};

struct ktlsnic_cmd_cpl {
	__le16 tag;		/* of the command */
	__le16 status;		/* enum ktlsnic_cmd_status */
	__le32 index;		/* command ring index after the command */
	__le32 value;		/* OK of TLS_RX_QUERY: the sequence; else zero */
	__le16 reserved;	/* zero */
	__le16 flags;		/* KTLSNIC_CPL_PHASE */
};

/* ---- SPEC 12: events --------------------------------------------------- */

enum ktlsnic_event_type {
	KTLSNIC_EVENT_LINK		= 1,	/* data: 1 up, 0 down */
	KTLSNIC_EVENT_RING_ERROR	= 2,	/* source: the ring; data: its error */
};

struct ktlsnic_event {
	__le16 type;		/* enum ktlsnic_event_type */
	__le16 reserved;	/* zero */
	__le32 source;		/* RING_ERROR: offset of the ring's registers */
	__le32 data;
	__le16 lost;		/* events dropped before this one, the queue being full */
	__le16 flags;		/* KTLSNIC_CPL_PHASE */
};

/* ---- SPEC 13: statistics ----------------------------------------------- */

/*
 * 64-bit counters, RO, cleared by nothing but power. Reading the low word
 * latches the high word of the same counter.
 */
enum ktlsnic_stat {
	KTLSNIC_STAT_RX_PACKETS,	/* frames put into memory */
	KTLSNIC_STAT_RX_BYTES,		/* their bytes */
	KTLSNIC_STAT_RX_MULTICAST,	/* of these, to a group address, broadcast excluded */
	KTLSNIC_STAT_RX_BROADCAST,	/* of these, to the broadcast address */
	KTLSNIC_STAT_RX_FILTERED,	/* frames that no address filter wanted */
	KTLSNIC_STAT_RX_TOO_LONG,	/* frames above RX_MAX_FRAME, dropped */
	KTLSNIC_STAT_RX_TOO_SHORT,	/* frames without an Ethernet header, dropped */
	KTLSNIC_STAT_RX_NO_QUEUE,	/* frames whose queue is not enabled, dropped */
	KTLSNIC_STAT_RX_PAUSES,		/* times the wire was held for want of a buffer */
	KTLSNIC_STAT_RX_CSUM_BAD,	/* frames delivered with L3_BAD or L4_BAD */
	KTLSNIC_STAT_TX_PACKETS,	/* frames sent */
	KTLSNIC_STAT_TX_BYTES,		/* their bytes */
	KTLSNIC_STAT_TX_TSO_UNITS,	/* units that were cut into segments */
	KTLSNIC_STAT_TX_ERRORS,		/* units completed with a status other than OK */
	KTLSNIC_STAT_TX_NO_CARRIER,	/* frames discarded because the link was down */
	KTLSNIC_STAT_TLS_TX_ADDED,	/* TX contexts created */
	KTLSNIC_STAT_TLS_TX_DELETED,	/* TX contexts deleted by command or by reset */
	KTLSNIC_STAT_TLS_TX_PACKETS,	/* segments sent with payload of a TLS context */
	KTLSNIC_STAT_TLS_TX_BYTES,	/* TCP payload bytes in them */
	KTLSNIC_STAT_TLS_TX_RECORDS,	/* records completed, that is, tags written */
	KTLSNIC_STAT_TLS_TX_RESYNCS,	/* TLS_RESYNC units done */
	KTLSNIC_STAT_TLS_TX_RESYNC_BYTES, /* prefix bytes they replayed */
	KTLSNIC_STAT_TLS_TX_ERRORS,	/* units completed with a TLS_ status */
	KTLSNIC_STAT_TLS_RX_ADDED,	/* RX contexts created */
	KTLSNIC_STAT_TLS_RX_DELETED,	/* RX contexts deleted by command or by reset */
	KTLSNIC_STAT_TLS_RX_SEEN_PACKETS, /* frames with payload that met a context */
	KTLSNIC_STAT_TLS_RX_SEEN_BYTES,	/* TCP payload bytes in them */
	KTLSNIC_STAT_TLS_RX_PACKETS,	/* of these frames, those delivered decrypted */
	KTLSNIC_STAT_TLS_RX_BYTES,	/* TCP payload bytes in those */
	KTLSNIC_STAT_TLS_RX_RECORDS,	/* records whose tag was right */
	KTLSNIC_STAT_TLS_RX_AUTH_FAILED, /* records whose tag was wrong */
	KTLSNIC_STAT_TLS_RX_BAD_HEADERS, /* places where a header had to be, and was not */
	KTLSNIC_STAT_TLS_RX_FALSE_HEADERS, /* headers found by searching, and refuted */
	KTLSNIC_STAT_TLS_RX_REQUESTS,	/* requests for the number of a record */
	KTLSNIC_STAT_TLS_RX_RESYNCS,	/* TLS_RX_RESYNC commands that put one right */
	KTLSNIC_STAT_TLS_RX_KEY_UPDATES, /* KeyUpdates, each of which stopped a context */
	KTLSNIC_STATS
};

#define KTLSNIC_REG_STAT_LO(i)		(0x5000 + 8 * (i))	/* RO */
#define KTLSNIC_REG_STAT_HI(i)		(0x5004 + 8 * (i))	/* RO */

#endif /* KTLSNIC_HW_H */
