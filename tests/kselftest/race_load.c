// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One blob loaded by several at once: exactly one wins, the others hear EEXIST. And a
 * blob loaded while the key that has its identity is revoked.
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
#include "common/race.h"

#define LOADERS 4

static char text[8192]; /* "load BLOB" */
static pthread_barrier_t start;

struct loader {
	pthread_t thread;
	const char *name;
	key_serial_t ring, key;
	int error;
};

static void *load(void *arg)
{
	struct loader *l = arg;

	pthread_barrier_wait(&start);
	l->key = add_key("iot", l->name, text, strlen(text), l->ring);
	l->error = l->key < 0 ? errno : 0;
	return NULL;
}

static bool save(key_serial_t key)
{
	char blob[8000];
	long n = keyctl_read(key, blob, sizeof(blob) - 1);

	if (n <= 0)
		return false;
	blob[n] = '\0';
	snprintf(text, sizeof(text), "load %s", blob);
	return true;
}

/* @apart: each into a keyring of its own, or all into one. */
static void load_at_once(const char *name, bool apart)
{
	struct loader loaders[LOADERS];
	unsigned int won = 0;

	pthread_barrier_init(&start, NULL, LOADERS);
	for (int i = 0; i < LOADERS; i++) {
		struct loader *l = &loaders[i];
		char ring[16];

		snprintf(ring, sizeof(ring), "loader-%d", i);
		l->name = name;
		l->ring = loaders[0].ring;
		if (!i || apart)
			l->ring = add_key("keyring", ring, NULL, 0,
					  KEY_SPEC_SESSION_KEYRING);
		pthread_create(&l->thread, NULL, load, l);
	}
	for (int i = 0; i < LOADERS; i++) {
		pthread_join(loaders[i].thread, NULL);
		won += !race_op("load", loaders[i].error, "EEXIST");
	}
	if (won != 1)
		race_wrong("%u of %d loads came off", won, LOADERS);
	for (int i = 0; i < LOADERS; i++)
		keyctl_unlink(loaders[i].ring, KEY_SPEC_SESSION_KEYRING);
	/* an identity is free when the collector has been there */
	for (int i = 0; i < LOADERS; i++) {
		char line[256];

		while (!loaders[i].error &&
		       keyctl_describe(loaders[i].key, line, sizeof(line)) >= 0)
			race_pause(2000);
	}
	pthread_barrier_destroy(&start);
}

static void kind(const char *what, const char *name, key_serial_t key,
		 unsigned int rounds)
{
	bool saved = key > 0 && save(key);

	race_begin();
	if (!saved)
		race_wrong("no blob: %s", errno_name(errno));
	iot_drop(key);
	for (unsigned int i = 0; saved && i < rounds; i++)
		load_at_once(name, i % 2);
	race_end(what, rounds);
}

static void *revoke_thread(void *arg)
{
	const key_serial_t *key = arg;

	pthread_barrier_wait(&start);
	race_pause(300);
	race_op("revoke", keyctl_revoke(*key) ? errno : 0, "");
	return NULL;
}

/* Until it is revoked a key keeps its identity; from then on the blob loads. */
static void load_against_revoke(unsigned int rounds)
{
	key_serial_t key, ring;

	race_begin();
	for (unsigned int i = 0; i < rounds; i++) {
		pthread_t thread;
		key_serial_t again;

		key = iot_add("phoenix", "new aes-256-gcm root=load");
		ring = add_key("keyring", "phoenix", NULL, 0, KEY_SPEC_SESSION_KEYRING);
		if (key < 0 || !save(key)) {
			race_wrong("no key: %s", errno_name(errno));
			break;
		}
		pthread_barrier_init(&start, NULL, 2);
		pthread_create(&thread, NULL, revoke_thread, &key);
		pthread_barrier_wait(&start);
		race_pause(300);
		again = add_key("iot", "phoenix", text, strlen(text), ring);
		race_op("load", again < 0 ? errno : 0, "EEXIST");
		pthread_join(thread, NULL);
		if (again < 0) {
			again = add_key("iot", "phoenix", text, strlen(text), ring);
			race_op("load after the revoke", again < 0 ? errno : 0, "");
		}
		keyctl_unlink(key, KEY_SPEC_SESSION_KEYRING);
		keyctl_unlink(ring, KEY_SPEC_SESSION_KEYRING);
		pthread_barrier_destroy(&start);
	}
	race_end("a blob is loaded while its key is revoked", rounds);
}

int main(void)
{
	unsigned int rounds = race_rounds(20);
	key_serial_t root;

	setvbuf(stdout, NULL, _IOLBF, 0);
	srand(time(NULL));
	kind("a soft root is loaded by four", "load",
	     iot_add("load", "new root provider=soft"), rounds);
	root = iot_add("load", "new root provider=soft");
	ktap_ok(root > 0, "a root");
	kind("a derive key is loaded by four", "twins",
	     iot_add("twins", "new aes-256-gcm root=load mode=derive"), rounds);
	kind("a random key is loaded by four", "twins",
	     iot_add("twins", "new hmac-sha256 root=load"), rounds);
	load_against_revoke(rounds);
	kind("a root of the TPM is loaded by four", "sealed",
	     iot_add("sealed", "new root provider=tpm parent=0x81000009 mkparent"),
	     race_rounds(2));
	race_sum();
	iot_drop(root);
	return ktap_done();
}
