/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bytes in hex.
 */
#ifndef _COMMON_HEX_H
#define _COMMON_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * hex_read(): the @size bytes that the first @len characters of @text are; false when they
 * are not exactly that many hex digits, and then @out is undefined.
 */
bool hex_read(const char *text, size_t len, uint8_t *out, size_t size);

/* hex_write(): @len bytes into @text, of 2 * @len + 1 characters; returns @text */
char *hex_write(char *text, const uint8_t *data, size_t len);

#endif /* _COMMON_HEX_H */
