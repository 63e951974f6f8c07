// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the OpenSSL provider reads from files and command lines: the DER in a PEM, URIs.
 *
 * covers: lib/provider/pem.c lib/provider/uri.c
 * sources: lib/provider/pem.c lib/provider/uri.c
 * libs: -lcrypto
 */
#include "fuzz.h"

#include <openssl/crypto.h>
#include <string.h>

#include "../../lib/provider/provider.h"

/* A good one has a name that decodes to no more than it was, and means one thing. */
static void check_uri(const char *text)
{
	struct uri uri;

	if (uri_parse(text, &uri))
		return;
	must(uri.name[0] && strlen(uri.name) <= strlen(text));
	must(!uri.serial || strspn(uri.name, "0123456789") == strlen(uri.name));
	for (const char *c = uri.name; *c; c++)
		must(*c > ' ' && *c <= '~');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const unsigned char *spki;
	size_t len;
	char *uri;

	if (reference_read(data, size, &uri, &spki, &len)) {
		must(strlen(uri) <= URI_MAX);
		must(!spki || (lies_in(spki, len, data, size)));
		check_uri(uri);
		OPENSSL_free(uri);
	}
	uri = room(size + 1);
	memcpy(uri, data, size);
	uri[size] = '\0';
	check_uri(uri);
	free(uri);
	return 0;
}
