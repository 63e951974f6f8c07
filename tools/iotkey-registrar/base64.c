// SPDX-License-Identifier: GPL-2.0-or-later
#include "base64.h"

#include <errno.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define LINE 48 /* bytes of a line of 64 characters */

ssize_t base64_decode(const char *text, size_t len, uint8_t **out)
{
	size_t count = 0, padding = 0, i;
	uint8_t *data;
	char *packed;
	int n = -1;

	*out = NULL;
	if (len > INT_MAX / 2)
		return -EINVAL;
	packed = malloc(len + 1);
	data = malloc(len + 1);
	if (!packed || !data) {
		free(packed);
		free(data);
		return -ENOMEM;
	}
	for (i = 0; i < len; i++)
		if (!strchr(" \t\r\n", text[i]) || !text[i])
			packed[count++] = text[i];
	while (padding < 2 && padding < count && packed[count - 1 - padding] == '=')
		padding++;
	/* EVP_DecodeBlock() takes '=' anywhere for zero bits */
	if (count && count % 4 == 0 && !memchr(packed, '=', count - padding))
		n = EVP_DecodeBlock(data, (const unsigned char *)packed, (int)count);
	free(packed);
	if (n < 0) {
		free(data);
		return -EINVAL;
	}
	*out = data;
	return (ssize_t)((size_t)n - padding);
}

char *base64_encode(const uint8_t *data, size_t len, int lines)
{
	char *text = malloc((len + 2) / 3 * 4 + len / LINE + 3), *p = text;
	size_t n;

	if (!text)
		return NULL;
	*p = '\0';
	for (; len; data += n, len -= n) {
		n = lines && len > LINE ? LINE : len;
		p += EVP_EncodeBlock((unsigned char *)p, data, (int)n);
		if (lines) {
			*p++ = '\n';
			*p = '\0';
		}
	}
	return text;
}
