// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Keys in use while they rotate, change, end and go away; all keys are dumped meanwhile.
 *
 * sources: tests/unit/ktap.c tests/kselftest/common/iot.c tests/kselftest/common/nl.c tests/kselftest/common/race.c
 * libs: -lnl-genl-3 -lnl-3
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "common/race.h"

static key_serial_t root, twin;
static const char *options;

static bool make_pair(struct race *r, const char *under, const char *mode)
{
	r->aead = iot_add("race-aead", "new aes-256-gcm root=%s %s %s", under, mode,
			  options);
	r->mac = iot_add("race-mac", "new hmac-sha256 root=%s %s %s", under, mode,
			 options);
	return r->aead > 0 && r->mac > 0;
}

static bool make_derive(struct race *r)
{
	return make_pair(r, "race", "mode=derive");
}

static bool make_random(struct race *r)
{
	return make_pair(r, "race", "") && !iot_update(r->aead, "stored=2") &&
	       !iot_update(r->mac, "stored=2");
}

static bool make_unstored(struct race *r)
{
	return make_pair(r, "race", "");
}

static bool make_ratchet(struct race *r)
{
	return make_pair(r, "race", "mode=ratchet") && !iot_update(r->aead, "stored=1") &&
	       !iot_update(r->mac, "stored=1");
}

static const char *family;

/* Under a root of their own. */
static bool make_family(struct race *r)
{
	r->root = iot_add("race-root", "new root provider=soft");
	family = "race-root";
	return r->root > 0 && make_pair(r, family, "mode=derive");
}

/* Under one of their own and another. */
static bool make_combined(struct race *r)
{
	r->root = iot_add("race-root", "new root provider=soft");
	family = "race+race-root";
	return r->root > 0 && make_pair(r, family, "mode=derive");
}

static void clean(struct race *r)
{
	keyctl_unlink(r->aead, KEY_SPEC_SESSION_KEYRING);
	keyctl_unlink(r->mac, KEY_SPEC_SESSION_KEYRING);
	if (twin > 0)
		keyctl_unlink(twin, KEY_SPEC_SESSION_KEYRING);
	if (r->root > 0)
		keyctl_unlink(r->root, KEY_SPEC_SESSION_KEYRING);
	twin = r->root = 0;
}

/* The same secrets by derivation, from version 1 on. */
static key_serial_t judge_twin(struct race *r)
{
	(void)r;
	twin = iot_add("twin", "new aes-256-gcm root=race mode=derive label=race-aead");
	return twin;
}

static char root_blob[4096];

/* The root lives again from its blob, for a dead key's identity is free. */
static key_serial_t judge_second_root(struct race *r)
{
	r->root = iot_add("race-root", "load %s", root_blob);
	if (r->root < 0)
		race_wrong("the revoked root does not load: %s", errno_name(errno));
	twin = iot_add("twin", "new aes-256-gcm root=%s mode=derive label=race-aead",
		       family);
	return twin;
}

static void both(struct race *r, const char *text, const char *allowed)
{
	race_op(text, iot_update(r->aead, "%s", text), allowed);
	race_op(text, iot_update(r->mac, "%s", text), allowed);
}

static void revoke_both(struct race *r)
{
	race_op("revoke", keyctl_revoke(r->aead) ? errno : 0, "");
	race_op("revoke", keyctl_revoke(r->mac) ? errno : 0, "");
}

static void invalidate(struct race *r)
{
	race_op("invalidate", keyctl_invalidate(r->aead) ? errno : 0, "");
	race_op("invalidate", keyctl_invalidate(r->mac) ? errno : 0, "");
}

static void unlink_both(struct race *r)
{
	iot_drop(r->aead);
	iot_drop(r->mac);
}

/* By both accounts of time it is past. */
static void outlive(struct race *r)
{
	(void)r;
	usleep(2200000);
}

static void time_out(struct race *r)
{
	race_op("timeout", keyctl_set_timeout(r->aead, 1) ? errno : 0, "");
	race_op("timeout", keyctl_set_timeout(r->mac, 1) ? errno : 0, "");
	outlive(r);
}

static void revoke_root(struct race *r)
{
	long n = keyctl_read(r->root, root_blob, sizeof(root_blob) - 1);

	root_blob[n > 0 ? n : 0] = '\0';
	race_op("revoke", keyctl_revoke(r->root) ? errno : 0, "");
}

static void unlink_root(struct race *r)
{
	iot_drop(r->root);
}

static void rotate(struct race *r)
{
	for (int i = 0; i < 12; i++) {
		both(r, "rotate", "");
		race_pause(1500);
	}
}

/* The version after the next must be stored before the next may follow. */
static void store_and_rotate(struct race *r)
{
	char text[32];

	for (int i = 0; i < 12; i++) {
		both(r, "rotate", "");
		snprintf(text, sizeof(text), "stored=%d", i + 3);
		both(r, text, "");
		race_pause(1500);
	}
}

static void mix(struct race *r)
{
	char text[80];

	for (int i = 0; i < 8; i++) {
		snprintf(text, sizeof(text), "mix=%064x", rand());
		both(r, text, "");
		race_pause(1000);
		snprintf(text, sizeof(text), "stored=%d", i + 2);
		both(r, text, "");
		race_pause(2000);
	}
}

static void epoch(struct race *r)
{
	char text[32];
	int at = 0;

	for (int i = 0; i < 12; i++) {
		at += rand() % 3;
		snprintf(text, sizeof(text), "epoch=%d", at);
		both(r, text, "");
		race_pause(1500);
	}
}

