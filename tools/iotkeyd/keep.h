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

/* Keys of the agent itself: what it attests with, and two places for what it is known by */
#define KEEP_OWN "agent-"
#define KEEP_AK	 KEEP_OWN "ak"

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

/*
 * For a fleet
 */

int32_t keep_ring(void); /* its serial number */

/* keep_find(): the live key of that name in the keyring; -ENOKEY; -EKEYREVOKED, only a dead one */
int keep_find(const char *name, int32_t *key);

/* keep_save(): returns when it is on the disk.  Errors: as keep_find() and write(2), and said. */
int keep_save(const char *name);

/* keep_is_lost(): neither in the keyring, alive, nor stored */
bool keep_is_lost(const char *name);

/* keep_revoke(): dead in the kernel when it returns.  0, too, if there is none. */
int keep_revoke(const char *name);
void keep_revoke_all(void);

/* keep_forget(): its blob is gone from the disk when it returns.  0, too, if there is none. */
int keep_forget(const char *name);
bool keep_forget_all(void);

/* keep_counts(): as the last look found them */
struct keep_counts keep_counts(void);

#endif /* _IOTKEYD_KEEP_H */
