/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tables and times for people.
 */
#ifndef _COMMON_HUMAN_H
#define _COMMON_HUMAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HUMAN_SPAN 32

/* human_span(): "56m 52s" or "3d 4h": the two largest units, into @buf */
const char *human_span(uint64_t seconds, char buf[HUMAN_SPAN]);

/* A table whose columns are as wide as what is in them */
struct table;

struct table *table_new(const char *const *header, size_t columns);

/* table_cell(): the next cell, row by row; false when memory ran out */
bool table_cell(struct table *table, const char *text);

/* table_print(): to stdout; the header in bold on a terminal.  Frees it. */
void table_print(struct table *table);

#endif /* _COMMON_HUMAN_H */
