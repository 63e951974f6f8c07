// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * rmmod against keys in use, which it must refuse, and rmmod and insmod over and over
 * against callers who make keys, use them and ask for all.
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
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>
#include "common/race.h"

#define MAKERS	   3
#define UNLOADS	   15 /* that come off */
#define TRIES_MAX  5000
#define MISSES_MAX 100 /* in a row, before the makers pause */

static atomic_bool stop, calm;
static atomic_uint made, refused, unloads;

static int unload(void)
{
	return syscall(SYS_delete_module, "iotkey", O_NONBLOCK) ? errno : 0;
}

static int load(void)
{
	char path[128];
	struct utsname u;
	int fd, ret;

	uname(&u);
	snprintf(path, sizeof(path), "/lib/modules/%s/updates/iotkey.ko", u.release);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	ret = syscall(SYS_finit_module, fd, "", 0) ? errno : 0;
	close(fd);
	return ret;
}

static bool make_pair(struct race *r)
{
	r->aead = iot_add("stay-aead", "new aes-256-gcm root=stay mode=derive");
	r->mac = iot_add("stay-mac", "new hmac-sha256 root=stay mode=derive");
	return r->aead > 0 && r->mac > 0;
}

static void try_unload(struct race *r)
{
	(void)r;
	for (int i = 0; i < 20; i++) {
		int error = unload();

		if (race_op("rmmod", error, "EAGAIN") == 0)
			race_wrong("rmmod with live keys came off");
		race_pause(500);
	}
}

static void clean(struct race *r)
{
	keyctl_unlink(r->aead, KEY_SPEC_SESSION_KEYRING);
	keyctl_unlink(r->mac, KEY_SPEC_SESSION_KEYRING);
}

static void one_life(unsigned int *seed, key_serial_t ring)
{
	static const char root_text[] = "new root provider=soft",
			  key_text[] = "new aes-256-gcm root=life mode=derive",
			  kdf_text[] = "new kdf root=life mode=derive";
	uint8_t in[16] = "something", out[16 + OVERHEAD], back[16];
	key_serial_t root, key, kdf;
	long n;

	/* no such type, or it is just going */
	root = add_key("iot", "life", root_text, strlen(root_text), ring);
	if (race_op("add a root", root < 0 ? errno : 0, "ENODEV")) {
		atomic_fetch_add(&refused, 1);
		return;
	}
	atomic_fetch_add(&made, 1);
	/* the root holds the module from here on */
	key = add_key("iot", "key", key_text, strlen(key_text), ring);
	if (race_op("add a key", key < 0 ? errno : 0, ""))
		return;
	usleep(rand_r(seed) % 1000);
	n = iot_encrypt(key, in, sizeof(in), out, sizeof(out));
	race_op("encrypt", n < 0 ? -n : 0, "");
	if (n > 0) {
		n = iot_decrypt(key, out, n, back, sizeof(back));
		if (n != sizeof(in) || memcmp(in, back, sizeof(in)))
			race_wrong("decrypt: %ld", n);
	}
	/* what it publishes must end with it, and its worker, before the module goes */
	kdf = add_key("iot", "kdf", kdf_text, strlen(kdf_text), ring);
	if (race_op("add a kdf key", kdf < 0 ? errno : 0, ""))
		return;
	race_op("publish", iot_update(kdf, "publish life:one"), "");
	race_op("rotate", iot_update(kdf, "rotate"), "");
}

/* A session of its own, where root=life finds this thread's root. */
static void *maker(void *arg)
{
	unsigned int seed = (uintptr_t)arg;
	key_serial_t ring = keyctl_join_session_keyring(NULL);

	while (ring > 0 && !atomic_load(&stop)) {
		struct timespec before, after;
		long us;

		if (atomic_load(&calm)) {
			usleep(1000);
			continue;
		}
		clock_gettime(CLOCK_MONOTONIC, &before);
		one_life(&seed, ring);
		keyctl_clear(ring);
		clock_gettime(CLOCK_MONOTONIC, &after);
		us = (after.tv_sec - before.tv_sec) * 1000000 +
		     (after.tv_nsec - before.tv_nsec) / 1000;
		/* so that there are moments without a key, however slow the machine */
		usleep(20000 + rand_r(&seed) % (8 * us + 1));
	}
	if (ring < 0)
		race_wrong("no session keyring");
	return NULL;
}

/* The family may be gone at any moment, in the middle of a dump too. */
static void *asker(void *arg)
{
	while (!atomic_load(&stop)) {
		struct nl_sock *sock = nl_open();
		int error;

		if (sock) {
			error = nl_ask(sock, nl_request(IOTKEY_CMD_KEY_GET, NLM_F_DUMP),
				       NULL, NULL);
			race_op("dump", error, "ENOENT EPROTONOSUPPORT");
		}
		nl_socket_free(sock);
		usleep(5000);
	}
	return arg;
}

static void come_and_go(void)
{
	unsigned int wanted = race_rounds(UNLOADS), tries = 0, misses = 0;
	pthread_t threads[MAKERS + 1];

	race_begin();
	for (uintptr_t i = 0; i < MAKERS; i++)
		pthread_create(&threads[i], NULL, maker, (void *)(i + 1));
	pthread_create(&threads[MAKERS], NULL, asker, NULL);
	while (atomic_load(&unloads) < wanted && tries < TRIES_MAX) {
		int error = race_op("rmmod", unload(), "EAGAIN");

		/* chance comes first, then a pause of the makers */
		tries++;
		atomic_store(&calm, error && ++misses >= MISSES_MAX);
		if (!error) {
			misses = 0;
			atomic_fetch_add(&unloads, 1);
			race_pause(3000);
			race_op("insmod", load(), "");
		}
		race_pause(2000);
	}
	atomic_store(&stop, true);
	for (int i = 0; i < MAKERS + 1; i++)
		pthread_join(threads[i], NULL);
	if (atomic_load(&unloads) < wanted)
		race_wrong("rmmod came off only %u times", atomic_load(&unloads));
	printf("# rmmod: %u times of %u tries; roots made: %u, no module: %u\n",
	       atomic_load(&unloads), tries, atomic_load(&made), atomic_load(&refused));
	race_end("rmmod and insmod against callers", wanted);
}

int main(void)
{
	struct race in_use = { .name = "rmmod while keys are in use",
			       .allowed = "",
			       .make = make_pair,
			       .rival = try_unload,
			       .clean = clean };
	key_serial_t root;
	int tries = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	srand(time(NULL));
	root = iot_add("stay", "new root provider=soft");
	ktap_ok(root > 0, "a root");
	race_run(&in_use, race_rounds(10));
	iot_drop(root);
	/* keys of earlier suites go when they are collected */
	while (unload() && tries++ < 500)
		usleep(10000);
	ktap_ok(tries < 500 && !load(), "the module goes when the last key has gone");
	come_and_go();
	race_sum();
	return ktap_done();
}
