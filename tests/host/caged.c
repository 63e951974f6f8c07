// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a process can still do in the sandbox of iotkeyd-net (tools/iotkeyd-net/sandbox.c, linked in): each
 * attempt in a child of its own, as somebody would who has taken over that process.
 *
 *	caged DIRECTORY [KEY]	as root it becomes uid 65534 first
 *
 * DIRECTORY/private is a file that it may not read, DIRECTORY/public one that everybody may, and
 * everybody may write into DIRECTORY; KEY is a key of the kernel that it may use, but not read.
 * Prints KTAP.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <keyutils.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../tools/iotkeyd-net/sandbox.h"

static const char *dir;
static int32_t key;
static unsigned int count, failed;

static const char *in(const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

/* 0: it came off */
static int try_open(const char *path, int flags)
{
	return open(path, flags, 0600) < 0 ? errno : 0;
}

static int read_public(void)
{
	return try_open(in("public"), O_RDONLY);
}
static int read_private(void)
{
	return try_open(in("private"), O_RDONLY);
}
static int write_public(void)
{
	return try_open(in("public"), O_WRONLY);
}
static int both_public(void)
{
	return try_open(in("public"), O_RDWR);
}
static int create(void)
{
	return try_open(in("new"), O_WRONLY | O_CREAT);
}
static int create_unnamed(void)
{
	return try_open(dir, O_WRONLY | O_TMPFILE);
}
static int truncate_public(void)
{
	return try_open(in("public"), O_RDONLY | O_TRUNC);
}
static int open_tpm(void)
{
	return try_open("/dev/tpm0", O_RDWR);
}
static int open_tpmrm(void)
{
	return try_open("/dev/tpmrm0", O_RDONLY);
}
static int open_proc(void)
{
	return try_open("/proc/1/environ", O_RDONLY);
}
static int open_memory(void)
{
	return try_open("/proc/self/mem", O_RDWR);
}
static int open_resolv(void)
{
	return try_open("/etc/hosts", O_RDONLY);
}

static int call(long result)
{
	return result < 0 ? errno : 0;
}

static int make_directory(void)
{
	return call(mkdir(in("d"), 0700));
}
static int remove_file(void)
{
	return call(unlink(in("public")));
}
static int rename_file(void)
{
	return call(rename(in("public"), "x"));
}
static int change_mode(void)
{
	return call(chmod(in("public"), 0777));
}
static int run_program(void)
{
	return call(execl("/bin/true", "true", NULL));
}
static int trace(void)
{
	return call(ptrace(PTRACE_TRACEME, 0, 0, 0));
}
static int peek(void)
{
	return call(syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0));
}
static int signal_other(void)
{
	return call(kill(getppid(), SIGCONT));
}
static int new_process(void)
{
	long pid = syscall(SYS_fork);

	if (!pid)
		_exit(0);
	return call(pid);
}
static int new_key(void)
{
	return call(
		syscall(SYS_add_key, "user", "caged", "x", 1, KEY_SPEC_PROCESS_KEYRING));
}
static int request(void)
{
	return call(syscall(SYS_request_key, "user", "caged", NULL,
			    KEY_SPEC_PROCESS_KEYRING));
}
static int control(long command, long id)
{
	return call(syscall(SYS_keyctl, command, id, 0, 0, 0));
}
static int read_key(void)
{
	return control(KEYCTL_READ, key);
}
static int search_key(void)
{
	return control(KEYCTL_SEARCH, KEY_SPEC_USER_KEYRING);
}
static int link_key(void)
{
	return control(KEYCTL_LINK, key);
}
static int revoke_key(void)
{
	return control(KEYCTL_REVOKE, key);
}
static int update_key(void)
{
	return control(KEYCTL_UPDATE, key);
}
static int invalidate_key(void)
{
	return control(KEYCTL_INVALIDATE, key);
}
static int join_session(void)
{
	return control(KEYCTL_JOIN_SESSION_KEYRING, 0);
}
static int become_root(void)
{
	return call(syscall(SYS_setuid, 0));
}
static int unix_socket(void)
{
	return call(socket(AF_UNIX, SOCK_STREAM, 0));
}
static int raw_socket(void)
{
	return call(socket(AF_PACKET, SOCK_RAW, 0));
}
static int kernel_events(void)
{
	return call(socket(AF_NETLINK, SOCK_RAW, 16));
}
static int listen_tcp(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return fd < 0 ? 0 : call(listen(fd, 1));
}
static int code(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? errno : 0;
}
static int code_later(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);

	return call(mprotect(p, 4096, PROT_READ | PROT_EXEC));
}
static int mount_it(void)
{
	return call(mount("none", dir, "tmpfs", 0, NULL));
}
static int namespaces(void)
{
	return call(syscall(SYS_unshare, 0x10000000));
}
static int dump(void)
{
	return call(prctl(PR_SET_DUMPABLE, 1));
}
static int terminal(void)
{
	return call(syscall(SYS_ioctl, 0, 0x5412, "x"));
}

