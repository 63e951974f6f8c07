// SPDX-License-Identifier: GPL-2.0-or-later
#include "fault.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool fault(struct fault *f, enum fault_kind kind, const char *format, ...)
{
	va_list args;
	char *p;

	memset(f, 0, sizeof(*f));
	f->kind = kind;
	va_start(args, format);
	vsnprintf(f->text, sizeof(f->text), format, args);
	va_end(args);
	/* some of it may be the registrar's, and goes to logs and terminals */
	for (p = f->text; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	return false;
}

bool fault_is(const struct fault *f, const char *word)
{
	return f->kind == FAULT_REFUSED && !strcmp(f->word, word);
}

const char *fault_kind_name(const struct fault *f)
{
	static const char *const names[] = {
		[FAULT_NONE] = "none",	     [FAULT_NETWORK] = "network",
		[FAULT_TLS] = "tls",	     [FAULT_TRUST] = "not-the-registrar",
		[FAULT_BUSY] = "busy",	     [FAULT_PENDING] = "pending",
		[FAULT_REFUSED] = "refused", [FAULT_ANSWER] = "answer",
		[FAULT_KEEPER] = "keeper",   [FAULT_LOCAL] = "local",
	};

	return f->kind == FAULT_REFUSED && f->word[0] ? f->word : names[f->kind];
}
