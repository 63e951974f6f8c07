// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Events: a netlink socket of its own, read without libnl so that a lost
 * event (ENOBUFS) is told apart from every other error.
 */
#include "lib_private.h"

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RECEIVE_BUFFER (1 << 20) /* asked for; the kernel may grant less */
#define DATAGRAM_MAX   16384

struct iotkey_events {
	int fd;
	int family;
	uint8_t *next; /* what is left of the datagram */
	size_t left;
	uint8_t datagram[DATAGRAM_MAX]
		__attribute__((aligned(__alignof__(struct nlmsghdr))));
};

static int subscribe(int group)
{
	struct sockaddr_nl self = { .nl_family = AF_NETLINK };
	int size = RECEIVE_BUFFER;
	int err, fd;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_GENERIC);
	if (fd < 0)
		return -errno;
	/* best effort: privilege lets it go beyond rmem_max */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (!bind(fd, (struct sockaddr *)&self, sizeof(self)) &&
	    !setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

int iotkey_events_open(struct iotkey_events **events)
{
	struct iotkey_events *ev;
	int err, group;

	ev = calloc(1, sizeof(*ev));
	if (!ev)
		return -ENOMEM;
	err = iotkey__resolve(&ev->family, &group);
	if (!err)
		err = ev->fd = subscribe(group);
	if (err < 0) {
		free(ev);
		return err;
	}
	*events = ev;
	return 0;
}

void iotkey_events_close(struct iotkey_events *events)
{
	if (!events)
		return;
	close(events->fd);
	free(events);
}

int iotkey_events_fd(const struct iotkey_events *events)
{
	return events->fd;
}

/* The next datagram of the kernel's; 1, 0 for none now, or -errno */
static int fill(struct iotkey_events *ev)
{
	struct sockaddr_nl from = { 0 };
	socklen_t from_len = sizeof(from);
	ssize_t n;

	n = recvfrom(ev->fd, ev->datagram, sizeof(ev->datagram), MSG_TRUNC,
		     (struct sockaddr *)&from, &from_len);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if ((size_t)n > sizeof(ev->datagram))
		return -EBADMSG;
	if (from_len != sizeof(from) || from.nl_pid)
		n = 0; /* from another process: as if it had not come */
	ev->next = ev->datagram;
	ev->left = (size_t)n;
	return 1;
}

/* The next message of the datagram, NULL at its end */
static struct nlmsghdr *message(struct iotkey_events *ev)
{
	struct nlmsghdr *nlh = (struct nlmsghdr *)(void *)ev->next;
	size_t step;

	if (ev->left < sizeof(*nlh) || nlh->nlmsg_len < sizeof(*nlh) ||
	    nlh->nlmsg_len > ev->left) {
		ev->left = 0;
		return NULL;
	}
	step = NLMSG_ALIGN(nlh->nlmsg_len);
	if (step > ev->left)
		step = ev->left;
	ev->next += step;
	ev->left -= step;
	return nlh;
}

static bool is_event(const struct iotkey_events *ev, const struct nlmsghdr *nlh)
{
	const struct genlmsghdr *genl = NLMSG_DATA(nlh);

	return nlh->nlmsg_type == ev->family &&
	       nlh->nlmsg_len >= NLMSG_LENGTH(GENL_HDRLEN) &&
	       genl->cmd == IOTKEY_CMD_KEY_NTF;
}

int iotkey_events_next(struct iotkey_events *events, struct iotkey_notice *notice)
{
	struct nlmsghdr *nlh;
	int ret;

	for (;;) {
		nlh = message(events);
		if (nlh && is_event(events, nlh)) {
			ret = iotkey__parse_key(nlh, notice);
			return ret ? ret : 1;
		}
		if (nlh)
			continue;
		ret = fill(events);
		if (ret <= 0)
			return ret;
	}
}
