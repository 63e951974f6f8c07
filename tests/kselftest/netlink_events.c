// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Generic netlink: events.  One of each kind with what it holds, who may listen, and
 * a listener that does not keep up.
 *
 * sources: tests/unit/ktap.c tests/kselftest/common/iot.c tests/kselftest/common/nl.c
 * libs: -lnl-genl-3 -lnl-3
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "common/nl.h"

#define SOON  2000 /* ms: for an event that has happened */
#define LATER 8000 /* and for one that a deadline brings */

static struct nl_sock *sock, *events;
static struct nl_notice notice, status;
static key_serial_t root;

static void is(const char *what, long long got, long long expected)
{
	ktap_ok(got == expected, "%s (%lld, expected %lld)", what, got, expected);
}

/* The next event of a key, whatever others do meanwhile. */
static int next_of(key_serial_t key, int ms)
{
	struct timespec now;
	int64_t end = 0, at;

	do {
		clock_gettime(CLOCK_MONOTONIC, &now);
		at = now.tv_sec * 1000ll + now.tv_nsec / 1000000;
		if (!end)
			end = at + ms;
		if (at >= end || !nl_next(events, &notice, end - at))
			return 0;
	} while ((key_serial_t)nl_u32(&notice, IOTKEY_A_KEY_SERIAL) != key);
	return nl_u32(&notice, IOTKEY_A_KEY_EVENT);
}

/* The event comes next, and says what it must. */
static bool told(const char *what, key_serial_t key, int event, int error, int ms)
{
	const struct genlmsghdr *head = nlmsg_data(&notice.header);
	int64_t age;
	int got = next_of(key, ms);

	age = time(NULL) - (int64_t)nl_u64(&notice, IOTKEY_A_KEY_TIME) / 1000000000;
	return ktap_ok(got == event && head->cmd == IOTKEY_CMD_KEY_NTF &&
			       notice.at[IOTKEY_A_KEY_TIME] && age >= -1 &&
			       age <= ms / 1000 + 1 &&
			       (int)nl_u32(&notice, IOTKEY_A_KEY_ERROR) == error,
		       "%s: event %d (%d, error %d, %lld s ago)", what, event, got,
		       nl_u32(&notice, IOTKEY_A_KEY_ERROR), (long long)age);
}

static bool passes(int attribute)
{
	return attribute == IOTKEY_A_KEY_ROTATES_IN ||
	       attribute == IOTKEY_A_KEY_EXPIRES_IN;
}

/* An event holds what a get gives, and three more. */
static void same_as_status(const char *what, key_serial_t key)
{
	int i, differs = 0;

	if (nl_get(sock, key, &status)) {
		ktap_ok(false, "%s: no status", what);
		return;
	}
	for (i = 1; i <= IOTKEY_A_KEY_USAGE; i++) {
		struct nlattr *a = notice.at[i], *b = status.at[i];

		if (!a != !b || (a && !passes(i) &&
				 (nla_len(a) != nla_len(b) ||
				  memcmp(nla_data(a), nla_data(b), nla_len(a)))))
			differs = i;
	}
	ktap_ok(!differs, "%s: the event holds what key-get gives (attribute %d)", what,
		differs);
}

static void flags_are(const char *what, uint32_t expected)
{
	uint32_t flags = nl_u32(&notice, IOTKEY_A_KEY_FLAGS);

	ktap_ok(flags == expected, "%s: flags %u (%u)", what, expected, flags);
}

static void test_life(void)
{
	char text[2048];
	uint8_t blob[1024];
	key_serial_t key;
	size_t len;

	key = iot_add("ev-life", "new aes-256-gcm root=ev rotate=1h overlap=1m");
	told("created", key, IOTKEY_EVENT_CREATED, 0, SOON);
	same_as_status("created", key);
	flags_are("created", IOTKEY_FLAG_UNSAFE | IOTKEY_FLAG_UNSTORED);
	is("created: version", nl_u32(&notice, IOTKEY_A_KEY_VERSION), 1);

	iot_update(key, "stored=2");
	iot_update(key, "rotate");
	told("rotate by hand", key, IOTKEY_EVENT_ROTATED, 0, SOON);
	same_as_status("rotated", key);
	is("rotated: version", nl_u32(&notice, IOTKEY_A_KEY_VERSION), 2);
	is("rotated: newest", nl_u32(&notice, IOTKEY_A_KEY_NEWEST), 3);
	is("rotated: stored", nl_u32(&notice, IOTKEY_A_KEY_STORED), 2);
	is("a rotation that may not be", iot_update(key, "rotate"), EAGAIN);

	len = iot_save(key, blob, sizeof(blob));
	iot_drop(key);
	told("unlinked", key, IOTKEY_EVENT_DESTROYED, 0, LATER);
	ktap_ok(!strcmp(nl_text(&notice, IOTKEY_A_KEY_DESCRIPTION), "ev-life"),
		"destroyed: the name is still told");

	key = iot_add("ev-life", "load %s", iot_base64(blob, len, text));
	told("loaded", key, IOTKEY_EVENT_LOADED, 0, SOON);
	same_as_status("loaded", key);
	is("loaded: version", nl_u32(&notice, IOTKEY_A_KEY_VERSION), 2);
	ktap_ok(!memcmp(nla_data(notice.at[IOTKEY_A_KEY_ID]), blob + 16, 16),
		"loaded: the identity is the blob's");

	keyctl_revoke(key);
	told("revoked", key, IOTKEY_EVENT_REVOKED, 0, SOON);
	is("revoked: state", nl_u32(&notice, IOTKEY_A_KEY_STATE), IOTKEY_STATE_REVOKED);
	iot_drop(key);
	told("unlinked", key, IOTKEY_EVENT_DESTROYED, 0, LATER);
}

