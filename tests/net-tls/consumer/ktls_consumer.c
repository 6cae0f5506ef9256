// SPDX-License-Identifier: GPL-2.0-only
/*
 * A user of kTLS inside the kernel, for tests: what it receives on a socket it
 * sends back. It does with the socket what NVMe/TCP and SUNRPC do: it puts its own
 * callbacks over those of kTLS and does not call them, reads with read_sock()
 * under the socket's lock, or with recvmsg() into its own memory, sends from that
 * or from pages that it gives away, never waits, and must not be waited for by
 * memory reclaim.
 *
 * The commands of /dev/ktls-consumer are in enum ktls_consumer_command; each has
 * a number as argument. What is open serves one socket; closing it ends that.
 */

#include <linux/bvec.h>
#include <linux/file.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <net/sock.h>
#include <net/tcp.h>
#include <net/tls.h>

enum ktls_consumer_command {
	/* Serve the socket with this descriptor: read with read_sock(). */
	KTLS_CONSUMER_READ_SOCK	= _IO(0xb5, 1),
	/* The same, reading with recvmsg(). */
	KTLS_CONSUMER_RECVMSG	= _IO(0xb5, 2),
	/* Whether to send pages (1) or from memory (0); before a socket is served. */
	KTLS_CONSUMER_PAGES	= _IO(0xb5, 3),
	/* Fails with what ended the service, or with EPIPE after the peer's end. */
	KTLS_CONSUMER_STATUS	= _IO(0xb5, 4),
	/* How many times our sk_data_ready() was called, and sk_write_space(). */
	KTLS_CONSUMER_READABLE	= _IO(0xb5, 5),
	KTLS_CONSUMER_WRITABLE	= _IO(0xb5, 6),
};

/* The type of records of data, RFC 8446 5.1. */
#define KTLS_CONSUMER_DATA	23
/* How much it takes before it sends that back. */
#define KTLS_CONSUMER_PAGES_MAX	8
#define KTLS_CONSUMER_MAX	(KTLS_CONSUMER_PAGES_MAX * PAGE_SIZE)

/**
 * struct ktls_consumer - what serves a socket
 * @sock: the socket; its file is held. NULL until there is one
 * @work: does all of the work, woken by the callbacks
 * @by_recvmsg: reads with recvmsg()
 * @pages: sends pages
 * @error: what ended it, a negative errno
 * @readable: calls of sk_data_ready()
 * @writable: calls of sk_write_space() that found room
 * @page: what was received and is to be sent, where it begins and how much it is
 * @begin: first byte of @page that is not sent yet
 * @end: bytes of @page that were received
 * @data_ready: the socket's own callback
 * @write_space: the same
 * @state_change: the same
 */
struct ktls_consumer {
	struct socket *sock;
	struct work_struct work;
	bool by_recvmsg;
	bool pages;
	int error;
	atomic_t readable;
	atomic_t writable;
	struct page *page[KTLS_CONSUMER_PAGES_MAX];
	size_t begin;
	size_t end;
	void (*data_ready)(struct sock *sk);
	void (*write_space)(struct sock *sk);
	void (*state_change)(struct sock *sk);
};

static void ktls_consumer_data_ready(struct sock *sk)
{
	struct ktls_consumer *consumer;

	read_lock_bh(&sk->sk_callback_lock);
	consumer = sk->sk_user_data;
	if (consumer) {
		atomic_inc(&consumer->readable);
		schedule_work(&consumer->work);
	}
	read_unlock_bh(&sk->sk_callback_lock);
}

static void ktls_consumer_write_space(struct sock *sk)
{
	struct ktls_consumer *consumer;

	read_lock_bh(&sk->sk_callback_lock);
	consumer = sk->sk_user_data;
	if (consumer && sk_stream_is_writeable(sk)) {
		clear_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
		atomic_inc(&consumer->writable);
		schedule_work(&consumer->work);
	}
	read_unlock_bh(&sk->sk_callback_lock);
}

