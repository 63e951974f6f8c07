// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The kernel's IMA log.  An entry is (security/integrity/ima/ima_fs.c)
 *
 *	u32 PCR, 20 bytes SHA-1 template digest, u32 length, template's name,
 *	u32 length, template data: for each of its fields u32 length, field
 *
 * but the oldest template, "ima", has no length of the data, 20 bytes of
 * digest without a length, and a name.
 */
#include "attest_private.h"

#define SHA1_SIZE    20
#define OLD_NAME_MAX 255 /* bytes of a name in template "ima" */

/* More than any kernel writes: what says so is no log, however much is yet to come */
#define TEMPLATE_NAME_MAX 255
#define TEMPLATE_DATA_MAX (16 << 20)

static const struct {
	const char *name, *fields;
} templates[] = {
	{ "ima-ng", "d-ng|n-ng" },
	{ "ima-sig", "d-ng|n-ng|sig" },
	{ "ima-buf", "d-ng|n-ng|buf" },
	{ "ima-ngv2", "d-ngv2|n-ng" },
	{ "ima-sigv2", "d-ngv2|n-ng|sig" },
	{ "ima-modsig", "d-ng|n-ng|sig|d-modsig|modsig" },
	{ "evm-sig",
	  "d-ng|n-ng|evmsig|xattrnames|xattrlengths|xattrvalues|iuid|igid|imode" },
};

void iotkey_ima_open(struct iotkey_ima_log *log, const void *data, size_t len)
{
	const uint8_t *p = data;

	*log = (struct iotkey_ima_log){ .data = data, .len = len };
	/* A number of a PCR is small: where are its zeros? */
	log->big_endian = len >= 4 && !p[0] && p[3];
}

/* The digest of a file: "sha256:", zero, digest; or "verity:sha256:", zero, digest */
static bool parse_digest(struct iotkey_bytes field, struct iotkey_ima_entry *entry)
{
	const uint8_t *end = memchr(field.data, 0, field.len), *algorithm = field.data;
	const uint8_t *colon;
	int hash;

	if (!end || end == field.data || end[-1] != ':')
		return false;
	colon = memchr(field.data, ':', (size_t)(end - 1 - field.data));
	if (colon)
		algorithm = colon + 1;
	hash = iotkey_hash_value((const char *)algorithm, (size_t)(end - 1 - algorithm));
	entry->hash = hash < 0 ? 0 : (uint16_t)hash;
	entry->digest.data = end + 1;
	entry->digest.len = field.len - (size_t)(end + 1 - field.data);
	/* with a violation there is no digest, only room for one of some size */
	return !entry->hash || entry->violation ||
	       entry->digest.len == iotkey_hash_size(entry->hash);
}

static bool parse_field(const char *id, size_t id_len, struct iotkey_bytes field,
			struct iotkey_ima_entry *entry)
{
	struct iotkey_bytes key = { (const uint8_t *)id, id_len };

	if (bytes_are(key, "d-ng") || bytes_are(key, "d-ngv2"))
		return parse_digest(field, entry);
	if (bytes_are(key, "d")) {
		entry->digest = field;
		entry->hash = IOTKEY_HASH_SHA1;
		return field.len == SHA1_SIZE;
	}
	if (bytes_are(key, "n-ng") || bytes_are(key, "n")) {
		entry->name = field;
		if (field.len && !field.data[field.len - 1])
			entry->name.len--;
		return !memchr(field.data, 0, entry->name.len);
	}
	if (bytes_are(key, "sig"))
		entry->signature = field;
	else if (bytes_are(key, "buf"))
		entry->buffer = field;
	return true;
}

/* What the fields of @entry->data mean; one of an unknown template means nothing */
static bool parse_fields(struct iotkey_ima_entry *entry, bool big_endian)
{
	struct reader reader = { entry->data.data, entry->data.len, 0, big_endian,
				 false };
	const char *id = (const char *)entry->template_name.data;
	const char *end = id + entry->template_name.len, *next;
	struct iotkey_bytes field;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(templates); i++)
		if (bytes_are(entry->template_name, templates[i].name)) {
			id = templates[i].fields;
			end = id + strlen(id);
		}
	for (; id < end; id = next + 1) {
		next = memchr(id, '|', (size_t)(end - id));
		if (!next)
			next = end;
		field = read_block(&reader, read_u32(&reader));
		if (reader.bad || !parse_field(id, (size_t)(next - id), field, entry))
			return false;
	}
	return reader.offset == reader.len;
}

