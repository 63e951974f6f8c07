// SPDX-License-Identifier: GPL-2.0-or-later
#include "iotkeyctl.h"

#include <stdio.h>
#include <string.h>

#define LINE 48 /* bytes in a line of PEM */

static char *put_base64(char *to, const uint8_t *in, size_t len)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint32_t bits;
	size_t i;

	for (i = 0; i < len; i += 3) {
		bits = (uint32_t)in[i] << 16;
		bits |= i + 1 < len ? (uint32_t)in[i + 1] << 8 : 0;
		bits |= i + 2 < len ? in[i + 2] : 0;
		*to++ = digits[bits >> 18];
		*to++ = digits[bits >> 12 & 63];
		*to++ = i + 1 < len ? digits[bits >> 6 & 63] : '=';
		*to++ = i + 2 < len ? digits[bits & 63] : '=';
	}
	*to++ = '\n';
	*to = '\0';
	return to;
}

static void make_pem(const uint8_t *der, size_t len, char *pem)
{
	size_t at;

	pem = stpcpy(pem, "-----BEGIN PUBLIC KEY-----\n");
	for (at = 0; at < len; at += LINE)
		pem = put_base64(pem, der + at, len - at < LINE ? len - at : LINE);
	strcpy(pem, "-----END PUBLIC KEY-----\n");
}

int cmd_public(struct context *ctx, int argc, char **argv)
{
	char **args = arguments(ctx, argc, argv, 1, 2), pem[256];
	uint8_t der[IOTKEY_PUBLIC_SIZE];
	int32_t key;
	ssize_t n;
	int err;

	err = find_key(args[0], &key);
	if (err)
		return err;
	n = iotkey_public(key, der, sizeof(der));
	if (n < 0)
		return say_key_error((int)n, "cannot get the public half of key '%s'",
				     args[0]);
	make_pem(der, (size_t)n, pem);
	if (ctx->json)
		return print_json(json_pack("{s:i, s:s}", "serial", key, "public", pem),
				  false);
	err = write_file(args[1], pem, strlen(pem), 0666);
	return err ? say_file_error(err, "cannot write the public key") : EXIT_OK;
}
