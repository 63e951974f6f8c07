// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The plain header of a blob.  What comes in here may be anything at all.
 */
#include "lib_private.h"

#include <stdlib.h>
#include <string.h>

#define BLOB_MAGIC   "IOTK"
#define BLOB_FORMAT  1
#define BLOB_HEADER  148
#define DER_SEQUENCE 0x30

static int digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/*
 * RFC 4648 with padding; white space is passed over, bits that would get lost
 * are refused.  Returns the number of bytes.
 */
ssize_t iotkey__base64_decode(const char *text, size_t len, uint8_t *out, size_t size)
{
	size_t i, n = 0, digits = 0, pads = 0;
	uint32_t bits = 0;

	for (i = 0; i < len; i++) {
		if (is_space(text[i]))
			continue;
		if (text[i] == '=') {
			pads++;
			continue;
		}
		if (pads || digit(text[i]) < 0)
			return -EBADMSG;
		bits = bits << 6 | (uint32_t)digit(text[i]);
		if (++digits % 4 == 1)
			continue;
		if (n == size)
			return -E2BIG;
		out[n++] = (uint8_t)(bits >> (6 - 2 * ((digits - 1) % 4)));
	}
	switch (digits % 4) {
	case 0:
		return pads ? -EBADMSG : (ssize_t)n;
	case 2:
		return pads != 2 || bits & 0xf ? -EBADMSG : (ssize_t)n;
	case 3:
		return pads != 1 || bits & 0x3 ? -EBADMSG : (ssize_t)n;
	default:
		return -EBADMSG;
	}
}

/* Copies @len characters at *@at, which there are, and steps over them */
static int take_name(char *to, const uint8_t **at, size_t len)
{
	memcpy(to, *at, len);
	to[len] = '\0';
	*at += len;
	if (len && (strlen(to) != len || !iotkey_name_ok(to)))
		return -EBADMSG;
	return 0;
}

static int check_kind(const struct iotkey_blob *blob)
{
	bool root = blob->kind == IOTKEY_BLOB_ROOT;

	if (!root && blob->kind != IOTKEY_BLOB_KEY)
		return -EBADMSG;
	if (root != !blob->algorithm || root != !blob->mode || root != !!blob->provider ||
	    !blob->name[0] || root != !blob->root[0])
		return -EBADMSG;
	return 0;
}

static int parse(const uint8_t *b, size_t len, struct iotkey_blob *blob)
{
	const uint8_t *at = b + BLOB_HEADER;

	if (len < 5 || memcmp(b, BLOB_MAGIC, 4))
		return -EBADMSG;
	if (b[4] != BLOB_FORMAT)
		return -EPROTONOSUPPORT;
	if (len < BLOB_HEADER || b[126] > IOTKEY_LABEL_MAX ||
	    len != (size_t)BLOB_HEADER + b[124] + b[125] + b[126] + get_be16(b + 128))
		return -EBADMSG;

	blob->kind = b[5];
	blob->algorithm = b[6];
	blob->mode = b[7];
	blob->provider = b[8];
	blob->usage = b[10];
	blob->jitter = get_be32(b + 12);
	memcpy(blob->id, b + 16, IOTKEY_ID_SIZE);
	memcpy(blob->root_id, b + 32, IOTKEY_ID_SIZE);
	blob->start = get_be64(b + 48);
	blob->rotate = get_be32(b + 56);
	blob->overlap = get_be32(b + 60);
	blob->ahead = get_be32(b + 64);
	blob->lifetime = get_be32(b + 68);
	blob->max_ops = get_be64(b + 72);
	blob->created = get_be64(b + 80);
	blob->saved = get_be64(b + 88);
	blob->activated = get_be64(b + 96);
	blob->ops = get_be64(b + 104);
	blob->version = get_be32(b + 112);
	blob->newest = get_be32(b + 116);
	blob->epoch = get_be32(b + 120);
	if (take_name(blob->name, &at, b[124]) || take_name(blob->root, &at, b[125]) ||
	    take_name(blob->label, &at, b[126]))
		return -EBADMSG;
	return check_kind(blob);
}

static bool is_pem(const char *text, size_t len)
{
	static const char begin[] = "-----BEGIN TSS2 PRIVATE KEY-----";

	while (len && is_space(*text)) {
		text++;
		len--;
	}
	return len >= sizeof(begin) - 1 && !memcmp(text, begin, sizeof(begin) - 1);
}

int iotkey_blob_parse(const char *text, size_t len, struct iotkey_blob *blob)
{
	uint8_t *bytes;
	ssize_t n;
	int err;

	memset(blob, 0, sizeof(*blob));
	if (len > IOTKEY_PAYLOAD_MAX)
		return -E2BIG;
	if (is_pem(text, len)) {
		blob->kind = IOTKEY_BLOB_TSS2;
		return 0;
	}
	bytes = malloc(len + 1); /* the decoded form is shorter */
	if (!bytes)
		return -ENOMEM;
	n = iotkey__base64_decode(text, len, bytes, len);
	if (n < 0) {
		err = (int)n;
	} else if (n > 0 && bytes[0] == DER_SEQUENCE) {
		blob->kind = IOTKEY_BLOB_TSS2;
		err = 0;
	} else {
		err = parse(bytes, (size_t)n, blob);
	}
	explicit_bzero(bytes, len); /* a soft root holds its secret */
	free(bytes);
	if (err)
		memset(blob, 0, sizeof(*blob));
	return err;
}
