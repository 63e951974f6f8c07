/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a log tells of keys, and how far a PCR proves it: for cmd_history.c.
 */
#ifndef _STORY_H
#define _STORY_H

#include "attest.h"

#define STORY_PCR 10 /* IMA's */

/* A PCR of some bank: what it is, and what the log comes to */
struct bank {
	uint16_t hash;
	uint8_t value[IOTKEY_DIGEST_MAX];
	struct iotkey_pcrs replayed;
	unsigned int entries; /* after how many the log comes to the value */
	bool agrees;
};

struct row {
	struct iotkey_record record;
	unsigned int entry, flaws;
	uint32_t expected;
	bool changed; /* does not fit its digest, or is for another PCR */
};

/* What a log tells */
struct story {
	struct bank bank[IOTKEY_HASHES];
	size_t banks;
	struct row *rows;
	size_t count, room;
	unsigned int entries, odd; /* of the log; and entries that are damaged */
	unsigned int proven;	   /* so many entries are in every PCR known */
	bool agrees;		   /* every PCR known, and there is one */
	uint64_t lost;
	bool live; /* a log that is still being written */
};

/* parse_pcr(): "sha256:HEX" or, as tpm2_pcrread writes it, "sha256:0xHEX" */
bool parse_pcr(struct story *story, const char *text);

/*
 * read_story(): read the log at @path (NULL: this machine's) and replay it, against the
 * PCRs of this machine if .live is set.  Returns an exit code, and has said what was wrong.
 */
int read_story(struct iotkey_attest *attest, struct story *story, const char *path);

/* read_quoted(): the PCRs of the quote in @directory, and the log there; the same */
int read_quoted(struct iotkey_attest *attest, struct story *story, const char *directory);

/* is_proven(): whether every PCR that is known covers it */
bool is_proven(const struct story *story, const struct row *row);

#endif /* _STORY_H */
