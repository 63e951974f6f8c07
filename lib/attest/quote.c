// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * TPMS_ATTEST, as far as it is a quote.
 */
#include "attest_private.h"

#define TPM_GENERATED 0xff544347u

/* The tags of attestations of other things: NV, audits, certify, creation, time */
static bool is_attestation(unsigned int type)
{
	return (type >= 0x8014 && type <= 0x801a) || type == 0x801c;
}

int attest_read_head(struct reader *reader, unsigned int type, struct iotkey_quote *head)
{
	unsigned int found;

	memset(head, 0, sizeof(*head));
	if (read_u32(reader) != TPM_GENERATED)
		return -EBADMSG;
	found = read_u16(reader);
	if (found != type)
		return is_attestation(found) ? -EPROTOTYPE : -EBADMSG;
	head->signer = read_block(reader, read_u16(reader));
	head->nonce = read_block(reader, read_u16(reader));
	head->clock = read_u64(reader);
	head->resets = read_u32(reader);
	head->restarts = read_u32(reader);
	head->safe = read_u8(reader) == 1;
	head->firmware = read_u64(reader);
	return 0;
}

int iotkey_quote_parse(const void *data, size_t len, struct iotkey_quote *quote)
{
	struct reader reader = { data, len, 0, true, false };
	int err;

	err = attest_read_head(&reader, ATTEST_QUOTE, quote);
	if (!err)
		err = attest_read_selection(&reader, &quote->selection);
	if (err)
		return err;
	quote->pcr_digest = read_block(&reader, read_u16(&reader));
	return reader.bad || reader.offset != reader.len ? -EBADMSG : 0;
}

/* The digest of all values, one after the other, by the hash of the key's scheme */
int iotkey_quote_check(struct iotkey_attest *attest, const struct iotkey_quote *quote,
		       const struct iotkey_pcr_values *values)
{
	uint8_t all[IOTKEY_HASHES * IOTKEY_PCRS * IOTKEY_DIGEST_MAX];
	uint8_t digest[IOTKEY_DIGEST_MAX];
	const struct iotkey_pcrs *pcrs;
	unsigned int i, pcr, hash;
	size_t size, n = 0;
	int err;

	hash = quote->pcr_digest.len == 32   ? IOTKEY_HASH_SHA256
	       : quote->pcr_digest.len == 48 ? IOTKEY_HASH_SHA384
					     : IOTKEY_HASH_SHA512;
	for (i = 0; i < quote->selection.count; i++) {
		pcrs = iotkey_pcr_bank(values, quote->selection.bank[i].hash);
		if (!pcrs || quote->selection.bank[i].pcrs & ~pcrs->set)
			return -EBADMSG;
		size = iotkey_hash_size(pcrs->hash);
		for (pcr = 0; pcr < IOTKEY_PCRS; pcr++)
			if (quote->selection.bank[i].pcrs >> pcr & 1) {
				memcpy(all + n, pcrs->value[pcr], size);
				n += size;
			}
	}
	err = iotkey_digest(attest, hash, all, n, digest);
	if (err)
		return err;
	if (quote->pcr_digest.len != iotkey_hash_size(hash) ||
	    memcmp(digest, quote->pcr_digest.data, quote->pcr_digest.len))
		return -EBADMSG;
	return 0;
}
