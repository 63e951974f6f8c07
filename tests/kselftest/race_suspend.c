// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Suspend and resume while keys are in use, rotate and end. The kernel's own test mode
 * (/sys/power/pm_test) comes back by itself; without it the RTC wakes the machine.
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

static const char *level, *state;

/* 0 or the errno */
static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), error = 0;

	if (fd < 0)
		return errno;
	if (write(fd, text, strlen(text)) < 0)
		error = errno;
	close(fd);
	return error;
}

/* Is @word in the file, as it is or in brackets? */
static bool offers(const char *path, const char *word)
{
	char text[256] = "";
	FILE *f = fopen(path, "r");
	bool found = false;

	if (!f)
		return false;
	while (!found && fscanf(f, " %255s", text) == 1) {
		size_t skip = *text == '[';

		found = !strncmp(text + skip, word, strlen(word)) &&
			(text[skip + strlen(word)] == '\0' ||
			 text[skip + strlen(word)] == ']');
	}
	fclose(f);
	return found;
}

/* A key in the TPM is of use before, while it falls asleep, and after. */
static key_serial_t resident;
static atomic_bool awake;

static int sign_resident(void)
{
	static const uint8_t digest[32] = "of a file";
	uint8_t sig[64];

	if (keyctl_pkey_sign(resident, "enc=p1363", digest, 32, sig, 64) < 0)
		return errno;
	return keyctl_pkey_verify(resident, "enc=p1363", digest, 32, sig, 64) ? errno : 0;
}

static void *sign_all_the_time(void *arg)
{
	(void)arg;
	while (!atomic_load(&awake)) {
		race_op("sign in the TPM", sign_resident(), "EBUSY");
		race_pause(3000);
	}
	return NULL;
}

static bool make_pair(struct race *r)
{
	r->aead = iot_add("race-aead",
			  "new aes-256-gcm root=race mode=derive rotate=1s overlap=1s");
	r->mac = iot_add("race-mac", "new hmac-sha256 root=race rotate=1s overlap=1s");
	return r->aead > 0 && r->mac > 0 && !iot_update(r->mac, "stored=2");
}

static key_serial_t twin;

static key_serial_t judge_twin(struct race *r)
{
	(void)r;
	twin = iot_add("twin", "new aes-256-gcm root=race mode=derive label=race-aead");
	return twin;
}

static void clean(struct race *r)
{
	keyctl_unlink(r->aead, KEY_SPEC_SESSION_KEYRING);
	keyctl_unlink(r->mac, KEY_SPEC_SESSION_KEYRING);
	keyctl_unlink(twin, KEY_SPEC_SESSION_KEYRING);
}

/* A key whose life ends while nobody is awake is dead to the first who comes. */
static void sleep_once(struct race *unused)
{
	key_serial_t mortal =
		iot_add("mortal", "new aes-256-gcm root=race mode=derive lifetime=1");
	struct timespec before, after;
	pthread_t signer;
	uint8_t out[64];
	long n;

	(void)unused;
	race_op("sign in the TPM", sign_resident(), "");
	atomic_store(&awake, false);
	pthread_create(&signer, NULL, sign_all_the_time, NULL);
	clock_gettime(CLOCK_BOOTTIME, &before);
	race_op("suspend", write_text("/sys/power/state", state), "");
	clock_gettime(CLOCK_BOOTTIME, &after);
	atomic_store(&awake, true);
	pthread_join(signer, NULL);
	race_op("sign in the TPM, awake again", sign_resident(), "");
	if (after.tv_sec - before.tv_sec < 1)
		race_wrong("no sleep");
	n = iot_encrypt(mortal, "x", 1, out, sizeof(out));
	if (after.tv_sec - before.tv_sec > 2 && n != -EKEYEXPIRED)
		race_wrong("a key outlived its time asleep: %s", errno_name(-n));
	keyctl_unlink(mortal, KEY_SPEC_SESSION_KEYRING);
}

static void run(const char *mode)
{
	char name[64];
	struct race r = { .name = name,
			  .allowed = "",
			  .make = make_pair,
			  .rival = sleep_once,
			  .judge = judge_twin,
			  .clean = clean };

	snprintf(name, sizeof(name), "suspend to %s, %s", state, mode);
	race_run(&r, race_rounds(1));
}

static void with_test_mode(void)
{
	static const char *const levels[] = { "freezer", "devices", "platform",
					      "processors", "core" };
	static const char *const states[] = { "freeze", "mem" };

	write_text("/sys/module/suspend/parameters/pm_test_delay", "3");
	for (size_t s = 0; s < sizeof(states) / sizeof(states[0]); s++) {
		for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
			state = states[s];
			level = levels[i];
			/* s2idle stops no CPUs */
			if (!offers("/sys/power/state", state) || (!s && i > 2))
				continue;
			ktap_ok(!write_text("/sys/power/pm_test", level), "test mode %s",
				level);
			run(level);
		}
	}
	write_text("/sys/power/pm_test", "none");
}

int main(void)
{
	key_serial_t root;

	setvbuf(stdout, NULL, _IOLBF, 0);
	srand(time(NULL));
	if (access("/sys/power/pm_test", W_OK)) {
		printf("KTAP version 1\nok 1 - suspend # SKIP no /sys/power/pm_test\n1..1\n");
		return 0;
	}
	root = iot_add("race", "new root provider=soft");
	ktap_ok(root > 0, "a root");
	resident = iot_add("resident", "new ecdsa-p256 parent=0x81000001 mkparent");
	ktap_ok(resident > 0, "a key in the TPM (%s)", errno_name(errno));
	race_dump_start();
	with_test_mode();
	race_dump_end();
	race_sum();
	iot_drop(resident);
	iot_drop(root);
	return ktap_done();
}
