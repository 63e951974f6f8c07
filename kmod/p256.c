// SPDX-License-Identifier: GPL-2.0-only
/*
 * ECDSA on P-256 (FIPS 186-5, 6.4.2), which needs no secret, on what the kernel's ecc
 * exports.  "ecdsa-nist-p256" is not everywhere, and changes its interface in 6.13.
 */
#include <crypto/ecdh.h>
#include <crypto/internal/ecc.h>
#include "crypto.h"

#define DIGITS	ECC_CURVE_NIST_P256_DIGITS

/* Are these the coordinates of a point on the curve? (There is no other subgroup.) */
bool iot_p256_is_point(const u8 xy[2 * IOT_P256_SIZE])
{
	u64 x[DIGITS], y[DIGITS];
	struct ecc_point point = ECC_POINT_INIT(x, y, DIGITS);

	vli_from_be64(x, xy, DIGITS);
	vli_from_be64(y, xy + IOT_P256_SIZE, DIGITS);
	return !ecc_is_pubkey_valid_partial(ecc_get_curve(ECC_CURVE_NIST_P256),
					    &point);
}

static bool is_scalar(const u64 *n, const struct ecc_curve *curve)
{
	return !vli_is_zero(n, DIGITS) && vli_cmp(n, curve->n, DIGITS) < 0;
}

/**
 * iot_p256_verify() - is it this key's signature?
 * @xy: the public key, a point of the curve
 * @digest: what was signed, or its first octets
 * @sig: r || s
 *
 * Return: 0 or -EKEYREJECTED.
 */
int iot_p256_verify(const u8 xy[2 * IOT_P256_SIZE],
		    const u8 digest[IOT_P256_SIZE], const u8 sig[2 * IOT_P256_SIZE])
{
	const struct ecc_curve *curve = ecc_get_curve(ECC_CURVE_NIST_P256);
	u64 x[DIGITS], y[DIGITS], e[DIGITS], r[DIGITS], s[DIGITS];
	struct ecc_point point = ECC_POINT_INIT(x, y, DIGITS);
	u64 u1[DIGITS], u2[DIGITS], rx[DIGITS], ry[DIGITS];
	struct ecc_point result = ECC_POINT_INIT(rx, ry, DIGITS);

	vli_from_be64(x, xy, DIGITS);
	vli_from_be64(y, xy + IOT_P256_SIZE, DIGITS);
	vli_from_be64(e, digest, DIGITS);
	vli_from_be64(r, sig, DIGITS);
	vli_from_be64(s, sig + IOT_P256_SIZE, DIGITS);
	if (!is_scalar(r, curve) || !is_scalar(s, curve))
		return -EKEYREJECTED;

	vli_mod_inv(s, s, curve->n, DIGITS);
	vli_mod_mult_slow(u1, e, s, curve->n, DIGITS);
	vli_mod_mult_slow(u2, r, s, curve->n, DIGITS);
	ecc_point_mult_shamir(&result, u1, &curve->g, u2, &point, curve);
	if (ecc_point_is_zero(&result))
		return -EKEYREJECTED;
	/* the field has few elements more than the order */
	if (vli_cmp(rx, curve->n, DIGITS) >= 0)
		vli_sub(rx, rx, curve->n, DIGITS);
	return vli_cmp(rx, r, DIGITS) ? -EKEYREJECTED : 0;
}