/* What has to go on */
static int use_network(void)
{
	return call(socket(AF_INET, SOCK_STREAM, 0));
}
static int resolve(void)
{
	struct addrinfo *list = NULL, hints = { .ai_socktype = SOCK_STREAM };
	int error = getaddrinfo("localhost", "443", &hints, &list);

	return error ? EHOSTUNREACH : 0;
}
static void *nothing(void *arg)
{
	return arg;
}
static int new_thread(void)
{
	pthread_t thread;

	return pthread_create(&thread, NULL, nothing, NULL) || pthread_join(thread, NULL);
}
static int randomness(void)
{
	char byte;

	return call(syscall(SYS_getrandom, &byte, 1, 0));
}
static int describe(void)
{
	return call(keyctl_describe(key, NULL, 0));
}
static int sign(void)
{
	char digest[32] = { 1 }, signature[256];

	return call(keyctl_pkey_sign(key, "enc=x962 hash=sha256", digest, 32, signature,
				     sizeof(signature)));
}

enum due { REFUSED, BY_LANDLOCK, DEADLY, FINE, FINE_WITH_KEY };

static const struct {
	const char *what;
	int (*attempt)(void);
	enum due due;
	bool otherwise; /* it would come off without the sandbox */
} attempts[] = {
	{ "read a file that is not its own", read_private, REFUSED, false },
	{ "read a file that everybody may", read_public, BY_LANDLOCK, true },
	{ "write it", write_public, REFUSED, true },
	{ "write and read it", both_public, REFUSED, true },
	{ "empty it", truncate_public, REFUSED, true },
	{ "make a file", create, REFUSED, true },
	{ "make one without a name", create_unnamed, REFUSED, true },
	{ "make a directory", make_directory, REFUSED, true },
	{ "remove a file", remove_file, REFUSED, false },
	{ "rename one", rename_file, REFUSED, false },
	{ "change its mode", change_mode, REFUSED, false },
	{ "open the TPM", open_tpm, REFUSED, false },
	{ "open the TPM's other device", open_tpmrm, REFUSED, false },
	{ "look at another process", open_proc, REFUSED, false },
	{ "write its own memory as a file", open_memory, REFUSED, false },
	{ "run a program", run_program, DEADLY, true },
	{ "make a process", new_process, REFUSED, true },
	{ "be traced", trace, DEADLY, true },
	{ "read another process's memory", peek, DEADLY, false },
	{ "send it a signal", signal_other, REFUSED, false },
	{ "add a key", new_key, DEADLY, true },
	{ "request a key", request, DEADLY, false },
	{ "read a key", read_key, REFUSED, false },
	{ "search for a key", search_key, REFUSED, false },
	{ "link a key", link_key, REFUSED, false },
	{ "revoke a key", revoke_key, REFUSED, false },
	{ "update a key", update_key, REFUSED, false },
	{ "invalidate a key", invalidate_key, REFUSED, false },
	{ "join a session keyring", join_session, REFUSED, false },
	{ "become root", become_root, DEADLY, false },
	{ "make a local socket", unix_socket, REFUSED, true },
	{ "make a raw socket", raw_socket, REFUSED, false },
	{ "hear the kernel's events", kernel_events, REFUSED, true },
	{ "listen on a port", listen_tcp, REFUSED, true },
	{ "have memory that is code", code, REFUSED, true },
	{ "make memory code", code_later, REFUSED, true },
	{ "mount", mount_it, DEADLY, false },
	{ "make a namespace", namespaces, DEADLY, false },
	{ "leave core files", dump, REFUSED, true },
	{ "type on a terminal", terminal, REFUSED, false },
	{ "read what names are resolved by", open_resolv, FINE, false },
	{ "resolve a name", resolve, FINE, false },
	{ "open a connection", use_network, FINE, false },
	{ "make a thread", new_thread, FINE, false },
	{ "draw random bytes", randomness, FINE, false },
	{ "describe its key", describe, FINE_WITH_KEY, false },
	{ "sign by its key", sign, FINE_WITH_KEY, false },
};

