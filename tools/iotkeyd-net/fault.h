/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Why something did not come off, for the schedule and for people.
 */
#ifndef _NET_FAULT_H
#define _NET_FAULT_H

#include <stdbool.h>

enum fault_kind {
	FAULT_NONE,
	FAULT_NETWORK, /* nobody answers, or not in time */
	FAULT_TLS,     /* the handshake failed for another reason than the next */
	FAULT_TRUST,   /* it is not the registrar: another CA, another name */
	FAULT_BUSY,    /* the registrar asks to come again */
	FAULT_PENDING, /* an operator has to approve the device */
	FAULT_REFUSED, /* by the registrar; .word says why */
	FAULT_ANSWER,  /* what came makes no sense */
	FAULT_KEEPER,  /* the keeper could not, or would not; .err */
	FAULT_LOCAL,   /* of this process: memory, the key */
};

struct fault {
	enum fault_kind kind;
	int err; /* FAULT_KEEPER: errno */
	unsigned int
		after;	/* seconds that the registrar wants to be left alone; 0: none */
	char word[32];	/* FAULT_REFUSED: the registrar's */
	char text[400]; /* printable, one line */
};

/* fault(): fills @f in and returns false, so that "return fault(...)" ends a function */
bool fault(struct fault *f, enum fault_kind kind, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* fault_is(): the registrar refused with this word */
bool fault_is(const struct fault *f, const char *word);

/* fault_kind_name(): for reports */
const char *fault_kind_name(const struct fault *f);

#endif /* _NET_FAULT_H */
