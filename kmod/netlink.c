// SPDX-License-Identifier: GPL-2.0-only
/*
 * Generic netlink family "iotkey": Documentation/netlink/iotkey.yaml. Status and
 * events, never material.
 */
#include <linux/cred.h>
#include <linux/key.h>
#include <linux/ktime.h>
#include <linux/user_namespace.h>
#include <net/genetlink.h>
#include "compat.h"
#include "key.h"
#include "netlink.h"
#include "notify.h"
#include "schedule.h"

enum {
	GROUP_EVENTS,
};

static struct genl_family family;

/* Out of line: there are many, and the inlines of netlink.h are not small. */
static noinline int put_u32(struct sk_buff *skb, int attribute, u32 value)
{
	return nla_put_u32(skb, attribute, value);
}

static noinline int put_u64(struct sk_buff *skb, int attribute, u64 value)
{
	return nla_put_u64_64bit(skb, attribute, value, IOTKEY_A_KEY_PAD);
}

static int put_identity(struct sk_buff *skb, const struct iot_key *ik,
			const struct iot_snapshot *snap,
			struct user_namespace *ns)
{
	const struct key *key = ik->key;
	uid_t uid = from_kuid_munged(ns, key->uid);

	return put_u32(skb, IOTKEY_A_KEY_SERIAL, key->serial) ||
	       nla_put_string(skb, IOTKEY_A_KEY_DESCRIPTION,
			      key->description) ||
	       put_u32(skb, IOTKEY_A_KEY_STATE, snap->moment.state) ||
	       put_u32(skb, IOTKEY_A_KEY_FLAGS, iot_key_flags(ik, snap)) ||
	       put_u32(skb, IOTKEY_A_KEY_UID, uid) ||
	       put_u32(skb, IOTKEY_A_KEY_PERM, key->perm) ||
	       nla_put(skb, IOTKEY_A_KEY_ID, IOT_ID_SIZE, ik->id) ||
	       put_u32(skb, IOTKEY_A_KEY_PROVIDER, iot_key_provider(ik)) ?
	       -EMSGSIZE : 0;
}

/* It has no root, no schedule and no versions. */
static int put_resident(struct sk_buff *skb, const struct iot_snapshot *snap)
{
	return put_u32(skb, IOTKEY_A_KEY_ALGORITHM, snap->policy.algorithm) ||
	       put_u32(skb, IOTKEY_A_KEY_USAGE, snap->policy.usage) ||
	       put_u64(skb, IOTKEY_A_KEY_OPS, snap->state.ops) ?
	       -EMSGSIZE : 0;
}

static int put_policy(struct sk_buff *skb, const struct iot_policy *p)
{
	return put_u32(skb, IOTKEY_A_KEY_ALGORITHM, p->algorithm) ||
	       put_u32(skb, IOTKEY_A_KEY_MODE, p->mode) ||
	       put_u32(skb, IOTKEY_A_KEY_USAGE, p->usage) ||
	       put_u32(skb, IOTKEY_A_KEY_ROTATE, p->rotate) ||
	       put_u32(skb, IOTKEY_A_KEY_OVERLAP, p->overlap) ||
	       put_u32(skb, IOTKEY_A_KEY_AHEAD, p->ahead) ||
	       put_u32(skb, IOTKEY_A_KEY_LIFETIME, p->lifetime) ||
	       put_u32(skb, IOTKEY_A_KEY_JITTER, p->jitter) ||
	       put_u64(skb, IOTKEY_A_KEY_MAX_OPS, p->max_ops) ||
	       put_u64(skb, IOTKEY_A_KEY_START, p->start) ? -EMSGSIZE : 0;
}

/* Seconds until @at; left out for a moment that never comes. */
static int put_until(struct sk_buff *skb, int attribute, s64 at, s64 now)
{
	return at == IOT_NEVER ? 0 :
	       put_u64(skb, attribute, max_t(s64, at - now, 0));
}

