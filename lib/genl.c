// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Status and counters over generic netlink.
 *
 * libnl's own error codes are fewer than errno's, so an error of the kernel
 * is taken from its message.
 */
#include "lib_private.h"

#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <string.h>

/* libnl 3.7 reads signed attributes as unsigned ones: the layout is the same */
#define S32_SIZE 4
#define S64_SIZE 8

enum kind { U32, S32, U64, S64, TEXT, ID };

struct field {
	enum kind kind;
	size_t offset;
};

#define KEY_FIELD(kind, m)                                  \
	{                                                   \
		kind, offsetof(struct iotkey_notice, key.m) \
	}

static const struct field key_fields[IOTKEY_A_KEY_MAX + 1] = {
	[IOTKEY_A_KEY_SERIAL] = KEY_FIELD(S32, serial),
	[IOTKEY_A_KEY_DESCRIPTION] = KEY_FIELD(TEXT, name),
	[IOTKEY_A_KEY_ALGORITHM] = KEY_FIELD(U32, algorithm),
	[IOTKEY_A_KEY_MODE] = KEY_FIELD(U32, mode),
	[IOTKEY_A_KEY_PROVIDER] = KEY_FIELD(U32, provider),
	[IOTKEY_A_KEY_STATE] = KEY_FIELD(U32, state),
	[IOTKEY_A_KEY_FLAGS] = KEY_FIELD(U32, flags),
	[IOTKEY_A_KEY_UID] = KEY_FIELD(U32, uid),
	[IOTKEY_A_KEY_PERM] = KEY_FIELD(U32, perm),
	[IOTKEY_A_KEY_ID] = KEY_FIELD(ID, id),
	[IOTKEY_A_KEY_ROOT_ID] = KEY_FIELD(ID, root_id),
	[IOTKEY_A_KEY_ROOT_NAME] = KEY_FIELD(TEXT, root),
	[IOTKEY_A_KEY_VERSION] = KEY_FIELD(U32, version),
	[IOTKEY_A_KEY_NEWEST] = KEY_FIELD(U32, newest),
	[IOTKEY_A_KEY_STORED] = KEY_FIELD(U32, stored),
	[IOTKEY_A_KEY_EPOCH] = KEY_FIELD(U32, epoch),
	[IOTKEY_A_KEY_OPS] = KEY_FIELD(U64, ops),
	[IOTKEY_A_KEY_ROTATES_IN] = KEY_FIELD(S64, rotates_in),
	[IOTKEY_A_KEY_EXPIRES_IN] = KEY_FIELD(S64, expires_in),
	[IOTKEY_A_KEY_ROTATE] = KEY_FIELD(U32, rotate),
	[IOTKEY_A_KEY_OVERLAP] = KEY_FIELD(U32, overlap),
	[IOTKEY_A_KEY_AHEAD] = KEY_FIELD(U32, ahead),
	[IOTKEY_A_KEY_LIFETIME] = KEY_FIELD(U32, lifetime),
	[IOTKEY_A_KEY_JITTER] = KEY_FIELD(U32, jitter),
	[IOTKEY_A_KEY_MAX_OPS] = KEY_FIELD(U64, max_ops),
	[IOTKEY_A_KEY_START] = KEY_FIELD(S64, start),
	[IOTKEY_A_KEY_USAGE] = KEY_FIELD(U32, usage),
	[IOTKEY_A_KEY_EVENT] = { U32, offsetof(struct iotkey_notice, event) },
	[IOTKEY_A_KEY_ERROR] = { S32, offsetof(struct iotkey_notice, error) },
	[IOTKEY_A_KEY_TIME] = { S64, offsetof(struct iotkey_notice, time) },
};

#define STATS_FIELD(m)                                \
	{                                             \
		U64, offsetof(struct iotkey_stats, m) \
	}

