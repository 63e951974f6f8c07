// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The store on a server that speaks PostgreSQL.  Only what servers that shard the tables
 * know as well: no triggers, no advisory locks; LISTEN where there is one.
 *
 * Within a batch the connection is in pipeline mode: what nobody waits for is sent, and its
 * result is taken when one is waited for.
 */
#include "store_backend.h"

#include <endian.h>
#include <errno.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Object ids of types, fixed for ever (pg_type.dat) */
#define OID_BYTEA 17
#define OID_INT8  20
#define OID_TEXT  25

/*
 * As many may be under way: their answers have to fit into the buffers of the socket, for
 * the server stops to read while nobody takes them.
 */
#define PIPELINE_MAX 64

/* After a connection failed, others are not tried for so long */
#define PAUSE_MS 100

struct sent {
	int prepares; /* the statement that this prepares, or -1 */
	uint64_t *changed;
};

struct pg {
	struct store store;
	PGconn *conn;
	char *url;
	bool broken;		       /* whatever PQstatus() believes */
	bool listening;		       /* so the server knows LISTEN, and NOTIFY */
	int64_t failed;		       /* when connecting did, in ms; 0: it did not */
	bool prepared[STATEMENTS_MAX]; /* on this connection, or on the way */
	struct sent sent[PIPELINE_MAX + 2];
	size_t sent_count;
};

