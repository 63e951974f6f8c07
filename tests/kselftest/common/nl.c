// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "nl.h"

#define SECRETS_MAX 16
#define USER	    1000

int nl_family, nl_group;
struct nl_tally nl_tally;

static uint8_t secrets[SECRETS_MAX][32];
static unsigned int secret_count;

enum kind { NONE, PAD, U32, U64, TEXT, ID };

static const enum kind key_kinds[IOTKEY_A_KEY_MAX + 1] = {
	[IOTKEY_A_KEY_PAD] = PAD,
	[IOTKEY_A_KEY_SERIAL] = U32,
	[IOTKEY_A_KEY_DESCRIPTION] = TEXT,
	[IOTKEY_A_KEY_ALGORITHM] = U32,
	[IOTKEY_A_KEY_MODE] = U32,
	[IOTKEY_A_KEY_PROVIDER] = U32,
	[IOTKEY_A_KEY_STATE] = U32,
	[IOTKEY_A_KEY_FLAGS] = U32,
	[IOTKEY_A_KEY_UID] = U32,
	[IOTKEY_A_KEY_PERM] = U32,
	[IOTKEY_A_KEY_ID] = ID,
	[IOTKEY_A_KEY_ROOT_ID] = ID,
	[IOTKEY_A_KEY_ROOT_NAME] = TEXT,
	[IOTKEY_A_KEY_VERSION] = U32,
	[IOTKEY_A_KEY_NEWEST] = U32,
	[IOTKEY_A_KEY_STORED] = U32,
	[IOTKEY_A_KEY_EPOCH] = U32,
	[IOTKEY_A_KEY_OPS] = U64,
	[IOTKEY_A_KEY_ROTATES_IN] = U64,
	[IOTKEY_A_KEY_EXPIRES_IN] = U64,
	[IOTKEY_A_KEY_ROTATE] = U32,
	[IOTKEY_A_KEY_OVERLAP] = U32,
	[IOTKEY_A_KEY_AHEAD] = U32,
	[IOTKEY_A_KEY_LIFETIME] = U32,
	[IOTKEY_A_KEY_JITTER] = U32,
	[IOTKEY_A_KEY_MAX_OPS] = U64,
	[IOTKEY_A_KEY_START] = U64,
	[IOTKEY_A_KEY_USAGE] = U32,
	[IOTKEY_A_KEY_EVENT] = U32,
	[IOTKEY_A_KEY_ERROR] = U32,
	[IOTKEY_A_KEY_TIME] = U64,
};

static void malformed(const char *what, int number)
{
	if (!nl_tally.malformed++)
		snprintf(nl_tally.first, sizeof(nl_tally.first), "%s %d", what, number);
}

void nl_forbid(const uint8_t secret[32])
{
	if (secret_count < SECRETS_MAX)
		memcpy(secrets[secret_count++], secret, 32);
}

static void look_for_secrets(const struct nlmsghdr *message)
{
	unsigned int i;

	for (i = 0; i < secret_count; i++) {
		if (memmem(message, message->nlmsg_len, secrets[i], 16) ||
		    memmem(message, message->nlmsg_len, secrets[i] + 16, 16))
			nl_tally.secrets++;
	}
}

static bool text_ok(struct nlattr *a)
{
	const char *text = nla_data(a);
	int len = nla_len(a);

	return len >= 2 && len <= 256 && strnlen(text, len) == (size_t)len - 1;
}

static bool value_ok(struct nlattr *a, enum kind kind)
{
	switch (kind) {
	case PAD:
		return !nla_len(a);
	case U32:
		return nla_len(a) == 4;
	case U64:
		return nla_len(a) == 8;
	case ID:
		return nla_len(a) == 16;
	case TEXT:
		return text_ok(a);
	default:
		return false;
	}
}

