// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the agent's worker and its keeper can no longer do, tried from within.
 *
 * sources: tools/iotkeyd-tpm/sandbox.c tools/iotkeyd/sandbox.c tools/common/say.c lib/words.c tests/unit/ktap.c
 * libs: -lcap-ng -lseccomp
 */
#include "../../tools/iotkeyd-tpm/sandbox.h"
#include "../../tools/iotkeyd/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ktap.h"

static int worker(void)
{
	return sandbox_worker();
}

static int keeper(void)
{
	static const struct config config = { .registrar = "https://nowhere" };

	return sandbox_keeper(&config);
}

static long try_inet(void)
{
	return socket(AF_INET, SOCK_STREAM, 0);
}

static long try_unix(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0);
}

static long try_fork(void)
{
	long pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (!pid)
		_exit(0);
	return pid;
}

static long try_exec(void)
{
	char *arguments[] = { (char *)"sh", (char *)"-c", (char *)"exit 64", NULL };

	return execv("/bin/sh", arguments); /* WENT */
}

static long try_rename(void)
{
	return rename("/nowhere/a", "/nowhere/b");
}

static long try_unlink(void)
{
	return unlink("/nowhere/a");
}

static long try_ptrace(void)
{
	return ptrace(PTRACE_TRACEME, 0, 0, 0);
}

static long try_look(void)
{
	return syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0);
}

static long try_mount(void)
{
	return syscall(SYS_mount, "none", "/", "tmpfs", 0, NULL);
}

static long try_unshare(void)
{
	return syscall(SYS_unshare, 0);
}

static long try_uring(void)
{
	return syscall(SYS_io_uring_setup, 1, NULL);
}

static long try_read(void)
{
	char c;
	int fd = open("/dev/zero", O_RDONLY);

	return fd < 0 ? -1 : read(fd, &c, 1);
}

/* ASan has its own _exit(), with calls that are not allowed any more */
static void leave(int code)
{
	syscall(SYS_exit_group, code);
}

/* Exit codes of who tried it, that are not those of an accident */
#define WENT   64
#define FAILED 65 /* and its errno */

/* The errno of @call in a process of its own, once it is in the sandbox (or not); 0: it goes */
static int tried(int (*sandbox)(void), long (*call)(void))
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		if (sandbox && sandbox())
			leave(1);
		leave(call() < 0 ? FAILED + errno : WENT);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) ||
	    WEXITSTATUS(status) < WENT)
		return -1;
	return WEXITSTATUS(status) == WENT ? 0 : WEXITSTATUS(status) - FAILED;
}

static const struct {
	const char *what;
	long (*call)(void);
	bool worker, keeper; /* whether they can */
} cases[] = {
	{ "read a file", try_read, true, true },
	{ "make a socket of the internet", try_inet, false, true },
	{ "make a local socket", try_unix, false, true },
	{ "start a process", try_fork, false, true },
	{ "run a program", try_exec, false, true },
	{ "rename a file", try_rename, false, true },
	{ "remove a file", try_unlink, false, true },
	{ "be traced", try_ptrace, false, false },
	{ "look into a process", try_look, false, false },
	{ "mount", try_mount, false, false },
	{ "leave its namespaces", try_unshare, false, false },
	{ "use io_uring", try_uring, false, false },
};

static void check(const char *who, int err, bool can, const char *what)
{
	ktap_ok(can ? err >= 0 && err != EPERM : err == EPERM, "the %s can%s %s", who,
		can ? "" : "not", what);
}

int main(void)
{
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		/* without the filter it would not be EPERM, so the filter it is */
		ktap_ok(cases[i].call == try_mount || tried(NULL, cases[i].call) != EPERM,
			"anybody: %s", cases[i].what);
		check("worker", tried(worker, cases[i].call), cases[i].worker,
		      cases[i].what);
		if (!getuid()) /* it drops what only root has */
			check("keeper", tried(keeper, cases[i].call), cases[i].keeper,
			      cases[i].what);
	}
	return ktap_done();
}
