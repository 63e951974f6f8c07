// SPDX-License-Identifier: GPL-2.0-or-later
#include "attest.h"

#include <errno.h>
#include <string.h>

static bool parse_hex(const char *text, struct nonce *nonce)
{
	size_t len = strlen(text);

	nonce->len = len / 2;
	return len && nonce->len <= sizeof(nonce->data) &&
	       hex_read(text, len, nonce->data, nonce->len);
}

int read_nonce(struct context *ctx, const char *text, struct nonce *nonce)
{
	char *data;
	int err;

	if (parse_hex(text, nonce))
		return EXIT_OK;
	err = read_file(text, sizeof(nonce->data), &data, &nonce->len);
	if (err == -ENOENT || err == -ENAMETOOLONG)
		usage_error(ctx,
			    "--nonce '%s' is neither a file nor up to %zu bytes in hex",
			    text, sizeof(nonce->data));
	if (err == -EFBIG)
		usage_error(ctx, "--nonce: '%s' is longer than %zu bytes", text,
			    sizeof(nonce->data));
	if (err)
		return say_file_error(err, "cannot read '%s'", text);
	memcpy(nonce->data, data, nonce->len);
	free_secret(data, nonce->len);
	if (!nonce->len)
		usage_error(ctx, "--nonce: '%s' is empty", text);
	return EXIT_OK;
}
