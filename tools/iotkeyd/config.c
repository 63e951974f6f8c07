// SPDX-License-Identifier: GPL-2.0-or-later
#include "config.h"

#include "../common/file.h"
#include "../common/hex.h"
#include "../common/say.h"

#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <iotkey.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX 65536

#define CHECKPOINT_MIN	   60
#define CHECKPOINT_MAX	   (7 * 86400)
#define CHECKPOINT_DEFAULT 3600

#define ATTEST_MIN     60
#define ATTEST_MAX     (30 * 86400)
#define ATTEST_DEFAULT 86400

#define PARENT_FIRST   0x81000000u
#define PARENT_LAST    0x81ffffffu
#define PARENT_DEFAULT 0x81000001u

#define CA_HASH	  "sha256:"
#define HASH_SIZE 32

/* Each returns NULL, or what the value ought to be */

static const char *set_state(struct config *config, const char *value)
{
	if (value[0] != '/' || strlen(value) >= sizeof(config->state))
		return "the absolute path of a directory";
	strcpy(config->state, value);
	return NULL;
}

static const char *set_group(struct config *config, const char *value)
{
	const struct group *group = getgrnam(value);

	if (!group)
		return "the name of a group that exists";
	config->has_group = true;
	config->group = group->gr_gid;
	return NULL;
}

static const char *set_checkpoint(struct config *config, const char *value)
{
	if (iotkey_duration(value, &config->checkpoint) ||
	    config->checkpoint < CHECKPOINT_MIN || config->checkpoint > CHECKPOINT_MAX)
		return "a duration from 60s to 7d";
	return NULL;
}

static const char *set_path(char *to, size_t size, const char *value)
{
	if (value[0] != '/' || strlen(value) >= size)
		return "an absolute path";
	strcpy(to, value);
	return NULL;
}

static const char *set_run(struct config *config, const char *value)
{
	return set_path(config->run, sizeof(config->run), value);
}

static const char *set_registrar(struct config *config, const char *value)
{
#ifdef IOTKEYD_ALONE
	(void)config;
	(void)value;
	return "left out: this iotkeyd was built without OpenSSL, and keeps keys only";
#else
	const char *host = value + strlen("https://"), *p;

	for (p = value; *p > ' ' && *p < 0x7f && *p != '"'; p++)
		;
	if (strncmp(value, "https://", strlen("https://")) || !*host || *p ||
	    strpbrk(host, "/?#@") || strlen(value) >= sizeof(config->registrar))
		return "https://HOST or https://HOST:PORT";
	strcpy(config->registrar, value);
	return NULL;
#endif
}

static const char *set_ca(struct config *config, const char *value)
{
	uint8_t hash[HASH_SIZE];
	size_t head = strlen(CA_HASH);

	if (strncmp(value, CA_HASH, head))
		return set_path(config->ca, sizeof(config->ca), value)
			       ? "the absolute path of a file, or sha256: and 64 hex digits"
			       : NULL;
	if (!hex_read(value + head, strlen(value + head), hash, HASH_SIZE))
		return "sha256: and 64 hex digits";
	strcpy(config->ca, value);
	return NULL;
}

static const char *set_first_use(struct config *config, const char *value)
{
	config->first_use = !strcmp(value, "yes");
	return config->first_use || !strcmp(value, "no") ? NULL : "yes or no";
}

static const char *set_token_file(struct config *config, const char *value)
{
	return set_path(config->token_file, sizeof(config->token_file), value);
}

static const char *set_name(struct config *config, const char *value)
{
	const char *p;

	for (p = value; *p >= ' ' && *p < 0x7f; p++)
		;
	if (!*value || *p || strlen(value) >= sizeof(config->name))
		return "1 to 64 printable ASCII characters";
	strcpy(config->name, value);
	return NULL;
}

static const char *set_attest(struct config *config, const char *value)
{
	if (iotkey_duration(value, &config->attest) || config->attest < ATTEST_MIN ||
	    config->attest > ATTEST_MAX)
		return "a duration from 60s to 30d";
	return NULL;
}

static const char *set_net_user(struct config *config, const char *value)
{
	if (!*value || strlen(value) >= sizeof(config->net_user))
		return "the name of a user";
	strcpy(config->net_user, value);
	return NULL;
}

static const char *set_parent(struct config *config, const char *value)
{
	unsigned long handle;
	char *end;

	handle = strtoul(value, &end, 0);
	if (!*value || *end || handle < PARENT_FIRST || handle > PARENT_LAST)
		return "a persistent handle, 0x81000000 to 0x81ffffff";
	config->parent = (uint32_t)handle;
	return NULL;
}