static const struct field stats_fields[IOTKEY_A_STATS_MAX + 1] = {
	[IOTKEY_A_STATS_KEYS] = STATS_FIELD(keys),
	[IOTKEY_A_STATS_ROOTS] = STATS_FIELD(roots),
	[IOTKEY_A_STATS_ROTATIONS] = STATS_FIELD(rotations),
	[IOTKEY_A_STATS_WAKEUPS] = STATS_FIELD(wakeups),
	[IOTKEY_A_STATS_OPERATIONS] = STATS_FIELD(operations),
	[IOTKEY_A_STATS_REFUSALS] = STATS_FIELD(refusals),
	[IOTKEY_A_STATS_TPM_COMMANDS] = STATS_FIELD(tpm_commands),
	[IOTKEY_A_STATS_TPM_ERRORS] = STATS_FIELD(tpm_errors),
	[IOTKEY_A_STATS_UNSEALS] = STATS_FIELD(unseals),
	[IOTKEY_A_STATS_SCHEDULED] = STATS_FIELD(scheduled),
	[IOTKEY_A_STATS_RECORDS_MEASURED] = STATS_FIELD(records_measured),
	[IOTKEY_A_STATS_RECORDS_LOST] = STATS_FIELD(records_lost),
};

static int take(const struct field *field, struct nlattr *attr, void *to)
{
	const size_t len = (size_t)nla_len(attr);
	const char *data = nla_data(attr);
	char *at = (char *)to + field->offset;

	switch (field->kind) {
	case U32:
	case S32:
		if (len != S32_SIZE)
			return -EBADMSG;
		memcpy(at, data, len);
		return 0;
	case U64:
	case S64:
		if (len != S64_SIZE)
			return -EBADMSG;
		memcpy(at, data, len);
		return 0;
	case ID:
		if (len != IOTKEY_ID_SIZE)
			return -EBADMSG;
		memcpy(at, data, len);
		return 0;
	case TEXT:
		if (!len || len > IOTKEY_NAME_MAX + 1 || data[len - 1])
			return -EBADMSG;
		memcpy(at, data, len);
		return 0;
	}
	return -EBADMSG;
}

static int parse(struct nlmsghdr *nlh, const struct field *fields, int max, void *to)
{
	struct nlattr *attr;
	int err, left, type;

	if (!genlmsg_valid_hdr(nlh, 0))
		return -EBADMSG;
	nla_for_each_attr(attr, genlmsg_attrdata(genlmsg_hdr(nlh), 0),
			  genlmsg_attrlen(genlmsg_hdr(nlh), 0), left)
	{
		type = nla_type(attr);
		if (type < 2 || type > max) /* 1 is the pad */
			continue;
		err = take(&fields[type], attr, to);
		if (err)
			return err;
	}
	return 0;
}

int iotkey__parse_key(struct nlmsghdr *nlh, struct iotkey_notice *notice)
{
	int err;

	memset(notice, 0, sizeof(*notice));
	notice->key.rotates_in = IOTKEY_NEVER;
	notice->key.expires_in = IOTKEY_NEVER;
	err = parse(nlh, key_fields, IOTKEY_A_KEY_MAX, notice);
	if (notice->error < 0)
		notice->error = -notice->error;
	return err;
}

/* For what went wrong on this side of the socket */
static int nl_error(int nlerr)
{
	switch (nlerr < 0 ? -nlerr : nlerr) {
	case NLE_SUCCESS:
		return 0;
	case NLE_NOMEM:
		return -ENOMEM;
	case NLE_PERM:
	case NLE_NOACCESS:
		return -EPERM;
	case NLE_INTR:
		return -EINTR;
	case NLE_AGAIN:
		return -EAGAIN;
	case NLE_OBJ_NOTFOUND: /* no such family */
	case NLE_AF_NOSUPPORT: /* no netlink at all */
	case NLE_OPNOTSUPP:
		return -ENOPKG;
	default:
		return -EBADMSG;
	}
}

static int connect_genl(struct nl_sock **sock, int *family)
{
	struct nl_sock *sk;
	int ret;

	sk = nl_socket_alloc();
	if (!sk)
		return -ENOMEM;
	ret = genl_connect(sk);
	if (!ret)
		ret = genl_ctrl_resolve(sk, IOTKEY_FAMILY_NAME);
	if (ret < 0) {
		nl_socket_free(sk);
		return nl_error(ret);
	}
	*sock = sk;
	*family = ret;
	return 0;
}

int iotkey__resolve(int *family, int *group)
{
	struct nl_sock *sk;
	int ret;

	ret = connect_genl(&sk, family);
	if (ret)
		return ret;
	if (group) {
		*group = genl_ctrl_resolve_grp(sk, IOTKEY_FAMILY_NAME,
					       IOTKEY_MCGRP_EVENTS);
		if (*group < 0)
			ret = nl_error(*group);
	}
	nl_socket_free(sk);
	return ret;
}

