// SPDX-License-Identifier: GPL-2.0-or-later
#include "binding.h"

#include <stdlib.h>
#include <string.h>

#include "base64.h"

#define LABEL "EXPORTER-Channel-Binding"

/* There is no resumption, so the first Finished is the client's */
static size_t channel(SSL *ssl, uint8_t out[64])
{
	if (SSL_version(ssl) != TLS1_3_VERSION)
		return SSL_get_peer_finished(ssl, out, 64);
	return SSL_export_keying_material(ssl, out, 32, LABEL, strlen(LABEL),
					  (const unsigned char *)"", 0, 1) == 1
		       ? 32
		       : 0;
}

bool binding_is(SSL *ssl, const char *password)
{
	uint8_t here[64], *there = NULL;
	size_t len = channel(ssl, here);
	ssize_t size = base64_decode(password, strlen(password), &there);
	bool same = len && size == (ssize_t)len && !CRYPTO_memcmp(here, there, len);

	free(there);
	return same;
}
