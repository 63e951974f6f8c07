// SPDX-License-Identifier: GPL-2.0-or-later
#include "conf.h"

#include <stdbool.h>
#include <string.h>

const char conf_unknown[] = "unknown", conf_twice[] = "twice";

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static char *trim(char *text)
{
	char *end = text + strlen(text);

	while (is_space(*text))
		text++;
	while (end > text && is_space(end[-1]))
		end--;
	*end = '\0';
	return text;
}

static void cut_comment(char *line)
{
	char *p;

	for (p = line; *p; p++)
		if (*p == '#' && (p == line || is_space(p[-1]))) {
			*p = '\0';
			return;
		}
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

static bool parse_line(const char *file, unsigned int number, char *line,
		       conf_set_fn *set, void *arg, conf_say_fn *say)
{
	const char *ought;
	char *key, *value;

	cut_comment(line);
	key = trim(line);
	if (!*key)
		return true;
	value = strchr(key, '=');
	if (!value) {
		say("%s:%u: this is not \"key = value\"", file, number);
		return false;
	}
	*value++ = '\0';
	key = trim(key);
	value = trim(value);
	ought = *value ? set(arg, key, value) : "there: it has no value";
	if (!ought)
		return true;
	if (ought == conf_unknown)
		say("%s:%u: there is no key '%.40s'", file, number, printable(key));
	else if (ought == conf_twice)
		say("%s:%u: %.40s was set before", file, number, printable(key));
	else
		say("%s:%u: %.40s must be %s", file, number, printable(key), ought);
	return false;
}

unsigned int conf_parse(const char *file, char *text, size_t len, conf_set_fn *set,
			void *arg, conf_say_fn *say)
{
	unsigned int number = 0, mistakes = 0;
	char *line, *rest = text;

	if (strlen(text) != len) {
		say("%s: there is a zero byte in it", file);
		return 1;
	}
	while ((line = strsep(&rest, "\n")))
		mistakes += !parse_line(file, ++number, line, set, arg, say);
	return mistakes;
}