/* One request and what comes back for it */
struct request {
	int (*each)(struct request *request, struct nlmsghdr *nlh);
	int result; /* errno of the kernel or of .each */
	bool done;
	int (*fn)(const struct iotkey_status *status, void *arg);
	void *arg;
};

static int on_message(struct nl_msg *msg, void *arg)
{
	struct request *request = arg;

	if (!request->result)
		request->result = request->each(request, nlmsg_hdr(msg));
	return request->result ? NL_STOP : NL_OK;
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *err, void *arg)
{
	struct request *request = arg;

	(void)from;
	request->result = err->error < 0 ? err->error : -EBADMSG;
	request->done = true;
	return NL_STOP;
}

static int on_end(struct nl_msg *msg, void *arg)
{
	struct request *request = arg;

	(void)msg;
	request->done = true;
	return NL_STOP;
}

static int receive(struct nl_sock *sk, struct request *request)
{
	struct nl_cb *cb;
	int ret = 0;

	cb = nl_cb_alloc(NL_CB_DEFAULT);
	if (!cb)
		return -ENOMEM;
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_message, request);
	nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_end, request);
	nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, on_end, request);
	nl_cb_err(cb, NL_CB_CUSTOM, on_error, request);
	while (!request->done && !request->result) {
		ret = nl_recvmsgs(sk, cb);
		if (ret == -NLE_DUMP_INTR || ret == -NLE_INTR)
			ret = 0; /* a dump is no snapshot */
		if (ret < 0)
			break;
	}
	nl_cb_put(cb);
	if (request->result)
		return request->result;
	return ret < 0 ? nl_error(ret) : 0;
}

static int send_request(struct nl_sock *sk, int family, uint8_t command, int flags,
			int32_t key)
{
	struct nl_msg *msg;
	int ret;

	msg = nlmsg_alloc();
	if (!msg)
		return -ENOMEM;
	if (!genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, family, 0, NLM_F_REQUEST | flags,
			 command, IOTKEY_FAMILY_VERSION) ||
	    (key && nla_put_u32(msg, IOTKEY_A_KEY_SERIAL, (uint32_t)key) < 0)) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	/* as is: an acknowledgement only where it was asked for */
	nl_complete_msg(sk, msg);
	ret = nl_send(sk, msg);
	nlmsg_free(msg);
	return ret < 0 ? nl_error(ret) : 0;
}

static int ask(uint8_t command, int flags, int32_t key, struct request *request)
{
	struct nl_sock *sk;
	int err, family;

	err = connect_genl(&sk, &family);
	if (err)
		return err;
	err = send_request(sk, family, command, flags, key);
	if (!err)
		err = receive(sk, request);
	nl_socket_free(sk);
	return err;
}

static int take_status(struct request *request, struct nlmsghdr *nlh)
{
	struct iotkey_notice notice;
	int err;

	err = iotkey__parse_key(nlh, &notice);
	return err ? err : request->fn(&notice.key, request->arg);
}

static int copy_status(const struct iotkey_status *status, void *arg)
{
	*(struct iotkey_status *)arg = *status;
	return 0;
}

int iotkey_status_get(int32_t key, struct iotkey_status *status)
{
	struct request request = { .each = take_status,
				   .fn = copy_status,
				   .arg = status };
	int err;

	if (key <= 0)
		return -ENOKEY;
	memset(status, 0, sizeof(*status));
	err = ask(IOTKEY_CMD_KEY_GET, NLM_F_ACK, key, &request);
	return err || status->serial ? err : -ENOKEY;
}

int iotkey_status_dump(int (*fn)(const struct iotkey_status *status, void *arg),
		       void *arg)
{
	struct request request = { .each = take_status, .fn = fn, .arg = arg };

	return ask(IOTKEY_CMD_KEY_GET, NLM_F_DUMP, 0, &request);
}

static int take_stats(struct request *request, struct nlmsghdr *nlh)
{
	return parse(nlh, stats_fields, IOTKEY_A_STATS_MAX, request->arg);
}

int iotkey_stats_get(struct iotkey_stats *stats)
{
	struct request request = { .each = take_stats, .arg = stats };

	memset(stats, 0, sizeof(*stats));
	return ask(IOTKEY_CMD_STATS_GET, NLM_F_ACK, 0, &request);
}
