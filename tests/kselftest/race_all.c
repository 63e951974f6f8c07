// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * 32 threads do everything at once to the same few keys. Each outcome must be one that
 * the operation may have, and what opens must be what was put in.
 *
 * sources: tests/unit/ktap.c tests/kselftest/common/iot.c tests/kselftest/common/nl.c tests/kselftest/common/race.c
 * libs: -lnl-genl-3 -lnl-3
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "common/race.h"

#define THREADS 32
#define NAMES	6
#define TEXT	64
#define BLOB	2048

/* The key may have ended, or be in no keyring of ours (EACCES), at any moment. */
#define GONE "ENOKEY EACCES EKEYREVOKED EKEYEXPIRED "

static unsigned int steps;

/* What threads tell one another: the latest key of a name, a message of it, its blob. */
static struct shared {
	pthread_mutex_t lock;
	key_serial_t key;
	key_serial_t sealed_by;
	long len;
	uint8_t fill;
	uint8_t message[TEXT + OVERHEAD];
	char blob[BLOB];
} shared[NAMES];

struct actor {
	pthread_t thread;
	unsigned int seed;
	struct nl_sock *sock;
	key_serial_t ring;
};

static unsigned int pick(struct actor *a, unsigned int below)
{
	return rand_r(&a->seed) % below;
}

static key_serial_t key_of(struct shared *s)
{
	key_serial_t key;

	pthread_mutex_lock(&s->lock);
	key = s->key;
	pthread_mutex_unlock(&s->lock);
	return key;
}

static void made(struct shared *s, key_serial_t key)
{
	pthread_mutex_lock(&s->lock);
	s->key = key;
	pthread_mutex_unlock(&s->lock);
}

static void name_of(const struct shared *s, char name[32])
{
	snprintf(name, 32, "all-%td", s - shared);
}

static void add(struct actor *a, struct shared *s)
{
	static const char *const algorithms[] = { "aes-256-gcm",	"aes-128-ccm",
						  "xchacha20-poly1305", "hmac-sha256",
						  "aes-128-cmac",	"kdf" };
	static const char *const modes[] = { "random", "derive", "ratchet" };
	static const char *const rest[] = { "", "rotate=1s overlap=1s", "lifetime=2",
					    "max-ops=5 overlap=1h" };
	char name[32];
	key_serial_t key;

	name_of(s, name);
	key = iot_add(name, "new %s root=all mode=%s %s", algorithms[pick(a, 6)],
		      modes[pick(a, 3)], rest[pick(a, 4)]);
	/* over a key of that name this is an update, of a key that may be ending */
	if (!race_op("add", key < 0 ? errno : 0, GONE "EEXIST"))
		made(s, key);
}

static void update(struct actor *a, struct shared *s)
{
	static const char *const texts[] = {
		"rotate",
		"stored=1",
		"stored=2",
		"stored=3",
		"epoch=3",
		"set overlap=1m",
		"set max-ops=9",
		"set lifetime=1h",
		"set rotate=1s",
		"set usage=decrypt",
		"mix=00112233445566778899aabbccddeeff",
		"publish race:one",
		"publish race:two size=64",
	};
	unsigned int i = pick(a, sizeof(texts) / sizeof(texts[0]));

	race_op(texts[i], iot_update(key_of(s), "%s", texts[i]),
		GONE "EAGAIN EINVAL EOPNOTSUPP EOVERFLOW EEXIST EDQUOT");
}

static void encrypt(struct actor *a, struct shared *s)
{
	uint8_t text[TEXT], out[TEXT + OVERHEAD], fill = pick(a, 256);
	key_serial_t key = key_of(s);
	long n;

	memset(text, fill, sizeof(text));
	n = iot_encrypt(key, text, sizeof(text), out, sizeof(out));
	if (race_op("encrypt", n < 0 ? -n : 0, GONE "EAGAIN EOPNOTSUPP EOVERFLOW"))
		return;
	pthread_mutex_lock(&s->lock);
	s->sealed_by = key;
	s->fill = fill;
	s->len = n;
	memcpy(s->message, out, n);
	pthread_mutex_unlock(&s->lock);
}

static void decrypt(struct shared *s)
{
	uint8_t text[TEXT], in[TEXT + OVERHEAD], expected[TEXT];
	key_serial_t key;
	long len, n;

	pthread_mutex_lock(&s->lock);
	key = s->sealed_by;
	len = s->len;
	memcpy(in, s->message, sizeof(in));
	memset(expected, s->fill, sizeof(expected));
	pthread_mutex_unlock(&s->lock);
	if (!len)
		return;
	n = iot_decrypt(key, in, len, text, sizeof(text));
	if (!race_op("decrypt", n < 0 ? -n : 0, GONE) &&
	    (n != TEXT || memcmp(text, expected, TEXT)))
		race_wrong("decrypt: something else came out");
}

static void sign(struct actor *a, struct shared *s)
{
	struct keyctl_pkey_query query;
	uint8_t text[TEXT], sig[40];
	key_serial_t key = key_of(s);
	long n;

	n = keyctl_pkey_query(key, "", &query);
	if (race_op("query", n < 0 ? errno : 0, GONE))
		return;
	memset(text, pick(a, 256), sizeof(text));
	n = iot_sign(key, text, sizeof(text), sig, query.max_sig_size);
	if (!race_op("sign", n < 0 ? -n : 0, GONE "EAGAIN EOPNOTSUPP EOVERFLOW"))
		race_op("verify", iot_verify(key, text, sizeof(text), sig, n), GONE);
}

