// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Generic netlink: dumps of many keys that go on while others come and go, and dumps that
 * nobody reads to their end.
 *
 * sources: tests/unit/ktap.c tests/kselftest/common/iot.c tests/kselftest/common/nl.c
 * libs: -lnl-genl-3 -lnl-3
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "common/nl.h"

#define MANY   2000
#define ROUNDS 20 /* dumps while keys come and go */
#define CHURN  50 /* keys that do */

static struct nl_sock *sock;
static key_serial_t root;

static void is(const char *what, uint64_t got, uint64_t expected)
{
	ktap_ok(got == expected, "%s (%llu, expected %llu)", what,
		(unsigned long long)got, (unsigned long long)expected);
}

static void is_error(const char *what, int got, int expected)
{
	ktap_ok(got == expected, "%s: %s (%s)", what, errno_name(expected),
		got ? errno_name(got) : "done");
}

/* What one dump showed. */
struct dump {
	unsigned int count, disorder;
	unsigned int wanted; /* of *want, in order */
	const int32_t *want;
	unsigned int want_count;
	int32_t last;
};

static void dump_one(const struct nlmsghdr *message, void *arg)
{
	struct nlattr *serial = nlmsg_find_attr((struct nlmsghdr *)message, GENL_HDRLEN,
						IOTKEY_A_KEY_SERIAL);
	struct dump *d = arg;
	int32_t s = serial ? nla_get_s32(serial) : 0;

	d->count++;
	d->disorder += s <= d->last;
	d->last = s;
	while (d->wanted < d->want_count && d->want[d->wanted] < s)
		d->want_count = 0; /* one was left out: give up */
	if (d->wanted < d->want_count && d->want[d->wanted] == s)
		d->wanted++;
}

static int dump(struct nl_sock *on, struct dump *d)
{
	return nl_ask(on, nl_request(IOTKEY_CMD_KEY_GET, NLM_F_DUMP), dump_one, d);
}

static int by_value(const void *a, const void *b)
{
	int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

	return x < y ? -1 : x > y;
}

static atomic_bool enough;

/* Keys come and go, and change. */
static void *churn(void *arg)
{
	key_serial_t ring = *(key_serial_t *)arg;
	char name[32], text[] = "new kdf root=nl mode=derive";
	unsigned int i, n = 0;

	while (!atomic_load(&enough)) {
		for (i = 0; i < CHURN; i++, n++) {
			key_serial_t key;

			snprintf(name, sizeof(name), "churn-%p-%u", arg, i);
			key = add_key("iot", name, text, strlen(text), ring);
			if (key > 0 && i % 3 == 0)
				keyctl_update(key, "rotate", 6);
			if (key > 0 && i % 7 == 0)
				keyctl_revoke(key);
		}
		keyctl_clear(ring);
	}
	return (void *)(uintptr_t)n;
}

static int refs(void)
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

/* Dumps that nobody reads to their end. */
static void test_abandoned(void)
{
	int before = refs(), i;

	for (i = 0; i < 30; i++) {
		struct nl_sock *s = nl_open();
		struct nl_msg *m = nl_request(IOTKEY_CMD_KEY_GET, NLM_F_DUMP);
		struct sockaddr_nl from;
		unsigned char *buffer;

		nl_send_auto(s, m);
		nlmsg_free(m);
		if (i % 2 && nl_recv(s, &from, &buffer, NULL) > 0)
			free(buffer);
		nl_socket_free(s);
	}
	for (i = 0; i < 100 && refs() != before; i++)
		usleep(20000);
	is("dumps given up: references to the module", refs(), before);
}

static void test_dump(void)
{
	static int32_t want[MANY + 1];
	key_serial_t ring = add_key("keyring", "many", NULL, 0, KEY_SPEC_SESSION_KEYRING);
	key_serial_t rings[2];
	pthread_t threads[2];
	unsigned int made = 0, i, short_of = 0, disorder = 0, failed = 0, churned = 0;
	char name[32], text[] = "new kdf root=nl mode=derive";
	struct dump d = {};

	for (i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "many-%u", i);
		want[i] = add_key("iot", name, text, strlen(text), ring);
		made += want[i] > 0;
	}
	want[MANY] = root;
	qsort(want, MANY + 1, sizeof(want[0]), by_value);
	is("keys made", made, MANY);
	d = (struct dump){ .want = want, .want_count = MANY + 1 };
	is_error("dump", dump(sock, &d), 0);
	is("dump: all keys", d.wanted, MANY + 1);
	is("dump: nothing else", d.count, MANY + 1);
	is("dump: out of order or twice", d.disorder, 0);
	test_abandoned();

	for (i = 0; i < 2; i++) {
		rings[i] = add_key("keyring", i ? "churn1" : "churn0", NULL, 0,
				   KEY_SPEC_SESSION_KEYRING);
		pthread_create(&threads[i], NULL, churn, &rings[i]);
	}
	for (i = 0; i < ROUNDS; i++) {
		d = (struct dump){ .want = want, .want_count = MANY + 1 };
		failed += dump(sock, &d) != 0;
		short_of += d.wanted != MANY + 1;
		disorder += d.disorder;
	}
	atomic_store(&enough, true);
	for (i = 0; i < 2; i++) {
		void *n;

		pthread_join(threads[i], &n);
		churned += (uintptr_t)n;
		keyctl_unlink(rings[i], KEY_SPEC_SESSION_KEYRING);
	}
	printf("# %u keys came and went during %u dumps\n", churned, ROUNDS);
	is("dumps while keys come and go: errors", failed, 0);
	is("dumps while keys come and go: without one that was there all the time",
	   short_of, 0);
	is("dumps while keys come and go: out of order or twice", disorder, 0);
	keyctl_unlink(ring, KEY_SPEC_SESSION_KEYRING);
}

int main(void)
{
	uint8_t secret[32];

	setvbuf(stdout, NULL, _IOLBF, 0);
	sock = nl_open();
	if (!ktap_ok(sock, "the family and its group are there"))
		return ktap_done();
	root = iot_add("nl", "new root provider=soft");
	ktap_ok(root > 0 && soft_secret(root, secret), "a soft root and its secret");
	nl_forbid(secret);
	test_dump();
	nl_verdict();
	iot_drop(root);
	nl_socket_free(sock);
	return ktap_done();
}
