// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any body of an enrolment: a request whose parts are what csr.h says, or refused with a word and
 * a sentence.  An input that does not begin as base64 of a SEQUENCE is taken for DER, so that
 * the fuzzer needs not find out about base64.
 *
 * covers: tools/iotkey-registrar/csr.c tools/iotkey-registrar/base64.c
 * sources: tools/iotkey-registrar/csr.c tools/iotkey-registrar/base64.c lib/attest/area.c lib/attest/hash.c
 * libs: -lcrypto
 */
#include "../../tools/iotkey-registrar/csr.h"

#include "../../tools/iotkey-registrar/base64.h"
#include "fuzz.h"

static void is_text(const char *text, size_t max)
{
	must(strlen(text) <= max);
	for (; *text; text++)
		must(*text > ' ' && *text <= '~');
}

static void ask(const char *body, size_t len)
{
	struct csr_mistake mistake = { NULL, NULL };
	struct csr csr;

	if (csr_parse(body, len, &csr, &mistake)) {
		must(csr.req && csr.key && !mistake.word);
		is_text(csr.common_name, CSR_TEXT);
		is_text(csr.serial_number, CSR_TEXT);
		is_text(csr.san, CSR_SAN);
		is_text(csr.password, CSR_PASSWORD);
	} else {
		must(mistake.word && mistake.detail);
	}
	csr_clear(&csr);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	ask((const char *)data, size);
	text = base64_encode(data, size, size % 2);
	must(text);
	ask(text, strlen(text));
	free(text);
	return 0;
}
