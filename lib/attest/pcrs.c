// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Selections of PCRs, and files of their values as tpm2-tools writes them.
 *
 * Its default format, "serialized", is that of the structures in memory, all
 * little endian: TPML_PCR_SELECTION with room for 16 banks, the number of lists,
 * and TPML_DIGEST, each with room for 8 digests of up to 64 bytes.
 */
#include "attest_private.h"

#include <stdlib.h>

#define BANKS_ROOM     16
#define SELECTION_SIZE (4 + BANKS_ROOM * 8)
#define LIST_ROOM      8
#define LIST_SIZE      (4 + LIST_ROOM * (2 + IOTKEY_DIGEST_MAX))

/* How many digests a selection has, at most */
#define DIGESTS_MAX (IOTKEY_HASHES * IOTKEY_PCRS)

_Static_assert(SELECTION_SIZE + 4 + DIGESTS_MAX / LIST_ROOM * LIST_SIZE ==
		       IOTKEY_PCR_FILE_MAX,
	       "the file of the largest selection");

static bool has_bank(const struct iotkey_pcr_selection *selection, unsigned int hash)
{
	unsigned int i;

	for (i = 0; i < selection->count; i++)
		if (selection->bank[i].hash == hash)
			return true;
	return false;
}

static int add_bank(struct iotkey_pcr_selection *selection, unsigned int hash,
		    uint32_t pcrs)
{
	if (!iotkey_hash_size(hash))
		return -ENOTSUP;
	if (pcrs >> IOTKEY_PCRS || has_bank(selection, hash))
		return -EBADMSG;
	selection->bank[selection->count].hash = (uint16_t)hash;
	selection->bank[selection->count++].pcrs = pcrs;
	return 0;
}

static uint32_t read_mask(const uint8_t *select, size_t size)
{
	uint32_t pcrs = 0;

	while (select && size--)
		pcrs = pcrs << 8 | select[size];
	return pcrs;
}

int attest_read_selection(struct reader *reader, struct iotkey_pcr_selection *selection)
{
	uint32_t count = read_u32(reader);
	unsigned int hash, size;
	int err;

	selection->count = 0;
	while (count-- && !reader->bad) {
		hash = read_u16(reader);
		size = read_u8(reader);
		if (size > 4)
			return -EBADMSG;
		err = add_bank(selection, hash,
			       read_mask(read_bytes(reader, size), size));
		if (err && !reader->bad)
			return err;
	}
	return reader->bad ? -EBADMSG : 0;
}

/* One "BANK:N,N"; gives where it ends */
static const char *parse_bank(const char *text, struct iotkey_pcr_selection *selection)
{
	const char *colon = strchr(text, ':');
	uint32_t pcrs = 0;
	unsigned long n;
	char *end;
	int hash;

	hash = colon ? iotkey_hash_value(text, (size_t)(colon - text)) : -EINVAL;
	if (hash < 0)
		return NULL;
	text = colon;
	do {
		text++;
		n = strtoul(text, &end, 10);
		if (*text < '0' || *text > '9' || n >= IOTKEY_PCRS || pcrs >> n & 1)
			return NULL;
		pcrs |= UINT32_C(1) << n;
		text = end;
	} while (*text == ',');
	return add_bank(selection, (unsigned int)hash, pcrs) ? NULL : text;
}

int iotkey_pcr_selection_parse(const char *text, struct iotkey_pcr_selection *selection)
{
	selection->count = 0;
	for (;;) {
		text = parse_bank(text, selection);
		if (!text)
			return -EINVAL;
		if (!*text)
			return 0;
		if (*text++ != '+')
			return -EINVAL;
	}
}

static void put_be32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

