/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Races: threads use a pair of keys, one AEAD and one MAC, while a rival does something to
 * them. What each operation may end with is stated beforehand; whatever was encrypted must
 * open to what was put in, and once the rival's call that kills a key has returned, nothing
 * that begins later may succeed.
 */
#ifndef IOT_RACE_H
#define IOT_RACE_H

#include <stdatomic.h>
#include "iot.h"
#include "nl.h"

#define RACE_USERS 4
#define RACE_LOG   512 /* messages that a user keeps in one round */
#define RACE_TEXT  96  /* the longest text */

/* Which operations a rival that kills reaches. */
enum race_death {
	RACE_LIVES,   /* none: the keys are of use to the end */
	RACE_NO_USE,  /* encrypt, decrypt, sign, verify and read */
	RACE_NOTHING, /* query too: the core itself refuses */
};

struct race {
	const char *name;
	enum race_death death;
	const char *allowed; /* errnos of uses while the race is on, "EAGAIN ETIME" */
	const char *after;   /* of those that begin when it is over */
	/* Makes *aead and *mac, or their like: false when that fails. */
	bool (*make)(struct race *r);
	/* The rival's part, once; when it returns the keys are dead, if it kills. */
	void (*rival)(struct race *r);
	/*
	 * A key that opens all that this one encrypted, for messages in the order of their
	 * versions; it is asked after the race. 0: the key itself, whose current and
	 * previous version must open.
	 */
	key_serial_t (*judge)(struct race *r);
	void (*clean)(struct race *r);

	key_serial_t root, aead, mac;
	atomic_bool over, stop;
};

/* One kind of race, so many rounds: one line of KTAP. */
void race_run(struct race *r, unsigned int rounds);

/* The same by hand: what is between these two is one kind. */
void race_begin(void);
void race_end(const char *name, unsigned int rounds);

/* A wrong outcome; the first of a race is told. */
void race_wrong(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* An operation of a rival: counted, and its outcome looked up in a list. */
int race_op(const char *what, int error, const char *allowed);

/* Up to so many microseconds, at random. */
void race_pause(unsigned int us);

/* IOTKEY_LONG: more of it. */
unsigned int race_rounds(unsigned int few);

/* Starts and ends a thread that dumps all keys over and over through all races. */
void race_dump_start(void);
void race_dump_end(void);

/* "# races: N kinds, N rounds, N operations" */
void race_sum(void);

#endif
