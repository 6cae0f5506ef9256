/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the guest's init share. */
#ifndef KTLSNIC_GUEST_H
#define KTLSNIC_GUEST_H

#include <stddef.h>
#include <sys/types.h>

/* The virtio-serial ports, numbered as tests/vmlib/machine.py does. */
enum port { PORT_CONTROL = 1, PORT_STDIN, PORT_STDOUT, PORT_STDERR };

/* Open a port, waiting for it to appear. */
int open_port(enum port number, int flags);

/* Tell the host how far things are. */
void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Tell the host what went wrong, with errno, and end the guest. */
_Noreturn void die(const char *what, const char *which);

/* The status of a process as a shell gives it. */
int shell_status(int wait_status);

/*
 * Run COMMAND with its streams on the ports and return its status, when all
 * that it has written is on its way; the mark ends both output streams.
 */
int run_command(char **argv, char **environment, const char *mark);

#endif
