// SPDX-License-Identifier: GPL-2.0-or-later
#include "hex.h"

#include <ctype.h>
#include <stdio.h>

bool hex_read(const char *text, size_t len, uint8_t *out, size_t size)
{
	size_t i;

	if (len != 2 * size)
		return false;
	for (i = 0; i < size; i++, text += 2)
		if (!isxdigit((unsigned char)text[0]) ||
		    !isxdigit((unsigned char)text[1]) ||
		    sscanf(text, "%2hhx", &out[i]) != 1)
			return false;
	return true;
}

char *hex_write(char *text, const uint8_t *data, size_t len)
{
	size_t i;

	*text = '\0';
	for (i = 0; i < len; i++)
		sprintf(text + 2 * i, "%02x", data[i]);
	return text;
}
