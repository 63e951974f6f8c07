// SPDX-License-Identifier: GPL-2.0-only
/*
 * A root made of several: what is known only to who has all the parts. The two-step
 * derivation of SP 800-56C: HMAC extracts, HKDF-Expand expands. What goes in is derived
 * from the parts' secrets, so that no secret is put to two uses.
 */
#include <linux/string.h>
#include "crypto.h"
#include "root.h"

/* By identity, so that the order of the names does not matter. */
void iot_root_sort(struct iot_root **parts, unsigned int n)
{
	unsigned int i, j;

	for (i = 1; i < n; i++) {
		struct iot_root *part = parts[i];

		for (j = i; j && memcmp(parts[j - 1]->id, part->id,
					IOT_ID_SIZE) > 0; j--)
			parts[j] = parts[j - 1];
		parts[j] = part;
	}
}

/**
 * iot_root_mix() - the secret of sorted parts
 * @n: 1 to IOT_PARTS_MAX
 */
void iot_root_mix(struct iot_root *const *parts, unsigned int n, u8 *secret)
{
	static const char salt[] = "iotkey/1 combine";
	u8 shares[IOT_PARTS_MAX][IOT_SECRET_SIZE];
	u8 ids[IOT_PARTS_MAX][IOT_ID_SIZE];
	struct iot_part all = { shares, n * sizeof(shares[0]) };
	u8 prk[IOT_SHA256_SIZE];
	unsigned int i;

	for (i = 0; i < n; i++) {
		iot_kdf(parts[i]->secret, "iotkey/1 part", NULL, 0, shares[i],
			sizeof(shares[i]));
		memcpy(ids[i], parts[i]->id, sizeof(ids[i]));
	}
	iot_hmac_sha256(salt, strlen(salt), &all, 1, prk);
	iot_kdf(prk, "iotkey/1 combined", ids, n * sizeof(ids[0]), secret,
		IOT_SECRET_SIZE);
	memzero_explicit(shares, sizeof(shares));
	memzero_explicit(prk, sizeof(prk));
}

/* It is neither created nor opened, but found. */
const struct iot_root_ops iot_root_combined_ops = {
	.provider = IOTKEY_PROVIDER_COMBINED,
	.name = "combined",
};
