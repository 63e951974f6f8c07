/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _COMMON_PEM_H
#define _COMMON_PEM_H

#include <stddef.h>
#include <stdint.h>

/* Room for the PEM of @len bytes under a label of @label characters */
#define PEM_SIZE(len, label) (2 * ((label) + 24) + ((len) + 2) / 3 * 4 + (len) / 48 + 1)

/* make_pem(): @len bytes of DER under @label, zero-terminated, to @pem of PEM_SIZE() */
void make_pem(const char *label, const uint8_t *der, size_t len, char *pem);

#endif /* _COMMON_PEM_H */
