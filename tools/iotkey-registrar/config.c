// SPDX-License-Identifier: GPL-2.0-or-later
#include "config.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../common/file.h"
#include "../common/say.h"

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
	{ "metrics-listen", TEXT, AT(metrics_listen), NULL, 0, 0, false },
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
	{ "release-policy", TEXT, AT(release_policy), "none", 0, 0, false },
	{ "release-pcrs", TEXT, AT(release_pcrs), "sha256:0,2,4,7", 0, 0, false },
	{ "policy-signer", TEXT, AT(policy_signer), NULL, 0, 0, false },
	{ "approvals", TEXT, AT(approvals), NULL, 0, 0, false },
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

static const char *set_text(char **text, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return "tried again: there is no memory";
	free(*text);
	*text = copy;
	return NULL;
}

/* "90", "90s", "15m", "12h", "30d"; a plain number has no unit */
static bool set_number(const struct key *key, unsigned int *number, const char *value)
{
	static const char units[] = "smhd";
	static const unsigned int seconds[] = { 1, 60, 3600, 86400 };
	uint64_t n = 0;
	const char *unit;

	if (*value < '0' || *value > '9')
		return false;
	for (; *value >= '0' && *value <= '9'; value++) {
		n = n * 10 + (uint64_t)(*value - '0');
		if (n > UINT32_MAX)
			return false;
	}
	if (*value) {
		unit = strchr(units, *value);
		if (key->kind != SECONDS || !unit || value[1])
			return false;
		n *= seconds[unit - units];
	}
	if (n < key->min || n > key->max)
		return false;
	*number = (unsigned int)n;
	return true;
}

static const char *set_boolean(bool *yes, const char *value)
{
	if (strcmp(value, "yes") && strcmp(value, "no"))
		return "yes or no";
	*yes = value[0] == 'y';
	return NULL;
}

/* What is being read */
struct reading {
	struct config *config;
	bool seen[KEYS];
	char ought[80];
};

/* NULL, or what @value ought to be */
static const char *set_key(struct reading *reading, const struct key *key,
			   const char *value)
{
	void *to = (char *)reading->config + key->offset;

	switch (key->kind) {
	case TEXT:
		return set_text(to, value);
	case BOOLEAN:
		return set_boolean(to, value);
	default:
		if (set_number(key, to, value))
			return NULL;
		snprintf(reading->ought, sizeof(reading->ought),
			 "a number from %u to %u%s", key->min, key->max,
			 key->kind == SECONDS ? " in seconds, or with one of s m h d"
					      : "");
		return reading->ought;
	}
}

static const char *set(void *arg, const char *name, const char *value)
{
	struct reading *reading = arg;
	size_t i;

	for (i = 0; i < KEYS && strcmp(keys[i].name, name); i++)
		;
	if (i == KEYS)
		return conf_unknown;
	if (reading->seen[i])
		return conf_twice;
	reading->seen[i] = true;
	return set_key(reading, &keys[i], value);
}

int config_parse(struct config *config, const char *file, char *text, size_t len,
		 conf_say_fn *tell)
{
	struct reading reading = { .config = config };
	unsigned int mistakes;
	size_t i;

	memset(config, 0, sizeof(*config));
	for (i = 0; i < KEYS; i++)
		if (keys[i].value && set_key(&reading, &keys[i], keys[i].value))
			return -ENOMEM;
	mistakes = conf_parse(file, text, len, set, &reading, tell);
	for (i = 0; i < KEYS; i++)
		if (keys[i].needed && !keys[i].value && !reading.seen[i]) {
			tell("%s: %s is missing", file, keys[i].name);
			mistakes++;
		}
	return mistakes ? -EINVAL : 0;
}

int config_read(struct config *config, const char *path)
{
	size_t len;
	char *text;
	int err;

	memset(config, 0, sizeof(*config));
	err = read_file(path, CONFIG_MAX, &text, &len);
	if (err) {
		say_file_error(err, "cannot read '%s'", path);
		return err;
	}
	err = config_parse(config, path, text, len, say);
	if (err == -ENOMEM)
		say("%s: there is no memory for it", path);
	free_secret(text, len);
	return err;
}

void config_free(struct config *config)
{
	size_t i;

	for (i = 0; i < KEYS; i++)
		if (keys[i].kind == TEXT)
			free(*(char **)((char *)config + keys[i].offset));
	memset(config, 0, sizeof(*config));
}

size_t config_root(const char **at)
{
	if (!*at)
		return 0;
	*at += strspn(*at, ", \t");
	return strcspn(*at, ", \t");
}
