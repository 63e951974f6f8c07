// SPDX-License-Identifier: GPL-2.0-or-later
#include "progress.h"

#include <string.h>

_Static_assert(4 + IOTKEY_HASHES * (2 + IOTKEY_DIGEST_MAX) + 2 + 1 +
			       IOTKEY_PCR_SELECTION_MAX + IOTKEY_POLICY_SIZE <=
		       STORE_PROGRESS_MAX,
	       "all of it fits");

static uint8_t *put(uint8_t *p, const void *data, size_t len)
{
	memcpy(p, data, len);
	return p + len;
}

static uint8_t *put_be16(uint8_t *p, unsigned int v)
{
	*p++ = (uint8_t)(v >> 8);
	*p++ = (uint8_t)v;
	return p;
}

void progress_write(const struct progress *progress, struct store_attestation *row)
{
	uint8_t *p = row->progress;
	unsigned int i;

	p = put_be16(p, progress->entries >> 16);
	p = put_be16(p, progress->entries & 0xffff);
	for (i = 0; i < progress->ima.count; i++) {
		const struct iotkey_pcrs *pcrs = &progress->ima.bank[i];

		p = put_be16(p, pcrs->hash);
		p = put(p, pcrs->value[PROGRESS_PCR], iotkey_hash_size(pcrs->hash));
	}
	if (progress->selection_len) {
		p = put_be16(p, 0);
		*p++ = (uint8_t)progress->selection_len;
		p = put(p, progress->selection, progress->selection_len);
		p = put(p, progress->pcr_digest, IOTKEY_POLICY_SIZE);
	}
	row->progress_len = (size_t)(p - row->progress);
}

static bool read_pcrs(const uint8_t *p, const uint8_t *end, struct progress *progress)
{
	if (end - p < 1 || *p > IOTKEY_PCR_SELECTION_MAX ||
	    end - p != 1 + *p + IOTKEY_POLICY_SIZE)
		return false;
	progress->selection_len = *p++;
	memcpy(progress->selection, p, progress->selection_len);
	memcpy(progress->pcr_digest, p + progress->selection_len, IOTKEY_POLICY_SIZE);
	return true;
}

bool progress_read(const struct store_attestation *row, struct progress *progress)
{
	const uint8_t *p = row->progress, *end = p + row->progress_len;
	struct iotkey_pcrs *pcrs;
	unsigned int hash;
	size_t size;

	memset(progress, 0, sizeof(*progress));
	if (row->progress_len < 4)
		return false;
	progress->entries = (unsigned int)p[0] << 24 | (unsigned int)p[1] << 16 |
			    (unsigned int)p[2] << 8 | p[3];
	for (p += 4; end - p > 2; p += size) {
		hash = (unsigned int)(p[0] << 8 | p[1]);
		p += 2;
		if (!hash)
			return read_pcrs(p, end, progress);
		size = iotkey_hash_size(hash);
		if (!size || size > (size_t)(end - p) ||
		    progress->ima.count == IOTKEY_HASHES)
			return false;
		pcrs = &progress->ima.bank[progress->ima.count++];
		iotkey_pcrs_init(pcrs, hash);
		memcpy(pcrs->value[PROGRESS_PCR], p, size);
		pcrs->set = 1u << PROGRESS_PCR;
	}
	return p == end;
}

void progress_ima(struct progress *progress, const struct iotkey_pcr_values *values)
{
	unsigned int i;

	for (i = 0; i < values->count; i++)
		if (values->bank[i].set >> PROGRESS_PCR & 1)
			progress->ima.bank[progress->ima.count++] = values->bank[i];
}

bool progress_proves(const struct progress *progress,
		     const struct iotkey_pcr_selection *selection)
{
	uint8_t wanted[IOTKEY_PCR_SELECTION_MAX];
	size_t len = iotkey_pcr_selection_marshal(selection, wanted);

	return progress->selection_len == len &&
	       !memcmp(progress->selection, wanted, len);
}