static int put_progress(struct sk_buff *skb, const struct iot_key *ik,
			const struct iot_snapshot *snap)
{
	const struct iot_policy *p = &snap->policy;
	const struct iot_state *s = &snap->state;

	return nla_put_string(skb, IOTKEY_A_KEY_ROOT_NAME, ik->root->name) ||
	       put_u32(skb, IOTKEY_A_KEY_VERSION, s->version) ||
	       put_u32(skb, IOTKEY_A_KEY_NEWEST, s->newest) ||
	       put_u32(skb, IOTKEY_A_KEY_STORED, s->stored) ||
	       put_u32(skb, IOTKEY_A_KEY_EPOCH, s->epoch) ||
	       put_u64(skb, IOTKEY_A_KEY_OPS, s->ops) ||
	       put_until(skb, IOTKEY_A_KEY_ROTATES_IN,
			 iot_schedule_rotates(p, s), snap->now) ||
	       put_until(skb, IOTKEY_A_KEY_EXPIRES_IN,
			 iot_schedule_expires(p, s), snap->now) ? -EMSGSIZE : 0;
}

/* @ns: whose user ids the reader knows */
static int put_key(struct sk_buff *skb, struct iot_key *ik,
		   struct user_namespace *ns)
{
	struct iot_snapshot snap;
	int ret;

	iot_key_snapshot(ik, &snap);
	ret = put_identity(skb, ik, &snap, ns);
	if (ret)
		return ret;
	if (ik->resident)
		return put_resident(skb, &snap);
	ret = nla_put(skb, IOTKEY_A_KEY_ROOT_ID, IOT_ID_SIZE, ik->root->id);
	if (!ret && iot_key_is_child(ik))
		ret = put_policy(skb, &snap.policy);
	if (!ret && iot_key_is_child(ik))
		ret = put_progress(skb, ik, &snap);
	return ret;
}

/* VIEW permission, as for /proc/keys; possession does not count here. */
static bool may_view(struct key *key)
{
	return !key_task_permission(make_key_ref(key, false), current_cred(),
				    KEY_NEED_VIEW);
}

static int reply_key(struct sk_buff *skb, u32 portid, u32 seq, int flags,
		     struct key *key)
{
	void *head = genlmsg_put(skb, portid, seq, &family, flags,
				 IOTKEY_CMD_KEY_GET);
	int ret;

	if (!head)
		return -EMSGSIZE;
	ret = put_key(skb, iot_key_of(key), current_user_ns());
	if (ret) {
		genlmsg_cancel(skb, head);
		return ret;
	}
	genlmsg_end(skb, head);
	return 0;
}

/* The live iot key of that serial, with a reference, if the caller may view it. */
static struct key *visible_key(s32 serial)
{
	struct key *key = serial > 0 ? iot_registry_next(serial - 1) : NULL;

	if (!key)
		return NULL;
	if (key->serial == serial && may_view(key))
		return key;
	key_put(key);
	return NULL;
}

static int get_key(struct sk_buff *skb, struct genl_info *info)
{
	struct sk_buff *reply;
	struct key *key;
	int ret;

	if (GENL_REQ_ATTR_CHECK(info, IOTKEY_A_KEY_SERIAL))
		return -EINVAL;
	key = visible_key(nla_get_s32(info->attrs[IOTKEY_A_KEY_SERIAL]));
	if (!key)
		return -ENOKEY;
	reply = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	ret = reply ? reply_key(reply, info->snd_portid, info->snd_seq, 0, key) :
		      -ENOMEM;
	key_put(key);
	if (ret) {
		nlmsg_free(reply);
		return ret;
	}
	return genlmsg_reply(reply, info);
}

/* cb->args[0]: serial of the last key that went out. */
static int dump_keys(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct key *key;
	int ret = 0;

	while (!ret && (key = iot_registry_next(cb->args[0]))) {
		if (may_view(key))
			ret = reply_key(skb, NETLINK_CB(cb->skb).portid,
					cb->nlh->nlmsg_seq, NLM_F_MULTI, key);
		if (!ret)
			cb->args[0] = key->serial;
		key_put(key);
	}
	return skb->len;
}

