// SPDX-License-Identifier: GPL-2.0-or-later
#include "admin.h"

#include <ctype.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "../common/hex.h"

#define ADMIN_LINE 512

static const char *const words[] = {
	[ROLE_VIEWER] = "viewer", [ROLE_OPERATOR] = "operator", [ROLE_ADMIN] = "admin"
};

static enum role role_of(const char *word)
{
	enum role role;

	for (role = ROLE_VIEWER; role <= ROLE_ADMIN; role++)
		if (!strcmp(words[role], word))
			return role;
	return ROLE_NONE;
}

/* As openssl prints a fingerprint, with or without colons */
static bool fingerprint(const char *text, uint8_t out[STORE_SHA256])
{
	char digits[2 * STORE_SHA256 + 1];
	size_t n = 0;

	for (; *text; text++) {
		if (*text == ':')
			continue;
		if (n + 1 == sizeof(digits))
			return false;
		digits[n++] = *text;
	}
	return hex_read(digits, n, out, STORE_SHA256);
}

static enum role read_line(const char *line, const uint8_t *wanted, char *name)
{
	char word[16], digits[128], who[STORE_NAME_MAX + 1];
	uint8_t hash[STORE_SHA256];

	if (sscanf(line, "%15s %127s %64s", word, digits, who) != 3 || word[0] == '#' ||
	    !fingerprint(digits, hash) || CRYPTO_memcmp(hash, wanted, sizeof(hash)))
		return ROLE_NONE;
	strcpy(name, who);
	return role_of(word);
}

enum role admin_role(const char *path, const X509 *certificate,
		     char name[STORE_NAME_MAX + 1])
{
	uint8_t wanted[EVP_MAX_MD_SIZE];
	enum role role = ROLE_NONE;
	char line[ADMIN_LINE];
	unsigned int len;
	FILE *file;

	if (!path || !X509_digest(certificate, EVP_sha256(), wanted, &len))
		return ROLE_NONE;
	file = fopen(path, "re");
	if (!file)
		return ROLE_NONE;
	while (role == ROLE_NONE && fgets(line, sizeof(line), file))
		role = read_line(line, wanted, name);
	fclose(file);
	return role;
}
