// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "race.h"

/* A message, and what is in it. */
struct entry {
	uint32_t version;
	uint8_t len, fill;
	uint8_t message[RACE_TEXT + OVERHEAD];
};

struct user {
	pthread_t thread;
	struct race *race;
	unsigned int seed, count;
	struct entry log[RACE_LOG];
};

static struct user users[RACE_USERS];
static unsigned int kinds, rounds_done;
static atomic_ulong operations, successes, opened, wrongs;
static pthread_mutex_t first_lock = PTHREAD_MUTEX_INITIALIZER;
static char first[256];

void race_wrong(const char *fmt, ...)
{
	va_list args;

	pthread_mutex_lock(&first_lock);
	if (!atomic_fetch_add(&wrongs, 1)) {
		va_start(args, fmt);
		vsnprintf(first, sizeof(first), fmt, args);
		va_end(args);
	}
	pthread_mutex_unlock(&first_lock);
}

int race_op(const char *what, int error, const char *allowed)
{
	atomic_fetch_add(&operations, 1);
	if (!error)
		atomic_fetch_add(&successes, 1);
	else if (!errno_in(error, allowed))
		race_wrong("%s: %s", what, errno_name(error));
	return error;
}

void race_pause(unsigned int us)
{
	usleep(rand() % us);
}

unsigned int race_rounds(unsigned int few)
{
	const char *more = getenv("IOTKEY_LONG");

	return more && *more ? few * 20 : few;
}

/* The outcome of a use that began when the race was over, or not. */
static bool use_op(struct race *r, const char *what, bool over, int error, bool is_query)
{
	bool dead =
		over && r->death != RACE_LIVES && (!is_query || r->death == RACE_NOTHING);

	if (dead && !error)
		race_wrong("%s succeeded after the %s", what, r->name);
	return !race_op(what, error, dead ? r->after : r->allowed);
}

static void check_text(const struct entry *e, const uint8_t *text, long len,
		       const char *what)
{
	uint8_t expected[RACE_TEXT];

	memset(expected, e->fill, sizeof(expected));
	if (len != e->len || memcmp(text, expected, e->len))
		race_wrong("%s: opened to something else", what);
	else
		atomic_fetch_add(&opened, 1);
}

/* Encrypts; opens it at once every other time. */
static void use_aead(struct user *u, bool over)
{
	struct race *r = u->race;
	struct entry scratch, *e = u->count < RACE_LOG ? &u->log[u->count] : &scratch;
	uint8_t text[RACE_TEXT];
	long n;

	e->len = rand_r(&u->seed) % (RACE_TEXT + 1);
	e->fill = rand_r(&u->seed);
	memset(text, e->fill, sizeof(text));
	n = iot_encrypt(r->aead, text, e->len, e->message, sizeof(e->message));
	if (!use_op(r, "encrypt", over, n < 0 ? -n : 0, false))
		return;
	if (n != e->len + OVERHEAD) {
		race_wrong("encrypt: a message of %ld bytes", n);
		return;
	}
	e->version = (uint32_t)e->message[4] << 24 | e->message[5] << 16 |
		     e->message[6] << 8 | e->message[7];
	if (e != &scratch)
		u->count++;
	if (rand_r(&u->seed) % 2)
		return;
	over = atomic_load(&r->over);
	n = iot_decrypt(r->aead, e->message, n, text, sizeof(text));
	/* its version may be past its time by now */
	if (n == -EKEYEXPIRED && (!over || r->death == RACE_LIVES))
		race_op("decrypt", EKEYEXPIRED, "EKEYEXPIRED");
	else if (use_op(r, "decrypt", over, n < 0 ? -n : 0, false))
		check_text(e, text, n, "decrypt");
}

static void use_mac(struct user *u, bool over)
{
	struct race *r = u->race;
	uint8_t text[RACE_TEXT], sig[40];
	size_t len = rand_r(&u->seed) % (RACE_TEXT + 1);
	long n;
	int ret;

	memset(text, rand_r(&u->seed), sizeof(text));
	n = iot_sign(r->mac, text, len, sig, sizeof(sig));
	if (!use_op(r, "sign", over, n < 0 ? -n : 0, false))
		return;
	over = atomic_load(&r->over);
	ret = iot_verify(r->mac, text, len, sig, n);
	if (ret == EKEYEXPIRED && (!over || r->death == RACE_LIVES))
		race_op("verify", ret, "EKEYEXPIRED");
	else
		use_op(r, "verify", over, ret, false);
	sig[n - 1] ^= 1;
	if (!ret && !iot_verify(r->mac, text, len, sig, n))
		race_wrong("verify: a forged signature");
}

static void use_rest(struct user *u, bool over)
{
	struct race *r = u->race;
	struct keyctl_pkey_query query;
	char blob[2048];
	long n;

	n = keyctl_read(r->aead, blob, sizeof(blob));
	if (use_op(r, "read", over, n < 0 ? errno : 0, false) && memcmp(blob, "SU9US", 5))
		race_wrong("read: no blob");
	over = atomic_load(&r->over);
	n = keyctl_pkey_query(r->aead, "", &query);
	if (use_op(r, "query", over, n < 0 ? errno : 0, true) && query.max_sig_size == 0)
		race_wrong("query: no size");
}

