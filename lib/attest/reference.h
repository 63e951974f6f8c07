/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A reference that was read: what the appraisal asks of it.
 */
#ifndef _ATTEST_REFERENCE_H
#define _ATTEST_REFERENCE_H

#include "attest_private.h"

struct ref_digest {
	uint16_t hash;
	uint8_t value[IOTKEY_DIGEST_MAX];
};

/* Some of the digests of a reference; .count 0: any will do */
struct ref_digests {
	size_t first, count;
};

struct ref_pcr {
	uint16_t hash;
	unsigned int pcr;
	struct ref_digests digests;
	const char *name;
};

struct ref_event {
	unsigned int pcr;
	uint32_t type;
	bool optional;
	struct ref_digests digests;
	const char *name;
};

struct ref_ima {
	const char *name;
	size_t len;
	struct ref_digests digests; /* one, or any */
};

/* A growing array */
struct list {
	void *items;
	size_t count, room;
};

struct iotkey_reference {
	char *text; /* names point into it */
	struct list digests, pcrs, events, imas, prefixes;
	/* .events are sorted by PCR: where those of each begin */
	size_t event_first[IOTKEY_PCRS + 1];
};

static inline const struct ref_digest *ref_digest(const struct iotkey_reference *ref,
						  size_t i)
{
	return (const struct ref_digest *)ref->digests.items + i;
}

static inline const struct ref_pcr *ref_pcr(const struct iotkey_reference *ref, size_t i)
{
	return (const struct ref_pcr *)ref->pcrs.items + i;
}

static inline const struct ref_event *ref_event(const struct iotkey_reference *ref,
						size_t i)
{
	return (const struct ref_event *)ref->events.items + i;
}

/* Whether @ref says anything about the IMA log */
static inline bool ref_has_ima(const struct iotkey_reference *ref)
{
	return ref->imas.count || ref->prefixes.count;
}

/* ref_allows(): whether @value of a bank is one of @digests */
bool ref_allows(const struct iotkey_reference *ref, struct ref_digests digests,
		unsigned int hash, const uint8_t *value);

/*
 * ref_find_ima(): the lines about this name: @count of them from the one returned on;
 * NULL if there is none.
 */
const struct ref_ima *ref_find_ima(const struct iotkey_reference *ref,
				   struct iotkey_bytes name, size_t *count);

/* ref_any_ima(): whether a line says that any content of this file will do */
bool ref_any_ima(const struct iotkey_reference *ref, struct iotkey_bytes name);

#endif /* _ATTEST_REFERENCE_H */