static void test_deadlines(void)
{
	key_serial_t key =
		iot_add("ev-time", "new kdf root=ev mode=derive rotate=2 lifetime=5");
	int i;

	told("a short life", key, IOTKEY_EVENT_CREATED, 0, SOON);
	told("2 s", key, IOTKEY_EVENT_ROTATED, 0, LATER);
	is("2 s: version", nl_u32(&notice, IOTKEY_A_KEY_VERSION), 2);
	told("3 s", key, IOTKEY_EVENT_EXPIRING, 0, LATER);
	is("3 s: state", nl_u32(&notice, IOTKEY_A_KEY_STATE), IOTKEY_STATE_EXPIRING);
	told("4 s", key, IOTKEY_EVENT_ROTATED, 0, LATER);
	told("5 s", key, IOTKEY_EVENT_EXPIRED, 0, LATER);
	is("5 s: state", nl_u32(&notice, IOTKEY_A_KEY_STATE), IOTKEY_STATE_EXPIRED);
	is("5 s: expires-in", nl_u64(&notice, IOTKEY_A_KEY_EXPIRES_IN), 0);
	i = next_of(key, SOON);
	is("after its end nothing more is told", i, 0);
	iot_drop(key);
	told("unlinked", key, IOTKEY_EVENT_DESTROYED, 0, LATER);
}

/* A random key that nobody saves cannot go on, which is told once. */
static void test_failed(void)
{
	key_serial_t key = iot_add("ev-fail", "new aes-256-gcm root=ev rotate=1");

	told("never stored", key, IOTKEY_EVENT_CREATED, 0, SOON);
	told("its rotation is due", key, IOTKEY_EVENT_FAILED, -EAGAIN, LATER);
	flags_are("due", IOTKEY_FLAG_UNSAFE | IOTKEY_FLAG_UNSTORED | IOTKEY_FLAG_OVERDUE);
	is("due: version", nl_u32(&notice, IOTKEY_A_KEY_VERSION), 1);
	is("it is told once", next_of(key, 3000), 0);
	iot_update(key, "stored=2");
	told("stored", key, IOTKEY_EVENT_ROTATED, 0, SOON);
	is("stored: version", nl_u32(&notice, IOTKEY_A_KEY_VERSION), 2);
	iot_drop(key);
}

static void test_root(void)
{
	key_serial_t key, top = iot_add("ev-root", "new root provider=soft");

	told("a root", top, IOTKEY_EVENT_CREATED, 0, SOON);
	same_as_status("a root", top);
	flags_are("a root", IOTKEY_FLAG_ROOT | IOTKEY_FLAG_UNSAFE);
	key = iot_add("ev-child", "new kdf root=ev-root mode=derive");
	told("its child", key, IOTKEY_EVENT_CREATED, 0, SOON);
	keyctl_revoke(top);
	told("the root is revoked", top, IOTKEY_EVENT_REVOKED, 0, SOON);
	told("and its child with it", key, IOTKEY_EVENT_REVOKED, 0, SOON);
	iot_drop(key);
	told("the child goes", key, IOTKEY_EVENT_DESTROYED, 0, LATER);
	iot_drop(top);
	told("the root goes", top, IOTKEY_EVENT_DESTROYED, 0, LATER);
}

/* Trusting the clock shows in the flags. */
static void test_clock_flag(void)
{
	int fd = open("/sys/module/iotkey/parameters/clock_trusted", O_WRONLY);
	key_serial_t key;

	if (fd < 0 || write(fd, "Y", 1) != 1)
		ktap_ok(false, "clock_trusted: %m");
	key = iot_add("ev-clock", "new kdf root=ev mode=derive");
	told("with a trusted clock", key, IOTKEY_EVENT_CREATED, 0, SOON);
	flags_are("with a trusted clock", IOTKEY_FLAG_UNSAFE | IOTKEY_FLAG_CLOCK_TRUSTED);
	if (fd < 0 || write(fd, "N", 1) != 1)
		ktap_ok(false, "clock_trusted: %m");
	close(fd);
	iot_drop(key);
}

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	close(fd);
	return ok;
}

