// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Statements of a fleet: revocations, numbered, chained and signed
 * (Documentation/fleet.rst, "Statements").
 */
#include "fleet_private.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>

#define MAGIC	      0x494f5453u /* "IOTS" */
#define VERSION	      1
#define FLEET_SIZE    IOTKEY_DEVICE_ID
#define HEADER_SIZE   (4 + 1 + 1 + 2 + 8 + 8 + FLEET_SIZE + IOTKEY_STATEMENT_DIGEST)
#define SECTION_SIZE  (1 + 4)
#define NAME_MAX_LEN  255
#define SIGNATURE_MAX 160 /* of P-521, and some room */

/*
 * Entries
 */

static bool good_name(struct iotkey_bytes name)
{
	size_t i;

	for (i = 0; i < name.len; i++)
		if (name.data[i] <= ' ' || name.data[i] > '~')
			return false;
	return name.len > 0 && name.len <= NAME_MAX_LEN;
}

static bool has_name(unsigned int type)
{
	return type != IOTKEY_REVOKED_DEVICE;
}

static bool read_entry(struct reader *reader, unsigned int type,
		       struct iotkey_revocation *revocation)
{
	const uint8_t *id = read_bytes(reader, IOTKEY_DEVICE_ID);

	memset(revocation, 0, sizeof(*revocation));
	revocation->type = (uint8_t)type;
	if (id)
		memcpy(revocation->id, id, IOTKEY_DEVICE_ID);
	if (type == IOTKEY_REVOKED_VERSION)
		revocation->version = read_u32(reader);
	if (has_name(type))
		revocation->name = read_block(reader, read_u8(reader));
	return !reader->bad && (!has_name(type) || good_name(revocation->name));
}

static void write_entry(struct writer *w, const struct iotkey_revocation *revocation)
{
	write_bytes(w, revocation->id, IOTKEY_DEVICE_ID);
	if (revocation->type == IOTKEY_REVOKED_VERSION)
		write_u32(w, revocation->version);
	if (has_name(revocation->type)) {
		write_u8(w, (unsigned int)revocation->name.len);
		write_bytes(w, revocation->name.data, revocation->name.len);
	}
}

static size_t entry_size(const struct iotkey_revocation *revocation)
{
	return IOTKEY_DEVICE_ID + (revocation->type == IOTKEY_REVOKED_VERSION ? 4 : 0) +
	       (has_name(revocation->type) ? 1 + revocation->name.len : 0);
}

static bool is_type(unsigned int type)
{
	return type >= IOTKEY_REVOKED_DEVICE && type <= IOTKEY_REVOKED_MEMBER;
}

/*
 * Reading
 */

static int read_sections(struct reader *reader, unsigned int sections)
{
	struct iotkey_revocation revocation;
	unsigned int type;
	uint32_t count;

	for (; sections; sections--) {
		type = read_u8(reader);
		count = read_u32(reader);
		if (reader->bad)
			return -ENODATA;
		if (!is_type(type))
			return -EPROTONOSUPPORT;
		if (!count)
			return -EBADMSG;
		for (; count; count--)
			if (!read_entry(reader, type, &revocation))
				return reader->bad ? -ENODATA : -EBADMSG;
	}
	return 0;
}

static int read_header(struct reader *reader, struct iotkey_statement *statement)
{
	unsigned int version, reserved;
	uint32_t magic;

	magic = read_u32(reader);
	version = read_u8(reader);
	reserved = read_u8(reader);
	statement->sections = read_u16(reader);
	statement->sequence = read_u64(reader);
	statement->time = read_u64(reader);
	statement->fleet = read_bytes(reader, FLEET_SIZE);
	statement->previous = read_bytes(reader, IOTKEY_STATEMENT_DIGEST);
	if (reader->bad)
		return -ENODATA;
	if (magic != MAGIC)
		return -EBADMSG;
	if (version != VERSION)
		return -EPROTONOSUPPORT;
	return reserved || !statement->sections || !statement->sequence ? -EBADMSG : 0;
}

int iotkey_statement_parse(const void *data, size_t len,
			   struct iotkey_statement *statement)
{
	/* what may be a statement; a longer one does not end in there */
	struct reader reader = { data,
				 len < IOTKEY_STATEMENT_MAX ? len : IOTKEY_STATEMENT_MAX,
				 0, true, false };
	int err;

	memset(statement, 0, sizeof(*statement));
	err = read_header(&reader, statement);
	if (!err) {
		statement->body.data = reader.data + reader.offset;
		err = read_sections(&reader, statement->sections);
	}
	if (!err) {
		statement->body.len = reader.offset - HEADER_SIZE;
		statement->signature = read_block(&reader, read_u16(&reader));
		if (reader.bad)
			err = -ENODATA;
		else if (!statement->signature.len)
			err = -EBADMSG;
	}
	if (err)
		return err == -ENODATA && len > IOTKEY_STATEMENT_MAX ? -EFBIG : err;
	statement->whole = (struct iotkey_bytes){ data, reader.offset };
	statement->left_sections = statement->sections;
	return 0;
}

int iotkey_statement_next(struct iotkey_statement *statement,
			  struct iotkey_revocation *revocation)
{
	struct reader reader = { statement->body.data, statement->body.len,
				 statement->offset, true, false };

	if (!statement->left) {
		if (!statement->left_sections)
			return 0;
		statement->left_sections--;
		statement->type = read_u8(&reader);
		statement->left = read_u32(&reader);
	}
	statement->left--;
	read_entry(&reader, statement->type, revocation);
	statement->offset = reader.offset;
	return 1;
}

