// SPDX-License-Identifier: GPL-2.0-or-later
#include "pem.h"

#include <stdio.h>

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

void make_pem(const char *label, const uint8_t *der, size_t len, char *pem)
{
	size_t at;

	pem += sprintf(pem, "-----BEGIN %s-----\n", label);
	for (at = 0; at < len; at += LINE)
		pem = put_base64(pem, der + at, len - at < LINE ? len - at : LINE);
	sprintf(pem, "-----END %s-----\n", label);
}
