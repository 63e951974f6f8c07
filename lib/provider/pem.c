// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What is inside "-----BEGIN IOTKEY PRIVATE KEY-----", in DER:
 *
 *	IotkeyReference ::= SEQUENCE {
 *		uri        UTF8String,
 *		publicKey  SubjectPublicKeyInfo OPTIONAL
 *	}
 */
#include "provider.h"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

/* Takes one element of type @tag from @p; @size becomes that of its content */
static bool take(const unsigned char **p, size_t left, int tag, size_t *size)
{
	int found, class, flags;
	long len;

	if (left > LONG_MAX)
		return false;
	ERR_set_mark();
	flags = ASN1_get_object(p, &len, &found, &class, (long)left);
	ERR_pop_to_mark();
	*size = (size_t)len;
	/* neither an error nor of indefinite length */
	return !(flags & 0x81) && class == V_ASN1_UNIVERSAL && found == tag && len >= 0;
}

bool reference_read(const unsigned char *der, size_t len, char **uri,
		    const unsigned char **spki, size_t *spki_len)
{
	static const char scheme[] = URI_SCHEME ":";
	const unsigned char *p = der, *end = der + len, *text;
	size_t size, text_len;

	if (!take(&p, len, V_ASN1_SEQUENCE, &size) || p + size != end)
		return false;
	if (!take(&p, size, V_ASN1_UTF8STRING, &text_len) || text_len > URI_MAX ||
	    text_len < sizeof(scheme) - 1 || memcmp(p, scheme, sizeof(scheme) - 1) ||
	    memchr(p, 0, text_len))
		return false;
	text = p;
	p += text_len;
	*spki = p == end ? NULL : p;
	*spki_len = (size_t)(end - p);
	if (*spki && (!take(&p, *spki_len, V_ASN1_SEQUENCE, &size) || p + size != end))
		return false;
	*uri = OPENSSL_strndup((const char *)text, text_len);
	return *uri;
}

bool reference_write(BIO *out, const char *uri, EVP_PKEY *public)
{
	int text_len = (int)strlen(uri), spki_len = i2d_PUBKEY(public, NULL), inner,
	    total;
	unsigned char *der, *p;
	bool ok;

	if (spki_len < 0)
		return false;
	inner = ASN1_object_size(0, text_len, V_ASN1_UTF8STRING) + spki_len;
	total = ASN1_object_size(1, inner, V_ASN1_SEQUENCE);
	der = p = OPENSSL_malloc((size_t)total);
	if (!der)
		return false;
	ASN1_put_object(&p, 1, inner, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
	ASN1_put_object(&p, 0, text_len, V_ASN1_UTF8STRING, V_ASN1_UNIVERSAL);
	memcpy(p, uri, (size_t)text_len);
	p += text_len;
	ok = i2d_PUBKEY(public, &p) == spki_len &&
	     PEM_write_bio(out, REFERENCE_LABEL, "", der, total) > 0;
	OPENSSL_free(der);
	return ok;
}
