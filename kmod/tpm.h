/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A conversation with the TPM.  From iot_tpm_start() to iot_tpm_stop() the
 * chip is ours alone (its tpm_mutex is held), so a series of commands is not
 * interleaved with anybody's.  Callers may sleep and hold no spinlock; they
 * come from a key type's preparse.
 */
#ifndef _IOT_TPM_H
#define _IOT_TPM_H

#include "tpmbuf.h"

struct tpm_chip;

struct iot_tpm {
	struct tpm_chip *chip;
	struct tpmbuf_writer in;	/* parameters of the next command */
	struct tpmbuf_reader out;	/* parameters of the last answer */
	u8 *frame;			/* what goes over the wire */
};

/* Authorization with the empty password. */
extern const struct tpmbuf_session iot_tpm_empty_auth;

int iot_tpm_start(struct iot_tpm *t);
void iot_tpm_stop(struct iot_tpm *t);

/* Empties t->in for the parameters of the next command. */
void iot_tpm_begin(struct iot_tpm *t);

/*
 * Sends @call with the parameters in t->in; on 0 its answer's parameters are
 * in t->out, valid until the next command.
 */
int iot_tpm_exec(struct iot_tpm *t, struct tpmbuf_call *call);

/* Drops a transient object or a session; 0 is none. Errors are of no use. */
void iot_tpm_flush(struct iot_tpm *t, u32 handle);

#endif /* _IOT_TPM_H */
