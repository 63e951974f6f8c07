// SPDX-License-Identifier: GPL-2.0-or-later
#include "child.h"

#include "../common/say.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <keyutils.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define NET    "../libexec/iotkey/iotkeyd-net"
#define WORKER "../libexec/iotkey/iotkeyd-tpm"

#define ABOVE 16 /* descriptors that are in nobody's way */

static int find_program(const char *program, char path[PATH_MAX])
{
	char self[PATH_MAX - 64];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (len < 0)
		return -errno;
	self[len] = '\0';
	snprintf(path, PATH_MAX, "%s/%s", dirname(self), program);
	return access(path, X_OK) ? -errno : 0;
}

void child_close(struct child *child)
{
	int i;

	for (i = 0; i < 2; i++) {
		if (child->socket[i] >= 0)
			close(child->socket[i]);
		child->socket[i] = -1;
	}
}

/* Our ends into @child, the others' into @theirs */
static int make_sockets(struct child *child, int theirs[2], int n)
{
	int i, pair[2], err = 0;

	theirs[0] = theirs[1] = child->socket[0] = child->socket[1] = -1;
	for (i = 0; i < n && !err; i++) {
		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) {
			err = -errno;
			break;
		}
		child->socket[i] = pair[0];
		theirs[i] = fcntl(pair[1], F_DUPFD_CLOEXEC, ABOVE);
		if (theirs[i] < 0 || fcntl(pair[0], F_SETFL, O_NONBLOCK))
			err = -errno;
		close(pair[1]);
	}
	return err;
}

/*
 * In the child
 */

static void refuse(const char *what)
{
	say_file_error(-errno, "cannot start a process: %s", what);
	_exit(EXIT_FAILED);
}

static void become_user(const struct config *config)
{
	if (setgroups(0, NULL) ||
	    setresgid(config->net_gid, config->net_gid, config->net_gid) ||
	    setresuid(config->net_uid, config->net_uid, config->net_uid))
		refuse("the user");
	/* as that user, so that it is his; none of our keys can be found from there */
	if (keyctl_join_session_keyring(NULL) < 0)
		refuse("the keyring");
}

/* @theirs go to @first and the next; closed on exec are all others but standard error */
static void take_descriptors(const int theirs[2], int n, int first)
{
	int i, null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		refuse("/dev/null");
	for (i = 0; i < n; i++)
		if (dup2(theirs[i], first + i) < 0)
			refuse("descriptors");
}

static void run(const char *path, const int theirs[2], const struct config *config)
{
	static const char *const environment[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
						   "LC_ALL=C", NULL };
	char *arguments[] = { basename((char *)path), NULL };
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	take_descriptors(theirs, config ? 2 : 1, config ? 3 : STDIN_FILENO);
	if (config)
		become_user(config);
	/* after the user has changed, which forgets it */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL))
		refuse("the signal");
	execve(path, arguments, (char *const *)environment);
	refuse(path);
}

static int start(struct child *child, const char *program, const struct config *config)
{
	char path[PATH_MAX];
	int theirs[2], i, err;

	child->pid = 0;
	child->socket[0] = child->socket[1] = -1;
	err = find_program(program, path);
	if (err)
		return say_file_error(err, "cannot find '%s'", path), err;
	err = make_sockets(child, theirs, config ? 2 : 1);
	if (!err) {
		child->pid = fork();
		if (!child->pid)
			run(path, theirs, config);
		if (child->pid < 0) {
			err = -errno;
			child->pid = 0;
		}
	}
	for (i = 0; i < 2; i++)
		if (theirs[i] >= 0)
			close(theirs[i]);
	if (err) {
		child_close(child);
		say_file_error(err, "cannot start '%s'", path);
	}
	return err;
}

int child_net(struct child *child, const struct config *config)
{
	return start(child, NET, config);
}

int child_worker(struct child *child)
{
	return start(child, WORKER, NULL);
}

void child_kill(struct child *child)
{
	child_close(child);
	if (!child->pid)
		return;
	kill(child->pid, SIGKILL);
	while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
		;
	child->pid = 0;
}
