// SPDX-License-Identifier: GPL-2.0-or-later
/* Any text: what decodes is what its bytes encode to, but for white space. */
#include <stdlib.h>
#include <string.h>
#include "base64.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	u8 *plain = malloc(size + 1);
	char *text = malloc(size + 8);
	size_t i, n = 0;
	int len = iot_base64_decode(plain, size, (const char *)data, size);

	if (len >= 0) {
		size_t text_len = iot_base64_encode(text, plain, len);

		for (i = 0; i < size; i++) {
			if (strchr(" \t\r\n", data[i]))
				continue;
			if (n >= text_len || text[n++] != (char)data[i])
				abort();
		}
		if (n != text_len)
			abort();
	}
	free(text);
	free(plain);
	return 0;
}