static void result(bool ok, const char *due, const char *what, const char *why)
{
	printf("%sok %u - %s: %s", ok ? "" : "not ", ++count, due, what);
	printf(ok ? "\n" : " (%s)\n", why);
	failed += !ok;
}

/* In a process of its own; the status of that */
static int attempt(unsigned int i, bool caged)
{
	int status, error;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		err(2, "fork");
	if (!pid) {
		if (caged && sandbox_net())
			_exit(255);
		error = attempts[i].attempt();
		_exit(error > 253 ? 253 : error);
	}
	waitpid(pid, &status, 0);
	return status;
}

static void check(unsigned int i)
{
	static const char *const due[] = { "refused", "refused", "deadly", "fine",
					   "fine" };
	int status, error;
	char why[64];
	bool ok;

	if (attempts[i].otherwise && attempt(i, false)) {
		result(false, "possible otherwise", attempts[i].what, "it is not");
		return;
	}
	status = attempt(i, true);
	error = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
	switch (attempts[i].due) {
	case REFUSED:
	case BY_LANDLOCK:
		ok = error && error < 254;
		break;
	case DEADLY:
		ok = WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
		break;
	default:
		ok = WIFEXITED(status) && !error;
	}
	if (WIFSIGNALED(status))
		snprintf(why, sizeof(why), "signal %d", WTERMSIG(status));
	else
		snprintf(why, sizeof(why), "%s", error ? strerror(error) : "it came off");
	result(ok, due[attempts[i].due], attempts[i].what, why);
}

/* Or else what everybody may read it may read, too */
static bool has_landlock(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, 0, 1) > 0; /* its version */
}

/* As root, or with a capability, it does not begin */
static void check_root(void)
{
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		fclose(stderr);
		_exit(sandbox_net());
	}
	waitpid(pid, &status, 0);
	result(WIFEXITED(status) && WEXITSTATUS(status) == 2, "refused", "run as root",
	       "it ran");
}

int main(int argc, char **argv)
{
	unsigned int i;

	if (argc < 2)
		errx(2, "usage: caged DIRECTORY [KEY]");
	dir = argv[1];
	key = argc > 2 ? atoi(argv[2]) : 0;
	printf("KTAP version 1\n");
	if (!geteuid()) {
		check_root();
		if (setgid(65534) || setuid(65534))
			err(2, "setuid");
	}
	for (i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++)
		if ((attempts[i].due != FINE_WITH_KEY || key) &&
		    (attempts[i].due != BY_LANDLOCK || has_landlock()))
			check(i);
	printf("1..%u\n", count);
	return failed ? 1 : 0;
}