/* The TPM has the last word, and the library of evidence the one before */
static const char *set_pcrs(struct config *config, const char *value)
{
	if (!strchr(value, ':') || strlen(value) >= sizeof(config->pcrs) ||
	    strspn(value, "shamx0123456789_:,+") != strlen(value))
		return "like sha256:0,1,7, several with a + in between";
	strcpy(config->pcrs, value);
	return NULL;
}

static const struct setting {
	const char *name;
	const char *(*set)(struct config *config, const char *value);
} settings[] = {
	{ "state", set_state },
	{ "group", set_group },
	{ "checkpoint", set_checkpoint },
	{ "run", set_run },
	{ "registrar", set_registrar },
	{ "ca", set_ca },
	{ "trust-on-first-use", set_first_use },
	{ "token-file", set_token_file },
	{ "name", set_name },
	{ "attest", set_attest },
	{ "net-user", set_net_user },
	{ "parent", set_parent },
	{ "pcrs", set_pcrs },
};

#define SETTINGS (sizeof(settings) / sizeof(settings[0]))

static char *trim(char *text)
{
	char *end;

	while (isspace((unsigned char)*text))
		text++;
	end = text + strlen(text);
	while (end > text && isspace((unsigned char)end[-1]))
		*--end = '\0';
	return text;
}

/* One line, which may be changed; @seen has a bit for each setting */
static bool read_line(struct config *config, const char *path, unsigned int number,
		      char *line, uint32_t *seen)
{
	char *name, *value;
	const char *ought;
	size_t i;

	line[strcspn(line, "#")] = '\0';
	line = trim(line);
	if (!*line)
		return true;
	value = strchr(line, '=');
	if (!value) {
		say("%s:%u: '%s': it must be 'name = value'", path, number, line);
		return false;
	}
	*value++ = '\0';
	name = trim(line);
	value = trim(value);
	for (i = 0; i < SETTINGS && strcmp(settings[i].name, name); i++)
		;
	if (i == SETTINGS) {
		say("%s:%u: '%s': there is no such setting", path, number, name);
		return false;
	}
	if (*seen & 1u << i) {
		say("%s:%u: '%s': it was set before", path, number, name);
		return false;
	}
	*seen |= 1u << i;
	ought = settings[i].set(config, value);
	if (ought)
		say("%s:%u: %s = '%s': it must be %s", path, number, name, value, ought);
	return !ought;
}

/* What belongs together */
static bool check_fleet(struct config *config, const char *path)
{
	const struct passwd *user;

	if (!config->registrar[0])
		return true;
	if (!config->ca[0] && !config->first_use) {
		say("%s: 'registrar' needs 'ca', or 'trust-on-first-use = yes'", path);
		return false;
	}
	user = getpwnam(config->net_user);
	if (!user || !user->pw_uid || !user->pw_gid) {
		say("%s: net-user = '%s': %s", path, config->net_user,
		    user ? "it must not be root"
			 : "there is no such user: make one (adduser --system --group)");
		return false;
	}
	config->net_uid = user->pw_uid;
	config->net_gid = user->pw_gid;
	return true;
}

int config_read(struct config *config, const char *path)
{
	unsigned int number = 0;
	char *text, *rest, *line;
	uint32_t seen = 0;
	bool good = true;
	size_t len;
	int err;

	*config = (struct config){ .state = "/var/lib/iotkey",
				   .checkpoint = CHECKPOINT_DEFAULT,
				   .run = "/run/iotkey",
				   .attest = ATTEST_DEFAULT,
				   .net_user = "iotkey",
				   .parent = PARENT_DEFAULT,
				   .pcrs = "sha256:0,1,2,3,4,5,6,7,8,9,10,11,12,13,14" };
	err = read_file(path, FILE_MAX, &text, &len);
	if (err == -ENOENT && !strcmp(path, CONFIG_FILE))
		return EXIT_OK;
	if (err)
		return say_file_error(err, "cannot read '%s'", path);
	rest = text;
	if (strlen(text) != len) {
		say("%s: it holds a zero byte", path);
		good = false;
	}
	while ((line = strsep(&rest, "\n")))
		good &= read_line(config, path, ++number, line, &seen);
	free_secret(text, len);
	good = good && check_fleet(config, path);
	return good ? EXIT_OK : EXIT_USAGE;
}
