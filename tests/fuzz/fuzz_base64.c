// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any text: what decodes is what its bytes encode to, but for white space, and decodes
 * into room of just its size and no smaller.  Any bytes: they encode to a text that
 * decodes to them.
 *
 * covers: kmod/base64.c
 */
#include <errno.h>
#include "base64.h"
#include "fuzz.h"

static size_t encoded_size(size_t len)
{
	return (len + 2) / 3 * 4;
}

static void check_text(const char *text, size_t size, const u8 *plain, size_t len)
{
	char *again = room(encoded_size(len));
	size_t again_len = iot_base64_encode(again, plain, len), i, n = 0;

	must(again_len == encoded_size(len));
	for (i = 0; i < size; i++) {
		if (text[i] && strchr(" \t\r\n", text[i]))
			continue;
		must(n < again_len && again[n++] == text[i]);
	}
	must(n == again_len);
	free(again);
}

static void decode(const char *text, size_t size)
{
	u8 *plain = room(size), *exact;
	int len = iot_base64_decode(plain, size, text, size);

	must(len >= 0 || len == -EINVAL);
	if (len >= 0) {
		must((size_t)len <= size / 4 * 3);
		check_text(text, size, plain, len);
		exact = room(len);
		must(iot_base64_decode(exact, len, text, size) == len);
		must(!memcmp(exact, plain, len));
		must(!len || iot_base64_decode(exact, len - 1, text, size) == -EINVAL);
		free(exact);
	}
	free(plain);
}

static void encode(const u8 *bytes, size_t size)
{
	char *text = room(encoded_size(size));
	u8 *again = room(size);

	must(iot_base64_encode(text, bytes, size) == encoded_size(size));
	must(iot_base64_decode(again, size, text, encoded_size(size)) == (int)size);
	must(!memcmp(again, bytes, size));
	free(again);
	free(text);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	decode((const char *)data, size);
	encode(data, size);
	return 0;
}
