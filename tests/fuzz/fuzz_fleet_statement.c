// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any statements: no crash, and what is read is written again byte by byte but for the signature.
 *
 * covers: lib/attest/statement.c
 * sources: lib/attest/statement.c lib/attest/policy.c lib/attest/area.c lib/attest/hash.c lib/attest/pcrs.c
 * libs: -lcrypto
 */
#include <iotkey-fleet.h>
#include <openssl/evp.h>

#include "fuzz.h"

#define HEADER 88
#define MANY   512

static struct iotkey_attest *attest;
static EVP_PKEY *ca;

static void check_same(struct iotkey_statement *statement)
{
	static struct iotkey_revocation revocations[MANY];
	struct iotkey_chain chain = { .sequence = statement->sequence - 1 };
	size_t count = 0, len;
	uint8_t *out;

	while (count < MANY && iotkey_statement_next(statement, &revocations[count])) {
		must(!revocations[count].name.len ||
		     lies_in(revocations[count].name.data, revocations[count].name.len,
			     statement->body.data, statement->body.len));
		count++;
	}
	must(count > 0);
	memcpy(chain.digest, statement->previous, sizeof(chain.digest));
	if (count == MANY || iotkey_statement_make(ca, &chain, statement->time,
						   revocations, count, &out, &len))
		return;
	must(!memcmp(out + 8, statement->whole.data + 8, 16));
	must(statement->whole.len <= IOTKEY_STATEMENT_MAX);
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct iotkey_statement statement;
	struct iotkey_chain chain = { 0 };

	if (!attest) {
		attest = iotkey_attest_new();
		ca = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	}
	while (!iotkey_statement_parse(data, size, &statement)) {
		must(statement.whole.len > HEADER && statement.whole.len <= size);
		must(iotkey_statement_verify(attest, &statement, ca));
		iotkey_statement_follow(attest, &chain, &statement);
		check_same(&statement);
		data += statement.whole.len;
		size -= statement.whole.len;
	}
	return 0;
}
