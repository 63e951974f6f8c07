// SPDX-License-Identifier: GPL-2.0-or-later
// sources: tools/common/conf.c
/*
 * Configuration files: what is a line, what is a comment, and what is said of mistakes.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../tools/common/conf.h"
#include "ktap.h"

/* What was set and said, a line each */
static char heard[4096];

static void hear(const char *format, ...)
{
	size_t len = strlen(heard);
	va_list args;

	va_start(args, format);
	vsnprintf(heard + len, sizeof(heard) - len, format, args);
	va_end(args);
	len = strlen(heard);
	snprintf(heard + len, sizeof(heard) - len, "\n");
}

static const char *set(void *arg, const char *key, const char *value)
{
	unsigned int *seen = arg;

	if (strcmp(key, "name") && strcmp(key, "many"))
		return conf_unknown;
	if (!strcmp(key, "name") && (*seen)++)
		return conf_twice;
	if (!strcmp(value, "bad"))
		return "good";
	hear("%s=%s", key, value);
	return NULL;
}

static void check(const char *what, const char *text, size_t len, unsigned int mistakes,
		  const char *due)
{
	char *copy = malloc(len + 1);
	unsigned int seen = 0, n;

	memcpy(copy, text, len);
	copy[len] = '\0';
	heard[0] = '\0';
	n = conf_parse("f", copy, len, set, &seen, hear);
	if (!ktap_ok(n == mistakes && !strcmp(heard, due), "%s", what))
		printf("# %u mistakes, heard: %s", n, heard);
	free(copy);
}

#define CHECK(WHAT, TEXT, MISTAKES, DUE) \
	check(WHAT, TEXT, sizeof(TEXT) - 1, MISTAKES, DUE)

int main(void)
{
	CHECK("nothing", "", 0, "");
	CHECK("empty lines", "\n\n  \n\t\r\n", 0, "");
	CHECK("a line", "name = value\n", 0, "name=value\n");
	CHECK("without an end", "name = value", 0, "name=value\n");
	CHECK("without spaces", "name=value", 0, "name=value\n");
	CHECK("with all spaces", " \t name \t=\t value of two words \t\r\n", 0,
	      "name=value of two words\n");
	CHECK("an equals sign in the value", "name = a=b=c", 0, "name=a=b=c\n");
	CHECK("a comment", "# name = value\n  # many = 1\nmany = 2", 0, "many=2\n");
	CHECK("a comment behind", "name = value # or not\nmany = 1\t#", 0,
	      "name=value\nmany=1\n");
	CHECK("what is no comment", "name = a#b", 0, "name=a#b\n");
	CHECK("a key that there is not", "name = 1\n\nother = 2", 1,
	      "name=1\nf:3: there is no key 'other'\n");
	CHECK("with bytes not to be printed", "\x1b[31m\xff = 2", 1,
	      "f:1: there is no key '?[31m?'\n");
	CHECK("longer than a message",
	      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=1", 1,
	      "f:1: there is no key 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'\n");
	CHECK("no key", "= 2", 1, "f:1: there is no key ''\n");
	CHECK("no value", "name =\nmany = # 1", 2,
	      "f:1: name must be there: it has no value\n"
	      "f:2: many must be there: it has no value\n");
	CHECK("no equals sign", "name", 1, "f:1: this is not \"key = value\"\n");
	CHECK("twice", "name = 1\nname = 2\nmany = 1\nmany = 2", 1,
	      "name=1\nf:2: name was set before\nmany=1\nmany=2\n");
	CHECK("a bad value", "name = bad", 1, "f:1: name must be good\n");
	CHECK("all mistakes", "name\nx = 1\nmany = bad\nname = 1", 3,
	      "f:1: this is not \"key = value\"\nf:2: there is no key 'x'\n"
	      "f:3: many must be good\nname=1\n");
	CHECK("a zero byte", "name = 1\n\0many = 1", 1,
	      "f: there is a zero byte in it\n");
	return ktap_done();
}
