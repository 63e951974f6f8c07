/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A conversation with the TPM.  From iot_tpm_start() to iot_tpm_stop() the
 * chip is ours alone (its tpm_mutex is held), so a series of commands is not
 * interleaved with anybody's, nor with another of ours.  Callers may sleep and hold no
 * lock of ours.
 */
#ifndef _IOT_TPM_H
#define _IOT_TPM_H

#include "session.h"

struct tpm_chip;

struct iot_tpm {
	struct tpm_chip *chip;
	struct tpmbuf_writer in;	/* parameters of the next command, in clear */
	struct tpmbuf_reader out;	/* parameters of the last answer */
	u8 *frame;			/* what goes over the wire */
};

int iot_tpm_start(struct iot_tpm *t);
void iot_tpm_stop(struct iot_tpm *t);

/* Empties t->in for the parameters of the next command. */
void iot_tpm_begin(struct iot_tpm *t);

/*
 * Sends @call with the parameters in t->in; on 0 its answer's parameters are
 * in t->out, valid until the next command.  _exec sends it bare, _exec_password with the
 * empty password, _exec_in protected by a session: @attributes are of enum
 * tpmbuf_session_attributes, and without TPMBUF_SA_CONTINUE success ends the session.
 *
 * Return: 0; -EBADMSG when the answer is not authentic or malformed; what
 * tpmbuf_errno() makes of an error; -EBUSY, -EINTR, -ENODEV, -ENOMEM or -EIO of the driver.
 */
int iot_tpm_exec(struct iot_tpm *t, struct tpmbuf_call *call);
int iot_tpm_exec_password(struct iot_tpm *t, struct tpmbuf_call *call);
int iot_tpm_exec_in(struct iot_tpm *t, struct tpmbuf_call *call,
		    struct iot_session *s, u8 attributes);

/*
 * Drops a transient object or a session; 0 is none. Errors are of no use.  t->in stays
 * as it is.
 */
void iot_tpm_flush(struct iot_tpm *t, u32 handle);

/*
 * One transient object may stay in the TPM from one conversation to the next; slot.c says
 * for how long.  All of this is done during a conversation, but for _keeps.  A command that
 * finds the TPM full has it evicted by itself.
 */
bool iot_tpm_keeps(void);
u32 iot_tpm_kept(u64 owner);
void iot_tpm_keep(struct iot_tpm *t, u32 handle, u64 owner);
void iot_tpm_evict(struct iot_tpm *t);
void iot_tpm_forget(void);

#endif /* _IOT_TPM_H */
