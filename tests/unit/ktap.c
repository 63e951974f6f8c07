// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>
#include <stdio.h>
#include "ktap.h"

static unsigned int tests, failures;

bool ktap_ok(bool ok, const char *fmt, ...)
{
	va_list args;

	if (!tests)
		printf("KTAP version 1\n");
	printf("%s %u - ", ok ? "ok" : "not ok", ++tests);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n");
	failures += !ok;
	return ok;
}

int ktap_done(void)
{
	printf("1..%u\n", tests);
	return failures ? 1 : 0;
}