static void ktls_consumer_state_change(struct sock *sk)
{
	struct ktls_consumer *consumer;

	read_lock_bh(&sk->sk_callback_lock);
	consumer = sk->sk_user_data;
	if (consumer)
		schedule_work(&consumer->work);
	read_unlock_bh(&sk->sk_callback_lock);
}

/* The pages that hold received bytes, as an iterator's list; returns their number. */
static int ktls_consumer_bvecs(struct ktls_consumer *consumer,
			       struct bio_vec *bvec, size_t begin, size_t end)
{
	int count = 0;

	while (begin < end) {
		size_t offset = offset_in_page(begin);
		size_t size = min(PAGE_SIZE - offset, end - begin);

		bvec_set_page(&bvec[count++], consumer->page[begin / PAGE_SIZE],
			      size, offset);
		begin += size;
	}
	return count;
}

/* The same as memory. */
static int ktls_consumer_kvecs(struct ktls_consumer *consumer,
			       struct kvec *kvec, size_t begin, size_t end)
{
	struct bio_vec bvec[KTLS_CONSUMER_PAGES_MAX];
	int count = ktls_consumer_bvecs(consumer, bvec, begin, end);
	int i;

	for (i = 0; i < count; i++) {
		kvec[i].iov_base = bvec_virt(&bvec[i]);
		kvec[i].iov_len = bvec[i].bv_len;
	}
	return count;
}

/* Pages that were sent may still be TCP's: what comes next is for others. */
static void ktls_consumer_put_pages(struct ktls_consumer *consumer)
{
	int i;

	for (i = 0; i < KTLS_CONSUMER_PAGES_MAX; i++) {
		if (consumer->page[i])
			put_page(consumer->page[i]);
		consumer->page[i] = NULL;
	}
}

static int ktls_consumer_get_pages(struct ktls_consumer *consumer)
{
	int i;

	for (i = 0; i < KTLS_CONSUMER_PAGES_MAX; i++) {
		if (!consumer->page[i])
			consumer->page[i] = alloc_page(GFP_NOIO);
		if (!consumer->page[i])
			return -ENOMEM;
	}
	consumer->begin = 0;
	consumer->end = 0;
	return 0;
}

/* Called by read_sock(), which has the socket locked. */
static int ktls_consumer_take(read_descriptor_t *desc, struct sk_buff *skb,
			      unsigned int offset, size_t size)
{
	struct ktls_consumer *consumer = desc->arg.data;
	size_t taken = 0;

	while (taken < size && consumer->end < KTLS_CONSUMER_MAX) {
		size_t at = offset_in_page(consumer->end);
		size_t part = min(PAGE_SIZE - at, size - taken);
		struct page *page = consumer->page[consumer->end / PAGE_SIZE];

		if (skb_copy_bits(skb, offset + taken, page_address(page) + at,
				  part))
			return -EFAULT;
		taken += part;
		consumer->end += part;
	}
	if (consumer->end == KTLS_CONSUMER_MAX)
		desc->count = 0;
	return taken;
}

/* Bytes that were received; 0 if there are none now; a negative errno. */
static int ktls_consumer_read_sock(struct ktls_consumer *consumer)
{
	struct sock *sk = consumer->sock->sk;
	read_descriptor_t desc = {
		.arg.data = consumer,
		.count = 1,
	};
	int done;

	lock_sock(sk);
	done = consumer->sock->ops->read_sock(sk, &desc, ktls_consumer_take);
	release_sock(sk);
	return done == -EAGAIN ? 0 : done;
}

