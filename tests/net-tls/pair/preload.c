/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Loaded before a test that connects sockets over loopback (LD_PRELOAD): every second
 * TCP socket of a process is made in the namespace of the NIC's far port, and a
 * connection to this host goes there, over the wire. As over loopback, what was sent is
 * with the receiver when that looks for it.
 *
 * From the environment: REMOTE_ARGS, the namespace's name; REMOTE_V4, REMOTE_V6, the far
 * port's addresses.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* TCP_ESTABLISHED of <netinet/tcp.h>, which does not go with <linux/tcp.h>. */
#define ESTABLISHED 1
/* The function that ours of this name is in front of. */
#define REAL(name) ((__typeof__(&(name)))dlsym(RTLD_NEXT, #name))

#define MAX_FD 1024

static int home = -1, away = -1;
/* The process's TCP sockets, by descriptor; one that is closed is none to any question. */
static bool is_ours[MAX_FD];
/* A test is a process of its own, so that each begins with its first socket. */
static unsigned int count;

static void fail(const char *what)
{
	perror(what);
	exit(2);
}

static const char *setting(const char *name)
{
	const char *value = getenv(name);

	if (!value) {
		fprintf(stderr, "preload: there is no %s in the environment\n", name);
		exit(2);
	}
	return value;
}

__attribute__((constructor)) static void begin(void)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/run/netns/%s", setting("REMOTE_ARGS"));
	home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	away = open(path, O_RDONLY | O_CLOEXEC);
	if (home < 0 || away < 0)
		fail(path);
}

static void enter(int namespace)
{
	if (setns(namespace, CLONE_NEWNET))
		fail("setns");
}

static bool is_tcp(int domain, int type)
{
	return (domain == AF_INET || domain == AF_INET6) && (type & 0xf) == SOCK_STREAM;
}

static int remembered(int fd)
{
	if (fd >= 0 && fd < MAX_FD)
		is_ours[fd] = true;
	return fd;
}

int socket(int domain, int type, int protocol)
{
	int fd;

	if (!is_tcp(domain, type))
		return REAL(socket)(domain, type, protocol);
	if (count++ % 2 == 0)
		return remembered(REAL(socket)(domain, type, protocol));
	enter(away);
	fd = REAL(socket)(domain, type, protocol);
	enter(home);
	return remembered(fd);
}

int accept(int fd, struct sockaddr *address, socklen_t *size)
{
	return remembered(REAL(accept)(fd, address, size));
}

/* Whether the socket's peer is meant to be on this host. */
static bool is_here(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET) {
		const struct sockaddr_in *v4 = (const void *)address;

		return v4->sin_addr.s_addr == htonl(INADDR_ANY) ||
		       v4->sin_addr.s_addr == htonl(INADDR_LOOPBACK);
	}
	if (address->sa_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const void *)address;

		return IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr) ||
		       IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
	}
	return false;
}

int connect(int fd, const struct sockaddr *address, socklen_t size)
{
	struct sockaddr_storage there = { 0 };

	if (!address || size > sizeof(there) || !is_here(address))
		return REAL(connect)(fd, address, size);
	memcpy(&there, address, size);
	if (address->sa_family == AF_INET)
		inet_pton(AF_INET, setting("REMOTE_V4"),
			  &((struct sockaddr_in *)&there)->sin_addr);
	else
		inet_pton(AF_INET6, setting("REMOTE_V6"),
			  &((struct sockaddr_in6 *)&there)->sin6_addr);
	return REAL(connect)(fd, (struct sockaddr *)&there, size);
}

/* An acknowledgement that TCP would delay goes out now. */
static void acknowledge(void)
{
	const int one = 1;
	int fd;

	for (fd = 0; fd < MAX_FD; fd++)
		if (is_ours[fd])
			setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof(one));
}

/*
 * Wait until all is acknowledged that was written so far. What TCP has not sent although
 * nothing is on its way has no room at the receiver.
 */
static void arrives(int fd)
{
	struct tcp_info info;
	socklen_t size = sizeof(info);
	unsigned long long target = 0;
	int queued;

	/* In this order: what is sent in between must not be taken for what has no room. */
	while (!ioctl(fd, SIOCOUTQ, &queued) &&
	       !getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) &&
	       info.tcpi_state == ESTABLISHED) {
		if (!target)
			target = info.tcpi_bytes_acked + queued;
		if (info.tcpi_bytes_acked >= target ||
		    queued == (int)info.tcpi_notsent_bytes)
			return;
		acknowledge();
		size = sizeof(info);
	}
}

/* Before a call that receives, or asks whether there is something. */
static void all_arrives(void)
{
	int error = errno;
	int fd;

	for (fd = 0; fd < MAX_FD; fd++)
		if (is_ours[fd])
			arrives(fd);
	errno = error;
}

ssize_t recv(int fd, void *data, size_t size, int flags)
{
	all_arrives();
	return REAL(recv)(fd, data, size, flags);
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
	all_arrives();
	return REAL(recvmsg)(fd, message, flags);
}

ssize_t read(int fd, void *data, size_t size)
{
	all_arrives();
	return REAL(read)(fd, data, size);
}

int poll(struct pollfd *polled, nfds_t count, int timeout)
{
	all_arrives();
	return REAL(poll)(polled, count, timeout);
}

int epoll_wait(int fd, struct epoll_event *events, int count, int timeout)
{
	all_arrives();
	return REAL(epoll_wait)(fd, events, count, timeout);
}

ssize_t splice(int from, off64_t *from_offset, int to, off64_t *to_offset, size_t size,
	       unsigned int flags)
{
	all_arrives();
	return REAL(splice)(from, from_offset, to, to_offset, size, flags);
}