static void set(struct race *r)
{
	static const char *const texts[] = { "set overlap=1h", "set max-ops=1000000",
					     "set lifetime=10d", "set overlap=2d" };

	for (int i = 0; i < 12; i++) {
		both(r, texts[i % 4], "");
		race_pause(1500);
	}
	race_op("set usage", iot_update(r->aead, "set usage=decrypt"), "");
	race_op("set usage", iot_update(r->mac, "set usage=verify"), "");
}

static void store(struct race *r)
{
	race_pause(3000);
	both(r, "stored=1", "");
}

static void wait_a_little(struct race *r)
{
	(void)r;
	race_pause(20000);
}

/*
 * "EACCES": who has no link to a key possesses it no longer, nor one that is invalidated.
 * "EKEYEXPIRED" of a revocation: the core has one field for both times and reads the flag
 * before it, so who is in between takes the one for the other; never when it is over.
 */
static const struct {
	struct race race;
	const char *options;
	unsigned int rounds;
} kinds[] = {
	{ { .name = "revoke",
	    .death = RACE_NOTHING,
	    .allowed = "EKEYREVOKED EKEYEXPIRED",
	    .after = "EKEYREVOKED",
	    .make = make_derive,
	    .rival = revoke_both,
	    .judge = judge_twin },
	  "",
	  15 },
	{ { .name = "invalidate",
	    .death = RACE_NOTHING,
	    .allowed = "EACCES ENOKEY",
	    .after = "EACCES ENOKEY",
	    .make = make_derive,
	    .rival = invalidate,
	    .judge = judge_twin },
	  "",
	  15 },
	{ { .name = "unlink and gc",
	    .death = RACE_NOTHING,
	    .allowed = "EACCES ENOKEY",
	    .after = "ENOKEY",
	    .make = make_derive,
	    .rival = unlink_both,
	    .judge = judge_twin },
	  "",
	  15 },
	{ { .name = "end of lifetime",
	    .death = RACE_NO_USE,
	    .allowed = "EKEYEXPIRED",
	    .after = "EKEYEXPIRED",
	    .make = make_derive,
	    .rival = outlive,
	    .judge = judge_twin },
	  "lifetime=1",
	  2 },
	{ { .name = "keyctl timeout",
	    .death = RACE_NOTHING,
	    .allowed = "EKEYEXPIRED",
	    .after = "EKEYEXPIRED",
	    .make = make_derive,
	    .rival = time_out,
	    .judge = judge_twin },
	  "",
	  2 },
	{ { .name = "revoke of the root",
	    .death = RACE_NO_USE,
	    .allowed = "EKEYREVOKED EKEYEXPIRED",
	    .after = "EKEYREVOKED",
	    .make = make_family,
	    .rival = revoke_root,
	    .judge = judge_second_root },
	  "",
	  15 },
	{ { .name = "revoke of a part of the root",
	    .death = RACE_NO_USE,
	    .allowed = "EKEYREVOKED EKEYEXPIRED",
	    .after = "EKEYREVOKED",
	    .make = make_combined,
	    .rival = revoke_root,
	    .judge = judge_second_root },
	  "",
	  15 },
	{ { .name = "unlink of the root",
	    .allowed = "",
	    .make = make_family,
	    .rival = unlink_root },
	  "overlap=1d",
	  15 },
	{ { .name = "rotate, derive",
	    .allowed = "",
	    .make = make_derive,
	    .rival = rotate,
	    .judge = judge_twin },
	  "overlap=1d",
	  15 },
	{ { .name = "rotate, random",
	    .allowed = "",
	    .make = make_random,
	    .rival = store_and_rotate },
	  "overlap=1d",
	  15 },
	{ { .name = "rotate, ratchet",
	    .allowed = "",
	    .make = make_ratchet,
	    .rival = rotate },
	  "overlap=1d",
	  15 },
	{ { .name = "rotate, by schedule",
	    .allowed = "",
	    .make = make_derive,
	    .rival = outlive,
	    .judge = judge_twin },
	  "rotate=1s overlap=1s",
	  2 },
	{ { .name = "rotate, by max-ops",
	    .allowed = "",
	    .make = make_derive,
	    .rival = wait_a_little,
	    .judge = judge_twin },
	  "max-ops=3 overlap=1d",
	  15 },
	{ { .name = "mix", .allowed = "EAGAIN", .make = make_ratchet, .rival = mix },
	  "overlap=1d",
	  15 },
	{ { .name = "epoch",
	    .allowed = "",
	    .make = make_derive,
	    .rival = epoch,
	    .judge = judge_twin },
	  "overlap=1d",
	  15 },
	{ { .name = "set", .allowed = "EACCES", .make = make_random, .rival = set },
	  "overlap=1d",
	  15 },
	{ { .name = "stored",
	    .allowed = "EAGAIN",
	    .make = make_unstored,
	    .rival = store },
	  "",
	  15 },
};

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	srand(time(NULL));
	root = iot_add("race", "new root provider=soft");
	if (!ktap_ok(root > 0, "a root"))
		return ktap_done();
	race_dump_start();
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct race r = kinds[i].race;

		options = kinds[i].options;
		r.clean = clean;
		race_run(&r, race_rounds(kinds[i].rounds));
	}
	race_dump_end();
	race_sum();
	iot_drop(root);
	return ktap_done();
}
