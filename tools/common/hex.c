// SPDX-License-Identifier: GPL-2.0-or-later
#include "hex.h"

#include <stdio.h>

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Without sscanf(3), which would look for the end of a text that may have none */
bool hex_read(const char *text, size_t len, uint8_t *out, size_t size)
{
	int high, low;
	size_t i;

	if (len != 2 * size)
		return false;
	for (i = 0; i < size; i++, text += 2) {
		high = digit(text[0]);
		low = digit(text[1]);
		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
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
