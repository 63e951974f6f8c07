// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The generic netlink family, by libnl alone: status of one key and of all, who may
 * see what, events, and other network namespaces.
 *
 * sources: tests/unit/ktap.c tests/kselftest/common/iot.c
 * libs: -lnl-genl-3 -lnl-3
 */
#include <errno.h>
#include <linux/iotkey.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "common/iot.h"

#define MANY 2000

static struct nl_sock *sock;
static int family;

/* What a request brought: its last message, how many, and the errno. */
struct answer {
	struct nl_msg *last;
	struct nlattr *at[IOTKEY_A_KEY_MAX + 1];
	int32_t *serials;
	unsigned int count;
	bool ordered, multi;
	int error;
};

static int on_message(struct nl_msg *msg, void *arg)
{
	struct answer *a = arg;
	int32_t serial;

	if (a->last)
		nlmsg_free(a->last);
	a->last = msg;
	nlmsg_get(msg);
	genlmsg_parse(nlmsg_hdr(msg), 0, a->at, IOTKEY_A_KEY_MAX, NULL);
	a->multi |= nlmsg_hdr(msg)->nlmsg_flags & NLM_F_MULTI;
	if (a->at[IOTKEY_A_KEY_SERIAL]) {
		serial = nla_get_s32(a->at[IOTKEY_A_KEY_SERIAL]);
		if (a->serials) {
			if (a->count && a->serials[a->count - 1] >= serial)
				a->ordered = false;
			a->serials[a->count] = serial;
		}
	}
	a->count++;
	return NL_OK;
}

static int on_end(struct nl_msg *msg, void *arg)
{
	(void)msg;
	*(bool *)arg = true;
	return NL_STOP;
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *err, void *arg)
{
	(void)from;
	*(int *)arg = -err->error;
	return NL_STOP;
}

static struct nl_msg *request(uint8_t cmd, int flags)
{
	struct nl_msg *msg = nlmsg_alloc();

	genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, family, 0, flags, cmd,
		    IOTKEY_FAMILY_VERSION);
	return msg;
}

/* Sends @msg and frees it; a->error is the errno of the answer. */
static void ask(struct nl_sock *s, struct nl_msg *msg, struct answer *a)
{
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	bool done = false;
	int ret;

	a->error = 0;
	a->ordered = true;
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_message, a);
	nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, on_end, &done);
	nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_end, &done);
	nl_cb_err(cb, NL_CB_CUSTOM, on_error, &a->error);
	nl_send_auto(s, msg);
	while (!done && !a->error) {
		ret = nl_recvmsgs_report(s, cb);
		if (ret < 0)
			break;
	}
	nl_cb_put(cb);
	nlmsg_free(msg);
}

static void answer_free(struct answer *a)
{
	if (a->last)
		nlmsg_free(a->last);
	free(a->serials);
	memset(a, 0, sizeof(*a));
}

static void get(struct answer *a, int32_t serial)
{
	struct nl_msg *msg = request(IOTKEY_CMD_KEY_GET, NLM_F_REQUEST | NLM_F_ACK);

	memset(a, 0, sizeof(*a));
	nla_put_s32(msg, IOTKEY_A_KEY_SERIAL, serial);
	ask(sock, msg, a);
}

static bool is_u32(const struct answer *a, int attr, uint32_t value)
{
	return a->at[attr] && nla_get_u32(a->at[attr]) == value;
}

static bool is_u64(const struct answer *a, int attr, uint64_t value)
{
	return a->at[attr] && nla_get_u64(a->at[attr]) == value;
}

static bool is_text(const struct answer *a, int attr, const char *text)
{
	return a->at[attr] && !strcmp(nla_get_string(a->at[attr]), text);
}