/* The same. A record that is not data ends the service. */
static int ktls_consumer_recvmsg(struct ktls_consumer *consumer)
{
	union {
		struct cmsghdr cmsg;
		u8 space[CMSG_SPACE(sizeof(u8))];
	} control;
	struct msghdr msg = {
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct kvec kvec[KTLS_CONSUMER_PAGES_MAX];
	int count = ktls_consumer_kvecs(consumer, kvec, 0, KTLS_CONSUMER_MAX);
	int done;

	iov_iter_kvec(&msg.msg_iter, ITER_DEST, kvec, count, KTLS_CONSUMER_MAX);
	done = sock_recvmsg(consumer->sock, &msg, MSG_DONTWAIT);
	if (done == -EAGAIN)
		return 0;
	if (done == 0)
		return -EPIPE;
	if (done < 0)
		return done;
	if (msg.msg_controllen != sizeof(control) &&
	    *(u8 *)CMSG_DATA(&control.cmsg) != KTLS_CONSUMER_DATA)
		return -EIO;
	consumer->end = done;
	return done;
}

/* 1 if all is sent, 0 if the rest has to wait for room, a negative errno. */
static int ktls_consumer_send(struct ktls_consumer *consumer)
{
	while (consumer->begin < consumer->end) {
		struct msghdr msg = { .msg_flags = MSG_DONTWAIT };
		size_t size = consumer->end - consumer->begin;
		struct bio_vec bvec[KTLS_CONSUMER_PAGES_MAX];
		struct kvec kvec[KTLS_CONSUMER_PAGES_MAX];
		int done, count;

		if (consumer->pages) {
			count = ktls_consumer_bvecs(consumer, bvec, consumer->begin,
						    consumer->end);
			msg.msg_flags |= MSG_SPLICE_PAGES;
			iov_iter_bvec(&msg.msg_iter, ITER_SOURCE, bvec, count, size);
		} else {
			count = ktls_consumer_kvecs(consumer, kvec, consumer->begin,
						    consumer->end);
			iov_iter_kvec(&msg.msg_iter, ITER_SOURCE, kvec, count, size);
		}
		done = sock_sendmsg(consumer->sock, &msg);
		if (done == -EAGAIN)
			return 0;
		if (done < 0)
			return done;
		consumer->begin += done;
	}
	if (consumer->pages)
		ktls_consumer_put_pages(consumer);
	return 1;
}

/* One round: what is left is sent, then more is received. Returns as the latter. */
static int ktls_consumer_round(struct ktls_consumer *consumer)
{
	int done = ktls_consumer_send(consumer);

	if (done <= 0)
		return done;
	done = ktls_consumer_get_pages(consumer);
	if (done)
		return done;
	return consumer->by_recvmsg ? ktls_consumer_recvmsg(consumer) :
				      ktls_consumer_read_sock(consumer);
}

/*
 * Memory reclaim may wait for this work, as for a swap device: what it allocates
 * may not wait for reclaim, and lockdep says so if it does.
 */
static void ktls_consumer_work(struct work_struct *work)
{
	struct ktls_consumer *consumer =
		container_of(work, struct ktls_consumer, work);
	struct sock *sk = consumer->sock->sk;
	int done;

	if (consumer->error)
		return;
	fs_reclaim_acquire(GFP_KERNEL);
	do {
		done = ktls_consumer_round(consumer);
	} while (done > 0);
	fs_reclaim_release(GFP_KERNEL);
	if (done == 0 && READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN &&
	    consumer->begin == consumer->end)
		done = -EPIPE;
	WRITE_ONCE(consumer->error, done);
}

/*
 * Other sockets' owners do wait for memory reclaim: to lockdep this socket's locks
 * are of other classes from now on. Nobody holds them.
 */
static void ktls_consumer_own_locks(struct sock *sk)
{
	static struct lock_class_key lock_key, slock_key, tx_key;

	lockdep_set_class_and_name(&sk->sk_lock.slock, &slock_key,
				   "slock-ktls-consumer");
	lockdep_init_map(&sk->sk_lock.dep_map, "sk_lock-ktls-consumer", &lock_key, 0);
	lockdep_set_class_and_name(&tls_get_ctx(sk)->tx_lock, &tx_key,
				   "tx_lock-ktls-consumer");
}

static int ktls_consumer_serve(struct ktls_consumer *consumer, int fd)
{
	struct socket *sock;
	struct sock *sk;
	int err;

	if (consumer->sock)
		return -EBUSY;
	sock = sockfd_lookup(fd, &err);
	if (!sock)
		return err;
	sk = sock->sk;
	if (!sk_is_inet(sk) || !tls_get_ctx(sk)) {
		sockfd_put(sock);
		return -EINVAL;
	}
	consumer->sock = sock;
	ktls_consumer_own_locks(sk);

	lock_sock(sk);
	sk->sk_allocation = GFP_NOIO;
	sk->sk_use_task_frag = false;
	write_lock_bh(&sk->sk_callback_lock);
	consumer->data_ready = sk->sk_data_ready;
	consumer->write_space = sk->sk_write_space;
	consumer->state_change = sk->sk_state_change;
	sk->sk_user_data = consumer;
	sk->sk_data_ready = ktls_consumer_data_ready;
	sk->sk_write_space = ktls_consumer_write_space;
	sk->sk_state_change = ktls_consumer_state_change;
	write_unlock_bh(&sk->sk_callback_lock);
	release_sock(sk);

	schedule_work(&consumer->work);
	return 0;
}

static long ktls_consumer_ioctl(struct file *file, unsigned int command,
				unsigned long argument)
{
	struct ktls_consumer *consumer = file->private_data;

	switch (command) {
	case KTLS_CONSUMER_READ_SOCK:
	case KTLS_CONSUMER_RECVMSG:
		consumer->by_recvmsg = command == KTLS_CONSUMER_RECVMSG;
		return ktls_consumer_serve(consumer, argument);
	case KTLS_CONSUMER_PAGES:
		consumer->pages = argument;
		return 0;
	case KTLS_CONSUMER_STATUS:
		return READ_ONCE(consumer->error);
	case KTLS_CONSUMER_READABLE:
		return atomic_read(&consumer->readable);
	case KTLS_CONSUMER_WRITABLE:
		return atomic_read(&consumer->writable);
	default:
		return -ENOTTY;
	}
}

static int ktls_consumer_open(struct inode *inode, struct file *file)
{
	struct ktls_consumer *consumer = kzalloc(sizeof(*consumer), GFP_KERNEL);

	if (!consumer)
		return -ENOMEM;
	INIT_WORK(&consumer->work, ktls_consumer_work);
	file->private_data = consumer;
	return 0;
}

static void ktls_consumer_leave(struct ktls_consumer *consumer)
{
	struct sock *sk = consumer->sock->sk;

	write_lock_bh(&sk->sk_callback_lock);
	sk->sk_user_data = NULL;
	sk->sk_data_ready = consumer->data_ready;
	sk->sk_write_space = consumer->write_space;
	sk->sk_state_change = consumer->state_change;
	write_unlock_bh(&sk->sk_callback_lock);
	cancel_work_sync(&consumer->work);
	sockfd_put(consumer->sock);
}

static int ktls_consumer_release(struct inode *inode, struct file *file)
{
	struct ktls_consumer *consumer = file->private_data;

	if (consumer->sock)
		ktls_consumer_leave(consumer);
	ktls_consumer_put_pages(consumer);
	kfree(consumer);
	return 0;
}

static const struct file_operations ktls_consumer_fops = {
	.owner		= THIS_MODULE,
	.open		= ktls_consumer_open,
	.release	= ktls_consumer_release,
	.unlocked_ioctl	= ktls_consumer_ioctl,
};

static struct miscdevice ktls_consumer_device = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "ktls-consumer",
	.fops	= &ktls_consumer_fops,
};

module_misc_device(ktls_consumer_device);

MODULE_DESCRIPTION("A user of kTLS inside the kernel, for tests");
MODULE_LICENSE("GPL");