int iotkey_statement_verify(struct iotkey_attest *attest,
			    const struct iotkey_statement *statement, const EVP_PKEY *ca)
{
	const uint8_t *data = statement->whole.data;
	size_t len = HEADER_SIZE + statement->body.len;
	uint8_t fleet[IOTKEY_DEVICE_ID], digest[IOTKEY_DIGEST_MAX];
	EVP_PKEY_CTX *ctx;
	int err;

	if (EVP_PKEY_get_base_id(ca) != EVP_PKEY_EC)
		return -ENOTSUP;
	err = iotkey_device_id(ca, fleet);
	if (!err && memcmp(fleet, statement->fleet, FLEET_SIZE))
		err = -EXDEV;
	if (!err)
		err = iotkey_digest(attest, IOTKEY_HASH_SHA256, data, len, digest);
	if (err)
		return err;
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, (EVP_PKEY *)ca, NULL);
	if (!ctx)
		return -ENOMEM;
	ERR_set_mark();
	err = EVP_PKEY_verify_init(ctx) > 0 &&
			      EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) > 0 &&
			      EVP_PKEY_verify(ctx, statement->signature.data,
					      statement->signature.len, digest,
					      IOTKEY_STATEMENT_DIGEST) == 1
		      ? 0
		      : -EKEYREJECTED;
	ERR_pop_to_mark();
	EVP_PKEY_CTX_free(ctx);
	return err;
}

int iotkey_statement_follow(struct iotkey_attest *attest, struct iotkey_chain *chain,
			    const struct iotkey_statement *statement)
{
	uint8_t digest[IOTKEY_DIGEST_MAX];
	int err;

	if (statement->sequence <= chain->sequence)
		return -EALREADY;
	if (statement->sequence != chain->sequence + 1)
		return -ERANGE;
	if (memcmp(statement->previous, chain->digest, IOTKEY_STATEMENT_DIGEST))
		return -EKEYREJECTED;
	err = iotkey_digest(attest, IOTKEY_HASH_SHA256, statement->whole.data,
			    statement->whole.len, digest);
	if (err)
		return err;
	chain->sequence++;
	memcpy(chain->digest, digest, IOTKEY_STATEMENT_DIGEST);
	return 0;
}

/*
 * Making
 */

/* Those of one type that stand together make a section */
static size_t run_length(const struct iotkey_revocation *revocations, size_t count)
{
	size_t n = 1;

	while (n < count && revocations[n].type == revocations[0].type)
		n++;
	return n;
}

static void write_sections(struct writer *w, const struct iotkey_revocation *revocations,
			   size_t count)
{
	size_t i, n;

	for (; count; revocations += n, count -= n) {
		n = run_length(revocations, count);
		write_u8(w, revocations[0].type);
		write_u32(w, (uint32_t)n);
		for (i = 0; i < n; i++)
			write_entry(w, &revocations[i]);
	}
}

/* How many sections, and how long they are; -EINVAL, -EFBIG */
static int measure(const struct iotkey_revocation *revocations, size_t count,
		   size_t *sections, size_t *len)
{
	size_t i, n;

	if (!count)
		return -EINVAL;
	for (*sections = *len = 0; count; revocations += n, count -= n) {
		n = run_length(revocations, count);
		++*sections;
		*len += SECTION_SIZE;
		for (i = 0; i < n; i++) {
			if (!is_type(revocations[i].type) ||
			    (has_name(revocations[i].type) &&
			     !good_name(revocations[i].name)))
				return -EINVAL;
			*len += entry_size(&revocations[i]);
		}
		if (*len > IOTKEY_STATEMENT_MAX || *sections > UINT16_MAX)
			return -EFBIG;
	}
	return HEADER_SIZE + *len + 2 + SIGNATURE_MAX > IOTKEY_STATEMENT_MAX ? -EFBIG : 0;
}

static int write_signature(struct writer *w, EVP_PKEY *ca)
{
	uint8_t signature[SIGNATURE_MAX];
	size_t len = sizeof(signature);
	int err = pkey_sign(ca, w->data, w->len, signature, &len);

	if (err)
		return err;
	write_2b(w, signature, len);
	return w->bad ? -EFBIG : 0;
}

int iotkey_statement_make(EVP_PKEY *ca, const struct iotkey_chain *chain, uint64_t time,
			  const struct iotkey_revocation *revocations, size_t count,
			  uint8_t **out, size_t *len)
{
	uint8_t fleet[IOTKEY_DEVICE_ID];
	struct writer w = { 0 };
	size_t sections, body;
	int err;

	if (EVP_PKEY_get_base_id(ca) != EVP_PKEY_EC)
		return -ENOTSUP;
	err = measure(revocations, count, &sections, &body);
	if (!err)
		err = iotkey_device_id(ca, fleet);
	if (err)
		return err;
	w.size = HEADER_SIZE + body + 2 + SIGNATURE_MAX;
	w.data = malloc(w.size);
	if (!w.data)
		return -ENOMEM;
	write_u32(&w, MAGIC);
	write_u8(&w, VERSION);
	write_u8(&w, 0);
	write_u16(&w, (unsigned int)sections);
	write_u64(&w, chain->sequence + 1);
	write_u64(&w, time);
	write_bytes(&w, fleet, FLEET_SIZE);
	write_bytes(&w, chain->digest, IOTKEY_STATEMENT_DIGEST);
	write_sections(&w, revocations, count);
	err = write_signature(&w, ca);
	if (err) {
		free(w.data);
		return err;
	}
	*out = w.data;
	*len = w.len;
	return 0;
}