/* In a user namespace uid 1000 is called 0. */
static int make_in_namespace(void *arg)
{
	int *to_parent = arg;
	key_serial_t key;

	if (unshare(CLONE_NEWUSER) || !write_file("/proc/self/setgroups", "deny") ||
	    !write_file("/proc/self/uid_map", "0 1000 1"))
		return 1;
	key = iot_add("ev-inside", "new root provider=soft");
	return key > 0 && write(to_parent[1], &key, sizeof(key)) == sizeof(key) ? 0 : 2;
}

static void test_user_namespace(void)
{
	key_serial_t key;
	int pipes[2];

	if (pipe(pipes))
		exit(1);
	is("a key is made in a user namespace (step that failed)",
	   as_user(make_in_namespace, pipes), 0);
	close(pipes[1]);
	if (read(pipes[0], &key, sizeof(key)) != sizeof(key)) {
		ktap_ok(false, "no key from the user namespace");
		return;
	}
	told("from a user namespace", key, IOTKEY_EVENT_CREATED, 0, SOON);
	is("from a user namespace: the uid as this namespace counts",
	   nl_u32(&notice, IOTKEY_A_KEY_UID), 1000);
}

static int subscribe(void)
{
	struct nl_sock *s = nl_socket_alloc();
	int one = nl_group;

	if (!s || genl_connect(s))
		return EIO;
	return setsockopt(nl_socket_get_fd(s), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &one,
			  sizeof(one))
		       ? errno
		       : 0;
}

/* The other way into a group. */
static int bind_to_group(void)
{
	struct sockaddr_nl a = { .nl_family = AF_NETLINK,
				 .nl_groups = 1u << (nl_group - 1) };
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);

	if (nl_group > 32)
		return EPERM;
	return bind(fd, (struct sockaddr *)&a, sizeof(a)) ? errno : 0;
}

static int listen_as_user(void *arg)
{
	(void)arg;
	if (subscribe() != EPERM)
		return 1;
	if (bind_to_group() != EPERM)
		return 2;
	/* CAP_NET_ADMIN in a namespace of one's own does not count. */
	if (unshare(CLONE_NEWUSER))
		return 3;
	if (subscribe() != EPERM)
		return 4;
	if (bind_to_group() != EPERM)
		return 5;
	return 0;
}

static void test_who_listens(void)
{
	int got;
	pid_t pid;

	is("another user may not listen (step that failed)",
	   as_user(listen_as_user, NULL), 0);
	is("root may", subscribe(), 0);
	is("in either way", bind_to_group(), 0);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		if (unshare(CLONE_NEWNET))
			_exit(1);
		/* It may be taken for a group that nobody has; nothing comes of it. */
		subscribe();
		_exit(nl_open() ? 2 : 0);
	}
	waitpid(pid, &got, 0);
	is("no such group in another network namespace", WEXITSTATUS(got), 0);
}

/* A listener whose buffer is full learns that it missed something, and goes on. */
static void test_overrun(void)
{
	struct nl_sock *lazy = nl_open();
	key_serial_t ring =
		add_key("keyring", "ev-many", NULL, 0, KEY_SPEC_SESSION_KEYRING);
	char name[32], text[] = "new kdf root=ev mode=derive", byte;
	int i, made = 0;

	nl_socket_set_buffer_size(lazy, 4096, 0);
	nl_socket_add_membership(lazy, nl_group);
	for (i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "ev-many-%d", i);
		made += add_key("iot", name, text, strlen(text), ring) > 0;
	}
	is("keys are made although a listener sleeps", made, 300);
	errno = 0;
	is("the listener is told that it missed some",
	   recv(nl_socket_get_fd(lazy), &byte, 1, MSG_DONTWAIT) < 0 ? errno : 0, ENOBUFS);
	nl_socket_free(lazy);
	keyctl_unlink(ring, KEY_SPEC_SESSION_KEYRING);
}

int main(void)
{
	uint8_t secret[32];

	setvbuf(stdout, NULL, _IOLBF, 0);
	sock = nl_open();
	events = nl_open();
	if (!ktap_ok(sock && events, "the family and its group are there"))
		return ktap_done();
	nl_socket_set_buffer_size(events, 1 << 20, 0);
	ktap_ok(!nl_socket_add_membership(events, nl_group), "root listens");
	root = iot_add("ev", "new root provider=soft");
	ktap_ok(root > 0 && soft_secret(root, secret), "a soft root and its secret");
	nl_forbid(secret);
	test_life();
	test_deadlines();
	test_failed();
	test_root();
	test_clock_flag();
	test_user_namespace();
	test_who_listens();
	test_overrun();
	nl_verdict();
	iot_drop(root);
	nl_socket_free(events);
	nl_socket_free(sock);
	return ktap_done();
}
