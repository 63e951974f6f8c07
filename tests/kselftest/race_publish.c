// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Published keys: threads publish under the same names with other sizes and epochs, take the
 * logon keys away again, rotate the kdf key and load its blob, while it ends, or does not.
 * What each may hear is stated; when all is quiet, what should live lives with the right
 * bytes, the rest is dead, and nothing is left in memory.
 *
 * sources: tests/unit/ktap.c tests/kselftest/common/iot.c tests/kselftest/common/nl.c tests/kselftest/common/race.c
 * libs: -lnl-genl-3 -lnl-3
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "common/race.h"

#define NAMES	5  /* the last of which nobody takes away */
#define SECONDS 20 /* until what is gone has been collected */

struct contest {
	const char *name;
	const char *
		dead; /* what those hear who come when the kdf key is dead, "": it lives */
	void (*rival)(void);
};

static key_serial_t root, kdf;
static char blob[4096]; /* "load BLOB" of the kdf key */
static const char *dead;
static atomic_bool stop;

static key_serial_t logon(unsigned int name)
{
	char text[16];

	snprintf(text, sizeof(text), "race:%u", name);
	return keyctl_search(KEY_SPEC_SESSION_KEYRING, "logon", text, 0);
}

/* A logon key that is being taken away may refuse its new bytes. */
static const char *allowed(const char *more)
{
	static _Thread_local char list[128];

	snprintf(list, sizeof(list), "%s %s", dead, more);
	return list;
}

static void *publisher(void *arg)
{
	static const int sizes[] = { 16, 32, 64 };
	unsigned int seed = (uintptr_t)arg;

	while (!atomic_load(&stop)) {
		unsigned int name = rand_r(&seed) % NAMES;
		int size = sizes[rand_r(&seed) % 3];

		race_op("publish",
			iot_update(kdf, "publish race:%u size=%d%s", name, size,
				   rand_r(&seed) % 4 ? "" : " epoch=0"),
			allowed("EKEYREVOKED EKEYEXPIRED ENOKEY"));
	}
	return NULL;
}

/* Takes published keys away, in all the ways there are. */
static void *vandal(void *arg)
{
	unsigned int seed = (uintptr_t)arg;

	while (!atomic_load(&stop)) {
		key_serial_t key = logon(rand_r(&seed) % (NAMES - 1));
		long ret = 0;

		usleep(rand_r(&seed) % 300);
		if (key < 0) {
			race_op("search", errno, "ENOKEY EKEYREVOKED EKEYEXPIRED");
			continue;
		}
		switch (rand_r(&seed) % 5) {
		case 0:
			ret = keyctl_unlink(key, KEY_SPEC_SESSION_KEYRING);
			break;
		case 1:
			ret = keyctl_revoke(key);
			break;
		case 2:
			ret = keyctl_invalidate(key);
			break;
		case 3:
			ret = keyctl_set_timeout(key, 1);
			break;
		}
		race_op("take away", ret ? errno : 0,
			"ENOKEY ENOENT EKEYREVOKED EKEYEXPIRED EACCES");
	}
	return NULL;
}

static void *rotator(void *arg)
{
	unsigned int seed = (uintptr_t)arg;

	while (!atomic_load(&stop)) {
		race_op("rotate", iot_update(kdf, "rotate"), allowed(""));
		usleep(rand_r(&seed) % 1000);
	}
	return NULL;
}

/* The same key once more: not while it lives. */
static void *loader(void *arg)
{
	key_serial_t ring =
		add_key("keyring", "loaded", NULL, 0, KEY_SPEC_SESSION_KEYRING);

	while (!atomic_load(&stop)) {
		key_serial_t key = add_key("iot", "kdf", blob, strlen(blob), ring);

		if (!race_op("load", key < 0 ? errno : 0,
			     *dead ? "EEXIST EKEYREVOKED ENOKEY EKEYEXPIRED"
				   : "EEXIST")) {
			if (!*dead)
				race_wrong("a second copy of a living key");
			race_op("unlink", keyctl_unlink(key, ring) ? errno : 0, "");
		}
		usleep(500);
	}
	keyctl_unlink(ring, KEY_SPEC_SESSION_KEYRING);
	return arg;
}

/* A key with this session's own keyring, and the blob. */
static bool make(void)
{
	long n;

	if (keyctl_join_session_keyring(NULL) < 0)
		return false;
	root = iot_add("race", "new root provider=soft");
	kdf = iot_add("kdf", "new kdf root=race mode=derive");
	strcpy(blob, "load ");
	n = keyctl_read(kdf, blob + 5, sizeof(blob) - 6);
	blob[n > 0 ? n + 5 : 0] = '\0';
	return root > 0 && kdf > 0 && n > 0 &&
	       !iot_update(kdf, "publish race:%u", NAMES - 1);
}

