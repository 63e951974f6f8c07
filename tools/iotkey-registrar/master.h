/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The fleet's master secret, from which everything secret is derived: 32 bytes in a file, or a
 * key in a PKCS#11 token that never leaves it.
 */
#ifndef _REGISTRAR_MASTER_H
#define _REGISTRAR_MASTER_H

#include <stddef.h>
#include <stdint.h>

#define MASTER_SIZE	   32
#define MASTER_CONTEXT_MAX 512
#define MASTER_MESSAGE	   512

struct master;

/*
 * master_open(): @uri is a file's path (32 bytes, for its owner alone), or a pkcs11: URI
 * (RFC 7512) of a secret key that may sign, with pin-value or pin-source=file:PATH, and
 * module-path when p11-kit is not configured for the token.  After fork(): tokens do not
 * survive one.  On an error a sentence is in @message: -ENOENT, no such file, token or key;
 * -EPERM, others may read the file; -EINVAL, not a URI, or not 32 bytes; -EACCES, the
 * PIN; -EEXIST, several keys fit; -EIO, what the token says else.
 */
int master_open(const char *uri, struct master **master, char message[MASTER_MESSAGE]);
void master_close(struct master *master);

/*
 * master_derive(): SP 800-108r1 in counter mode with HMAC-SHA-256, one block:
 *
 *	HMAC(master, be32(1) || label || 0x00 || context || be32(256))
 *
 * A session that the token has closed is opened once more.  -EINVAL: the context is too long,
 * or the label empty; -EIO: the token did not do it.
 */
int master_derive(struct master *master, const char *label, const void *context,
		  size_t len, uint8_t out[MASTER_SIZE]);

#endif /* _REGISTRAR_MASTER_H */
