/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * By what the fleet knows this device: its id, and a key with a certificate in one of two places,
 * "a" and "b".  One of them is current; the next one comes to be in the other:
 *
 *	fleet/device		the id, 32 hex digits
 *	fleet/identity		"a" or "b"; with a "-" behind, the other is still to be cleared
 *	fleet/certificate-a.pem, -b.pem		with the chain; the keys are agent-a, agent-b
 *
 * Writing fleet/identity is what makes the next one current.
 */
#ifndef _IOTKEYD_IDENTITY_H
#define _IOTKEYD_IDENTITY_H

#include <stddef.h>
#include <stdint.h>

#define IDENTITY_DEVICE 32 /* hex digits */

enum identity_place { IDENTITY_CURRENT, IDENTITY_NEXT };

/* identity_open(): what a power cut left is put in order.  Returns an exit code, and has said why. */
int identity_open(void);

/* identity_begin(): once keys are loaded: without its key, a certificate is none */
void identity_begin(void);

const char *identity_device(void); /* "": not known yet */

/* identity_set_device(): for good.  -EBADMSG, it is no id; -EEXIST, there is another. */
int identity_set_device(const char *id);

/* identity_key_name(): of the key in that place; NULL, nothing is current yet */
const char *identity_key_name(enum identity_place place);

/* identity_certificate(): PEM, zero-terminated, to be freed with free(3); NULL, there is none */
char *identity_certificate(enum identity_place place);

/* identity_key(): the serial number of the key; 0, it is not there */
int32_t identity_key(enum identity_place place);

/* identity_prepare(): the place of the next one is free for it */
int identity_prepare(void);

/* identity_set_certificate(): of the next key, which is checked against it */
int identity_set_certificate(const char *pem, size_t len);

/* identity_promote(): the next one becomes the current one.  -ENOENT, it is not complete. */
int identity_promote(void);

/* identity_drop(): the device is thrown out: no certificate any more */
void identity_drop(void);

#endif /* _IOTKEYD_IDENTITY_H */