static void *user_thread(void *arg)
{
	struct user *u = arg;

	while (!atomic_load(&u->race->stop)) {
		bool over = atomic_load(&u->race->over);

		switch (rand_r(&u->seed) % 8) {
		case 0:
			use_rest(u, over);
			break;
		case 1:
		case 2:
			use_mac(u, over);
			break;
		default:
			use_aead(u, over);
		}
	}
	return NULL;
}

static int by_version(const void *a, const void *b)
{
	const struct entry *x = *(struct entry *const *)a, *y = *(struct entry *const *)b;

	return x->version < y->version ? -1 : x->version > y->version;
}

/* What was encrypted opens, in its window and nowhere else. */
static void judge(struct race *r, key_serial_t key)
{
	static struct entry *all[RACE_USERS * RACE_LOG];
	uint32_t newest = 0;
	size_t n = 0, i;

	for (i = 0; i < RACE_USERS; i++) {
		for (size_t k = 0; k < users[i].count; k++)
			all[n++] = &users[i].log[k];
	}
	qsort(all, n, sizeof(all[0]), by_version);
	if (!key) {
		struct nl_sock *sock = nl_open();
		struct nl_notice notice;

		if (sock && !nl_get(sock, r->aead, &notice))
			newest = nl_u32(&notice, IOTKEY_A_KEY_VERSION);
		else
			race_wrong("no status of the key");
		nl_socket_free(sock);
	}
	for (i = 0; i < n; i++) {
		struct entry *e = all[i];
		uint8_t text[RACE_TEXT];
		long got = iot_decrypt(key ?: r->aead, e->message, e->len + OVERHEAD,
				       text, sizeof(text));

		atomic_fetch_add(&operations, 1);
		if (got >= 0)
			check_text(e, text, got, "after the race");
		else if (key || got != -EKEYEXPIRED || e->version + 1 >= newest)
			race_wrong("after the race: version %u of %u: %s", e->version,
				   newest, errno_name(-got));
	}
}

static void one_round(struct race *r)
{
	atomic_store(&r->over, false);
	atomic_store(&r->stop, false);
	if (!r->make(r)) {
		race_wrong("the keys cannot be made: %s", errno_name(errno));
		return;
	}
	for (size_t i = 0; i < RACE_USERS; i++) {
		users[i].race = r;
		users[i].seed = rand();
		users[i].count = 0;
		pthread_create(&users[i].thread, NULL, user_thread, &users[i]);
	}
	race_pause(8000);
	r->rival(r);
	atomic_store(&r->over, true);
	race_pause(8000);
	atomic_store(&r->stop, true);
	for (size_t i = 0; i < RACE_USERS; i++)
		pthread_join(users[i].thread, NULL);
	judge(r, r->judge ? r->judge(r) : 0);
	r->clean(r);
}

static unsigned long operations_before, successes_before;

void race_begin(void)
{
	operations_before = atomic_load(&operations);
	successes_before = atomic_load(&successes);
	atomic_store(&wrongs, 0);
	atomic_store(&opened, 0);
}

void race_end(const char *name, unsigned int rounds)
{
	unsigned long ops = atomic_load(&operations) - operations_before,
		      good = atomic_load(&successes) - successes_before;
	bool bad = atomic_load(&wrongs);

	kinds++;
	rounds_done += rounds;
	ktap_ok(!bad && good,
		"%s: %u rounds, %lu operations, %lu of them done, %lu messages opened%s%s",
		name, rounds, ops, good, atomic_load(&opened), bad ? "; wrong: " : "",
		bad ? first : "");
}

void race_run(struct race *r, unsigned int rounds)
{
	race_begin();
	for (unsigned int i = 0; i < rounds; i++)
		one_round(r);
	if (!atomic_load(&opened))
		race_wrong("no message was opened");
	race_end(r->name, rounds);
}

static atomic_bool no_more_dumps;
static pthread_t dumper;
static unsigned int dumps, dump_failures, disorder;

static void dump_one(const struct nlmsghdr *message, void *arg)
{
	struct nlattr *serial = nlmsg_find_attr((struct nlmsghdr *)message, GENL_HDRLEN,
						IOTKEY_A_KEY_SERIAL);
	int32_t *last = arg, s = serial ? nla_get_s32(serial) : 0;

	disorder += s <= *last;
	*last = s;
}

static void *dump_thread(void *arg)
{
	struct nl_sock *sock = nl_open();

	if (!sock) {
		dump_failures++;
		return arg;
	}
	while (!atomic_load(&no_more_dumps)) {
		int32_t last = 0;

		dump_failures += nl_ask(sock, nl_request(IOTKEY_CMD_KEY_GET, NLM_F_DUMP),
					dump_one, &last) != 0;
		dumps++;
	}
	nl_socket_free(sock);
	return NULL;
}

void race_dump_start(void)
{
	atomic_store(&no_more_dumps, false);
	pthread_create(&dumper, NULL, dump_thread, NULL);
}

void race_dump_end(void)
{
	atomic_store(&no_more_dumps, true);
	pthread_join(dumper, NULL);
	kinds++;
	atomic_fetch_add(&operations, dumps);
	ktap_ok(dumps && !dump_failures && !disorder,
		"dumps during all of these: %u, of them failed %u, keys twice or out of order %u",
		dumps, dump_failures, disorder);
	ktap_ok(!nl_tally.malformed, "their %u messages are as the description says (%s)",
		nl_tally.messages, nl_tally.first);
}

void race_sum(void)
{
	printf("# races: %u kinds, %u rounds, %lu operations\n", kinds, rounds_done,
	       atomic_load(&operations));
}
