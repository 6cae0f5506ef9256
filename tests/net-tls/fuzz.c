// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Random socket calls on both ends of connections with kTLS, and what must come of them:
 *
 *	fuzz SEED SECONDS
 *
 * Each round is a connection over loopback with a version, a cipher and buffers of its
 * own. One end writes by send(), splice() and sendfile(), with and without more to come,
 * records of other types, and changes its key now and then; the other end reads by
 * recv(), with and without MSG_PEEK, and by splice(). Neither ever blocks. A byte of the
 * stream follows from its place, so that each read can be checked by itself.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <linux/tls.h>

#ifndef TCP_ULP
#define TCP_ULP 31
#endif
#ifndef SOL_TLS
#define SOL_TLS 282
#endif

#define MAX_LEN		70000
#define MAX_CONTROL	4096
#define HANDSHAKE	22
#define DATA		23
#define KEY_UPDATE	24
#define CALLS		400
#define DRAIN_SECONDS	10

/* A record that is not data: it comes where so many bytes of data are through. */
struct control {
	uint64_t at;
	unsigned char type;
	unsigned int len;
	unsigned int key;		/* KeyUpdate: the key that comes after it */
};

static struct {
	int out, in;			/* the two ends */
	uint64_t sent, received;	/* bytes of data */
	struct control queue[CALLS];
	unsigned int first, last;
	unsigned int key;
	unsigned int version, cipher;
} c;

static unsigned char buffer[MAX_LEN], wanted[MAX_LEN];
static int pipes[2], file;
static uint64_t seed, state;
static unsigned long rounds, calls;
static const char *last_call = "";

static void fail(const char *format, ...)
{
	va_list list;

	printf("not ok 1 fuzz # seed %llu begins with this round, after %s: ",
	       (unsigned long long)(seed + rounds), last_call);
	va_start(list, format);
	vprintf(format, list);
	va_end(list);
	printf(" (%m; version %x, cipher %u, sent %llu, received %llu)\n", c.version, c.cipher,
	       (unsigned long long)c.sent, (unsigned long long)c.received);
	exit(1);
}

static uint64_t dice(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static unsigned int below(unsigned int limit)
{
	return dice() % limit;
}

/* Small ones as often as large ones. */
static unsigned int random_len(unsigned int max)
{
	return 1 + below(1 + below(max >> below(12)));
}

static unsigned char byte_at(uint64_t at)
{
	uint64_t x = (at >> 3) * 0x9e3779b97f4a7c15ULL;

	return (x ^ x >> 29) >> (at & 7) * 5;
}

static void fill(unsigned char *to, uint64_t at, unsigned int len)
{
	while (len--)
		*to++ = byte_at(at++);
}

static void set_key(int fd, int direction, unsigned int number)
{
	union {
		struct tls_crypto_info info;
		struct tls12_crypto_info_aes_gcm_128 gcm128;
		struct tls12_crypto_info_aes_gcm_256 gcm256;
		struct tls12_crypto_info_aes_ccm_128 ccm128;
		struct tls12_crypto_info_chacha20_poly1305 chacha;
	} key;
	static const socklen_t sizes[] = {
		[TLS_CIPHER_AES_GCM_128] = sizeof(key.gcm128),
		[TLS_CIPHER_AES_GCM_256] = sizeof(key.gcm256),
		[TLS_CIPHER_AES_CCM_128] = sizeof(key.ccm128),
		[TLS_CIPHER_CHACHA20_POLY1305] = sizeof(key.chacha),
	};

	memset(&key, number + 1, sizeof(key));
	key.info.version = c.version;
	key.info.cipher_type = c.cipher;
	if (setsockopt(fd, SOL_TLS, direction, &key, sizes[c.cipher]))
		fail("key %u for direction %d", number, direction);
}

static void set(int fd, int level, int option, int value)
{
	if (setsockopt(fd, level, option, &value, sizeof(value)))
		fail("option %d", option);
}

static void connect_both(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t len = sizeof(address);
	int server = socket(AF_INET, SOCK_STREAM, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	c.out = socket(AF_INET, SOCK_STREAM, 0);
	if (below(2))
		set(server, SOL_SOCKET, SO_RCVBUF, 2048 << below(7));
	if (below(2))
		set(c.out, SOL_SOCKET, SO_SNDBUF, 2048 << below(7));
	if (bind(server, (struct sockaddr *)&address, len) || listen(server, 1) ||
	    getsockname(server, (struct sockaddr *)&address, &len) ||
	    connect(c.out, (struct sockaddr *)&address, len))
		fail("connecting");
	c.in = accept(server, NULL, NULL);
	close(server);
	if (c.in < 0 || setsockopt(c.out, IPPROTO_TCP, TCP_ULP, "tls", 4) ||
	    setsockopt(c.in, IPPROTO_TCP, TCP_ULP, "tls", 4))
		fail("the ULP");
	fcntl(c.out, F_SETFL, O_NONBLOCK);
	fcntl(c.in, F_SETFL, O_NONBLOCK);
	set(c.out, IPPROTO_TCP, TCP_NODELAY, below(2));
	if (below(4) == 0)
		set(c.out, IPPROTO_TCP, TCP_MAXSEG, 88 + below(1000));
}

static void begin(void)
{
	memset(&c, 0, sizeof(c));
	c.version = below(2) ? TLS_1_2_VERSION : TLS_1_3_VERSION;
	c.cipher = (const unsigned int[]){ TLS_CIPHER_AES_GCM_128, TLS_CIPHER_AES_GCM_256,
					   TLS_CIPHER_AES_CCM_128,
					   TLS_CIPHER_CHACHA20_POLY1305 }[below(4)];
	connect_both();
	set_key(c.out, TLS_TX, 0);
	set_key(c.in, TLS_RX, 0);
	if (c.version == TLS_1_3_VERSION)
		set(c.in, SOL_TLS, TLS_RX_EXPECT_NO_PAD, below(2));
}

/* What a call that writes has returned; returns how much it took. */
static unsigned int took(ssize_t done)
{
	if (done < 0 && errno != EAGAIN)
		fail("writing");
	return done > 0 ? done : 0;
}

static void write_data(bool more)
{
	unsigned int len = random_len(MAX_LEN);

	last_call = more ? "send, more to come" : "send";
	fill(buffer, c.sent, len);
	c.sent += took(send(c.out, buffer, len, more ? MSG_MORE : 0));
}

static void write_control(void)
{
	struct control *control = &c.queue[c.last % CALLS];
	char space[CMSG_SPACE(1)] = {};
	struct iovec part = { buffer, random_len(MAX_CONTROL) };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = space,
				  .msg_controllen = sizeof(space) };
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&message);
	bool rekey = c.version == TLS_1_3_VERSION && below(4) == 0;

	last_call = rekey ? "KeyUpdate" : "control record";
	*control = (struct control){ c.sent, rekey ? HANDSHAKE : 100 + below(20), 0, 0 };
	fill(buffer, c.sent + 7, part.iov_len);
	buffer[0] = rekey ? KEY_UPDATE : 0;
	cmsg->cmsg_level = SOL_TLS;
	cmsg->cmsg_type = TLS_SET_RECORD_TYPE;
	cmsg->cmsg_len = CMSG_LEN(1);
	*CMSG_DATA(cmsg) = control->type;
	control->len = took(sendmsg(c.out, &message, 0));
	if (!control->len)
		return;
	c.last++;
	if (rekey) {
		control->key = ++c.key;
		set_key(c.out, TLS_TX, c.key);
	}
}