/* Lines of /proc/keys about a living key of ours: of this type, and this name if there is one. */
static unsigned int count(const char *type, const char *name)
{
	FILE *f = fopen("/proc/keys", "r");
	unsigned int n = 0;
	char line[512];

	while (f && fgets(line, sizeof(line), f))
		n += strstr(line, type) && strstr(line, name);
	if (f)
		fclose(f);
	return n;
}

/* It is dead: none of its logon keys is of use to anybody. */
static void check_dead(void)
{
	for (unsigned int i = 0; i < NAMES; i++) {
		int tries = SECONDS * 100;

		while (logon(i) > 0 && tries--)
			usleep(10000);
		if (tries < 0)
			race_wrong("race:%u outlived its kdf key", i);
	}
}

/*
 * It lives: a twin that publishes the same has the same bytes.  They cannot be read; but of the same
 * bytes only one root can be made.
 */
static void check_alive(void)
{
	key_serial_t twin = iot_add("twin", "new kdf root=race mode=derive label=kdf");
	key_serial_t first, second;
	int error;

	if (logon(NAMES - 1) < 0)
		race_wrong("race:%u has gone", NAMES - 1);
	for (unsigned int i = 0; i < NAMES; i++) {
		error = iot_update(kdf, "publish race:%u size=64 epoch=0", i);
		if (error || logon(i) < 0) {
			race_wrong("race:%u cannot be published: %s", i,
				   errno_name(error));
			continue;
		}
		first = iot_add("first", "new root provider=key key=logon:race:%u", i);
		keyctl_unlink(logon(i), KEY_SPEC_SESSION_KEYRING);
		error = iot_update(twin, "publish race:%u size=64", i);
		if (error)
			race_wrong("the twin: %s", errno_name(error));
		second = iot_add("second", "new root provider=key key=logon:race:%u", i);
		if (first < 0 || second >= 0 || errno != EEXIST)
			race_wrong("race:%u has other bytes", i);
		iot_drop(first);
		keyctl_unlink(logon(i), KEY_SPEC_SESSION_KEYRING);
	}
	iot_drop(twin);
}

/* With the session's keyring goes all that hung in it. */
static void check_gone(void)
{
	int tries = SECONDS * 100;

	keyctl_join_session_keyring(NULL);
	while ((iot_count() || count(" logon ", "race:")) && tries--)
		usleep(10000);
	if (tries < 0)
		race_wrong("left: %u iot keys, %u logon keys", iot_count(),
			   count(" logon ", "race:"));
}

static void contest(const struct contest *c)
{
	static void *(*const parts[])(void *) = { publisher, publisher, publisher, vandal,
						  vandal,    rotator,	loader };
	pthread_t threads[sizeof(parts) / sizeof(parts[0])];
	size_t n = sizeof(parts) / sizeof(parts[0]);

	if (!make()) {
		race_wrong("no keys: %s", errno_name(errno));
		return;
	}
	dead = c->dead;
	atomic_store(&stop, false);
	for (size_t i = 0; i < n; i++)
		pthread_create(&threads[i], NULL, parts[i], (void *)(uintptr_t)rand());
	usleep(20000 + rand() % 30000);
	if (c->rival)
		c->rival();
	usleep(20000);
	atomic_store(&stop, true);
	for (size_t i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	if (*dead)
		check_dead();
	else
		check_alive();
	check_gone();
}

static void revoke_it(void)
{
	race_op("revoke", keyctl_revoke(kdf) ? errno : 0, "");
}

static void drop(void)
{
	iot_drop(kdf);
}

static void invalidate(void)
{
	race_op("invalidate", keyctl_invalidate(kdf) ? errno : 0, "");
}

static void revoke_root(void)
{
	race_op("revoke the root", keyctl_revoke(root) ? errno : 0, "");
}

/* A lifetime runs from the creation, in whole seconds: one that has passed is refused. */
static void end_life(void)
{
	unsigned int seconds = 0;
	int error;

	do {
		error = iot_update(kdf, "set lifetime=%us", ++seconds);
	} while (error == EINVAL && seconds < 60);
	race_op("lifetime", error, "");
	usleep(1200000);
}

static const struct contest contests[] = {
	{ "publish, rotate, take away", "", NULL },
	{ "and the key is revoked", "EKEYREVOKED", revoke_it },
	{ "and it is unlinked", "ENOKEY EACCES", drop },
	{ "and it is invalidated", "ENOKEY", invalidate },
	{ "and its root is revoked", "EKEYREVOKED", revoke_root },
	{ "and its lifetime ends", "EKEYEXPIRED", end_life },
};

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	srand(time(NULL));
	for (size_t i = 0; i < sizeof(contests) / sizeof(contests[0]); i++) {
		unsigned int rounds = race_rounds(contests[i].rival == end_life ? 2 : 8);

		race_begin();
		for (unsigned int k = 0; k < rounds; k++)
			contest(&contests[i]);
		race_end(contests[i].name, rounds);
	}
	race_sum();
	return ktap_done();
}
