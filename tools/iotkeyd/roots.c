// SPDX-License-Identifier: GPL-2.0-or-later
#include "roots.h"

#include "../common/file.h"
#include "../common/hex.h"
#include "../common/say.h"
#include "files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOTS_FILE "roots"
#define LINE_SIZE  (IOTKEY_NAME_MAX + 32 + 2 * IOTKEY_ID_SIZE)

static const char *const states[] = {
	[ROOT_NONE] = "none", [ROOT_COMING] = "coming",	  [ROOT_HERE] = "here",
	[ROOT_OLD] = "old",   [ROOT_REVOKED] = "revoked",
};

static struct root roots[ROOTS_MAX];
static unsigned int count;

static bool read_line(char *line, struct root *root)
{
	char *name = strsep(&line, " "), *version = strsep(&line, " ");
	char *kind = strsep(&line, " "), *state = strsep(&line, " "), *end;
	unsigned long number;
	unsigned int i;

	if (!name || !version || !kind || !state || !line || !iotkey_name_ok(name) ||
	    !hex_read(line, strlen(line), root->id, sizeof(root->id)))
		return false;
	number = strtoul(version, &end, 10);
	if (!*version || *end || number > UINT32_MAX)
		return false;
	for (i = ROOT_COMING; i <= ROOT_REVOKED && strcmp(state, states[i]); i++)
		;
	if (i > ROOT_REVOKED || (strcmp(kind, "group") && strcmp(kind, "device")))
		return false;
	strcpy(root->name, name);
	root->version = (uint32_t)number;
	root->group = !strcmp(kind, "group");
	root->state = (enum root_state)i;
	return true;
}

int roots_open(void)
{
	char *text, *rest, *line;
	bool good = true;
	size_t len;
	int err;

	count = 0;
	err = files_read(ROOTS_FILE, ROOTS_MAX * LINE_SIZE, &text, &len);
	if (err == -ENOENT)
		return EXIT_OK;
	if (err)
		return say_file_error(err, "cannot read which roots there are");
	rest = text;
	while (good && (line = strsep(&rest, "\n"))) {
		if (!*line)
			continue;
		good = count < ROOTS_MAX && read_line(line, &roots[count]);
		count += good;
	}
	free_secret(text, len);
	return good ? EXIT_OK : say_file_error(EBADMSG, "the list of roots is damaged");
}

static int save(void)
{
	char *text = malloc(ROOTS_MAX * LINE_SIZE), *at = text;
	char hex[2 * IOTKEY_ID_SIZE + 1];
	unsigned int i;
	int err;

	if (!text)
		return -ENOMEM;
	for (i = 0; i < count; i++)
		at += sprintf(at, "%s %u %s %s %s\n", roots[i].name, roots[i].version,
			      roots[i].group ? "group" : "device", states[roots[i].state],
			      hex_write(hex, roots[i].id, sizeof(roots[i].id)));
	err = files_write(ROOTS_FILE, text, (size_t)(at - text));
	free(text);
	return err;
}

static struct root *find(const char *name)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		if (!strcmp(roots[i].name, name))
			return &roots[i];
	return NULL;
}

const struct root *roots_find(const char *name)
{
	return find(name);
}

int roots_set(const struct root *root)
{
	struct root *line = find(root->name), before;
	int err;

	if (!line) {
		if (count == ROOTS_MAX)
			return -EDQUOT;
		line = &roots[count];
		memset(line, 0, sizeof(*line));
		count++;
	}
	before = *line;
	if (line != root)
		*line = *root;
	err = save();
	if (err && before.state == ROOT_NONE)
		count--;
	else if (err)
		*line = before;
	return err;
}

void roots_text(char *text, size_t size)
{
	size_t at = 0;
	unsigned int i;
	int n;

	text[0] = '\0';
	for (i = 0; i < count; i++) {
		if (roots[i].state != ROOT_HERE && roots[i].state != ROOT_OLD)
			continue;
		n = snprintf(text + at, size - at, "%s %u\n", roots[i].name,
			     roots[i].version);
		if (n < 0 || (size_t)n >= size - at) {
			text[at] = '\0';
			return;
		}
		at += (size_t)n;
	}
}

void roots_each(void (*fn)(const struct root *root, void *arg), void *arg)
{
	struct root copy;
	unsigned int i;

	for (i = 0; i < count; i++) {
		copy = roots[i];
		fn(&copy, arg);
	}
}
