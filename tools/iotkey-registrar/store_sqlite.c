// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The store in one file: SQLite with a write-ahead log, synced at every commit.
 */
#include "store_backend.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How long one process waits for the others, in all */
#define BUSY_MS 5000

struct sqlite {
	struct store store;
	sqlite3 *db;
	sqlite3_stmt *prepared[STATEMENTS_MAX];
};

static struct sqlite *sqlite_of(struct store *store)
{
	return (struct sqlite *)store;
}

/*
 * SQLite calls only ENOSPC "full".  sqlite3_system_errno() does not tell of writing, so every
 * call that may write begins with errno = 0.
 */
static int error_of_io(void)
{
	switch (errno) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG: /* RLIMIT_FSIZE; main() ignores SIGXFSZ */
		return -ENOSPC;
	default:
		return -EIO;
	}
}

static int error_of(struct sqlite *lite, int code)
{
	const int err = (code & 0xff) == SQLITE_IOERR ? error_of_io() : -EIO;

	snprintf(lite->store.message, sizeof(lite->store.message), "%s",
		 err == -ENOSPC ? "the disk is full, or a limit of file sizes is reached"
				: sqlite3_errmsg(lite->db));
	switch (code & 0xff) {
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EAGAIN;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EBADMSG;
	case SQLITE_READONLY:
	case SQLITE_PERM:
		return -EROFS;
	case SQLITE_NOMEM:
		return -ENOMEM;
	default:
		return err;
	}
}

/* Short naps of different lengths: commits take about a millisecond */
static int on_busy(void *arg, int count)
{
	(void)arg;
	if (count > BUSY_MS * 2)
		return 0;
	usleep(200 + (unsigned int)random() % 600);
	return 1;
}

static int sqlite_exec(struct store *store, const char *sql)
{
	struct sqlite *lite = sqlite_of(store);
	int code;

	errno = 0;
	code = sqlite3_exec(lite->db, sql, NULL, NULL, NULL);
	return code == SQLITE_OK ? 0 : error_of(lite, code);
}

/* $1 is a name to SQLite; ?1 is the first parameter */
static int prepare(struct sqlite *lite, struct statement statement)
{
	char *sql = strdup(statement.sql), *at;
	int code;

	if (!sql)
		return -ENOMEM;
	for (at = sql; (at = strchr(at, '$')) != NULL;)
		*at = '?';
	code = sqlite3_prepare_v3(lite->db, sql, -1, SQLITE_PREPARE_PERSISTENT,
				  &lite->prepared[statement.index], NULL);
	free(sql);
	return code == SQLITE_OK ? 0 : error_of(lite, code);
}

static int bind(sqlite3_stmt *stmt, int at, const struct cell *cell)
{
	/* a pointer that is NULL would bind NULL */
	const void *data = cell->data ? cell->data : "";

	switch (cell->kind) {
	case CELL_NUMBER:
		return sqlite3_bind_int64(stmt, at, cell->number);
	case CELL_BYTES:
		return sqlite3_bind_blob(stmt, at, data, (int)cell->len, SQLITE_STATIC);
	default:
		return sqlite3_bind_text(stmt, at, data, (int)cell->len, SQLITE_STATIC);
	}
}

static int give_row(sqlite3_stmt *stmt, row_fn *each, void *arg)
{
	struct cell cells[PARAMETERS_MAX] = { 0 };
	int i, count = sqlite3_column_count(stmt);

	for (i = 0; i < count && i < PARAMETERS_MAX; i++) {
		if (sqlite3_column_type(stmt, i) == SQLITE_INTEGER) {
			cells[i].number = sqlite3_column_int64(stmt, i);
			continue;
		}
		cells[i].kind = CELL_BYTES;
		cells[i].data = sqlite3_column_blob(stmt, i);
		cells[i].len = (size_t)sqlite3_column_bytes(stmt, i);
	}
	return each ? each(arg, cells) : 0;
}

