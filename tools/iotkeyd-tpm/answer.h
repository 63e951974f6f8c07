/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the worker is asked for; each fills the answer, or returns -errno.  In a request, the
 * keeper puts before what the net process gave:
 *
 *	handle of the storage parent u64 | serial number of the keyring "iotkey" u64
 */
#ifndef _IOTKEYD_TPM_ANSWER_H
#define _IOTKEYD_TPM_ANSWER_H

#include "../iotkeyd/request.h"

#define KEY_AK "agent-ak"

struct job {
	uint32_t parent;
	int32_t ring;
	const struct request *request;
	struct request *answer;
	int files[REQUEST_FILES_MAX]; /* that go with the answer; -1: none */
};

/* Fields of a request, behind the two above */
#define JOB_FIELDS 2

int job_bytes(const struct job *job, unsigned int i, const uint8_t **data, size_t *len);

int answer_identity(struct job *job); /* ek.c: - → EK; certificates; AK */
int answer_activate(struct job *job); /* ek.c: credential → secret */
int answer_key(
	struct job *job); /* certify.c: nonce; name → serial; area; attest; signature */
int answer_parent(struct job *job);   /* certify.c: nonce → area; attest; signature */
int answer_evidence(struct job *job); /* evidence.c: nonce; offset; PCRs → quote; ... */
int answer_root(struct job *job);     /* keys.c: name; PEM; approvals; old → - */

#endif /* _IOTKEYD_TPM_ANSWER_H */
