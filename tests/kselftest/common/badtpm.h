/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The frame of the tests with a TPM that answers wrongly: a table of wrong answers, and
 * what is to be seen of each.
 */
#ifndef BADTPM_H
#define BADTPM_H

#include "fake_tpm.h"
#include "iot.h"

struct bad {
	const char *what;
	int op; /* what is done, in the program's own numbering */
	struct behaviour b, also;
	int error;
	bool leaves; /* something in the TPM, of which the module cannot know */
};

#define BAD(text, operation, command, how, value, number)                        \
	.what = text, .op = operation, .b = { TPMBUF_CC_##command, how, value }, \
	.error = number

/* Does it, and leaves no key behind that was not there before: 0, or the errno. */
typedef int (*operate_fn)(int op);

/* A key with a TPM that has just come. */
key_serial_t bad_first(const char *name, const char *text);

/* The operation, answered wrongly: its errno, and as many keys as there should be. */
void bad_answer(const struct bad *bad, operate_fn operate, unsigned int keys);

/* And then nothing is left in the TPM, and the next try, answered well, works. */
void bad_try(const struct bad *bad, operate_fn operate, unsigned int keys);

/* Is the TPM empty, or is so within a second? What was kept goes by a worker. */
bool bad_is_empty(void);

/* The TPM goes away at the command @cc of the operation. */
void bad_hang_up(pthread_t tpm, uint32_t cc, operate_fn operate, int op);

#endif
