// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any configuration of the registrar: read, with all that it needs and numbers within their
 * bounds, or refused with a sentence.
 *
 * covers: tools/iotkey-registrar/config.c tools/common/conf.c
 * sources: tools/iotkey-registrar/config.c tools/common/conf.c
 * sources: tools/common/file.c tools/common/say.c lib/words.c
 */
#include "../../tools/iotkey-registrar/config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "fuzz.h"

static unsigned int told;

static void tell(const char *format, ...)
{
	char text[512];
	va_list args;
	int i, len;

	va_start(args, format);
	len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	must(len > 0 && len < (int)sizeof(text));
	for (i = 0; i < len; i++)
		must(text[i] >= ' ' && text[i] <= '~');
	told++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct config config;
	int err;

	memcpy(text, data, size);
	text[size] = '\0';
	told = 0;
	err = config_parse(&config, "file", text, size, tell);
	if (!err) {
		must(config.listen && config.store && config.ca_key && !told);
		must(config.workers <= 256 && config.crl_seconds >= 60);
		must(config.certificate_days >= 1 && config.certificate_days <= 36500);
	} else {
		must(err == -EINVAL && told);
	}
	config_free(&config);
	free(text);
	return 0;
}
