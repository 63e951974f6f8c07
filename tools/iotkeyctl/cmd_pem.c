// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The PEM that the OpenSSL provider takes for a private key; see iotkey-provider(7).
 */
#include "iotkeyctl.h"

#include <stdio.h>
#include <string.h>

#define TAG_SEQUENCE 0x30
#define TAG_UTF8     0x0c
#define SCHEME	     "iotkey:"
#define URI_MAX	     (sizeof(SCHEME) + 3 * (size_t)IOTKEY_NAME_MAX)
#define DER_MAX	     (4 + 4 + URI_MAX + IOTKEY_PUBLIC_SIZE)

/* RFC 3986; a name has printable ASCII only.  What begins with a digit could be a serial. */
static void make_uri(const char *name, char *uri)
{
	const char *at;

	uri = stpcpy(uri, SCHEME);
	for (at = name; *at; at++)
		if (strchr("%:?#", *at) || (at == name && *at >= '0' && *at <= '9'))
			uri += sprintf(uri, "%%%02X", *at);
		else
			uri += sprintf(uri, "%c", *at);
}

/* The head of a DER element of up to 64 KiB */
static size_t put_head(uint8_t *to, uint8_t tag, size_t len)
{
	size_t n = 0;

	to[n++] = tag;
	if (len > 0xff)
		to[n++] = 0x82;
	else if (len > 0x7f)
		to[n++] = 0x81;
	if (len > 0xff)
		to[n++] = (uint8_t)(len >> 8);
	to[n++] = (uint8_t)len;
	return n;
}

/* SEQUENCE { uri UTF8String, publicKey SubjectPublicKeyInfo } */
static size_t make_reference(const char *uri, const uint8_t *public, size_t public_len,
			     uint8_t *der)
{
	uint8_t head[4];
	size_t len = strlen(uri), n, head_len = put_head(head, TAG_UTF8, len);

	n = put_head(der, TAG_SEQUENCE, head_len + len + public_len);
	memcpy(der + n, head, head_len);
	n += head_len;
	memcpy(der + n, uri, len);
	n += len;
	memcpy(der + n, public, public_len);
	return n + public_len;
}

int cmd_pem(struct context *ctx, int argc, char **argv)
{
	static const char label[] = "IOTKEY PRIVATE KEY";
	char **args = arguments(ctx, argc, argv, 1, 2);
	char uri[URI_MAX], pem[PEM_SIZE(DER_MAX, sizeof(label))];
	uint8_t public[IOTKEY_PUBLIC_SIZE], der[DER_MAX];
	struct iotkey_status status;
	ssize_t n;
	int err;

	err = get_status(args[0], &status);
	if (err)
		return err;
	n = iotkey_public(status.serial, public, sizeof(public));
	if (n < 0)
		return say_key_error((int)n, "cannot get the public half of key '%s'",
				     args[0]);
	make_uri(status.name, uri);
	make_pem(label, der, make_reference(uri, public, (size_t)n, der), pem);
	if (ctx->json)
		return print_json(json_pack("{s:i, s:s, s:s}", "serial", status.serial,
					    "uri", uri, "pem", pem),
				  false);
	err = write_file(args[1], pem, strlen(pem), 0666);
	return err ? say_file_error(err, "cannot write the PEM") : EXIT_OK;
}
