// SPDX-License-Identifier: GPL-2.0-or-later
#include "status.h"

#include "../common/file.h"
#include "../common/say.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEXT_MAX 65536

static const struct config *config;
static bool is_open;

/* Its group may read; that of a device without one is root's */
static void give_to_group(const char *path)
{
	if (config->has_group && chown(path, (uid_t)-1, config->group))
		say_file_error(-errno, "cannot give '%s' to the group", path);
}

void status_open(const struct config *settings)
{
	config = settings;
	if (mkdir(config->run, 0750) && errno != EEXIST) {
		say_file_error(-errno, "cannot make '%s'", config->run);
		return;
	}
	is_open = true;
	/* the umask is the agent's own */
	if (chmod(config->run, 0750))
		say_file_error(-errno, "cannot open '%s' to the group", config->run);
	give_to_group(config->run);
}

void status_write(const char *name, const char *text)
{
	char path[sizeof(config->run) + 16];
	mode_t mask;
	int err;

	if (!is_open)
		return;
	snprintf(path, sizeof(path), "%s/%s", config->run, name);
	mask = umask(027);
	err = write_file(path, text, strlen(text), 0640);
	umask(mask);
	if (err)
		say_file_error(err, "cannot write '%s'", path);
	else
		give_to_group(path);
}

/*
 * The verb
 */

static json_t *read_json(const char *run, const char *name, int *err)
{
	char path[sizeof(config->run) + 16], *text;
	json_t *value;
	size_t len;

	snprintf(path, sizeof(path), "%s/%s", run, name);
	*err = read_file(path, TEXT_MAX, &text, &len);
	if (*err)
		return NULL;
	value = json_loadb(text, len, 0, NULL);
	free_secret(text, len);
	return value;
}

static void print_value(const char *name, const json_t *value)
{
	char *text;

	if (json_is_string(value)) {
		printf("%s: %s\n", name, json_string_value(value));
		return;
	}
	text = json_dumps(value, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
	printf("%s: %s\n", name, text ? text : "");
	free(text);
}

static void print_object(json_t *object)
{
	const char *name;
	json_t *value;

	json_object_foreach(object, name, value)
	{
		if (json_is_object(value))
			print_object(value);
		else
			print_value(name, value);
	}
}

int status_print(const struct config *settings, bool json)
{
	json_t *all, *report;
	int err, none;

	all = read_json(settings->run, "status", &err);
	if (err == -ENOENT) {
		say("'%s/status' is not there: no agent has run since the boot",
		    settings->run);
		return EXIT_FAILED;
	}
	if (err)
		return say_file_error(err, "cannot read '%s/status'", settings->run);
	if (!json_is_object(all)) {
		say("'%s/status' is damaged", settings->run);
		json_decref(all);
		return EXIT_DAMAGED;
	}
	report = read_json(settings->run, "report", &none);
	if (report)
		json_object_set_new(all, "net", report);
	if (json) {
		json_dumpf(all, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
		printf("\n");
	} else {
		print_object(all);
	}
	json_decref(all);
	return fflush(stdout) ? say_file_error(-errno, "cannot write") : EXIT_OK;
}