static struct pg *pg_of(struct store *store)
{
	return (struct pg *)store;
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void keep_message(struct pg *pg, const char *text)
{
	size_t len = strcspn(text, "\n");

	snprintf(pg->store.message, sizeof(pg->store.message), "%.*s", (int)len, text);
}

/* By SQLSTATE: its first two characters are a class (appendix A of PostgreSQL's manual) */
static int error_of_state(const char *state)
{
	static const struct {
		const char *begins;
		int err;
	} errors[] = {
		{ "08", -ENOTCONN },	/* connection */
		{ "57P", -ENOTCONN },	/* the server goes down, or is not up yet */
		{ "53300", -ENOTCONN }, /* too many connections */
		{ "53100", -ENOSPC },	/* disk full */
		{ "53200", -ENOMEM },
		{ "40", -EAGAIN },	/* serialization failure, deadlock */
		{ "55P03", -EAGAIN },	/* a lock took too long */
		{ "57014", -EAGAIN },	/* a statement took too long */
		{ "25P03", -ENOTCONN }, /* idle within a batch for too long */
		{ "XX001", -EBADMSG },	/* data corrupted */
		{ "XX002", -EBADMSG },	/* index corrupted */
		{ "25006", -EROFS },	/* a standby */
	};
	size_t i;

	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (!strncmp(state, errors[i].begins, strlen(errors[i].begins)))
			return errors[i].err;
	return -EIO;
}

static int connection_error(struct pg *pg)
{
	keep_message(pg, PQerrorMessage(pg->conn));
	pg->broken = true;
	return -ENOTCONN;
}

/* NULL is no result at all: the connection broke */
static int error_of(struct pg *pg, const PGresult *result)
{
	const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;

	switch (result ? PQresultStatus(result) : PGRES_FATAL_ERROR) {
	case PGRES_COMMAND_OK:
	case PGRES_TUPLES_OK:
		return 0;
	case PGRES_PIPELINE_ABORTED: /* an earlier one failed, and has been told */
		return -EIO;
	default:
		break;
	}
	if (!state || PQstatus(pg->conn) == CONNECTION_BAD)
		return connection_error(pg);
	keep_message(pg, PQresultErrorMessage(result));
	pg->broken = error_of_state(state) == -ENOTCONN;
	return error_of_state(state);
}

/* ---- the connection ---- */

static int simple(struct pg *pg, const char *sql)
{
	PGresult *result = PQexec(pg->conn, sql);
	int err = error_of(pg, result);

	PQclear(result);
	return err;
}

/* A registrar that is stopped in the midst of a batch does not stop the others for long */
static const char session[] = "SET default_transaction_isolation = 'read committed';"
			      "SET lock_timeout = '5s';"
			      "SET statement_timeout = '30s';"
			      "SET idle_in_transaction_session_timeout = '30s';"
			      "SET synchronous_commit = 'on';"
			      "SET client_min_messages = 'warning'";

static void no_notice(void *arg, const PGresult *result)
{
	(void)arg;
	(void)result;
}

static void tell_news(struct pg *pg, enum store_news news, int fd)
{
	if (pg->store.news)
		pg->store.news(pg->store.news_arg, news, fd);
}

/* What the server told while it answered something else, too */
static void take_news(struct pg *pg)
{
	PGnotify *notify;
	bool any = false;

	while ((notify = PQnotifies(pg->conn)) != NULL) {
		PQfreemem(notify);
		any = true;
	}
	if (any)
		tell_news(pg, STORE_NEWS, -1);
}

/* A server that cannot is one that is asked now and then */
static void start_listening(struct pg *pg)
{
	if (!pg->store.news || simple(pg, "LISTEN iotkey_statement"))
		return;
	pg->listening = true;
	tell_news(pg, STORE_FD, PQsocket(pg->conn));
}

static void disconnect(struct pg *pg)
{
	if (pg->listening)
		tell_news(pg, STORE_FD, -1);
	pg->listening = false;
	PQfinish(pg->conn);
	pg->conn = NULL;
	pg->sent_count = 0;
	pg->broken = false;
	memset(pg->prepared, 0, sizeof(pg->prepared));
}

/* What the operator's URL says comes last, so it wins */
static int connect_server(struct pg *pg)
{
	static const char *const names[] = { "connect_timeout", "tcp_user_timeout",
					     "application_name", "dbname", NULL };
	const char *values[] = { "5", "10000", "iotkey-registrar", pg->url, NULL };
	int err;

	if (pg->failed && now_ms() - pg->failed < PAUSE_MS)
		return -ENOTCONN;
	disconnect(pg);
	pg->conn = PQconnectdbParams(names, values, 1);
	if (!pg->conn)
		return -ENOMEM;
	PQsetNoticeReceiver(pg->conn, no_notice, NULL);
	err = PQstatus(pg->conn) == CONNECTION_OK ? simple(pg, session)
						  : connection_error(pg);
	pg->failed = err ? now_ms() : 0;
	if (err)
		disconnect(pg);
	else
		start_listening(pg);
	return err;
}

static int connected(struct pg *pg)
{
	if (pg->conn && !pg->broken && PQstatus(pg->conn) == CONNECTION_OK)
		return 0;
	return connect_server(pg);
}

/* ---- results ---- */

static int give_row(const PGresult *result, int row, row_fn *each, void *arg)
{
	struct cell cells[PARAMETERS_MAX] = { 0 };
	int i, count = PQnfields(result);
	uint64_t number;

	for (i = 0; i < count && i < PARAMETERS_MAX; i++) {
		cells[i].kind = CELL_BYTES;
		cells[i].data = PQgetvalue(result, row, i);
		cells[i].len = (size_t)PQgetlength(result, row, i);
		if (PQftype(result, i) != OID_INT8 || cells[i].len != sizeof(number))
			continue;
		memcpy(&number, cells[i].data, sizeof(number));
		cells[i].kind = CELL_NUMBER;
		cells[i].number = (int64_t)be64toh(number);
	}
	return each(arg, cells);
}

static int give_rows(const PGresult *result, row_fn *each, void *arg)
{
	int err = 0, i;

	for (i = 0; each && !err && i < PQntuples(result); i++)
		err = give_row(result, i, each, arg);
	return err;
}

static void add_changed(PGresult *result, uint64_t *changed)
{
	if (changed)
		*changed += strtoull(PQcmdTuples(result), NULL, 10);
}

/* ---- parameters ---- */

struct parameters {
	int count;
	Oid types[PARAMETERS_MAX];
	const char *values[PARAMETERS_MAX];
	int lengths[PARAMETERS_MAX], formats[PARAMETERS_MAX];
	uint64_t numbers[PARAMETERS_MAX];
};

static void take_parameters(struct parameters *par, const struct cell *cells,
			    size_t count)
{
	static const Oid types[] = {
		[CELL_NUMBER] = OID_INT8, [CELL_BYTES] = OID_BYTEA, [CELL_TEXT] = OID_TEXT
	};
	size_t i;

	par->count = (int)count;
	for (i = 0; i < count; i++) {
		par->types[i] = types[cells[i].kind];
		par->formats[i] = 1;
		par->values[i] = cells[i].data ? cells[i].data : "";
		par->lengths[i] = (int)cells[i].len;
		if (cells[i].kind != CELL_NUMBER)
			continue;
		par->numbers[i] = htobe64((uint64_t)cells[i].number);
		par->values[i] = (const char *)&par->numbers[i];
		par->lengths[i] = sizeof(par->numbers[i]);
	}
}

static const char *name_of(unsigned int index, char name[16])
{
	snprintf(name, 16, "s%u", index);
	return name;
}

/* ---- one statement by itself ---- */

static int query_alone(struct pg *pg, struct statement statement,
		       const struct parameters *par, row_fn *each, void *arg,
		       uint64_t *changed)
{
	PGresult *result;
	char name[16];
	int err = 0;

	name_of(statement.index, name);
	if (!pg->prepared[statement.index]) {
		result = PQprepare(pg->conn, name, statement.sql, par->count, par->types);
		err = error_of(pg, result);
		PQclear(result);
	}
	if (err)
		return err;
	pg->prepared[statement.index] = true;
	result = PQexecPrepared(pg->conn, name, par->count, par->values, par->lengths,
				par->formats, 1);
	err = error_of(pg, result);
	if (!err) {
		add_changed(result, changed);
		err = give_rows(result, each, arg);
	}
	PQclear(result);
	return err;
}

/* ---- the pipeline ---- */

static int send(struct pg *pg, struct statement statement, const struct parameters *par,
		uint64_t *changed)
{
	char name[16];

	name_of(statement.index, name);
	if (!pg->prepared[statement.index]) {
		if (!PQsendPrepare(pg->conn, name, statement.sql, par->count, par->types))
			return connection_error(pg);
		pg->sent[pg->sent_count++] =
			(struct sent){ .prepares = (int)statement.index };
		pg->prepared[statement.index] = true;
	}
	if (!PQsendQueryPrepared(pg->conn, name, par->count, par->values, par->lengths,
				 par->formats, 1))
		return connection_error(pg);
	pg->sent[pg->sent_count++] = (struct sent){ .prepares = -1, .changed = changed };
	return 0;
}

/* The result of what was sent first, and the NULL that ends it */
static int receive(struct pg *pg, const struct sent *sent, row_fn *each, void *arg)
{
	PGresult *result = PQgetResult(pg->conn), *more;
	int err = error_of(pg, result);

	if (err && sent->prepares >= 0)
		pg->prepared[sent->prepares] = false;
	if (!err) {
		add_changed(result, sent->changed);
		err = give_rows(result, each, arg);
	}
	PQclear(result);
	while (result && (more = PQgetResult(pg->conn)) != NULL)
		PQclear(more);
	return err;
}

/* All that was sent; rows of the last go to @each.  The first error counts. */
static int receive_all(struct pg *pg, row_fn *each, void *arg)
{
	size_t i, count = pg->sent_count;
	bool last;
	int err = 0, one;

	for (i = 0; i < count; i++) {
		last = i + 1 == count;
		one = receive(pg, &pg->sent[i], last ? each : NULL, arg);
		if (!err)
			err = one;
		if (one == -ENOTCONN)
			break;
	}
	pg->sent_count = 0;
	return err;
}

static int pg_settle(struct store *store)
{
	struct pg *pg = pg_of(store);

	if (!pg->sent_count)
		return 0;
	if (!PQsendFlushRequest(pg->conn))
		return connection_error(pg);
	return receive_all(pg, NULL, NULL);
}

static int pg_post(struct store *store, struct statement statement,
		   const struct cell *cells, size_t count, uint64_t *changed)
{
	struct pg *pg = pg_of(store);
	struct parameters par;
	int err = 0;

	if (pg->sent_count >= PIPELINE_MAX)
		err = pg_settle(store);
	if (err)
		return err;
	take_parameters(&par, cells, count);
	return send(pg, statement, &par, changed);
}

static int query_piped(struct pg *pg, struct statement statement,
		       const struct parameters *par, row_fn *each, void *arg,
		       uint64_t *changed)
{
	int err = pg->sent_count >= PIPELINE_MAX ? pg_settle(&pg->store) : 0;

	if (!err)
		err = send(pg, statement, par, changed);
	if (!err && !PQsendFlushRequest(pg->conn))
		err = connection_error(pg);
	return err ? err : receive_all(pg, each, arg);
}

/* ---- what store.c calls ---- */

static int pg_query(struct store *store, struct statement statement,
		    const struct cell *cells, size_t count, row_fn *each, void *arg,
		    uint64_t *changed)
{
	struct pg *pg = pg_of(store);
	struct parameters par;
	int err;

	take_parameters(&par, cells, count);
	if (store->batch)
		return query_piped(pg, statement, &par, each, arg, changed);
	err = connected(pg);
	if (!err)
		err = query_alone(pg, statement, &par, each, arg, changed);
	if (!err)
		take_news(pg);
	return err;
}

static int pg_exec(struct store *store, const char *sql)
{
	struct pg *pg = pg_of(store);
	int err;

	if (!store->batch) {
		err = connected(pg);
		return err ? err : simple(pg, sql);
	}
	err = pg_settle(store);
	if (err)
		return err;
	if (!PQsendQueryParams(pg->conn, sql, 0, NULL, NULL, NULL, NULL, 1))
		return connection_error(pg);
	pg->sent[pg->sent_count++] = (struct sent){ .prepares = -1 };
	return pg_settle(store);
}

/* A connection that died since the last batch is found here, and made anew */
static int pg_begin(struct store *store)
{
	struct pg *pg = pg_of(store);
	int err = connected(pg);

	if (!err)
		err = simple(pg, "BEGIN");
	if (err == -ENOTCONN && !connect_server(pg))
		err = simple(pg, "BEGIN");
	if (!err && !PQenterPipelineMode(pg->conn))
		err = connection_error(pg);
	return err;
}

/* Out of the pipeline, whatever is still in it */
static int leave_pipeline(struct pg *pg)
{
	PGresult *result;
	bool synced = false;
	int nulls = 0;

	if (!PQpipelineSync(pg->conn))
		return connection_error(pg);
	while (!synced && nulls < PIPELINE_MAX * 4) {
		result = PQgetResult(pg->conn);
		nulls += !result;
		synced = result && PQresultStatus(result) == PGRES_PIPELINE_SYNC;
		PQclear(result);
		if (PQstatus(pg->conn) == CONNECTION_BAD)
			return connection_error(pg);
	}
	pg->sent_count = 0;
	return PQexitPipelineMode(pg->conn) ? 0 : connection_error(pg);
}

/* What is on the way is waited for, to know which statements are prepared */
static void pg_rollback(struct store *store)
{
	struct pg *pg = pg_of(store);

	if (!pg->conn)
		return;
	if (pg_settle(store) == -ENOTCONN || pg->broken || leave_pipeline(pg) ||
	    simple(pg, "ROLLBACK"))
		disconnect(pg);
}

static int pg_commit(struct store *store)
{
	struct pg *pg = pg_of(store);
	PGresult *result;
	int err = pg_settle(store);

	if (err) {
		pg_rollback(store);
		return err;
	}
	err = leave_pipeline(pg);
	if (err) {
		disconnect(pg);
		return err;
	}
	result = PQexec(pg->conn, "COMMIT");
	err = error_of(pg, result);
	/* COMMIT of what has failed succeeds, and says ROLLBACK */
	if (!err && strcmp(PQcmdStatus(result), "COMMIT"))
		err = -EIO;
	PQclear(result);
	if (!err)
		take_news(pg);
	return err;
}

static int pg_tell(struct store *store)
{
	return pg_of(store)->listening ? pg_exec(store, "NOTIFY iotkey_statement") : 0;
}

static void pg_listen(struct store *store)
{
	struct pg *pg = pg_of(store);

	if (pg->conn && !pg->listening)
		start_listening(pg);
}

static void pg_read(struct store *store)
{
	struct pg *pg = pg_of(store);

	if (!pg->conn)
		return;
	if (PQconsumeInput(pg->conn))
		take_news(pg);
	else
		disconnect(pg); /* the next call makes another */
}

static void pg_close(struct store *store)
{
	struct pg *pg = pg_of(store);

	PQfinish(pg->conn);
	free(pg->url);
	free(pg);
}

static const struct backend backend = {
	/* room on each page, so that a row that changes stays on it */
	.changing = " WITH (fillfactor = 80)",
	.small = "",
	.exec = pg_exec,
	.query = pg_query,
	.post = pg_post,
	.settle = pg_settle,
	.begin = pg_begin,
	.commit = pg_commit,
	.rollback = pg_rollback,
	.tell = pg_tell,
	.listen = pg_listen,
	.read = pg_read,
	.close = pg_close,
};

int store_pg_open(const char *where, struct store **store, char message[STORE_MESSAGE])
{
	struct pg *pg = calloc(1, sizeof(*pg));
	int err;

	if (!pg || !(pg->url = strdup(where))) {
		free(pg);
		return -ENOMEM;
	}
	pg->store.backend = &backend;
	err = connect_server(pg);
	if (err) {
		snprintf(message, STORE_MESSAGE, "cannot open the store: %.450s",
			 pg->store.message);
		pg_close(&pg->store);
		return err;
	}
	*store = &pg->store;
	return 0;
}
