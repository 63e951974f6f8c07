// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The public half of a key that lives in the TPM, from the TSS2 PRIVATE KEY that reading it
 * gives: its public area is in the clear.
 */
#include "lib_private.h"

#include <stdlib.h>
#include <string.h>

#define DER_CONTEXT0 0xa0
#define DER_INTEGER  0x02
#define DER_OCTETS   0x04
#define DER_OID	     0x06
#define DER_SEQUENCE 0x30

#define ALG_ECDSA 0x0018
#define ALG_ECC	  0x0023
#define ALG_NULL  0x0010
#define CURVE	  0x0003
#define SCALAR	  32

/* SubjectPublicKeyInfo of a point on P-256, which follows */
static const uint8_t spki_head[] = {
	0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
	0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
	0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
};

/* Bytes that are eaten from the front; .bad sticks */
struct cursor {
	const uint8_t *p;
	size_t left;
	bool bad;
};

static const uint8_t *eat(struct cursor *c, size_t n)
{
	const uint8_t *p = c->p;

	if (c->bad || n > c->left) {
		c->bad = true;
		return NULL;
	}
	c->p += n;
	c->left -= n;
	return p;
}

static unsigned int eat_u16(struct cursor *c)
{
	const uint8_t *p = eat(c, 2);

	return p ? get_be16(p) : 0;
}

/* A DER element: its tag (0 when there is none), and what is in it */
static unsigned int eat_element(struct cursor *c, struct cursor *in)
{
	const uint8_t *head = eat(c, 2), *more;
	size_t len, i;

	if (!head)
		return 0;
	len = head[1];
	if (len == 0x81 || len == 0x82) {
		more = eat(c, len - 0x80);
		for (i = len - 0x80, len = 0; more && i; i--)
			len = len << 8 | *more++;
	} else if (len > 0x7f) {
		c->bad = true;
	}
	*in = (struct cursor){ .p = eat(c, len), .left = len };
	return c->bad ? 0 : head[0];
}

/* The pubkey of a TPMKey: behind its type, options and parent */
static int find_public(struct cursor der, struct cursor *pub)
{
	struct cursor key, skipped;
	unsigned int tag;

	if (eat_element(&der, &key) != DER_SEQUENCE || der.left ||
	    eat_element(&key, &skipped) != DER_OID)
		return -EBADMSG;
	do
		tag = eat_element(&key, &skipped);
	while ((tag & 0xe0) == DER_CONTEXT0);
	if (tag != DER_INTEGER || eat_element(&key, pub) != DER_OCTETS)
		return -EBADMSG;
	return 0;
}

static void eat_scalar(struct cursor *c, uint8_t *to)
{
	size_t len = eat_u16(c);
	const uint8_t *p = eat(c, len);

	if (!p || len > SCALAR) {
		c->bad = true;
		return;
	}
	memset(to, 0, SCALAR - len);
	memcpy(to + SCALAR - len, p, len);
}

/* TPM2B_PUBLIC of a signing key on P-256 */
static int parse_area(struct cursor c, uint8_t point[2 * SCALAR])
{
	unsigned int symmetric, scheme, curve;

	if (eat_u16(&c) != c.left)
		return -EBADMSG;
	if (eat_u16(&c) != ALG_ECC)
		return c.bad ? -EBADMSG : -EOPNOTSUPP;
	eat(&c, 2 + 4); /* nameAlg, attributes */
	eat(&c, eat_u16(&c));
	symmetric = eat_u16(&c);
	scheme = eat_u16(&c);
	if (scheme == ALG_ECDSA)
		eat(&c, 2);
	curve = eat_u16(&c);
	eat(&c, 2); /* KDF */
	if (!c.bad && (symmetric != ALG_NULL || curve != CURVE))
		return -EOPNOTSUPP;
	eat_scalar(&c, point);
	eat_scalar(&c, point + SCALAR);
	return c.bad || c.left ? -EBADMSG : 0;
}

/* What is between the lines of the PEM, decoded */
static ssize_t decode_pem(const char *text, uint8_t *der, size_t size)
{
	static const char begin[] = "-----BEGIN TSS2 PRIVATE KEY-----";
	static const char end[] = "-----END TSS2 PRIVATE KEY-----";
	const char *from, *to;

	from = strstr(text, begin);
	if (!from)
		return -EOPNOTSUPP;
	from += sizeof(begin) - 1;
	to = strstr(from, end);
	if (!to)
		return -EBADMSG;
	return iotkey__base64_decode(from, (size_t)(to - from), der, size);
}

ssize_t iotkey__public_of(const char *pem, uint8_t spki[IOTKEY_PUBLIC_SIZE])
{
	uint8_t der[4096];
	struct cursor pub;
	ssize_t n;
	int err;

	n = decode_pem(pem, der, sizeof(der));
	if (n < 0)
		return n;
	err = find_public((struct cursor){ .p = der, .left = (size_t)n }, &pub);
	if (!err)
		err = parse_area(pub, spki + sizeof(spki_head));
	if (err)
		return err;
	memcpy(spki, spki_head, sizeof(spki_head));
	return IOTKEY_PUBLIC_SIZE;
}

ssize_t iotkey_public(int32_t key, void *der, size_t size)
{
	size_t len;
	char *text;
	ssize_t n;

	if (size < IOTKEY_PUBLIC_SIZE)
		return -EINVAL;
	n = iotkey_read_blob(key, &text, &len);
	if (n)
		return n;
	n = iotkey__public_of(text, der);
	explicit_bzero(text, len); /* a soft root's holds its secret */
	free(text);
	return n;
}