/* Read so much from the pipe, which then is empty. */
static void drain(unsigned char *to, size_t len)
{
	ssize_t got;

	for (; len; to += got, len -= got) {
		got = read(pipes[0], to, len);
		if (got <= 0)
			fail("%zu bytes are not in the pipe", len);
	}
	if (read(pipes[0], wanted, 1) != -1)
		fail("more is in the pipe than there should be");
}

static void write_splice(bool more)
{
	unsigned int len = random_len(60000);
	ssize_t in_pipe, done;

	last_call = more ? "splice, more to come" : "splice";
	fill(buffer, c.sent, len);
	in_pipe = write(pipes[1], buffer, len);
	if (in_pipe < 0)
		fail("filling a pipe");
	done = took(splice(pipes[0], NULL, c.out, NULL, in_pipe,
			   SPLICE_F_NONBLOCK | (more ? SPLICE_F_MORE : 0)));
	c.sent += done;
	drain(buffer, in_pipe - done);
}

/* The count may go beyond the file's end. */
static void write_file(void)
{
	unsigned int len = random_len(60000);
	off_t at = 0;

	last_call = "sendfile";
	fill(buffer, c.sent, len);
	if (ftruncate(file, 0) || pwrite(file, buffer, len, 0) != len)
		fail("writing a file");
	c.sent += took(sendfile(c.out, file, &at, len + below(2) * 1000));
}

static void check(unsigned int len, uint64_t at, const char *what)
{
	unsigned int i;

	fill(wanted, at, len);
	if (!memcmp(wanted, buffer, len))
		return;
	for (i = 0; wanted[i] == buffer[i]; i++)
		;
	fail("byte %u of %u is wrong: %s", i, len, what);
}

/* Bytes of data before the next record of another type. */
static uint64_t data_left(void)
{
	uint64_t end = c.first == c.last ? c.sent : c.queue[c.first % CALLS].at;

	return end - c.received;
}

static void got_control(unsigned int len, unsigned char type, unsigned int asked, bool peek)
{
	struct control *control = &c.queue[c.first % CALLS];

	if (c.first == c.last || control->at != c.received || control->type != type)
		fail("a record of type %u that nobody sent", type);
	if (len != (asked < control->len ? asked : control->len))
		fail("%u bytes of a record of %u, type %u", len, control->len, type);
	fill(wanted, c.received + 7, len);
	if (memcmp(wanted + 1, buffer + 1, len - 1))
		fail("a record of type %u has other content", type);
	if (peek)
		return;
	c.first++;
	if (control->key)
		set_key(c.in, TLS_RX, control->key);
}

