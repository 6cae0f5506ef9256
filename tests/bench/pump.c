// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One end of a stream that is measured, in a guest: pump MODE FD BYTES [FILE]
 *
 * FD is a connected socket that the caller leaves open. MODE:
 *
 *   write      writes BYTES from memory
 *   write1k    the same, 1 KB a call
 *   sendfile   sends BYTES of FILE
 *   sendfile1k the same, 1 KB a call
 *   replay     writes BYTES of FILE, mapped and read beforehand
 *   read       reads BYTES into memory
 *   read4k     the same, 4 KB a call
 *   discard    reads BYTES that TCP throws away without copying them
 *
 * 64 KB a call, of sendfile 2 MB as nginx asks for by default. It says "ready" on stdout and
 * waits for a byte of stdin; the times of CLOCK_MONOTONIC at which it then began and ended go to
 * stdout, in seconds.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CALL	(64u << 10)
#define SENDFILE_CALL	(2u << 20)
#define SMALL_CALL	(4u << 10)
#define RECORD_CALL	(1u << 10)

struct pump {
	int fd;
	size_t bytes;
	int file;
	const char *mapped;
	char *memory;
};

static ssize_t pump_write(const struct pump *pump, size_t done, size_t size)
{
	(void)done;
	return write(pump->fd, pump->memory, size);
}

static ssize_t pump_sendfile(const struct pump *pump, size_t done, size_t size)
{
	off_t at = done;

	return sendfile(pump->fd, pump->file, &at, size);
}

static ssize_t pump_replay(const struct pump *pump, size_t done, size_t size)
{
	return write(pump->fd, pump->mapped + done, size);
}

static ssize_t pump_read(const struct pump *pump, size_t done, size_t size)
{
	(void)done;
	return read(pump->fd, pump->memory, size);
}

static ssize_t pump_discard(const struct pump *pump, size_t done, size_t size)
{
	(void)done;
	return recv(pump->fd, pump->memory, size, MSG_TRUNC);
}

static const struct mode {
	const char *name;
	size_t call;
	ssize_t (*some)(const struct pump *pump, size_t done, size_t size);
} modes[] = {
	{ "write", CALL, pump_write },
	{ "write1k", RECORD_CALL, pump_write },
	{ "sendfile", SENDFILE_CALL, pump_sendfile },
	{ "sendfile1k", RECORD_CALL, pump_sendfile },
	{ "replay", CALL, pump_replay },
	{ "read", CALL, pump_read },
	{ "read4k", SMALL_CALL, pump_read },
	{ "discard", CALL, pump_discard },
};

static const struct mode *find_mode(const char *name)
{
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (!strcmp(modes[i].name, name)) {
			return &modes[i];
		}
	}
	errx(2, "no mode %s", name);
}

static size_t number(const char *text)
{
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || end == text || *end) {
		errx(2, "\"%s\" is not a number", text);
	}
	return value;
}

static void open_file(struct pump *pump, const char *name)
{
	void *map;

	pump->file = open(name, O_RDONLY);
	if (pump->file < 0) {
		err(1, "%s", name);
	}
	map = mmap(NULL, pump->bytes, PROT_READ, MAP_SHARED | MAP_POPULATE, pump->file, 0);
	if (map == MAP_FAILED) {
		err(1, "%s", name);
	}
	pump->mapped = map;
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

static void wait_for_start(void)
{
	char byte;

	puts("ready");
	fflush(stdout);
	if (read(STDIN_FILENO, &byte, 1) != 1) {
		errx(1, "nobody said when to begin");
	}
}

static void all(const struct mode *mode, const struct pump *pump)
{
	size_t done = 0;

	while (done < pump->bytes) {
		size_t left = pump->bytes - done;
		ssize_t some = mode->some(pump, done, left < mode->call ? left : mode->call);

		if (some < 0) {
			err(1, "%s after %zu bytes", mode->name, done);
		}
		if (!some) {
			errx(1, "%s: the end after %zu bytes", mode->name, done);
		}
		done += some;
	}
}

int main(int argc, char **argv)
{
	const struct mode *mode;
	struct pump pump = { .file = -1 };
	double begin;

	if (argc != 4 && argc != 5) {
		errx(2, "usage: pump MODE FD BYTES [FILE]");
	}
	mode = find_mode(argv[1]);
	pump.fd = number(argv[2]);
	pump.bytes = number(argv[3]);
	if (argc == 5) {
		open_file(&pump, argv[4]);
	}
	pump.memory = malloc(CALL);
	if (!pump.memory) {
		err(1, "memory");
	}
	memset(pump.memory, 'k', CALL);
	wait_for_start();
	begin = now();
	all(mode, &pump);
	printf("%.9f %.9f\n", begin, now());
	return 0;
}