static void test_get(key_serial_t root)
{
	key_serial_t key =
		iot_add("status",
			"new aes-128-ccm root=net mode=derive rotate=1h "
			"overlap=10m ahead=5m lifetime=1d max-ops=77 usage=encrypt "
			"start=%ld",
			(long)time(NULL) - 7300);
	uint8_t message[128], blob[1024];
	struct answer a;
	int64_t left;

	iot_encrypt(key, "x", 1, message, sizeof(message));
	get(&a, key);
	ktap_ok(!a.error && a.count == 1, "get: one answer (%s)", errno_name(a.error));
	ktap_ok(is_u32(&a, IOTKEY_A_KEY_SERIAL, key) &&
			is_text(&a, IOTKEY_A_KEY_DESCRIPTION, "status"),
		"serial and name");
	ktap_ok(is_u32(&a, IOTKEY_A_KEY_ALGORITHM, IOTKEY_ALGORITHM_AES_128_CCM) &&
			is_u32(&a, IOTKEY_A_KEY_MODE, IOTKEY_MODE_DERIVE) &&
			is_u32(&a, IOTKEY_A_KEY_PROVIDER, IOTKEY_PROVIDER_SOFT),
		"what it is");
	ktap_ok(is_u32(&a, IOTKEY_A_KEY_STATE, IOTKEY_STATE_ACTIVE) &&
			is_u32(&a, IOTKEY_A_KEY_FLAGS, IOTKEY_FLAG_UNSAFE),
		"state and flags");
	ktap_ok(is_u32(&a, IOTKEY_A_KEY_ROTATE, 3600) &&
			is_u32(&a, IOTKEY_A_KEY_OVERLAP, 600) &&
			is_u32(&a, IOTKEY_A_KEY_AHEAD, 300) &&
			is_u32(&a, IOTKEY_A_KEY_LIFETIME, 86400) &&
			is_u64(&a, IOTKEY_A_KEY_MAX_OPS, 77) &&
			is_u32(&a, IOTKEY_A_KEY_USAGE, 1) &&
			is_u32(&a, IOTKEY_A_KEY_JITTER, 0),
		"its policy");
	ktap_ok(is_u32(&a, IOTKEY_A_KEY_VERSION, 3) &&
			is_u32(&a, IOTKEY_A_KEY_EPOCH, 2) &&
			is_u64(&a, IOTKEY_A_KEY_OPS, 1),
		"where it is");
	ktap_ok(is_u32(&a, IOTKEY_A_KEY_UID, 0) &&
			is_u32(&a, IOTKEY_A_KEY_PERM, 0x3f010000) &&
			is_text(&a, IOTKEY_A_KEY_ROOT_NAME, "net"),
		"whose it is");
	left = a.at[IOTKEY_A_KEY_ROTATES_IN] ? nla_get_s64(a.at[IOTKEY_A_KEY_ROTATES_IN])
					     : -1;
	ktap_ok(left > 3400 && left <= 3500, "rotates in %lld s", (long long)left);
	left = a.at[IOTKEY_A_KEY_EXPIRES_IN] ? nla_get_s64(a.at[IOTKEY_A_KEY_EXPIRES_IN])
					     : -1;
	ktap_ok(left > 86300 && left <= 86400, "expires in %lld s", (long long)left);
	iot_save(key, blob, sizeof(blob));
	ktap_ok(a.at[IOTKEY_A_KEY_ID] && nla_len(a.at[IOTKEY_A_KEY_ID]) == 16 &&
			!memcmp(nla_data(a.at[IOTKEY_A_KEY_ID]), blob + 16, 16) &&
			!memcmp(nla_data(a.at[IOTKEY_A_KEY_ROOT_ID]), blob + 32, 16),
		"identities as in the blob");
	answer_free(&a);
	iot_drop(key);

	get(&a, root);
	ktap_ok(!a.error &&
			is_u32(&a, IOTKEY_A_KEY_FLAGS,
			       IOTKEY_FLAG_ROOT | IOTKEY_FLAG_UNSAFE) &&
			!a.at[IOTKEY_A_KEY_VERSION] && !a.at[IOTKEY_A_KEY_ROOT_NAME],
		"a root");
	answer_free(&a);

	key = iot_add("status", "new aes-128-ccm root=net");
	get(&a, key);
	ktap_ok(is_u32(&a, IOTKEY_A_KEY_FLAGS,
		       IOTKEY_FLAG_UNSAFE | IOTKEY_FLAG_UNSTORED) &&
			is_u32(&a, IOTKEY_A_KEY_NEWEST, 2) &&
			is_u32(&a, IOTKEY_A_KEY_STORED, 0),
		"a key that is not stored yet");
	ktap_ok(!a.at[IOTKEY_A_KEY_ROTATES_IN] && !a.at[IOTKEY_A_KEY_EXPIRES_IN],
		"has no time left when it has no end");
	answer_free(&a);
	iot_drop(key);
}