static void check_key(const struct nlmsghdr *message)
{
	const struct genlmsghdr *head = nlmsg_data(message);
	struct nlattr *at = genlmsg_attrdata(head, 0), *a;
	int left = genlmsg_attrlen(head, 0), rest;
	uint64_t seen = 0;

	nla_for_each_attr(a, at, left, rest)
	{
		int type = a->nla_type;

		if (type > IOTKEY_A_KEY_MAX || !value_ok(a, key_kinds[type]))
			malformed("attribute", type);
		else if (type != IOTKEY_A_KEY_PAD && seen & 1ull << type)
			malformed("twice attribute", type);
		seen |= 1ull << (type & 63);
	}
	if (rest)
		malformed("bytes behind the attributes:", rest);
	if (!(seen & 1ull << IOTKEY_A_KEY_SERIAL))
		malformed("no attribute", IOTKEY_A_KEY_SERIAL);
}

static void check_stats(const struct nlmsghdr *message)
{
	const struct genlmsghdr *head = nlmsg_data(message);
	struct nlattr *at = genlmsg_attrdata(head, 0), *a;
	int left = genlmsg_attrlen(head, 0), rest;

	nla_for_each_attr(a, at, left, rest)
	{
		int type = a->nla_type;

		if (type > IOTKEY_A_STATS_MAX ||
		    !value_ok(a, type == IOTKEY_A_STATS_PAD ? PAD : U64))
			malformed("stats attribute", type);
	}
}

static void check(const struct nlmsghdr *message)
{
	const struct genlmsghdr *head = nlmsg_data(message);

	nl_tally.messages++;
	look_for_secrets(message);
	if (message->nlmsg_type != nl_family || head->version != IOTKEY_FAMILY_VERSION)
		malformed("family", message->nlmsg_type);
	else if (head->cmd == IOTKEY_CMD_STATS_GET)
		check_stats(message);
	else if (head->cmd == IOTKEY_CMD_KEY_GET || head->cmd == IOTKEY_CMD_KEY_NTF)
		check_key(message);
	else
		malformed("command", head->cmd);
}

bool nl_keep(struct nl_notice *notice, const struct nlmsghdr *message)
{
	if (message->nlmsg_len > NL_MESSAGE_MAX)
		return false;
	memcpy(notice->bytes, message, message->nlmsg_len);
	return !genlmsg_parse(&notice->header, 0, notice->at, IOTKEY_A_KEY_MAX, NULL);
}

uint32_t nl_u32(const struct nl_notice *notice, int attribute)
{
	return notice->at[attribute] ? nla_get_u32(notice->at[attribute]) : 0;
}

uint64_t nl_u64(const struct nl_notice *notice, int attribute)
{
	return notice->at[attribute] ? nla_get_u64(notice->at[attribute]) : 0;
}

const char *nl_text(const struct nl_notice *notice, int attribute)
{
	return notice->at[attribute] ? nla_data(notice->at[attribute]) : "";
}

struct nl_sock *nl_open(void)
{
	struct nl_sock *sock = nl_socket_alloc();

	if (!sock || genl_connect(sock)) {
		nl_socket_free(sock);
		return NULL;
	}
	nl_socket_disable_auto_ack(sock);
	nl_family = genl_ctrl_resolve(sock, IOTKEY_FAMILY_NAME);
	nl_group = genl_ctrl_resolve_grp(sock, IOTKEY_FAMILY_NAME, IOTKEY_MCGRP_EVENTS);
	if (nl_family < 0 || nl_group < 0) {
		nl_socket_free(sock);
		return NULL;
	}
	return sock;
}

struct nl_msg *nl_request(uint8_t command, int flags)
{
	struct nl_msg *m = nlmsg_alloc_size(NL_MESSAGE_MAX);

	genlmsg_put(m, NL_AUTO_PORT, NL_AUTO_SEQ, nl_family, 0, flags, command,
		    IOTKEY_FAMILY_VERSION);
	return m;
}

/* 0: goes on; else the end, with *error. */
static bool take(const struct nlmsghdr *h, nl_each *each, void *arg, int *error)
{
	if (h->nlmsg_type == NLMSG_ERROR || h->nlmsg_type == NLMSG_DONE) {
		*error = -*(const int *)nlmsg_data(h);
		return true;
	}
	check(h);
	if (each)
		each(h, arg);
	return false;
}

