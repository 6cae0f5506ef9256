// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * COMMAND and its streams.
 *
 * COMMAND gets pipes, not the ports themselves: a port can be open only once,
 * and programs do open /dev/stdin and /dev/stderr anew.  Output ends with
 * COMMAND, not with whatever it leaves in the background.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest.h"

#define GUEST_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

enum { OUT, ERR, CHILDREN, WATCHED };

struct stream {
	int pipe;		/* the end that COMMAND does not have */
	int port;
};

static void write_all(int fd, const char *data, size_t size)
{
	while (size) {
		ssize_t done = write(fd, data, size);

		if (done < 0 && errno != EINTR)
			die("writing to", "the host");
		if (done > 0) {
			data += done;
			size -= done;
		}
	}
}

/* Move what there is; false at the end of the pipe, or if it is empty. */
static int move(const struct stream *stream)
{
	char block[65536];
	ssize_t size = read(stream->pipe, block, sizeof(block));

	if (size > 0)
		write_all(stream->port, block, size);
	return size > 0;
}

/* A process of its own, since COMMAND may never read. */
static void feed(int port, int pipe)
{
	char block[65536];
	ssize_t size;

	signal(SIGPIPE, SIG_DFL);
	while ((size = read(port, block, sizeof(block))) > 0)
		write_all(pipe, block, size);
	_exit(0);
}

static void make_pipe(int ends[2])
{
	if (pipe2(ends, O_CLOEXEC))
		die("making", "a pipe");
}

static _Noreturn void exec_command(char **argv, char **environment,
				   int in, int out, int err)
{
	sigset_t none;

	setsid();
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (chdir("/root"))
		_exit(127);
	setenv("PATH", GUEST_PATH, 1);		/* where execvpe looks */
	execvpe(argv[0], argv, environment);
	dprintf(STDERR_FILENO, "%s: %s\n", argv[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

static pid_t start(char **argv, char **environment, struct stream streams[2])
{
	int in[2], out[2], err[2];
	pid_t command;

	make_pipe(in);
	make_pipe(out);
	make_pipe(err);
	command = fork();
	if (command == 0)
		exec_command(argv, environment, in[0], out[1], err[1]);
	close(in[0]);
	close(out[1]);
	close(err[1]);
	if (fork() == 0) {
		close(out[0]);
		close(err[0]);
		feed(open_port(PORT_STDIN, O_RDONLY), in[1]);
	}
	close(in[1]);
	streams[OUT].pipe = out[0];
	streams[ERR].pipe = err[0];
	return command;
}

/* Reap all that have ended; true, with its status, if COMMAND is among them. */
static int reap(pid_t command, int *status)
{
	int ended = 0, one;
	pid_t child;

	while ((child = waitpid(-1, &one, WNOHANG)) > 0) {
		if (child == command) {
			*status = shell_status(one);
			ended = 1;
		}
	}
	return ended;
}

/* Move output until COMMAND ends; return its status. */
static int serve(pid_t command, struct stream streams[2], int children)
{
	struct pollfd watched[WATCHED] = {
		[OUT] = { streams[OUT].pipe, POLLIN, 0 },
		[ERR] = { streams[ERR].pipe, POLLIN, 0 },
		[CHILDREN] = { children, POLLIN, 0 },
	};
	struct signalfd_siginfo about;
	int status = 0;

	for (;;) {
		poll(watched, WATCHED, -1);
		for (int i = OUT; i <= ERR; i++)
			if (watched[i].revents && !move(&streams[i]))
				watched[i].fd = -1;
		if (watched[CHILDREN].revents &&
		    read(children, &about, sizeof(about)) > 0 &&
		    reap(command, &status))
			return status;
	}
}

/* What COMMAND wrote before it ended may still be in its pipe. */
static void finish(const struct stream *stream, const char *mark)
{
	fcntl(stream->pipe, F_SETFL, O_NONBLOCK);
	while (move(stream))
		;
	write_all(stream->port, mark, strlen(mark));
}

int run_command(char **argv, char **environment, const char *mark)
{
	struct stream streams[2] = {
		[OUT].port = open_port(PORT_STDOUT, O_WRONLY),
		[ERR].port = open_port(PORT_STDERR, O_WRONLY),
	};
	sigset_t children;
	int status;

	sigemptyset(&children);
	sigaddset(&children, SIGCHLD);
	sigprocmask(SIG_BLOCK, &children, NULL);
	status = serve(start(argv, environment, streams), streams,
		       signalfd(-1, &children, SFD_CLOEXEC));
	finish(&streams[OUT], mark);
	finish(&streams[ERR], mark);
	return status;
}