static void put_le16(uint8_t *p, unsigned int v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

static void put_mask(uint8_t *p, uint32_t pcrs)
{
	p[0] = 3;
	p[1] = (uint8_t)pcrs;
	p[2] = (uint8_t)(pcrs >> 8);
	p[3] = (uint8_t)(pcrs >> 16);
}

size_t iotkey_pcr_selection_marshal(const struct iotkey_pcr_selection *selection,
				    uint8_t out[IOTKEY_PCR_SELECTION_MAX])
{
	uint8_t *p = out + 4;
	unsigned int i;

	put_be32(out, selection->count);
	for (i = 0; i < selection->count; i++, p += 6) {
		p[0] = (uint8_t)(selection->bank[i].hash >> 8);
		p[1] = (uint8_t)selection->bank[i].hash;
		put_mask(p + 2, selection->bank[i].pcrs);
	}
	return (size_t)(p - out);
}

const struct iotkey_pcrs *iotkey_pcr_bank(const struct iotkey_pcr_values *values,
					  unsigned int hash)
{
	unsigned int i;

	for (i = 0; i < values->count; i++)
		if (values->bank[i].hash == hash)
			return &values->bank[i];
	return NULL;
}

/* Digests one after the other, as a selection names them */
struct filler {
	const struct iotkey_pcr_selection *selection;
	struct iotkey_pcr_values *values;
	unsigned int bank, pcr;
};

static void fill_start(struct filler *filler,
		       const struct iotkey_pcr_selection *selection,
		       struct iotkey_pcr_values *values)
{
	unsigned int i;

	*filler = (struct filler){ selection, values, 0, 0 };
	values->count = selection->count;
	for (i = 0; i < selection->count; i++)
		iotkey_pcrs_init(&values->bank[i], selection->bank[i].hash);
}

/* The size of the next digest; 0 when there is none */
static size_t fill_size(struct filler *filler)
{
	for (; filler->bank < filler->selection->count; filler->bank++, filler->pcr = 0)
		for (; filler->pcr < IOTKEY_PCRS; filler->pcr++)
			if (filler->selection->bank[filler->bank].pcrs >> filler->pcr & 1)
				return iotkey_hash_size(
					filler->selection->bank[filler->bank].hash);
	return 0;
}

/* The next digest: false for one that does not fit */
static bool fill(struct filler *filler, const uint8_t *digest, size_t size)
{
	struct iotkey_pcrs *pcrs;

	if (!size || fill_size(filler) != size)
		return false;
	pcrs = &filler->values->bank[filler->bank];
	memcpy(pcrs->value[filler->pcr], digest, size);
	pcrs->set |= UINT32_C(1) << filler->pcr++;
	return true;
}

static size_t values_size(const struct iotkey_pcr_selection *selection)
{
	size_t total = 0;
	unsigned int i;

	for (i = 0; i < selection->count; i++)
		total += iotkey_hash_size(selection->bank[i].hash) *
			 (size_t)__builtin_popcount(selection->bank[i].pcrs);
	return total;
}

static void parse_values(const uint8_t *data,
			 const struct iotkey_pcr_selection *selection,
			 struct iotkey_pcr_values *values)
{
	struct filler filler;
	size_t size;

	fill_start(&filler, selection, values);
	while ((size = fill_size(&filler)) != 0) {
		fill(&filler, data, size);
		data += size;
	}
}

/* The selection at the head of a serialized file */
static int parse_head(struct reader *reader, struct iotkey_pcr_selection *selection)
{
	uint32_t count = read_u32(reader);
	unsigned int hash, size, i;
	const uint8_t *select;
	int err;

	selection->count = 0;
	for (i = 0; i < BANKS_ROOM; i++) {
		hash = read_u16(reader);
		size = read_u8(reader);
		select = read_bytes(reader, 4);
		read_u8(reader);
		if (reader->bad || (i < count && size > 4))
			return -EBADMSG;
		err = i < count ? add_bank(selection, hash, read_mask(select, size)) : 0;
		if (err)
			return -EBADMSG;
	}
	return count > BANKS_ROOM ? -EBADMSG : 0;
}

/* A list of digests; in a serialized file it has room for 8 of the largest */
static int parse_list(struct reader *reader, bool room, struct filler *filler)
{
	uint32_t count = read_u32(reader), i;
	const uint8_t *digest;
	size_t size;

	if (reader->bad || count > LIST_ROOM)
		return -EBADMSG;
	for (i = 0; i < (room ? LIST_ROOM : count); i++) {
		size = read_u16(reader);
		if (i < count && size > IOTKEY_DIGEST_MAX)
			return -EBADMSG;
		digest = read_bytes(reader, room ? IOTKEY_DIGEST_MAX : size);
		if (reader->bad || (i < count && !fill(filler, digest, size)))
			return -EBADMSG;
	}
	return 0;
}

static int parse_lists(struct reader *reader, bool room,
		       const struct iotkey_pcr_selection *selection,
		       struct iotkey_pcr_values *values)
{
	uint32_t lists = read_u32(reader);
	struct filler filler;

	fill_start(&filler, selection, values);
	/* tpm2_quote has been seen to count one list more, which is empty or not there */
	while (lists-- && reader->offset < reader->len)
		if (parse_list(reader, room, &filler))
			return -EBADMSG;
	return reader->bad || reader->offset != reader->len || fill_size(&filler)
		       ? -EBADMSG
		       : 0;
}

static bool same_selection(const struct iotkey_pcr_selection *a,
			   const struct iotkey_pcr_selection *b)
{
	unsigned int i, j;

	if (a->count != b->count)
		return false;
	for (i = 0; i < a->count; i++) {
		for (j = 0; j < b->count && b->bank[j].hash != a->bank[i].hash; j++)
			;
		if (j == b->count || a->bank[i].pcrs != b->bank[j].pcrs)
			return false;
	}
	return true;
}

int iotkey_pcr_values_parse(const void *data, size_t len,
			    const struct iotkey_pcr_selection *selection,
			    struct iotkey_pcr_values *values)
{
	const bool serialized =
		len >= SELECTION_SIZE + 4 && (len - SELECTION_SIZE - 4) % LIST_SIZE == 0;
	struct reader reader = { data, len, 0, !serialized, false };
	struct iotkey_pcr_selection own;
	int err;

	if (len && len == values_size(selection)) {
		parse_values(data, selection, values);
		return 0;
	}
	err = serialized ? parse_head(&reader, &own)
			 : attest_read_selection(&reader, &own);
	if (!err)
		err = parse_lists(&reader, serialized, &own, values);
	if (err)
		return -EBADMSG;
	return same_selection(&own, selection) ? 0 : -EBADE;
}

ssize_t iotkey_pcr_values_serialize(const struct iotkey_pcr_selection *selection,
				    const struct iotkey_pcr_values *values,
				    uint8_t out[IOTKEY_PCR_FILE_MAX])
{
	uint8_t *lists = out + SELECTION_SIZE + 4, *list;
	const struct iotkey_pcrs *pcrs;
	unsigned int i, pcr, n = 0;
	size_t size;

	memset(out, 0, IOTKEY_PCR_FILE_MAX);
	put_le16(out, selection->count);
	for (i = 0; i < selection->count; i++) {
		put_le16(out + 4 + 8 * i, selection->bank[i].hash);
		put_mask(out + 6 + 8 * i, selection->bank[i].pcrs);
		pcrs = iotkey_pcr_bank(values, selection->bank[i].hash);
		if (!pcrs || selection->bank[i].pcrs & ~pcrs->set)
			return -EINVAL;
		size = iotkey_hash_size(pcrs->hash);
		for (pcr = 0; pcr < IOTKEY_PCRS; pcr++) {
			if (!(selection->bank[i].pcrs >> pcr & 1))
				continue;
			list = lists + n / LIST_ROOM * LIST_SIZE;
			put_le16(list, n % LIST_ROOM + 1);
			list += 4 + n % LIST_ROOM * (2 + IOTKEY_DIGEST_MAX);
			put_le16(list, (unsigned int)size);
			memcpy(list + 2, pcrs->value[pcr], size);
			n++;
		}
	}
	n = (n + LIST_ROOM - 1) / LIST_ROOM;
	put_le16(out + SELECTION_SIZE, n);
	return (ssize_t)(SELECTION_SIZE + 4 + n * LIST_SIZE);
}
