/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _REGISTRAR_BASE64_H
#define _REGISTRAR_BASE64_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * base64_decode(): @len characters, among which there may be blanks and line breaks, into @out,
 * to be freed with free(3).  Returns the number of bytes; -EINVAL: it is none, or nothing;
 * -ENOMEM.
 */
ssize_t base64_decode(const char *text, size_t len, uint8_t **out);

/*
 * base64_encode(): zero-terminated, to be freed with free(3); NULL without memory.  In
 * lines of 64 characters when @lines is true, else in one without a line break, for which
 * there is room.
 */
char *base64_encode(const uint8_t *data, size_t len, int lines);

#endif /* _REGISTRAR_BASE64_H */