static int put_stats(struct sk_buff *skb)
{
	const struct {
		int attribute;
		const atomic64_t *value;
	} rows[] = {
		{ IOTKEY_A_STATS_KEYS, &iot_stats.keys },
		{ IOTKEY_A_STATS_ROOTS, &iot_stats.roots },
		{ IOTKEY_A_STATS_ROTATIONS, &iot_stats.rotations },
		{ IOTKEY_A_STATS_WAKEUPS, &iot_stats.wakeups },
		{ IOTKEY_A_STATS_OPERATIONS, &iot_stats.operations },
		{ IOTKEY_A_STATS_REFUSALS, &iot_stats.refusals },
		{ IOTKEY_A_STATS_TPM_COMMANDS, &iot_stats.tpm_commands },
		{ IOTKEY_A_STATS_TPM_ERRORS, &iot_stats.tpm_errors },
		{ IOTKEY_A_STATS_UNSEALS, &iot_stats.unseals },
		{ IOTKEY_A_STATS_SCHEDULED, &iot_stats.scheduled },
		{ IOTKEY_A_STATS_RECORDS_MEASURED, &iot_stats.records_measured },
		{ IOTKEY_A_STATS_RECORDS_LOST, &iot_stats.records_lost },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		if (nla_put_u64_64bit(skb, rows[i].attribute,
				      atomic64_read(rows[i].value),
				      IOTKEY_A_STATS_PAD))
			return -EMSGSIZE;
	}
	return 0;
}

static int get_stats(struct sk_buff *skb, struct genl_info *info)
{
	struct sk_buff *reply = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	void *head;

	if (!reply)
		return -ENOMEM;
	head = genlmsg_put_reply(reply, info, &family, 0, IOTKEY_CMD_STATS_GET);
	if (!head || put_stats(reply)) {
		nlmsg_free(reply);
		return -EMSGSIZE;
	}
	genlmsg_end(reply, head);
	return genlmsg_reply(reply, info);
}

static const struct nla_policy key_policy[IOTKEY_A_KEY_SERIAL + 1] = {
	[IOTKEY_A_KEY_SERIAL] = { .type = NLA_S32 },
};

static const struct genl_ops ops[] = {
	{
		.cmd = IOTKEY_CMD_KEY_GET,
		.doit = get_key,
		.dumpit = dump_keys,
		.policy = key_policy,
		.maxattr = IOTKEY_A_KEY_SERIAL,
	},
	{
		.cmd = IOTKEY_CMD_STATS_GET,
		.doit = get_stats,
	},
};

static const struct genl_multicast_group groups[] = {
	[GROUP_EVENTS] = {
		.name = IOTKEY_MCGRP_EVENTS,
		.flags = GENL_MCAST_CAP_NET_ADMIN,
	},
};

/* Keys belong to users, not to networks: the initial namespace only. */
static struct genl_family family __ro_after_init = {
	.name = IOTKEY_FAMILY_NAME,
	.version = IOTKEY_FAMILY_VERSION,
	.module = THIS_MODULE,
	.netnsok = false,
	.parallel_ops = true,
	.ops = ops,
	.n_ops = ARRAY_SIZE(ops),
	.resv_start_op = IOTKEY_CMD_KEY_GET,
	.mcgrps = groups,
	.n_mcgrps = ARRAY_SIZE(groups),
};

static int fill_event(struct sk_buff *skb, struct iot_key *ik, u8 event,
		      int error)
{
	void *head = genlmsg_put(skb, 0, 0, &family, 0, IOTKEY_CMD_KEY_NTF);

	if (!head || put_key(skb, ik, &init_user_ns) ||
	    put_u32(skb, IOTKEY_A_KEY_EVENT, event) ||
	    put_u32(skb, IOTKEY_A_KEY_ERROR, error) ||
	    put_u64(skb, IOTKEY_A_KEY_TIME, ktime_get_real_ns()))
		return -EMSGSIZE;
	genlmsg_end(skb, head);
	return 0;
}

/*
 * Best effort, but nobody is left in the dark: a listener that misses an event is told
 * so, with ENOBUFS, and dumps if it needs certainty.
 */
void iot_netlink_notify(struct iot_key *ik, u8 event, int error)
{
	struct sk_buff *skb;

	if (!genl_has_listeners(&family, &init_net, GROUP_EVENTS))
		return;
	skb = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	if (!skb || fill_event(skb, ik, event, error)) {
		nlmsg_free(skb);
		genl_set_err(&family, &init_net, 0, GROUP_EVENTS, -ENOBUFS);
		return;
	}
	genlmsg_multicast(&family, skb, 0, GROUP_EVENTS, GFP_KERNEL);
}

int iot_netlink_init(void)
{
	return genl_register_family(&family);
}

void iot_netlink_exit(void)
{
	genl_unregister_family(&family);
}
