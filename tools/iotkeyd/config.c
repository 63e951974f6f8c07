// SPDX-License-Identifier: GPL-2.0-or-later
#include "config.h"

#include "../common/file.h"
#include "../common/say.h"

#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <iotkey.h>
#include <string.h>

#define FILE_MAX 65536

#define CHECKPOINT_MIN	   60
#define CHECKPOINT_MAX	   (7 * 86400)
#define CHECKPOINT_DEFAULT 3600

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

static const struct setting {
	const char *name;
	const char *(*set)(struct config *config, const char *value);
} settings[] = {
	{ "state", set_state },
	{ "group", set_group },
	{ "checkpoint", set_checkpoint },
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

int config_read(struct config *config, const char *path)
{
	unsigned int number = 0;
	char *text, *rest, *line;
	uint32_t seen = 0;
	bool good = true;
	size_t len;
	int err;

	*config = (struct config){ .state = "/var/lib/iotkey",
				   .checkpoint = CHECKPOINT_DEFAULT };
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
	return good ? EXIT_OK : EXIT_USAGE;
}
