// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What iotkeyctl shows on a terminal and nowhere else: progress of a large file, and
 * colours; and that it writes no binary there.
 *
 * sources: tests/unit/ktap.c
 */
#include <pty.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../unit/ktap.h"

#define LARGE (17 << 20)

static char shown[65536];

/* Run @command on a terminal; what it showed is in shown[].  Its exit status. */
static int on_terminal(const char *command)
{
	size_t len = 0;
	int fd, status;
	ssize_t n;
	pid_t pid;

	pid = forkpty(&fd, NULL, NULL, NULL);
	if (pid < 0)
		return -1;
	if (!pid) {
		execl("/bin/sh", "sh", "-c", command, NULL);
		_exit(127);
	}
	while (len < sizeof(shown) - 1) {
		n = read(fd, shown + len, sizeof(shown) - 1 - len);
		if (n <= 0) /* EIO: it has gone */
			break;
		len += (size_t)n;
	}
	shown[len] = '\0';
	close(fd);
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool silent(const char *command)
{
	return !on_terminal(command) && !shown[0];
}

static bool setup(void)
{
	return !system("modprobe iotkey && cd /tmp && iotkeyctl root tty --provider soft >/dev/null &&"
		       "iotkeyctl new file --alg aes-256-gcm --root tty --save tty.blob >/dev/null") &&
	       !truncate("/tmp/tty.blob", 0) && !chdir("/tmp") && !system(">tty.in") &&
	       !truncate("tty.in", LARGE);
}

int main(void)
{
	int status;

	ktap_ok(setup(), "a key, and a large file");
	status = on_terminal("iotkeyctl encrypt file tty.in tty.out");
	ktap_ok(!status && strstr(shown, "\r16 of 17 MiB") &&
			strstr(shown, "\r17 of 17 MiB\r\n"),
		"progress on a terminal");
	ktap_ok(silent("iotkeyctl --quiet decrypt file tty.out tty.back"),
		"none with --quiet");
	ktap_ok(!system("cmp tty.in tty.back"), "the file is the same");
	ktap_ok(silent("iotkeyctl decrypt file tty.out tty.back 2>tty.error"),
		"none to a file");
	ktap_ok(!system("test ! -s tty.error"), "nor in it");
	ktap_ok(on_terminal("iotkeyctl encrypt file tty.blob") == 2 &&
			strstr(shown, "standard output a terminal"),
		"no binary on a terminal");
	ktap_ok(on_terminal("iotkeyctl sign file tty.blob") == 2, "nor a signature");
	ktap_ok(!on_terminal("iotkeyctl list") && strstr(shown, "\033[1mSERIAL"),
		"the header is bold");
	ktap_ok(!on_terminal("NO_COLOR=1 iotkeyctl list") && !strchr(shown, '\033'),
		"but not with NO_COLOR");
	unlink("tty.in");
	unlink("tty.out");
	unlink("tty.back");
	unlink("tty.blob");
	unlink("tty.error");
	return ktap_done();
}
