// SPDX-License-Identifier: GPL-2.0-or-later
// sources: tools/iotkeyd/notify.c
/*
 * What iotkeyd tells a service manager, on real sockets.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../tools/iotkeyd/notify.h"
#include "ktap.h"

/* A manager that listens at @path ("@": abstract) */
static int listen_at(const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	static const struct timeval patience = { .tv_sec = 1 };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memcpy(at.sun_path, path, strlen(path));
	if (path[0] == '@')
		at.sun_path[0] = '\0';
	if (fd < 0 ||
	    bind(fd, (struct sockaddr *)&at,
		 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path))) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience))) {
		perror(path);
		exit(1);
	}
	setenv("NOTIFY_SOCKET", path, 1);
	return fd;
}

static bool got(int fd, const char *begin)
{
	char text[1024] = "";

	return recv(fd, text, sizeof(text) - 1, 0) > 0 &&
	       !strncmp(text, begin, strlen(begin));
}

static bool silent(int fd)
{
	char text[16];

	return recv(fd, text, sizeof(text), MSG_DONTWAIT) < 0;
}

static void test_socket(const char *name, const char *path)
{
	char longest[1000];
	int fd = listen_at(path);

	notify("READY=1\nSTATUS=%d keys", 3);
	ktap_ok(got(fd, "READY=1\nSTATUS=3 keys"), "%s: ready", name);
	notify_reloading();
	ktap_ok(got(fd, "RELOADING=1\nMONOTONIC_USEC="), "%s: reloading", name);
	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	notify("STATUS=%s", longest);
	ktap_ok(silent(fd), "%s: what is too long is not cut", name);
	close(fd);
	notify("nobody listens");
}

static void test_watchdog(void)
{
	char pid[32];

	unsetenv("WATCHDOG_USEC");
	ktap_ok(notify_watchdog() == -1, "no watchdog");
	setenv("WATCHDOG_USEC", "30000000", 1);
	ktap_ok(notify_watchdog() == 15000, "half of 30 s");
	setenv("WATCHDOG_USEC", "1", 1);
	ktap_ok(notify_watchdog() == 1, "never busy");
	setenv("WATCHDOG_USEC", "99999999999999999", 1);
	ktap_ok(notify_watchdog() == 3600000, "hourly at least");
	setenv("WATCHDOG_USEC", "many", 1);
	ktap_ok(notify_watchdog() == -1, "no number");
	setenv("WATCHDOG_USEC", "2000000", 1);
	setenv("WATCHDOG_PID", "1", 1);
	ktap_ok(notify_watchdog() == -1, "meant for another process");
	snprintf(pid, sizeof(pid), "%d", getpid());
	setenv("WATCHDOG_PID", pid, 1);
	ktap_ok(notify_watchdog() == 1000, "meant for this one");
}

int main(void)
{
	char dir[] = "/tmp/iotkey-notify.XXXXXX", path[64];

	unsetenv("NOTIFY_SOCKET");
	notify("nobody is there");
	setenv("NOTIFY_SOCKET", "relative", 1);
	notify("no socket");
	if (!mkdtemp(dir))
		return 1;
	snprintf(path, sizeof(path), "%s/socket", dir);
	test_socket("path", path);
	unlink(path);
	rmdir(dir);
	snprintf(path, sizeof(path), "@iotkey-notify-%d", getpid());
	test_socket("abstract", path);
	test_watchdog();
	return ktap_done();
}
