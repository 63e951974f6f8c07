// SPDX-License-Identifier: GPL-2.0-or-later
/* Raw messages to the generic netlink family, and a look at what comes back. */
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/iotkey.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "caller.h"

#define ROOM 16384

static int open_socket(void)
{
	struct timeval limit = { .tv_sec = 20 };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);

	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	return fd;
}

/* One attribute at @at, of which @size bytes are left; what it takes. */
static size_t put_attribute(uint8_t *at, size_t size, unsigned int type,
			    const void *value, size_t len)
{
	struct nlattr head = { .nla_len = NLA_HDRLEN + len, .nla_type = type };

	if ((size_t)NLA_ALIGN(head.nla_len) > size)
		return 0;
	memset(at, 0, (size_t)NLA_ALIGN(head.nla_len));
	memcpy(at, &head, sizeof(head));
	memcpy(at + NLA_HDRLEN, value, len);
	return (size_t)NLA_ALIGN(head.nla_len);
}

/* The heads, and @len bytes of attributes that lie behind them already. */
static size_t put_heads(struct thread *t, unsigned int flags, unsigned int command,
			size_t len)
{
	struct nlmsghdr head = { .nlmsg_len = NLMSG_HDRLEN + GENL_HDRLEN + len,
				 .nlmsg_type = shared->family,
				 .nlmsg_flags = flags,
				 .nlmsg_seq = 1 + below(&t->random, 1000) };
	struct genlmsghdr genl = { .cmd = command, .version = IOTKEY_FAMILY_VERSION };

	memcpy(t->in, &head, sizeof(head));
	memcpy(t->in + NLMSG_HDRLEN, &genl, sizeof(genl));
	return head.nlmsg_len;
}

static uint8_t *attributes(struct thread *t)
{
	return t->in + NLMSG_HDRLEN + GENL_HDRLEN;
}

/* Every attribute of one of the family's messages lies within it, and has a size. */
static void look_at(struct thread *t, const struct nlmsghdr *h)
{
	size_t left = h->nlmsg_len - NLMSG_HDRLEN, len;
	const uint8_t *at = NLMSG_DATA(h);
	const struct nlattr *a;

	if (left < GENL_HDRLEN) {
		complain(t, "a message of %zu bytes", left);
		return;
	}
	for (at += GENL_HDRLEN, left -= GENL_HDRLEN; left; at += len, left -= len) {
		a = (const void *)at;
		if (left < NLA_HDRLEN || a->nla_len < NLA_HDRLEN || a->nla_len > left ||
		    !a->nla_type || a->nla_type > IOTKEY_A_KEY_MAX) {
			complain(t, "an attribute of type %u, %u bytes, %zu left",
				 left < NLA_HDRLEN ? 0 : a->nla_type,
				 left < NLA_HDRLEN ? 0 : a->nla_len, left);
			return;
		}
		len = NLA_ALIGN(a->nla_len);
		len = len < left ? len : left;
	}
}

/* What one datagram says: 1 to go on, else the end: 0 or -errno. */
static long look_at_all(struct thread *t, ssize_t n)
{
	struct nlmsghdr *h = (void *)t->out;
	size_t left = n;

	for (; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
		if (h->nlmsg_type == NLMSG_ERROR || h->nlmsg_type == NLMSG_DONE)
			return *(int *)NLMSG_DATA(h);
		if (h->nlmsg_type == shared->family)
			look_at(t, h);
	}
	return 1;
}

/* Sends t->in and reads to the end of what comes, or as far as it likes. */
static long ask(struct thread *t, size_t len, bool to_the_end)
{
	int fd = open_socket(), flags = to_the_end ? 0 : MSG_DONTWAIT;
	long ret = fd < 0 ? -errno : 1;
	ssize_t n;

	if (ret == 1 && send(fd, t->in, len, 0) < 0)
		ret = -errno;
	while (ret == 1) {
		n = recv(fd, t->out, ROOM, flags);
		if (n < 0)
			ret = errno == EAGAIN && !to_the_end ? 0 : -errno;
		else
			ret = look_at_all(t, n);
		if (!to_the_end && chance(&t->random, 4))
			break;
	}
	if (fd >= 0)
		close(fd);
	return ret == 1 ? 0 : ret;
}

long wire_get(struct thread *t)
{
	int32_t serial = any_key(t);
	size_t len = put_attribute(attributes(t), ROOM, IOTKEY_A_KEY_SERIAL, &serial, 4);

	return ask(t, put_heads(t, NLM_F_REQUEST | NLM_F_ACK, IOTKEY_CMD_KEY_GET, len),
		   true);
}

long wire_dump(struct thread *t)
{
	return ask(t, put_heads(t, NLM_F_REQUEST | NLM_F_DUMP, IOTKEY_CMD_KEY_GET, 0),
		   !chance(&t->random, 4));
}

long wire_stats(struct thread *t)
{
	return ask(t, put_heads(t, NLM_F_REQUEST | NLM_F_ACK, IOTKEY_CMD_STATS_GET, 0),
		   true);
}

/* Attributes of any type and size, some of them in others. */
static size_t put_any_attributes(struct thread *t, uint8_t *at, size_t size, int depth)
{
	unsigned int i, n = below(&t->random, 5), type;
	uint8_t value[64], inner[512];
	size_t len = 0, some;

	for (i = 0; i < n; i++) {
		type = chance(&t->random, 2) ? IOTKEY_A_KEY_SERIAL
					     : below(&t->random, 48);
		if (chance(&t->random, 8))
			type |= chance(&t->random, 2) ? NLA_F_NESTED
						      : NLA_F_NET_BYTEORDER;
		if (depth < 3 && chance(&t->random, 6)) {
			some = put_any_attributes(t, inner, sizeof(inner), depth + 1);
			len += put_attribute(at + len, size - len, type, inner, some);
			continue;
		}
		fill(&t->random, value, sizeof(value));
		some = chance(&t->random, 2) ? 4 : below(&t->random, sizeof(value));
		len += put_attribute(at + len, size - len, type, value, some);
	}
	return len;
}

long wire_spoilt(struct thread *t)
{
	struct random *r = &t->random;
	size_t len = put_any_attributes(t, attributes(t), 2048, 0);
	unsigned int flags = NLM_F_REQUEST | (next(r) & (chance(r, 3) ? 0xffff : 0x304));
	struct nlmsghdr *head = (void *)t->in;
	struct genlmsghdr *genl = (void *)(t->in + NLMSG_HDRLEN);

	len = put_heads(t, flags, chance(r, 4) ? next(r) : below(r, 4), len);
	if (chance(r, 8))
		genl->version = next(r);
	if (chance(r, 16))
		genl->reserved = next(r);
	if (chance(r, 16))
		head->nlmsg_type = chance(r, 2) ? GENL_ID_CTRL : next(r);
	if (chance(r, 8))
		head->nlmsg_len = below(r, len + 40);
	if (chance(r, 4))
		len = spoil(t, (char *)t->in, len, 4096);
	return ask(t, len, false);
}

/* The events: of use to who may administer the network only. */
long wire_listen(struct thread *t)
{
	int fd = open_socket(), group = shared->group, i;
	long ret = fd < 0 ? -errno : 0;
	ssize_t n;

	if (!ret &&
	    setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)))
		ret = -errno;
	for (i = below(&t->random, 20); !ret && i; i--) {
		usleep(1000);
		n = recv(fd, t->out, ROOM, MSG_DONTWAIT);
		if (n > 0)
			look_at_all(t, n);
	}
	if (fd >= 0)
		close(fd);
	return ret;
}