int nl_ask(struct nl_sock *sock, struct nl_msg *request, nl_each *each, void *arg)
{
	struct sockaddr_nl from;
	unsigned char *buffer;
	bool ended = false;
	int error = EIO;

	nl_complete_msg(sock, request);
	nlmsg_hdr(request)->nlmsg_flags |= NLM_F_REQUEST;
	if (!(nlmsg_hdr(request)->nlmsg_flags & NLM_F_DUMP))
		nlmsg_hdr(request)->nlmsg_flags |= NLM_F_ACK;
	if (nl_send(sock, request) < 0) {
		nlmsg_free(request);
		return EIO;
	}
	nlmsg_free(request);
	while (!ended) {
		int len = nl_recv(sock, &from, &buffer, NULL), left = len;
		struct nlmsghdr *h = (struct nlmsghdr *)buffer;

		if (len <= 0)
			return EIO;
		for (; !ended && nlmsg_ok(h, left); h = nlmsg_next(h, &left))
			ended = take(h, each, arg, &error);
		free(buffer);
	}
	return error;
}

static void keep(const struct nlmsghdr *message, void *arg)
{
	nl_keep(arg, message);
}

int nl_get(struct nl_sock *sock, int32_t serial, struct nl_notice *notice)
{
	struct nl_msg *m = nl_request(IOTKEY_CMD_KEY_GET, 0);

	memset(notice, 0, sizeof(*notice));
	nla_put_s32(m, IOTKEY_A_KEY_SERIAL, serial);
	return nl_ask(sock, m, keep, notice);
}

static void keep_stats(const struct nlmsghdr *message, void *arg)
{
	const struct genlmsghdr *head = nlmsg_data(message);
	struct nlattr *at = genlmsg_attrdata(head, 0), *a;
	int left = genlmsg_attrlen(head, 0), rest;
	struct nl_stats *stats = arg;

	nla_for_each_attr(a, at, left, rest)
	{
		if (a->nla_type > IOTKEY_A_STATS_MAX || nla_len(a) != 8)
			continue;
		stats->value[a->nla_type] = nla_get_u64(a);
		stats->present |= 1 << a->nla_type;
	}
}

int nl_stats(struct nl_sock *sock, struct nl_stats *stats)
{
	memset(stats, 0, sizeof(*stats));
	return nl_ask(sock, nl_request(IOTKEY_CMD_STATS_GET, 0), keep_stats, stats);
}

bool nl_next(struct nl_sock *sock, struct nl_notice *notice, int ms)
{
	struct pollfd fd = { .fd = nl_socket_get_fd(sock), .events = POLLIN };
	struct sockaddr_nl from;
	unsigned char *buffer;
	bool ok;

	if (poll(&fd, 1, ms) != 1 || nl_recv(sock, &from, &buffer, NULL) <= 0)
		return false;
	check((struct nlmsghdr *)buffer);
	memset(notice, 0, sizeof(*notice));
	ok = nl_keep(notice, (struct nlmsghdr *)buffer);
	free(buffer);
	return ok;
}

void nl_verdict(void)
{
	ktap_ok(!nl_tally.malformed,
		"all %u messages are as the description says (%u not: %s)",
		nl_tally.messages, nl_tally.malformed, nl_tally.first);
	ktap_ok(secret_count && !nl_tally.secrets, "none holds one of %u secrets",
		secret_count);
}

int as_user(int (*what)(void *arg), void *arg)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		if (setresgid(USER, USER, USER) || setresuid(USER, USER, USER))
			_exit(100);
		/* or its files in /proc would be root's */
		prctl(PR_SET_DUMPABLE, 1);
		if (keyctl_join_session_keyring(NULL) < 0)
			_exit(101);
		_exit(what(arg));
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 102;
}

bool soft_secret(key_serial_t root, uint8_t secret[32])
{
	uint8_t blob[1024];
	size_t len = iot_save(root, blob, sizeof(blob));

	if (len < 64)
		return false;
	memcpy(secret, blob + len - 64, 32);
	return true;
}
