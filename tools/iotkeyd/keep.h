/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keeping keys: what is stored is in the keyring, and what is in the keyring is stored.
 *
 * The keyring is named KEEP_RING and hangs in the user keyring of root, so it outlives
 * every process; whoever may search it finds the keys.
 */
#ifndef _IOTKEYD_KEEP_H
#define _IOTKEYD_KEEP_H

#include "config.h"

#define KEEP_RING "iotkey"

struct keep_counts {
	unsigned int kept;    /* keys in the keyring */
	unsigned int missing; /* stored ones that did not load */
	unsigned int unsaved; /* keys in the keyring that could not be stored */
};

/*
 * keep_open(): find or make the keyring, and hear of what happens to keys.  Returns an
 * exit code, and has said what was wrong.
 */
int keep_open(const struct config *config);

/* keep_fd(): readable when there is something for keep_events() */
int keep_fd(void);

/* What a look over all keys does besides loading and saving what has to be */
enum keep_depth {
	KEEP_NEEDED,	 /* nothing */
	KEEP_CHECKPOINT, /* save what could be computed again, if it has rotated */
	KEEP_ALL,	 /* save all, for their time has gone on */
};

/*
 * keep_look(): bring the directory and the keyring together.  True when there is something
 * that may come off later: look again.
 */
bool keep_look(enum keep_depth depth);

/*
 * keep_events(): do what the kernel's events ask for.  True when a look over all keys
 * is due.
 */
bool keep_events(void);

/* keep_counts(): as the last look found them */
struct keep_counts keep_counts(void);

#endif /* _IOTKEYD_KEEP_H */
