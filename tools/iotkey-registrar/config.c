// SPDX-License-Identifier: GPL-2.0-or-later
#include "config.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../common/file.h"

enum kind { TEXT, NUMBER, SECONDS, BOOLEAN };

/* What a number may be; the value that stands there when the key is not in the file */
struct key {
	const char *name;
	enum kind kind;
	size_t offset;
	const char *value; /* NULL: none */
	unsigned int min, max;
	bool needed;
};

#define AT(field) offsetof(struct config, field)

static const struct key keys[] = {
	{ "listen", TEXT, AT(listen), "0.0.0.0:8443", 0, 0, true },
	{ "http-listen", TEXT, AT(http_listen), NULL, 0, 0, false },
	{ "server-certificate", TEXT, AT(server_certificate), NULL, 0, 0, true },
	{ "server-key", TEXT, AT(server_key), NULL, 0, 0, true },
	{ "ca-certificate", TEXT, AT(ca_certificate), NULL, 0, 0, true },
	{ "ca-key", TEXT, AT(ca_key), NULL, 0, 0, true },
	{ "store", TEXT, AT(store), NULL, 0, 0, true },
	{ "master", TEXT, AT(master), NULL, 0, 0, true },
	{ "admins", TEXT, AT(admins), NULL, 0, 0, false },
	{ "audit", TEXT, AT(audit), NULL, 0, 0, false },
	{ "idevid-ca", TEXT, AT(idevid_ca), NULL, 0, 0, false },
	{ "ek-ca", TEXT, AT(ek_ca), NULL, 0, 0, false },
	{ "references", TEXT, AT(references), NULL, 0, 0, false },
	{ "roots", TEXT, AT(roots), NULL, 0, 0, false },
	{ "crl-url", TEXT, AT(crl_url), NULL, 0, 0, false },
	{ "ocsp-url", TEXT, AT(ocsp_url), NULL, 0, 0, false },
	{ "san-suffix", TEXT, AT(san_suffix), NULL, 0, 0, false },
	{ "workers", NUMBER, AT(workers), "0", 0, 256, false },
	{ "certificate-days", NUMBER, AT(certificate_days), "365", 1, 36500, false },
	{ "attest-valid", SECONDS, AT(attest_valid), "1d", 1, 31536000, false },
	{ "request-time", SECONDS, AT(request_seconds), "30", 1, 3600, false },
	{ "idle-time", SECONDS, AT(idle_seconds), "60", 1, 3600, false },
	{ "drain-time", SECONDS, AT(drain_seconds), "30", 0, 3600, false },
	{ "connections", NUMBER, AT(connections), "20000", 1, 1000000, false },
	{ "crl-time", SECONDS, AT(crl_seconds), "1d", 60, 31536000, false },
	{ "require-tpm", BOOLEAN, AT(require_tpm), "yes", 0, 0, false },
	{ "approve", BOOLEAN, AT(approve), "no", 0, 0, false },
	{ "server-auth", BOOLEAN, AT(server_auth), "no", 0, 0, false },
	{ "serverkeygen", BOOLEAN, AT(serverkeygen), "no", 0, 0, false },
	{ "channel-binding", BOOLEAN, AT(channel_binding), "no", 0, 0, false },
};

#define KEYS (sizeof(keys) / sizeof(keys[0]))

static void *field(struct config *config, const struct key *key)
{
	return (char *)config + key->offset;
}

static int set_text(char **text, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return -ENOMEM;
	free(*text);
	*text = copy;
	return 0;
}

/* "90", "90s", "15m", "12h", "30d"; a plain number has no unit */
static int set_number(const struct key *key, unsigned int *number, const char *value)
{
	static const char units[] = "smhd";
	static const unsigned int seconds[] = { 1, 60, 3600, 86400 };
	uint64_t n = 0;
	const char *unit;

	if (*value < '0' || *value > '9')
		return -EINVAL;
	for (; *value >= '0' && *value <= '9'; value++) {
		n = n * 10 + (uint64_t)(*value - '0');
		if (n > UINT32_MAX)
			return -EINVAL;
	}
	if (*value) {
		unit = strchr(units, *value);
		if (key->kind != SECONDS || !unit || value[1])
			return -EINVAL;
		n *= seconds[unit - units];
	}
	if (n < key->min || n > key->max)
		return -EINVAL;
	*number = (unsigned int)n;
	return 0;
}

static int set_boolean(bool *yes, const char *value)
{
	if (strcmp(value, "yes") && strcmp(value, "no"))
		return -EINVAL;
	*yes = value[0] == 'y';
	return 0;
}

