// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any configuration of the registrar: read, with all that it needs and numbers within their
 * bounds, or refused with a sentence.
 *
 * covers: tools/iotkey-registrar/config.c
 * sources: tools/iotkey-registrar/config.c tools/common/file.c
 */
#include "../../tools/iotkey-registrar/config.h"

#include <errno.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char mistake[CONFIG_MISTAKE];
	struct config config;
	int err = config_parse(&config, (const char *)data, size, mistake);

	if (!err) {
		must(config.listen && config.store && config.ca_key && !*mistake);
		must(config.workers <= 256 && config.crl_seconds >= 60);
		must(config.certificate_days >= 1 && config.certificate_days <= 36500);
	} else {
		must(err == -EINVAL && *mistake && strlen(mistake) < CONFIG_MISTAKE);
	}
	config_free(&config);
	return 0;
}
