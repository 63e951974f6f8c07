/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of libiotkey-attest share.
 */
#ifndef _ATTEST_PRIVATE_H
#define _ATTEST_PRIVATE_H

#include <iotkey-attest.h>

#include <errno.h>
#include <string.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/*
 * Input that is read once, front to back.  A read past the end gives zeros and
 * sets .bad, which is looked at when it matters; it never goes off again.
 */
struct reader {
	const uint8_t *data;
	size_t len, offset;
	bool big_endian, bad;
};

static inline const uint8_t *read_bytes(struct reader *reader, size_t len)
{
	const uint8_t *p = reader->data + reader->offset;

	if (reader->bad || len > reader->len - reader->offset) {
		reader->bad = true;
		return NULL;
	}
	reader->offset += len;
	return p;
}

static inline uint8_t read_u8(struct reader *reader)
{
	const uint8_t *p = read_bytes(reader, 1);

	return p ? *p : 0;
}

static inline uint16_t read_u16(struct reader *reader)
{
	const uint8_t *p = read_bytes(reader, 2);

	if (!p)
		return 0;
	return (uint16_t)(reader->big_endian ? p[0] << 8 | p[1] : p[1] << 8 | p[0]);
}

static inline uint32_t read_u32(struct reader *reader)
{
	uint32_t a = read_u16(reader), b = read_u16(reader);

	return reader->big_endian ? a << 16 | b : b << 16 | a;
}

static inline uint64_t read_u64(struct reader *reader)
{
	uint64_t a = read_u32(reader), b = read_u32(reader);

	return reader->big_endian ? a << 32 | b : b << 32 | a;
}

/* @len bytes, whose length was just read */
static inline struct iotkey_bytes read_block(struct reader *reader, size_t len)
{
	struct iotkey_bytes bytes = { read_bytes(reader, len), len };

	if (!bytes.data)
		bytes.len = 0;
	return bytes;
}

static inline bool bytes_are(struct iotkey_bytes bytes, const char *text)
{
	return bytes.len == strlen(text) && !memcmp(bytes.data, text, bytes.len);
}

/* hash.c */

/* OpenSSL's; NULL for a hash that it has not */
const struct evp_md_st *attest_md(struct iotkey_attest *attest, unsigned int hash);

/* Two pieces under one hash */
int attest_digest2(struct iotkey_attest *attest, unsigned int hash, const void *a,
		   size_t a_len, const void *b, size_t b_len,
		   uint8_t out[IOTKEY_DIGEST_MAX]);

/* pcrs.c */

/* TPML_PCR_SELECTION.  -EBADMSG; -ENOTSUP for a bank that is not known */
int attest_read_selection(struct reader *reader, struct iotkey_pcr_selection *selection);

/* quote.c */

/* Types of attestations (TPM_ST) */
#define ATTEST_CERTIFY 0x8017u
#define ATTEST_QUOTE   0x8018u

/*
 * The head that all attestations have, and what else stands before the attested thing.
 * -EBADMSG; -EPROTOTYPE for an attestation of another type
 */
int attest_read_head(struct reader *reader, unsigned int type, struct iotkey_quote *head);

#endif /* _ATTEST_PRIVATE_H */