/* Whether the template is one whose fields are known, by its name or by its form */
static bool known_template(struct iotkey_bytes name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(templates); i++)
		if (bytes_are(name, templates[i].name))
			return true;
	return memchr(name.data, '|', name.len);
}

/* read_old(), read_new(): the template data; -ENODATA when the log ends before them */
static int read_old(struct reader *reader, struct iotkey_ima_entry *entry)
{
	const uint8_t *start = reader->data + reader->offset;
	size_t len;

	entry->hash = IOTKEY_HASH_SHA1;
	entry->digest = read_block(reader, SHA1_SIZE);
	len = read_u32(reader);
	if (len > OLD_NAME_MAX)
		return -EBADMSG;
	entry->name = read_block(reader, len);
	if (reader->bad)
		return -ENODATA;
	entry->data.data = start;
	entry->data.len = (size_t)(reader->data + reader->offset - start);
	return memchr(entry->name.data, 0, len) ? -EBADMSG : 0;
}

static int read_new(struct reader *reader, struct iotkey_ima_entry *entry)
{
	size_t len = read_u32(reader);

	if (len > TEMPLATE_DATA_MAX)
		return -EBADMSG;
	entry->data = read_block(reader, len);
	if (reader->bad)
		return -ENODATA;
	if (known_template(entry->template_name) &&
	    !parse_fields(entry, reader->big_endian))
		return -EBADMSG;
	return 0;
}

int iotkey_ima_next(struct iotkey_ima_log *log, struct iotkey_ima_entry *entry)
{
	static const uint8_t zeros[SHA1_SIZE];
	struct reader reader = { log->data, log->len, log->offset, log->big_endian,
				 false };
	size_t len;
	int err;

	if (log->offset == log->len)
		return 0;
	memset(entry, 0, sizeof(*entry));
	entry->number = log->number + 1;
	entry->pcr = read_u32(&reader);
	entry->sha1 = read_bytes(&reader, SHA1_SIZE);
	len = read_u32(&reader);
	if (entry->pcr >= IOTKEY_PCRS || len > TEMPLATE_NAME_MAX)
		return -EBADMSG;
	entry->template_name = read_block(&reader, len);
	if (reader.bad)
		return -ENODATA;
	if (!len)
		return -EBADMSG;
	entry->violation = !memcmp(entry->sha1, zeros, SHA1_SIZE);
	if (bytes_are(entry->template_name, "ima"))
		err = read_old(&reader, entry);
	else
		err = read_new(&reader, entry);
	if (err)
		return err;
	log->offset = reader.offset;
	log->number++;
	return 1;
}

int iotkey_ima_digest(struct iotkey_attest *attest, const struct iotkey_ima_entry *entry,
		      unsigned int hash, uint8_t out[IOTKEY_DIGEST_MAX])
{
	uint8_t old[SHA1_SIZE + OLD_NAME_MAX + 1] = { 0 };

	if (entry->violation) {
		memset(out, 0xff, IOTKEY_DIGEST_MAX);
		return 0;
	}
	if (!bytes_are(entry->template_name, "ima"))
		return iotkey_digest(attest, hash, entry->data.data, entry->data.len,
				     out);
	memcpy(old, entry->digest.data, SHA1_SIZE);
	memcpy(old + SHA1_SIZE, entry->name.data, entry->name.len);
	return iotkey_digest(attest, hash, old, sizeof(old), out);
}

int iotkey_ima_check(struct iotkey_attest *attest, const struct iotkey_ima_entry *entry)
{
	uint8_t digest[IOTKEY_DIGEST_MAX];
	int err;

	if (entry->violation)
		return 0;
	err = iotkey_ima_digest(attest, entry, IOTKEY_HASH_SHA1, digest);
	if (err)
		return err;
	if (memcmp(digest, entry->sha1, SHA1_SIZE))
		return -EBADMSG;
	/* No digest is over the template's name, so a signature may pose as a buffer */
	if (!entry->buffer.len || !entry->hash)
		return 0;
	err = iotkey_digest(attest, entry->hash, entry->buffer.data, entry->buffer.len,
			    digest);
	if (err)
		return err;
	return memcmp(digest, entry->digest.data, entry->digest.len) ? -EBADMSG : 0;
}

int iotkey_ima_extend(struct iotkey_attest *attest, const struct iotkey_ima_entry *entry,
		      struct iotkey_pcrs *pcrs)
{
	uint8_t digest[IOTKEY_DIGEST_MAX];
	int err;

	err = iotkey_ima_digest(attest, entry, pcrs->hash, digest);
	if (err)
		return err;
	return iotkey_pcrs_extend(attest, pcrs, entry->pcr, digest);
}
