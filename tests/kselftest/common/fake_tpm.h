/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A TPM that answers with errors and rubbish: a thread of this program, through the
 * kernel's vTPM proxy.  It has one parent, one signing key, two sessions (an HMAC one and
 * one of a policy), and three slots for objects.  It likes every policy and signature.
 *
 * Its answers are authentic where it is the TPM that errs (RC, SIZED and what comes behind
 * HANG_UP), and changed after that where it is the bus.
 */
#ifndef IOT_FAKE_TPM_H
#define IOT_FAKE_TPM_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include "tpmbuf.h"

#define PARENT	       0x81000001
#define HEADER	       10
/* Before the parameters of an answer to a command in a session. */
#define SESSION_HEADER 14

enum how {
	GOOD,
	RC,	/* the response code in .value */
	RC_IN,	/* the same, but only to a command in a session */
	CUT,	/* the good answer, .value bytes of it, and honest about that */
	LIE,	/* the good answer, with .value more in its header's size */
	LONGER, /* the good answer and .value bytes more */
	FLIP,	/* the good answer with byte .value inverted */
	/* Of .value bytes: an unsealed secret; the private part of Create and Import; a ticket */
	SIZED,
	HANG_UP,

	/* Load and LoadExternal */
	OTHER_NAME,   /* that of another object */
	OTHER_HANDLE, /* .value more than the object's */

	/* Sign and Quote: a signature */
	OTHER_DIGEST, /* of another digest */
	OTHER_KEY,    /* by another key */
	ZERO_R,
	ZERO_S,
	NO_R,	/* of no octets */
	LONG_R, /* with a leading octet too many */
	MORE,	/* and .value octets behind it, as Import and VerifySignature too */

	/* Quote: signed as it should be, but about */
	OTHER_NONCE,
	LONG_NONCE, /* the one that was asked, and an octet more */
	OTHER_MAGIC,
	OTHER_TYPE,
	OTHER_PCRS,
	OTHER_BANK,
	MORE_BANKS,
	CUT_ATTEST, /* .value octets of it */

	/* VerifySignature */
	OTHER_TAG, /* .value, of the ticket */
};

struct behaviour {
	uint32_t cc; /* the command that is answered badly */
	enum how how;
	uint32_t value;
};

extern struct behaviour behaviour, also; /* and this one, if .cc is set */
extern atomic_int seen;			 /* how often that command came */

/* What is in the TPM now, of objects and sessions; and away with it. */
unsigned int fake_tpm_holds(void);
void fake_tpm_clear(void);

/* When this returns /dev/tpmN is there.  The thread ends with HANG_UP. */
pthread_t fake_tpm_start(void);

#endif