static int sqlite_query(struct store *store, struct statement statement,
			const struct cell *cells, size_t count, row_fn *each, void *arg,
			uint64_t *changed)
{
	struct sqlite *lite = sqlite_of(store);
	int code = SQLITE_OK, err = 0;
	sqlite3_stmt *stmt;
	size_t i;

	if (!lite->prepared[statement.index])
		err = prepare(lite, statement);
	if (err)
		return err;
	stmt = lite->prepared[statement.index];
	for (i = 0; i < count && code == SQLITE_OK; i++)
		code = bind(stmt, (int)i + 1, &cells[i]);
	errno = 0;
	if (code == SQLITE_OK)
		while ((code = sqlite3_step(stmt)) == SQLITE_ROW && !err)
			err = give_row(stmt, each, arg);
	if (!err && code != SQLITE_DONE)
		err = error_of(lite, code);
	if (!err && changed && !sqlite3_stmt_readonly(stmt))
		*changed += (uint64_t)sqlite3_changes64(lite->db);
	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
	return err;
}

static int sqlite_post(struct store *store, struct statement statement,
		       const struct cell *cells, size_t count, uint64_t *changed)
{
	return sqlite_query(store, statement, cells, count, NULL, NULL, changed);
}

static int sqlite_settle(struct store *store)
{
	(void)store;
	return 0;
}

/* IMMEDIATE: one that began to read could not begin to write after another wrote */
static int sqlite_begin(struct store *store)
{
	return sqlite_exec(store, "BEGIN IMMEDIATE");
}

/* After some errors SQLite has rolled back by itself */
static void sqlite_rollback(struct store *store)
{
	struct sqlite *lite = sqlite_of(store);

	if (!sqlite3_get_autocommit(lite->db))
		sqlite3_exec(lite->db, "ROLLBACK", NULL, NULL, NULL);
}

static int sqlite_commit(struct store *store)
{
	int err = sqlite_exec(store, "COMMIT");

	if (err)
		sqlite_rollback(store);
	return err;
}

static void sqlite_close(struct store *store)
{
	struct sqlite *lite = sqlite_of(store);
	size_t i;

	for (i = 0; i < STATEMENTS_MAX; i++)
		sqlite3_finalize(lite->prepared[i]);
	sqlite3_close(lite->db);
	free(lite);
}

static const struct backend backend = {
	.changing = "",
	.small = " WITHOUT ROWID",
	.exec = sqlite_exec,
	.query = sqlite_query,
	.post = sqlite_post,
	.settle = sqlite_settle,
	.begin = sqlite_begin,
	.commit = sqlite_commit,
	.rollback = sqlite_rollback,
	.close = sqlite_close,
};

/* foreign_keys and triggers are not used, so what a crafted file has of them is off */
static const char setup[] =
	"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
	"PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;"
	"PRAGMA cache_size = -16384; PRAGMA journal_size_limit = 67108864;";

/*
 * To become WAL, a new file is locked for a moment, and for that SQLite asks no busy handler.
 * All workers of a new registrar come here at once.
 */
#define SETUP_TRIES 500
#define SETUP_US    10000

static int run_setup(struct sqlite *lite)
{
	int err = sqlite_exec(&lite->store, setup), tries;

	for (tries = 0; err == -EAGAIN && tries < SETUP_TRIES; tries++) {
		usleep(SETUP_US);
		err = sqlite_exec(&lite->store, setup);
	}
	return err;
}

int store_sqlite_open(const char *where, struct store **store,
		      char message[STORE_MESSAGE])
{
	struct sqlite *lite = calloc(1, sizeof(*lite));
	int code, err = 0;

	if (!lite)
		return -ENOMEM;
	lite->store.backend = &backend;
	code = sqlite3_open_v2(where, &lite->db,
			       SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
				       SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
			       NULL);
	if (code == SQLITE_OK) {
		sqlite3_db_config(lite->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
		sqlite3_busy_handler(lite->db, on_busy, NULL);
		err = run_setup(lite);
	} else {
		err = lite->db ? error_of(lite, code) : -ENOMEM;
	}
	if (err) {
		snprintf(message, STORE_MESSAGE, "cannot open the store %s: %s", where,
			 lite->db ? sqlite3_errmsg(lite->db) : "no memory");
		sqlite_close(&lite->store);
		return err;
	}
	*store = &lite->store;
	return 0;
}
