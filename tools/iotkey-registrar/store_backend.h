/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between store.c, which knows the tables, and the databases, which know how to run a
 * statement.  Statements are written once, in what SQLite and PostgreSQL have in common,
 * with $1, $2… for parameters.
 */
#ifndef _REGISTRAR_STORE_BACKEND_H
#define _REGISTRAR_STORE_BACKEND_H

#include "store.h"

#define STATEMENTS_MAX 96
#define PARAMETERS_MAX 24

/* A parameter or a column.  There are no NULLs: what is missing is 0 or empty. */
struct cell {
	enum { CELL_NUMBER, CELL_BYTES, CELL_TEXT } kind;
	int64_t number;
	const void *data;
	size_t len;
};

struct statement {
	unsigned int index; /* below STATEMENTS_MAX: what is prepared is kept under it */
	const char *sql;
};

typedef int row_fn(void *arg, const struct cell *cells);

struct backend {
	/* What ends CREATE TABLE: of rows that change, of small ones that do not */
	const char *changing, *small;

	int (*exec)(struct store *store, const char *sql);

	/* Runs it; @each row (may be NULL) goes to it; @changed (may be NULL) += rows written */
	int (*query)(struct store *store, struct statement statement,
		     const struct cell *cells, size_t count, row_fn *each, void *arg,
		     uint64_t *changed);

	/*
	 * The same within a batch, where nobody waits for the result: errors may come
	 * from a later call, and @changed is true only after settle().
	 */
	int (*post)(struct store *store, struct statement statement,
		    const struct cell *cells, size_t count, uint64_t *changed);
	int (*settle)(struct store *store);

	int (*begin)(struct store *store);
	int (*commit)(struct store *store);
	void (*rollback)(struct store *store);

	/*
	 * Those three are NULL where the database tells of nothing.  tell(): with the batch,
	 * that there is a statement; listen(): begin, or end, to call store->news.
	 */
	int (*tell)(struct store *store);
	void (*listen)(struct store *store);
	void (*read)(struct store *store);
	void (*close)(struct store *store);
};

struct store {
	const struct backend *backend;
	bool batch;
	store_news_fn *news; /* NULL: nobody listens */
	void *news_arg;
	int lost; /* why the batch is, or 0 */
	char message[STORE_MESSAGE];
};

/* They open what is at @where, whatever is in it; @message as for store_open() */
int store_sqlite_open(const char *where, struct store **store,
		      char message[STORE_MESSAGE]);
int store_pg_open(const char *where, struct store **store, char message[STORE_MESSAGE]);

#endif /* _REGISTRAR_STORE_BACKEND_H */
