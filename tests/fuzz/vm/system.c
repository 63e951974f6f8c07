// SPDX-License-Identifier: GPL-2.0-or-later
/* What is around the keys: the clock, the module and its parameters. */
#include <errno.h>
#include <fcntl.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "caller.h"

/* The family has another number each time. */
int load_module(void)
{
	struct nl_sock *sock;

	if (system("modprobe iotkey"))
		return -ENODEV;
	sock = nl_socket_alloc();
	if (!sock || genl_connect(sock)) {
		nl_socket_free(sock);
		return -ENOMEM;
	}
	shared->family = genl_ctrl_resolve(sock, "iotkey");
	shared->group = genl_ctrl_resolve_grp(sock, "iotkey", "events");
	nl_socket_free(sock);
	return shared->family > 0 && shared->group > 0 ? 0 : -ENOENT;
}

int module_refs(void)
{
	FILE *f = fopen("/sys/module/iotkey/refcnt", "r");
	int n = -1;

	if (!f)
		return -1;
	if (fscanf(f, "%d", &n) != 1)
		n = -1;
	fclose(f);
	return n;
}

/* Every other time it is right again: what boot time says. */
long set_clock(struct thread *t)
{
	struct timespec ts, boot;

	clock_gettime(CLOCK_BOOTTIME, &boot);
	ts = (struct timespec){ .tv_sec = shared->clock + boot.tv_sec };
	if (chance(&t->random, 2))
		ts.tv_sec += (int32_t)next(&t->random) >> below(&t->random, 31);
	return result(clock_settime(CLOCK_REALTIME, &ts));
}

long set_trusted(struct thread *t)
{
	static const char *const values[] = { "N", "Y", "0", "1", "x", "" };
	int fd =
		open("/sys/module/iotkey/parameters/clock_trusted", O_WRONLY | O_CLOEXEC);
	long ret;

	if (fd < 0)
		return -errno;
	ret = result(write(fd, PICK(&t->random, values), 1));
	close(fd);
	return ret;
}

/* Seldom does it come off, for there are keys; then it is loaded again. */
long unload(struct thread *t)
{
	long ret = result(syscall(SYS_delete_module, "iotkey", O_NONBLOCK));

	(void)t;
	if (!ret && load_module())
		complain(t, "the module does not load again");
	return ret;
}
