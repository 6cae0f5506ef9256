// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The guest's init: from the initramfs to COMMAND.
 *
 * Stage one mounts the read-only root disk under a tmpfs overlay and moves
 * there.  Stage two runs the setup script, then COMMAND (command.c), and tells
 * the host over a virtio-serial port how far things are.  It is one static
 * program, since every process that is not started is time saved under TCG.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "guest.h"

#define FILES "/vm"			/* what the host put into the initramfs */
#define STATE "/run/vm"			/* where COMMAND finds it */


#define PORT_POLL_MS 2
#define PORT_DEADLINE_MS 10000

static int control = -1;

void tell(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vdprintf(control >= 0 ? control : STDERR_FILENO, format, args);
	va_end(args);
}

static _Noreturn void power_off(void)
{
	sync();
	reboot(RB_AUTOBOOT);		/* QEMU runs with -no-reboot: faster than ACPI */
	for (;;)
		pause();
}

_Noreturn void die(const char *what, const char *which)
{
	tell("fail %s %s: %s\n", what, which, strerror(errno));
	power_off();
}

static void must_mount(const char *source, const char *target, const char *type,
		       unsigned long flags, const char *data)
{
	mkdir(target, 0755);
	if (mount(source, target, type, flags, data))
		die("mounting", target);
}

/* Not every kernel has all of these, and few commands miss them. */
static void may_mount(const char *type, const char *target)
{
	mount(type, target, type, 0, NULL);
}

static void load_module(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || syscall(SYS_finit_module, fd, "", 0))
		die("loading", path);
	close(fd);
}

/* The modules that the root disk needs; their names sort in loading order. */
static void load_early_modules(void)
{
	struct dirent **names;
	char path[512];
	int count = scandir("/early", &names, NULL, alphasort);

	for (int i = 0; i < count; i++) {
		if (names[i]->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/early/%s", names[i]->d_name);
		load_module(path);
	}
}

static void copy_file(const char *from, const char *to)
{
	char block[65536];
	struct stat about;
	ssize_t size;
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out;

	if (in < 0 || fstat(in, &about))
		die("reading", from);
	out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, about.st_mode & 0777);
	while ((size = read(in, block, sizeof(block))) > 0)
		if (write(out, block, size) != size)
			die("writing", to);
	close(in);
	close(out);
}

/* What the host sent along would vanish with the initramfs: keep it. */
static void keep_files(const char *target)
{
	struct dirent *entry;
	char from[512], to[512];
	DIR *directory = opendir(FILES);

	mkdir(target, 0755);
	while (directory && (entry = readdir(directory))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(from, sizeof(from), FILES "/%s", entry->d_name);
		snprintf(to, sizeof(to), "%s/%s", target, entry->d_name);
		copy_file(from, to);
	}
	if (directory)
		closedir(directory);
}

static void mount_root(void)
{
	must_mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	load_early_modules();
	must_mount("/dev/vda", "/lower", "ext4", MS_RDONLY | MS_NOATIME, NULL);
	must_mount("tmpfs", "/upper", "tmpfs", 0, "size=75%");
	mkdir("/upper/data", 0755);
	mkdir("/upper/work", 0755);
	must_mount("overlay", "/root", "overlay", 0,
		   "lowerdir=/lower,upperdir=/upper/data,workdir=/upper/work");
	must_mount("tmpfs", "/root/run", "tmpfs", 0, "mode=755");
	keep_files("/root" STATE);
	if (mount("/dev", "/root/dev", NULL, MS_MOVE, NULL) || chdir("/root") ||
	    mount(".", "/", NULL, MS_MOVE, NULL) || chroot(".") || chdir("/"))
		die("entering", "the root disk");
}

static void mount_kernel_file_systems(void)
{
	must_mount("proc", "/proc", "proc", 0, NULL);
	must_mount("sysfs", "/sys", "sysfs", 0, NULL);
	may_mount("debugfs", "/sys/kernel/debug");
	may_mount("tracefs", "/sys/kernel/tracing");
	may_mount("cgroup2", "/sys/fs/cgroup");
	may_mount("bpf", "/sys/fs/bpf");
	must_mount("tmpfs", "/tmp", "tmpfs", 0, "mode=1777");
	must_mount("tmpfs", "/dev/shm", "tmpfs", 0, "mode=1777");
	must_mount("devpts", "/dev/pts", "devpts", 0, "ptmxmode=666");
	symlink("/proc/self/fd", "/dev/fd");
	symlink("/proc/self/fd/0", "/dev/stdin");
	symlink("/proc/self/fd/1", "/dev/stdout");
	symlink("/proc/self/fd/2", "/dev/stderr");
	if (access("/dev/vdb", F_OK) == 0)
		must_mount("/dev/vdb", "/lib/modules", "ext4", MS_RDONLY | MS_NOATIME, NULL);
}

