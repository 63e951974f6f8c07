/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Findings: making them.
 */
#ifndef _ATTEST_FINDING_H
#define _ATTEST_FINDING_H

#include "attest_private.h"

/*
 * finding_add(): one more.  What it is about is filled in by the caller; NULL when
 * there is no more room, and nothing need be filled in.
 */
struct iotkey_finding *finding_add(struct iotkey_appraisal *appraisal,
				   enum iotkey_check check);

/* finding_text(): text of others, made printable and cut, into one of a finding */
void finding_text(char out[IOTKEY_FINDING_TEXT], const void *text, size_t len);

/* finding_digest(): "sha256:HEX"; of a hash not known here, HEX alone */
void finding_digest(char out[IOTKEY_FINDING_TEXT], unsigned int hash,
		    const uint8_t *value, size_t size);

/* finding_number(): "N" and what follows it */
void finding_number(char out[IOTKEY_FINDING_TEXT], long long n, const char *what);

#endif /* _ATTEST_FINDING_H */
