// SPDX-License-Identifier: GPL-2.0-or-later
#include "human.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *human_span(uint64_t seconds, char buf[HUMAN_SPAN])
{
	static const struct {
		uint64_t seconds;
		char letter;
	} units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
	unsigned long long high, low;
	size_t i;

	for (i = 0; i < 3 && seconds < units[i].seconds; i++)
		;
	high = seconds / units[i].seconds;
	low = i < 3 ? seconds % units[i].seconds / units[i + 1].seconds : 0;
	if (low)
		snprintf(buf, HUMAN_SPAN, "%llu%c %llu%c", high, units[i].letter, low,
			 units[i + 1].letter);
	else
		snprintf(buf, HUMAN_SPAN, "%llu%c", high, units[i].letter);
	return buf;
}

struct table {
	char **cells;
	size_t columns, n, room;
};

struct table *table_new(const char *const *header, size_t columns)
{
	struct table *table = calloc(1, sizeof(*table));
	size_t i;

	if (!table)
		return NULL;
	table->columns = columns;
	for (i = 0; i < columns; i++)
		table_cell(table, header[i]);
	return table;
}

bool table_cell(struct table *table, const char *text)
{
	char **cells;
	size_t room;

	if (table->n == table->room) {
		room = table->room ? 2 * table->room : 64;
		cells = realloc(table->cells, room * sizeof(*cells));
		if (!cells)
			return false;
		table->cells = cells;
		table->room = room;
	}
	table->cells[table->n] = strdup(text);
	if (!table->cells[table->n])
		return false;
	table->n++;
	return true;
}

static size_t width(const struct table *table, size_t column)
{
	size_t i, len, max = 0;

	for (i = column; i < table->n; i += table->columns) {
		len = strlen(table->cells[i]);
		if (len > max)
			max = len;
	}
	return max;
}

void table_print(struct table *table)
{
	bool color = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
	size_t *widths = calloc(table->columns, sizeof(*widths));
	size_t i, column;

	for (i = 0; widths && i < table->columns; i++)
		widths[i] = width(table, i);
	for (i = 0; i < table->n; i++) {
		column = i % table->columns;
		if (color && !i)
			fputs("\033[1m", stdout);
		if (column + 1 < table->columns)
			printf("%-*s  ", widths ? (int)widths[column] : 0,
			       table->cells[i]);
		else
			printf("%s%s\n", table->cells[i],
			       color && i + 1 == table->columns ? "\033[0m" : "");
		free(table->cells[i]);
	}
	free(widths);
	free(table->cells);
	free(table);
}