static int set(struct config *config, const struct key *key, const char *value)
{
	switch (key->kind) {
	case TEXT:
		return *value ? set_text(field(config, key), value) : -EINVAL;
	case BOOLEAN:
		return set_boolean(field(config, key), value);
	default:
		return set_number(key, field(config, key), value);
	}
}

static void expect(const struct key *key, unsigned int line, char *mistake)
{
	switch (key->kind) {
	case TEXT:
		snprintf(mistake, CONFIG_MISTAKE, "line %u: %s has no value", line,
			 key->name);
		break;
	case BOOLEAN:
		snprintf(mistake, CONFIG_MISTAKE, "line %u: %s is yes or no", line,
			 key->name);
		break;
	default:
		snprintf(mistake, CONFIG_MISTAKE,
			 "line %u: %s is a number from %u to %u%s", line, key->name,
			 key->min, key->max,
			 key->kind == SECONDS ? " in seconds, or with one of s m h d"
					      : "");
	}
}

static const struct key *find(const char *name)
{
	size_t i;

	for (i = 0; i < KEYS; i++)
		if (!strcmp(keys[i].name, name))
			return &keys[i];
	return NULL;
}

static char *trim(char *text)
{
	char *end = text + strlen(text);

	while (*text == ' ' || *text == '\t')
		text++;
	while (end > text && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
		end--;
	*end = '\0';
	return text;
}

/* What a message may repeat of a word that nobody knows */
static const char *printable(char *word)
{
	char *p;

	for (p = word; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	return word;
}

static int parse_line(struct config *config, char *text, unsigned int line, bool *seen,
		      char *mistake)
{
	const struct key *key;
	char *name, *value;
	int err;

	text = trim(text);
	if (!*text || *text == '#')
		return 0;
	value = strchr(text, '=');
	if (!value) {
		snprintf(mistake, CONFIG_MISTAKE, "line %u: not \"key = value\"", line);
		return -EINVAL;
	}
	*value++ = '\0';
	name = trim(text);
	key = find(name);
	if (!key) {
		snprintf(mistake, CONFIG_MISTAKE, "line %u: there is no key '%.40s'",
			 line, printable(name));
		return -EINVAL;
	}
	if (seen[key - keys]) {
		snprintf(mistake, CONFIG_MISTAKE, "line %u: %s for the second time", line,
			 key->name);
		return -EINVAL;
	}
	seen[key - keys] = true;
	err = set(config, key, trim(value));
	if (err == -EINVAL)
		expect(key, line, mistake);
	return err;
}

static int defaults(struct config *config)
{
	size_t i;
	int err = 0;

	for (i = 0; i < KEYS && !err; i++)
		if (keys[i].value)
			err = set(config, &keys[i], keys[i].value);
	return err;
}

static int complete(struct config *config, char *mistake)
{
	size_t i;

	for (i = 0; i < KEYS; i++)
		if (keys[i].needed && !*(char **)field(config, &keys[i])) {
			snprintf(mistake, CONFIG_MISTAKE, "%s is missing", keys[i].name);
			return -EINVAL;
		}
	return 0;
}

int config_parse(struct config *config, const char *text, size_t len,
		 char mistake[CONFIG_MISTAKE])
{
	bool seen[KEYS] = { false };
	char *copy, *line, *next;
	unsigned int number = 0;
	int err;

	memset(config, 0, sizeof(*config));
	mistake[0] = '\0';
	if (memchr(text, '\0', len)) {
		snprintf(mistake, CONFIG_MISTAKE, "there is a zero byte in it");
		return -EINVAL;
	}
	copy = strndup(text, len);
	err = copy ? defaults(config) : -ENOMEM;
	for (line = copy; line && !err; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		err = parse_line(config, line, ++number, seen, mistake);
	}
	free(copy);
	return err ? err : complete(config, mistake);
}

int config_read(struct config *config, const char *path, char mistake[CONFIG_MISTAKE])
{
	size_t len;
	char *text;
	int err;

	memset(config, 0, sizeof(*config));
	err = read_file(path, CONFIG_MAX, &text, &len);
	if (err) {
		snprintf(mistake, CONFIG_MISTAKE, "%s", strerror(-err));
		return err;
	}
	err = config_parse(config, text, len, mistake);
	free(text);
	return err;
}

void config_free(struct config *config)
{
	size_t i;

	for (i = 0; i < KEYS; i++)
		if (keys[i].kind == TEXT)
			free(*(char **)field(config, &keys[i]));
	memset(config, 0, sizeof(*config));
}
