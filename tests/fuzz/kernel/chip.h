/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A TPM whose answers the fuzzer makes: right ones, right ones with wrong bytes, parameters
 * of its own in a right frame, whole frames of its own, response codes, and errors of the
 * driver.  The HMAC is made right for what the fuzzer says, as long as it does not say
 * otherwise, so it gets to all that is behind it; so is the signature of a quote.
 *
 * The input is bytes that steer; what is missing is 0, and a good answer.
 */
#ifndef FUZZ_CHIP_H
#define FUZZ_CHIP_H

#include "kernel.h"
#include "crypto.h"
#include "../fuzz.h"
#include "policy.h"
#include "tss2.h"

#define PARENT	    0x81000001
#define PARENT_AREA 90

extern struct steps input;
extern unsigned int failing; /* the allocation that fails, counted down; 0 none */
extern bool lied;	     /* an answer was not what a TPM gives */
extern const u8 secret[IOT_SECRET_SIZE]; /* "random", and must not be seen on the bus */
extern const u8 parent_area[PARENT_AREA];
extern const u8 fuzz_point[2 * IOT_P256_SIZE]; /* of any signing key */

struct fuzz_tpm {
	bool parent;	   /* there is one at its handle */
	unsigned int open; /* objects and sessions: one bit each */
	u8 area[256];	   /* public, of the object that was loaded last */
	size_t area_len;
};

extern struct fuzz_tpm tpm;
extern struct tpm_chip chip; /* its references are counted */
extern int in_use;	     /* tpm_try_get_ops() without tpm_put_ops() */

/* Some bytes of these are changed as the input says. */
void spoil(u8 *bytes, size_t len);

/* Bytes of the input's own. */
size_t take_bytes(u8 *to, size_t max);

/* A documented errno, or 0 */
void check_errno(int ret);

#endif
