/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Configuration files: lines of "key = value".  Spaces around both do not count, empty lines
 * neither; '#' at the beginning of a line, or after a space, begins a comment.
 *
 * All mistakes are told, so that one look at the file mends it.
 */
#ifndef _COMMON_CONF_H
#define _COMMON_CONF_H

#include <stddef.h>

/* For what is wrong: say(), or what counts in a test; each call is one sentence */
typedef void conf_say_fn(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * What a key is set by.  Returns NULL when @value is taken; else what it ought to be ("yes or
 * no"), or one of the two below.  @value is not empty.
 */
typedef const char *conf_set_fn(void *arg, const char *key, const char *value);

extern const char conf_unknown[]; /* there is no such key */
extern const char conf_twice[];	  /* it was set before */

/*
 * conf_parse(): @text of @len bytes, which is zero-terminated and is changed.  Returns how many
 * mistakes were told, as "FILE:LINE: sentence" with @file.
 */
unsigned int conf_parse(const char *file, char *text, size_t len, conf_set_fn *set,
			void *arg, conf_say_fn *say);

#endif /* _COMMON_CONF_H */
