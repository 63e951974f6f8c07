// SPDX-License-Identifier: LGPL-2.1-or-later
#include "uri.h"

#include <openssl/crypto.h>
#include <string.h>
#include <strings.h>

/* The name of a key has 1 to 255 printable ASCII characters, none a space. */
static const char *decode(const char *text, char *name, size_t size)
{
	size_t n = 0;
	int c, high, low;

	for (; *text; text++) {
		c = (unsigned char)*text;
		if (c == '?' || c == '#')
			return "a '?' or '#' in the name must be written %3F or %23";
		if (c == '%') {
			high = OPENSSL_hexchar2int((unsigned char)text[1]);
			low = high < 0 ? -1 : OPENSSL_hexchar2int((unsigned char)text[2]);
			if (low < 0)
				return "a '%' must be followed by two hex digits";
			c = high << 4 | low;
			text += 2;
		}
		if (c <= ' ' || c > '~')
			return "a name is of printable ASCII characters, no spaces";
		if (n == size - 1)
			return "the name is longer than 255 characters";
		name[n++] = (char)c;
	}
	name[n] = '\0';
	return n ? NULL : "there is no name";
}

/* The serial number that @text is, 0 when it is none */
static int32_t serial(const char *text)
{
	uint64_t n = 0;

	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return 0;
		n = n * 10 + (uint64_t)(*text - '0');
		if (n > INT32_MAX)
			return 0;
	}
	return (int32_t)n;
}

const char *uri_parse(const char *text, struct uri *uri)
{
	static const char scheme[] = URI_SCHEME ":";
	const char *colon, *wrong;

	memset(uri, 0, sizeof(*uri));
	if (strncasecmp(text, scheme, sizeof(scheme) - 1))
		return "it must begin with iotkey:";
	if (strnlen(text, URI_MAX + 1) > URI_MAX)
		return "it is longer than 1024 characters";
	text += sizeof(scheme) - 1;
	colon = strchr(text, ':');
	if (colon) {
		if (!strncmp(text, "iot:", 4))
			uri->type = URI_IOT;
		else if (!strncmp(text, "asymmetric:", 11))
			uri->type = URI_ASYMMETRIC;
		else
			return "before the ':' may be iot or asymmetric; a ':' in a name is written %3A";
		text = colon + 1;
	}
	wrong = decode(text, uri->name, sizeof(uri->name));
	if (!wrong)
		uri->serial = serial(text);
	return wrong;
}
