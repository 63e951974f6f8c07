// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What TPM2_Certify says about a key (Part 3, 18.2): that the TPM of the attestation key
 * holds it.
 */
#include "fleet_private.h"

int iotkey_certified_parse(const void *data, size_t len,
			   struct iotkey_certified *certified)
{
	struct reader reader = { data, len, 0, true, false };
	struct iotkey_quote head;
	int err;

	memset(certified, 0, sizeof(*certified));
	err = attest_read_head(&reader, ATTEST_CERTIFY, &head);
	if (err)
		return err;
	certified->signer = head.signer;
	certified->nonce = head.nonce;
	certified->resets = head.resets;
	certified->restarts = head.restarts;
	certified->name = read_block(&reader, read_u16(&reader));
	certified->qualified = read_block(&reader, read_u16(&reader));
	return reader.bad || reader.offset != reader.len ? -EBADMSG : 0;
}

static bool same(struct iotkey_bytes a, struct iotkey_bytes b)
{
	return a.len == b.len && !memcmp(a.data, b.data, a.len);
}

int iotkey_key_check(struct iotkey_attest *attest, const struct iotkey_ak *ak,
		     struct iotkey_bytes nonce, enum iotkey_role role,
		     const struct iotkey_key_evidence *evidence, struct iotkey_area *area)
{
	struct iotkey_certified certified;
	struct iotkey_name name;
	int err;

	err = iotkey_certified_parse(evidence->attest.data, evidence->attest.len,
				     &certified);
	if (!err)
		err = iotkey_area_parse(evidence->area.data, evidence->area.len, area);
	if (!err)
		err = iotkey_ak_verify(attest, ak, evidence->attest.data,
				       evidence->attest.len, evidence->signature.data,
				       evidence->signature.len);
	if (err)
		return err;
	if (!nonce.len || !same(certified.nonce, nonce))
		return -ESTALE;
	err = iotkey_area_name(attest, area, &name);
	if (err)
		return err;
	if (!iotkey_name_is(&name, certified.name))
		return -EXDEV;
	return iotkey_area_flaw(area, role) ? -EACCES : 0;
}