static void test_bad_requests(void)
{
	struct answer a = { 0 };
	struct nl_msg *msg;

	ask(sock, request(IOTKEY_CMD_KEY_GET, NLM_F_REQUEST | NLM_F_ACK), &a);
	ktap_ok(a.error == EINVAL, "get without a serial: EINVAL (%s)",
		errno_name(a.error));
	get(&a, 0);
	ktap_ok(a.error == ENOKEY, "serial 0: ENOKEY (%s)", errno_name(a.error));
	get(&a, -1);
	ktap_ok(a.error == ENOKEY, "serial -1: ENOKEY (%s)", errno_name(a.error));
	get(&a, 0x7fffffff);
	ktap_ok(a.error == ENOKEY, "no such key: ENOKEY (%s)", errno_name(a.error));
	get(&a, keyctl_get_keyring_ID(KEY_SPEC_SESSION_KEYRING, 0));
	ktap_ok(a.error == ENOKEY, "a keyring: ENOKEY (%s)", errno_name(a.error));

	msg = request(IOTKEY_CMD_KEY_GET, NLM_F_REQUEST | NLM_F_ACK);
	nla_put_u8(msg, IOTKEY_A_KEY_SERIAL, 1);
	ask(sock, msg, &a);
	ktap_ok(errno_in(a.error, "EINVAL") || a.error == ERANGE,
		"a serial of one byte is refused (%d)", a.error);
	msg = request(IOTKEY_CMD_KEY_GET, NLM_F_REQUEST | NLM_F_ACK);
	nla_put_string(msg, IOTKEY_A_KEY_DESCRIPTION, "net");
	ask(sock, msg, &a);
	ktap_ok(a.error == EINVAL, "an attribute that is no request: EINVAL (%s)",
		errno_name(a.error));
	ask(sock, request(IOTKEY_CMD_KEY_NTF, NLM_F_REQUEST | NLM_F_ACK), &a);
	ktap_ok(a.error == EOPNOTSUPP, "an event is no request: EOPNOTSUPP (%s)",
		errno_name(a.error));
	ask(sock, request(99, NLM_F_REQUEST | NLM_F_ACK), &a);
	ktap_ok(a.error == EOPNOTSUPP, "an unknown command: EOPNOTSUPP (%s)",
		errno_name(a.error));
	answer_free(&a);
}

static void dump(struct answer *a)
{
	memset(a, 0, sizeof(*a));
	a->serials = calloc(MANY + 1000, sizeof(*a->serials));
	ask(sock, request(IOTKEY_CMD_KEY_GET, NLM_F_REQUEST | NLM_F_DUMP), a);
}

static void test_dump(void)
{
	static key_serial_t keys[MANY];
	unsigned int made = 0, found = 0, i, j, before;
	key_serial_t ring;
	struct answer a;

	dump(&a);
	before = a.count;
	answer_free(&a);
	ring = add_key("keyring", "many", NULL, 0, KEY_SPEC_SESSION_KEYRING);
	for (i = 0; i < MANY; i++) {
		char name[32];

		snprintf(name, sizeof(name), "many-%u", i);
		keys[i] = add_key("iot", name, "new kdf root=net rotate=1w mode=derive",
				  38, ring);
		made += keys[i] > 0;
	}
	ktap_ok(made == MANY, "%d keys", MANY);
	dump(&a);
	ktap_ok(!a.error && a.count == before + MANY, "dump: all of them (%u of %u)",
		a.count, before + MANY);
	ktap_ok(a.ordered, "by ascending serial numbers, none twice");
	ktap_ok(a.multi, "in a message of many parts");
	for (i = 0; i < MANY; i++) {
		for (j = 0; j < a.count && a.serials[j] != keys[i]; j++)
			;
		found += j < a.count;
	}
	ktap_ok(found == MANY, "each of those that were made");
	answer_free(&a);
	keyctl_clear(ring);
	iot_drop(ring);
	for (i = 0; i < 100; i++) {
		dump(&a);
		if (a.count == before)
			break;
		answer_free(&a);
		usleep(100000);
	}
	ktap_ok(a.count == before, "and none when they are gone (%u)", a.count);
	answer_free(&a);
}

