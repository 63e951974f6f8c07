/* SPDX-License-Identifier: GPL-2.0-only */
/* An ECDSA signature of P-256 as DER (RFC 3279, Ecdsa-Sig-Value) and as r || s. Pure. */
#ifndef _IOT_ECDSA_H
#define _IOT_ECDSA_H

#include "pure.h"

#define IOT_ECDSA_SIZE		64	/* r || s, 32 octets each, big-endian */
#define IOT_ECDSA_DER_MAX	72

size_t iot_ecdsa_encode(const u8 sig[IOT_ECDSA_SIZE],
			u8 der[IOT_ECDSA_DER_MAX]);
int iot_ecdsa_decode(const u8 *der, size_t size, u8 sig[IOT_ECDSA_SIZE]);

#endif /* _IOT_ECDSA_H */
