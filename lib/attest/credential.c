// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * TPM2_MakeCredential without a TPM (Part 1, 24; Part 3, 12.6).
 */
#include "fleet_private.h"

#include <openssl/crypto.h>

ssize_t iotkey_credential_make(const struct iotkey_area *ek,
			       const struct iotkey_name *name, const void *secret,
			       size_t len, uint8_t out[IOTKEY_CREDENTIAL_MAX])
{
	uint8_t sealed[2 + IOTKEY_DIGEST_MAX], blob[2 + 2 * IOTKEY_DIGEST_MAX + 2];
	uint8_t seed[ENCRYPTED_SECRET_MAX];
	struct writer plain = { sealed, sizeof(sealed), 0, false };
	struct writer id = { blob, sizeof(blob), 0, false };
	struct writer encrypted = { seed, sizeof(seed), 0, false };
	struct writer w = { out, IOTKEY_CREDENTIAL_MAX, 0, false };
	struct protection protection;
	int err;

	if (!len || len > iotkey_hash_size(ek->hash))
		return -EINVAL;
	err = protection_make(ek, "IDENTITY", &protection, &encrypted);
	if (!err) {
		write_2b(&plain, secret, len);
		err = protection_apply(&protection, name, sealed, plain.len, &id);
	}
	protection_wipe(&protection);
	OPENSSL_cleanse(sealed, sizeof(sealed));
	if (err)
		return err;
	write_2b(&w, blob, id.len);
	write_bytes(&w, seed, encrypted.len);
	return w.bad || id.bad || encrypted.bad ? -EINVAL : (ssize_t)w.len;
}