/* Of a record that is not data, all has to be asked for: the rest has no type. */
static bool read_recv(bool peek)
{
	bool control_next = !data_left() && c.first != c.last;
	unsigned int asked = control_next ? MAX_CONTROL : random_len(MAX_LEN);
	char space[CMSG_SPACE(1)];
	struct iovec part = { buffer, asked };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = space,
				  .msg_controllen = sizeof(space) };
	struct cmsghdr *cmsg;
	unsigned char type;
	ssize_t done;

	last_call = peek ? "recv, peeking" : "recv";
	done = recvmsg(c.in, &message, peek ? MSG_PEEK : 0);
	if (done < 0 && errno != EAGAIN)
		fail("reading");
	if (!done)
		fail("the stream ends");
	if (done < 0)
		return false;
	cmsg = CMSG_FIRSTHDR(&message);
	if (!cmsg || cmsg->cmsg_level != SOL_TLS || cmsg->cmsg_type != TLS_GET_RECORD_TYPE)
		fail("no type is told");
	type = *CMSG_DATA(cmsg);
	if (type != DATA) {
		got_control(done, type, asked, peek);
		return true;
	}
	if ((uint64_t)done > data_left())
		fail("%zd bytes of data, %llu there", done, (unsigned long long)data_left());
	check(done, c.received, last_call);
	if (!peek)
		c.received += done;
	return true;
}

static void read_splice(void)
{
	bool control_next = !data_left() && c.first != c.last;
	unsigned int len = random_len(60000);
	ssize_t done;

	last_call = "splice from the socket";
	done = splice(c.in, NULL, pipes[1], NULL, len, SPLICE_F_NONBLOCK);
	if (done < 0 && errno != EAGAIN && !(errno == EINVAL && control_next))
		fail("splicing out");
	if (done <= 0)
		return;
	if ((uint64_t)done > data_left())
		fail("%zd bytes of data, %llu there", done, (unsigned long long)data_left());
	drain(buffer, done);
	check(done, c.received, last_call);
	c.received += done;
}

/* If poll() says that there is something, there is. */
static void check_poll(void)
{
	struct pollfd end = { c.in, POLLIN, 0 };

	last_call = "poll";
	if (poll(&end, 1, 0) == 1 && end.revents == POLLIN && !read_recv(true))
		fail("poll() promised something to read");
}

static void call_one(void)
{
	switch (below(12)) {
	case 0: case 1:
		return write_data(false);
	case 2:
		return write_data(true);
	case 3:
		return write_control();
	case 4:
		return write_splice(below(2));
	case 5:
		return write_file();
	case 6:
		read_recv(true);
		return;
	case 7: case 8: case 9:
		read_recv(false);
		return;
	case 10:
		return read_splice();
	default:
		return check_poll();
	}
}

/* What is open is closed; then all has to come, in the end after close() of the writer. */
static void end(void)
{
	struct pollfd reader = { 0, POLLIN, 0 }, writer = { 0, POLLOUT, 0 };
	time_t limit = time(NULL) + DRAIN_SECONDS;
	bool closed = false;
	uint64_t sent = c.sent;

	while (c.received < c.sent || c.first != c.last || !closed) {
		if (!closed) {
			last_call = "the last send";
			buffer[0] = byte_at(c.sent);
			c.sent += took(send(c.out, buffer, 1, 0));
			closed = c.sent > sent;
			if (closed && below(2)) {
				close(c.out);
				c.out = -1;
			}
		}
		reader.fd = c.in;
		writer.fd = closed ? -1 : c.out;
		poll((struct pollfd[]){ reader, writer }, 2, 100);
		while ((c.received < c.sent || c.first != c.last) && read_recv(false))
			;
		if (time(NULL) > limit)
			fail("not all comes");
	}
	close(c.out);
	close(c.in);
}

int main(int argc, char **argv)
{
	time_t limit;
	int i;

	if (argc != 3)
		return 2;
	seed = strtoull(argv[1], NULL, 0);
	limit = time(NULL) + atoi(argv[2]);
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("KTAP version 1\n1..1\n");
	file = memfd_create("fuzz", 0);
	if (pipe2(pipes, O_NONBLOCK) || file < 0)
		fail("a pipe and a file");
	for (rounds = 0; time(NULL) < limit; rounds++) {
		state = (seed + rounds) * 0x2545f4914f6cdd1dULL | 1;
		begin();
		for (i = below(CALLS); i > 0 && time(NULL) < limit; i--, calls++)
			call_one();
		end();
	}
	printf("# %lu connections, %lu calls, seed %llu\n", rounds, calls, (unsigned long long)seed);
	printf("ok 1 fuzz\n");
	return 0;
}
