/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Nonces that any registrar of the fleet makes and knows again without remembering them:
 *
 *	be64 unix milliseconds || 8 random bytes || first 16 bytes of
 *	HMAC-SHA-256(nonce key, the 16 bytes before || purpose || device id)
 */
#ifndef _REGISTRAR_NONCE_H
#define _REGISTRAR_NONCE_H

#include <stdint.h>

#include "store.h"
#include "worker.h"

#define NONCE_SIZE    32
#define NONCE_SECONDS 300

/* nonce_make(): @id NULL: of no device.  -EIO */
int nonce_make(const struct worker *worker, enum store_purpose purpose, const uint8_t *id,
	       uint8_t nonce[NONCE_SIZE]);

/*
 * nonce_check(): -EKEYREJECTED: not made by this fleet for that; -EKEYEXPIRED: its time is over;
 * -ETIME: it has not begun, for the clocks of two registrars differ.
 * That it comes once is store_device_nonce()'s business, with its first STORE_NONCE bytes.
 */
int nonce_check(const struct worker *worker, enum store_purpose purpose,
		const uint8_t *id, const void *nonce, size_t len);

#endif /* _REGISTRAR_NONCE_H */