/* A file of strings that each end in a NUL, as an argument vector. */
static char **read_strings(const char *path)
{
	size_t size = 0, count = 0;
	struct stat about;
	char **vector, *text;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &about))
		die("reading", path);
	text = malloc(about.st_size + 1);
	vector = calloc(about.st_size + 1, sizeof(*vector));
	if (!text || !vector || read(fd, text, about.st_size) != about.st_size)
		die("reading", path);
	close(fd);
	while (size < (size_t)about.st_size) {
		vector[count++] = text + size;
		size += strlen(text + size) + 1;
	}
	return vector;
}

/*
 * Ports appear some time after their device, and the device's number in their
 * name depends on the order of probing: look for any, until the deadline.
 */
int open_port(enum port number, int flags)
{
	const struct timespec pause = { .tv_nsec = PORT_POLL_MS * 1000000 };
	glob_t found;
	char pattern[32];
	int fd = -1;

	snprintf(pattern, sizeof(pattern), "/dev/vport*p%d", number);
	for (int waited = 0; waited < PORT_DEADLINE_MS; waited += PORT_POLL_MS) {
		if (glob(pattern, 0, NULL, &found) == 0) {
			fd = open(found.gl_pathv[0], flags | O_CLOEXEC);
			globfree(&found);
			break;
		}
		nanosleep(&pause, NULL);
	}
	if (fd < 0)
		die("opening", pattern);
	return fd;
}

int shell_status(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Wait for one process; init is also the parent of every orphan. */
static int wait_for(pid_t child)
{
	int status;
	pid_t ended;

	do {
		ended = wait(&status);
	} while (ended != child && !(ended < 0 && errno == ECHILD));
	return shell_status(status);
}

/*
 * The host says when COMMAND may start (when the other guest is up, too), and
 * when it has got all output.
 */
static void wait_for_go(void)
{
	char go;

	if (read(control, &go, 1) != 1)
		die("reading", "the control port");
}

/*
 * The kernel starts on one CPU (maxcpus=1). While it sizes the BARs of PCI
 * devices the memory map shrinks for a moment, and QEMU 10.0 aborts (in
 * iotlb_to_section) if another CPU does an access by the old map just then.
 */
static void bring_cpus_online(void)
{
	glob_t found;

	if (glob("/sys/devices/system/cpu/cpu[0-9]*/online", 0, NULL, &found))
		return;			/* there is but one */
	for (size_t i = 0; i < found.gl_pathc; i++) {
		int fd = open(found.gl_pathv[i], O_WRONLY | O_CLOEXEC);

		if (fd < 0 || write(fd, "1", 1) != 1)
			die("writing", found.gl_pathv[i]);
		close(fd);
	}
	globfree(&found);
}

static void run_setup(char **environment)
{
	char *const argv[] = { "/bin/sh", STATE "/setup", NULL };
	int status;
	pid_t child = fork();

	if (child == 0) {
		execve(argv[0], argv, environment);
		_exit(127);
	}
	status = wait_for(child);
	if (status) {
		tell("fail setting up the guest (status %d)\n", status);
		power_off();
	}
}

int main(void)
{
	char **argv, **environment, *mark;

	mount_root();
	control = open_port(PORT_CONTROL, O_RDWR);
	tell("root\n");
	mount_kernel_file_systems();
	argv = read_strings(STATE "/argv");
	environment = read_strings(STATE "/environment");
	mark = read_strings(STATE "/mark")[0];
	unlink(STATE "/mark");		/* no COMMAND may ever print it */
	bring_cpus_online();
	run_setup(environment);
	environment = read_strings(STATE "/environment");	/* with NETIF now */
	tell("ready\n");
	wait_for_go();
	tell("exit %d\n", run_command(argv, environment, mark));
	wait_for_go();			/* what is on its way would die with us */
	power_off();
}