static void look(struct actor *a, struct shared *s)
{
	struct keyctl_pkey_query query;
	key_serial_t key = key_of(s);
	struct nl_notice notice;
	char text[BLOB];
	long n;

	n = keyctl_pkey_query(key, "", &query);
	race_op("query", n < 0 ? errno : 0, GONE);
	n = keyctl_describe(key, text, sizeof(text));
	race_op("describe", n < 0 ? errno : 0, GONE);
	race_op("netlink get", nl_get(a->sock, key, &notice), "ENOKEY");
	n = keyctl_read(key, text, sizeof(text) - 1);
	if (race_op("read", n < 0 ? errno : 0, GONE))
		return;
	text[n] = '\0';
	pthread_mutex_lock(&s->lock);
	strcpy(s->blob, text);
	pthread_mutex_unlock(&s->lock);
}

static void load(struct shared *s)
{
	char text[BLOB + 8], name[32];
	key_serial_t key;

	name_of(s, name);
	pthread_mutex_lock(&s->lock);
	snprintf(text, sizeof(text), "load %s", s->blob);
	pthread_mutex_unlock(&s->lock);
	if (!text[5])
		return;
	key = add_key("iot", name, text, strlen(text), KEY_SPEC_SESSION_KEYRING);
	if (!race_op("load", key < 0 ? errno : 0, GONE "EEXIST"))
		made(s, key);
}

static void end(struct actor *a, struct shared *s)
{
	key_serial_t key = key_of(s);

	switch (pick(a, 5)) {
	case 0:
		race_op("revoke", keyctl_revoke(key) ? errno : 0, GONE);
		break;
	case 1:
		race_op("invalidate", keyctl_invalidate(key) ? errno : 0, GONE);
		break;
	case 2:
		race_op("unlink",
			keyctl_unlink(key, KEY_SPEC_SESSION_KEYRING) ? errno : 0,
			GONE "ENOENT");
		break;
	case 3:
		race_op("timeout", keyctl_set_timeout(key, 1) ? errno : 0, GONE);
		break;
	default:
		race_op("link", keyctl_link(key, a->ring) ? errno : 0, GONE);
		race_op("clear", keyctl_clear(a->ring) ? errno : 0, "");
	}
}

static void list(struct actor *a)
{
	struct nl_stats stats;

	race_op("dump",
		nl_ask(a->sock, nl_request(IOTKEY_CMD_KEY_GET, NLM_F_DUMP), NULL, NULL),
		"");
	race_op("stats", nl_stats(a->sock, &stats), "");
	iot_count();
}

static void *act(void *arg)
{
	struct actor *a = arg;
	char name[32];

	snprintf(name, sizeof(name), "ring-%p", arg);
	a->ring = add_key("keyring", name, NULL, 0, KEY_SPEC_SESSION_KEYRING);
	a->sock = nl_open();
	if (a->ring < 0 || !a->sock) {
		race_wrong("no keyring or no socket");
		return NULL;
	}
	for (unsigned int i = 0; i < steps; i++) {
		struct shared *s = &shared[pick(a, NAMES)];
		unsigned int what = pick(a, 100);

		if (what < 14)
			add(a, s);
		else if (what < 30)
			update(a, s);
		else if (what < 50)
			encrypt(a, s);
		else if (what < 65)
			decrypt(s);
		else if (what < 75)
			sign(a, s);
		else if (what < 85)
			look(a, s);
		else if (what < 92)
			end(a, s);
		else if (what < 98)
			load(s);
		else
			list(a);
	}
	nl_socket_free(a->sock);
	keyctl_unlink(a->ring, KEY_SPEC_SESSION_KEYRING);
	return NULL;
}

int main(void)
{
	static struct actor actors[THREADS];
	unsigned int left, i;
	key_serial_t root;

	setvbuf(stdout, NULL, _IOLBF, 0);
	srand(time(NULL));
	steps = race_rounds(150);
	root = iot_add("all", "new root provider=soft");
	ktap_ok(root > 0, "a root");
	race_begin();
	for (i = 0; i < NAMES; i++) {
		pthread_mutex_init(&shared[i].lock, NULL);
		actors[0].seed = i;
		while (!shared[i].key)
			add(&actors[0], &shared[i]);
	}
	for (i = 0; i < THREADS; i++) {
		actors[i].seed = rand();
		pthread_create(&actors[i].thread, NULL, act, &actors[i]);
	}
	for (i = 0; i < THREADS; i++)
		pthread_join(actors[i].thread, NULL);
	race_end("32 threads do everything", 1);
	ktap_ok(!nl_tally.malformed, "netlink messages are as the description says (%s)",
		nl_tally.first);
	for (i = 0; i < NAMES; i++)
		keyctl_unlink(shared[i].key, KEY_SPEC_SESSION_KEYRING);
	keyctl_clear(KEY_SPEC_SESSION_KEYRING);
	for (left = iot_count(), i = 0; left && i < 1000; left = iot_count(), i++)
		usleep(10000);
	ktap_ok(!left, "no key is left behind (%u)", left);
	race_sum();
	return ktap_done();
}