/* Stats are u64 attributes from 2 on: IOTKEY_A_STATS_*. */
static uint64_t stat_of(int attr)
{
	struct answer a = { 0 };
	uint64_t value;

	ask(sock, request(IOTKEY_CMD_STATS_GET, NLM_F_REQUEST | NLM_F_ACK), &a);
	value = !a.error && a.at[attr] ? nla_get_u64(a.at[attr]) : ~0ull;
	answer_free(&a);
	return value;
}

/* The collector takes its time. */
static bool comes_to(int attr, uint64_t value)
{
	int i;

	for (i = 0; i < 100 && stat_of(attr) != value; i++)
		usleep(50000);
	return i < 100;
}

static void test_stats(void)
{
	bool alone = comes_to(IOTKEY_A_STATS_KEYS, 0);
	uint64_t keys = stat_of(IOTKEY_A_STATS_KEYS),
		 roots = stat_of(IOTKEY_A_STATS_ROOTS);
	uint64_t rotations = stat_of(IOTKEY_A_STATS_ROTATIONS);
	uint64_t operations = stat_of(IOTKEY_A_STATS_OPERATIONS);
	uint64_t refusals = stat_of(IOTKEY_A_STATS_REFUSALS);
	uint64_t scheduled = stat_of(IOTKEY_A_STATS_SCHEDULED);
	uint64_t commands = stat_of(IOTKEY_A_STATS_TPM_COMMANDS);
	key_serial_t key =
		iot_add("stats", "new hmac-sha256 root=net mode=derive rotate=1h");
	uint8_t sig[40];

	ktap_ok(alone, "stats: no key but those of this test");
	ktap_ok(stat_of(IOTKEY_A_STATS_KEYS) == keys + 1, "a key more");
	ktap_ok(stat_of(IOTKEY_A_STATS_ROOTS) == roots, "no root more");
	ktap_ok(stat_of(IOTKEY_A_STATS_SCHEDULED) == scheduled + 1, "a deadline more");
	iot_sign(key, "x", 1, sig, sizeof(sig));
	iot_verify(key, "x", 1, sig, sizeof(sig));
	ktap_ok(stat_of(IOTKEY_A_STATS_OPERATIONS) == operations + 2,
		"two operations more");
	iot_verify(key, "y", 1, sig, sizeof(sig));
	iot_add("stats2", "new nonsense");
	ktap_ok(stat_of(IOTKEY_A_STATS_REFUSALS) == refusals + 2, "two refusals more");
	iot_update(key, "rotate");
	ktap_ok(stat_of(IOTKEY_A_STATS_ROTATIONS) == rotations + 1, "a rotation more");
	ktap_ok(stat_of(IOTKEY_A_STATS_TPM_COMMANDS) == commands, "no TPM command");
	iot_drop(key);
	ktap_ok(comes_to(IOTKEY_A_STATS_KEYS, keys), "the key is gone");
	ktap_ok(stat_of(IOTKEY_A_STATS_SCHEDULED) == scheduled, "and its deadline");
}

