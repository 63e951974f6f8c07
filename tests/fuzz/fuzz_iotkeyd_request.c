// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any packet between the agent's processes: refused, or its fields lie within it, and written
 * again they are the same bytes.
 *
 * covers: tools/iotkeyd/request.c
 * sources: tools/iotkeyd/request.c
 */
#include "../../tools/iotkeyd/request.h"

#include <errno.h>

#include "fuzz.h"

static struct request in, out;

static void check_field(unsigned int i)
{
	const uint8_t *data;
	uint64_t number;
	size_t len;
	char *text;

	must(!request_field(&in, i, &data, &len));
	must(lies_in(data, len, in.data, in.len));
	request_add(&out, data, len);
	must(!request_u64(&in, i, &number) == (len == 8));
	text = room(len + 1);
	must(!request_text(&in, i, text, len + 1) == !memchr(data, 0, len));
	must(request_text(&in, i, text, len) == -EBADMSG);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned int i;

	if (size > REQUEST_MAX)
		return 0;
	request_wipe(&in);
	memcpy(in.data, data, size);
	if (request_parse(&in, size)) {
		must(!in.count);
		return 0;
	}
	request_begin(&out, request_type(&in));
	for (i = 0; i < in.count; i++)
		check_field(i);
	must(request_field(&in, i, &data, &size) == -EBADMSG);
	must(!out.overflow && out.len == in.len && !memcmp(out.data, in.data, in.len));
	must(request_answered(&in, REQUEST_HELLO) <= 0);
	return 0;
}
