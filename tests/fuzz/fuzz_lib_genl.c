// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any answers to the library's netlink requests, and any datagrams of events: no crash,
 * texts end, and an errno that <iotkey.h> knows.  Everything behind the socket is the
 * real thing: lib/genl.c on libnl's own reader, and lib/event.c.
 *
 * The input is a byte that chooses the call and datagrams, each a byte with its length.
 *
 * (What the kernel reads is one attribute, and its policy does the checking: that is for
 * `make fuzz-vm`.)
 *
 * covers: lib/genl.c lib/event.c
 * sources: lib/genl.c lib/event.c
 * libs: -lnl-genl-3 -lnl-3 -Wl,--wrap=genl_connect,--wrap=genl_ctrl_resolve
 * libs: -Wl,--wrap=genl_ctrl_resolve_grp,--wrap=nl_send,--wrap=nl_recvmsgs,--wrap=socket
 * libs: -Wl,--wrap=setsockopt,--wrap=bind,--wrap=recvfrom
 */
#include "../../lib/lib_private.h"

#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"

#define FAMILY 0x1b
#define GROUP  5
#define UNIT   16 /* bytes that one step of a length stands for */

static struct steps input;

/* The socket */

/* The next datagram, of exactly its size; NULL when there is none. */
static uint8_t *next_datagram(size_t *size)
{
	size_t len = next_step(&input) * UNIT;
	uint8_t *datagram;

	if (!input.left)
		return NULL;
	if (len > input.left)
		len = input.left;
	datagram = room(len);
	memcpy(datagram, input.p, len);
	input.p += len;
	input.left -= len;
	*size = len;
	return datagram;
}

int __wrap_genl_connect(struct nl_sock *sk);
int __wrap_genl_connect(struct nl_sock *sk)
{
	(void)sk;
	return 0;
}

int __wrap_genl_ctrl_resolve(struct nl_sock *sk, const char *name);
int __wrap_genl_ctrl_resolve(struct nl_sock *sk, const char *name)
{
	(void)sk;
	(void)name;
	return FAMILY;
}

int __wrap_genl_ctrl_resolve_grp(struct nl_sock *sk, const char *name, const char *group);
int __wrap_genl_ctrl_resolve_grp(struct nl_sock *sk, const char *name, const char *group)
{
	(void)sk;
	(void)name;
	(void)group;
	return GROUP;
}

int __wrap_nl_send(struct nl_sock *sk, struct nl_msg *msg);
int __wrap_nl_send(struct nl_sock *sk, struct nl_msg *msg)
{
	(void)sk;
	return (int)nlmsg_hdr(msg)->nlmsg_len;
}

static int receive(struct nl_sock *sk, struct sockaddr_nl *from, unsigned char **buf,
		   struct ucred **creds)
{
	size_t size;

	(void)sk;
	(void)creds;
	memset(from, 0, sizeof(*from));
	from->nl_family = AF_NETLINK;
	*buf = next_datagram(&size);
	/* a netlink socket never receives nothing */
	if (*buf && !size) {
		free(*buf);
		*buf = NULL;
	}
	return *buf ? (int)size : -NLE_AGAIN;
}

static int any_sequence(struct nl_msg *msg, void *arg)
{
	(void)msg;
	(void)arg;
	return NL_OK;
}

int __real_nl_recvmsgs(struct nl_sock *sk, struct nl_cb *cb);
int __wrap_nl_recvmsgs(struct nl_sock *sk, struct nl_cb *cb);
int __wrap_nl_recvmsgs(struct nl_sock *sk, struct nl_cb *cb)
{
	nl_cb_overwrite_recv(cb, receive);
	/* the fuzzer cannot know it: libnl counts from the time of day */
	nl_cb_set(cb, NL_CB_SEQ_CHECK, NL_CB_CUSTOM, any_sequence, NULL);
	return __real_nl_recvmsgs(sk, cb);
}

/* For the events: a descriptor that is never used */
int __wrap_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol)
{
	(void)domain;
	(void)type;
	(void)protocol;
	return dup(STDIN_FILENO);
}

int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t len);
int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	(void)fd;
	(void)level;
	(void)name;
	(void)value;
	(void)len;
	return 0;
}

int __wrap_bind(int fd, const struct sockaddr *address, socklen_t len);
int __wrap_bind(int fd, const struct sockaddr *address, socklen_t len)
{
	(void)fd;
	(void)address;
	(void)len;
	return 0;
}

ssize_t __wrap_recvfrom(int fd, void *buf, size_t size, int flags, struct sockaddr *from,
			socklen_t *from_len);
ssize_t __wrap_recvfrom(int fd, void *buf, size_t size, int flags, struct sockaddr *from,
			socklen_t *from_len)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	uint8_t *datagram;
	size_t len;

	(void)fd;
	(void)flags;
	must(*from_len == sizeof(kernel));
	memcpy(from, &kernel, sizeof(kernel));
	datagram = next_datagram(&len);
	if (!datagram) {
		errno = EAGAIN;
		return -1;
	}
	memcpy(buf, datagram, len < size ? len : size);
	free(datagram);
	return (ssize_t)len;
}

/* What comes of it */

static void check_status(const struct iotkey_status *status)
{
	must(memchr(status->name, 0, sizeof(status->name)));
	must(memchr(status->root, 0, sizeof(status->root)));
}

static int on_status(const struct iotkey_status *status, void *arg)
{
	check_status(status);
	return ++*(unsigned int *)arg > 1000 ? -ECANCELED : 0;
}

/* Those of this side; any other is one that an error message brought. */
static void check_error(int err)
{
	must(err <= 0);
}

static void check_events(void)
{
	struct iotkey_events *events;
	struct iotkey_notice notice;
	int ret;

	must(!iotkey_events_open(&events));
	do {
		ret = iotkey_events_next(events, &notice);
		must(ret == 1 || ret == 0 || ret == -EBADMSG);
		if (ret == 1) {
			check_status(&notice.key);
			must(notice.error >= 0);
		}
	} while (ret);
	must(!input.left);
	iotkey_events_close(events);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct iotkey_status status;
	struct iotkey_stats stats;
	unsigned int count = 0;

	input = (struct steps){ data, size };
	switch (next_step(&input) % 4) {
	case 0:
		check_error(iotkey_status_get(1, &status));
		check_status(&status);
		break;
	case 1:
		check_error(iotkey_status_dump(on_status, &count));
		break;
	case 2:
		check_error(iotkey_stats_get(&stats));
		break;
	case 3:
		check_events();
		break;
	}
	return 0;
}