/* Runs in a child of that uid; its result is the exit status. */
static int as_uid(uid_t uid, int (*fn)(void *arg), void *arg)
{
	int status = 0;
	pid_t pid = fork();

	if (!pid) {
		if (uid) {
			if (setgid(uid) || setuid(uid))
				_exit(100);
			keyctl_join_session_keyring(NULL);
		}
		sock = nl_socket_alloc();
		if (genl_connect(sock))
			_exit(101);
		_exit(fn(arg));
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 102;
}

static int child_get(void *arg)
{
	struct answer a;

	get(&a, *(key_serial_t *)arg);
	return a.error;
}

static int child_dump(void *arg)
{
	struct answer a;

	(void)arg;
	dump(&a);
	return a.error ? 103 : a.count;
}

static int child_subscribe(void *arg)
{
	int group = *(int *)arg;
	int ret = nl_socket_add_membership(sock, group);

	return ret == 0 ? 0 : ret == -NLE_PERM ? EPERM : 104;
}

static int child_other_net(void *arg)
{
	(void)arg;
	if (unshare(CLONE_NEWNET))
		return 105;
	nl_socket_free(sock);
	sock = nl_socket_alloc();
	if (genl_connect(sock))
		return 101;
	return genl_ctrl_resolve(sock, IOTKEY_FAMILY_NAME) == -NLE_OBJ_NOTFOUND ? 0 : 1;
}

static void test_others(key_serial_t root, int group)
{
	key_serial_t key = iot_add("secret", "new kdf root=net");
	int ret;

	ret = as_uid(0, child_get, &key);
	ktap_ok(!ret, "another process of the owner sees a key (%s)", errno_name(ret));
	ret = as_uid(1000, child_get, &key);
	ktap_ok(ret == ENOKEY, "another user does not: ENOKEY (%s)", errno_name(ret));
	ret = as_uid(1000, child_dump, NULL);
	ktap_ok(ret == 0, "nor any in a dump (%d)", ret);
	keyctl_setperm(key, 0x3f010001);
	ret = as_uid(1000, child_get, &key);
	ktap_ok(!ret, "with VIEW he does (%s)", errno_name(ret));
	ret = as_uid(1000, child_get, &root);
	ktap_ok(ret == ENOKEY, "but not its root");
	ret = as_uid(1000, child_dump, NULL);
	ktap_ok(ret == 1, "and in a dump that one alone (%d)", ret);
	keyctl_setperm(key, 0x3f000000);
	ret = as_uid(0, child_get, &key);
	ktap_ok(ret == ENOKEY, "without VIEW nor does the owner (%s)", errno_name(ret));
	iot_drop(key);
	ret = as_uid(1000, child_subscribe, &group);
	ktap_ok(ret == EPERM, "a user may not listen to events: EPERM (%s)",
		errno_name(ret));
	ret = as_uid(0, child_subscribe, &group);
	ktap_ok(!ret, "root may");
	ret = as_uid(0, child_other_net, NULL);
	ktap_ok(!ret, "no family in another network namespace (%d)", ret);
}

/* Events */

struct heard {
	key_serial_t key;
	uint32_t events[64], versions[64];
	unsigned int count, others;
	bool complete;
};

static int on_event(struct nl_msg *msg, void *arg)
{
	struct nlattr *at[IOTKEY_A_KEY_MAX + 1];
	struct heard *h = arg;

	genlmsg_parse(nlmsg_hdr(msg), 0, at, IOTKEY_A_KEY_MAX, NULL);
	if (((struct genlmsghdr *)nlmsg_data(nlmsg_hdr(msg)))->cmd !=
		    IOTKEY_CMD_KEY_NTF ||
	    !at[IOTKEY_A_KEY_SERIAL] || !at[IOTKEY_A_KEY_EVENT])
		return NL_OK;
	if (nla_get_s32(at[IOTKEY_A_KEY_SERIAL]) != h->key && h->key) {
		h->others++;
		return NL_OK;
	}
	if (h->count == 64)
		return NL_OK;
	h->complete &= at[IOTKEY_A_KEY_TIME] && at[IOTKEY_A_KEY_DESCRIPTION] &&
		       at[IOTKEY_A_KEY_STATE] && at[IOTKEY_A_KEY_ID];
	h->events[h->count] = nla_get_u32(at[IOTKEY_A_KEY_EVENT]);
	h->versions[h->count] =
		at[IOTKEY_A_KEY_VERSION] ? nla_get_u32(at[IOTKEY_A_KEY_VERSION]) : 0;
	h->count++;
	return NL_OK;
}

/* Collects until @event has come or @ms have passed without a word. */
static bool listen_for(struct nl_sock *s, struct heard *h, uint32_t event, int ms)
{
	struct pollfd fd = { .fd = nl_socket_get_fd(s), .events = POLLIN };

	while (poll(&fd, 1, ms) == 1) {
		nl_recvmsgs_default(s);
		if (h->count && h->events[h->count - 1] == event)
			return true;
	}
	return false;
}

static bool sequence(const struct heard *h, const char *expected)
{
	static const char letters[] = "?CLReXKDF"; /* enum iotkey_event */
	char got[65] = "";
	unsigned int i;

	for (i = 0; i < h->count; i++)
		got[i] = h->events[i] < sizeof(letters) - 1 ? letters[h->events[i]] : '!';
	if (strcmp(got, expected))
		printf("# heard %s, not %s\n", got, expected);
	return !strcmp(got, expected) && h->complete;
}

static void test_events(int group)
{
	struct nl_sock *s = nl_socket_alloc();
	struct heard h = { .complete = true };
	char text[2048];
	uint8_t blob[1024];

	nl_socket_disable_seq_check(s);
	nl_socket_modify_cb(s, NL_CB_VALID, NL_CB_CUSTOM, on_event, &h);
	genl_connect(s);
	nl_socket_set_buffer_size(s, 1 << 20, 0);
	nl_socket_add_membership(s, group);

	h.key = iot_add("told", "new kdf root=net overlap=1h");
	iot_update(h.key, "stored=2");
	iot_update(h.key, "rotate");
	iot_base64(blob, iot_save(h.key, blob, sizeof(blob)), text);
	keyctl_revoke(h.key);
	iot_drop(h.key);
	ktap_ok(listen_for(s, &h, IOTKEY_EVENT_DESTROYED, 5000) && sequence(&h, "CRKD"),
		"events: created, rotated, revoked, destroyed");
	ktap_ok(h.versions[0] == 1 && h.versions[1] == 2, "with their versions");

	h = (struct heard){ .complete = true };
	h.key = iot_add("told", "load %s", text);
	iot_drop(h.key);
	ktap_ok(listen_for(s, &h, IOTKEY_EVENT_DESTROYED, 5000) && sequence(&h, "LD"),
		"loaded, destroyed");

	h = (struct heard){ .complete = true };
	h.key = iot_add("told", "new kdf root=net mode=derive rotate=1s lifetime=3s");
	ktap_ok(listen_for(s, &h, IOTKEY_EVENT_EXPIRED, 6000) && sequence(&h, "CRReX"),
		"a key that nobody uses: created, rotated, rotated, expiring, expired");
	iot_drop(h.key);
	listen_for(s, &h, IOTKEY_EVENT_DESTROYED, 5000);

	h = (struct heard){ .complete = true };
	h.key = iot_add("told", "new kdf root=net rotate=1s");
	ktap_ok(listen_for(s, &h, IOTKEY_EVENT_FAILED, 5000) && sequence(&h, "CF"),
		"a rotation that waits for stored=: failed");
	iot_update(h.key, "stored=2");
	ktap_ok(listen_for(s, &h, IOTKEY_EVENT_ROTATED, 5000) && sequence(&h, "CFR"),
		"and comes after it");
	iot_drop(h.key);
	nl_socket_free(s);
}

int main(void)
{
	key_serial_t root = iot_add("net", "new root provider=soft");
	int group;

	sock = nl_socket_alloc();
	genl_connect(sock);
	nl_socket_set_buffer_size(sock, 1 << 20, 0);
	family = genl_ctrl_resolve(sock, IOTKEY_FAMILY_NAME);
	group = genl_ctrl_resolve_grp(sock, IOTKEY_FAMILY_NAME, IOTKEY_MCGRP_EVENTS);
	if (!ktap_ok(family > 0 && group > 0 && root > 0, "the family and its group"))
		return ktap_done();
	test_get(root);
	test_bad_requests();
	test_stats();
	test_dump();
	test_others(root, group);
	test_events(group);
	keyctl_clear(KEY_SPEC_SESSION_KEYRING);
	return ktap_done();
}
