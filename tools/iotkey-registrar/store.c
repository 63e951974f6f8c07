// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The tables, and every statement on them.
 */
#include "store.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store_backend.h"

#define SCHEMA_VERSION 1

/* A batch of one call is tried so often when others are in the way */
#define TRIES 6

#define KEEP_EXPIRED (30 * 86400)

/* ---- the tables ---- */

enum kind { PLAIN, SMALL, CHANGING };

struct step {
	const char *sql;
	enum kind kind; /* of table */
};

/*
 * Device id leads every key, so that a server may spread the rows by it.  Lists of few among
 * many (who waits, who is revoked) have an index of only those.
 */
static const struct step version_1[] = {
	{ "CREATE TABLE device(id BYTEA NOT NULL PRIMARY KEY, name TEXT NOT NULL,"
	  " state BIGINT NOT NULL, flags BIGINT NOT NULL, ek BYTEA NOT NULL,"
	  " ak_name BYTEA NOT NULL, ak_public BYTEA NOT NULL, parent BYTEA NOT NULL,"
	  " created BIGINT NOT NULL, seen BIGINT NOT NULL, revoked BIGINT NOT NULL,"
	  " nonce1 BYTEA NOT NULL, nonce2 BYTEA NOT NULL, nonce3 BYTEA NOT NULL,"
	  " result BIGINT NOT NULL, attested BIGINT NOT NULL, passed BIGINT NOT NULL,"
	  " resets BIGINT NOT NULL, restarts BIGINT NOT NULL, reference TEXT NOT NULL,"
	  " ima_offset BIGINT NOT NULL, progress BYTEA NOT NULL, finding TEXT NOT NULL)",
	  CHANGING },
	{ "CREATE INDEX device_pending ON device(id) WHERE state = 1", PLAIN },
	{ "CREATE INDEX device_revoked ON device(id) WHERE state = 3", PLAIN },
	{ "CREATE INDEX device_failing ON device(id) WHERE result = 2", PLAIN },
	{ "CREATE TABLE certificate(device BYTEA NOT NULL, serial BYTEA NOT NULL,"
	  " issued BIGINT NOT NULL, not_after BIGINT NOT NULL, spki BYTEA NOT NULL,"
	  " revoked BIGINT NOT NULL, reason BIGINT NOT NULL, PRIMARY KEY(device, serial))",
	  SMALL },
	{ "CREATE INDEX certificate_serial ON certificate(serial)", PLAIN },
	{ "CREATE INDEX certificate_revoked ON certificate(not_after) WHERE revoked > 0",
	  PLAIN },
	/* the first half of an EK's hash is the id of its device */
	{ "CREATE TABLE ek_allowed(ek BYTEA NOT NULL PRIMARY KEY, batch TEXT NOT NULL)",
	  SMALL },
	{ "CREATE TABLE token(device BYTEA NOT NULL PRIMARY KEY, secret BYTEA NOT NULL,"
	  " name TEXT NOT NULL, software BIGINT NOT NULL, created BIGINT NOT NULL,"
	  " expires BIGINT NOT NULL, used BIGINT NOT NULL, spki BYTEA NOT NULL)",
	  SMALL },
	{ "CREATE TABLE root(device BYTEA NOT NULL, name TEXT NOT NULL,"
	  " version BIGINT NOT NULL, released BIGINT NOT NULL, revoked BIGINT NOT NULL,"
	  " PRIMARY KEY(device, name, version))",
	  SMALL },
	{ "CREATE TABLE grp(name TEXT NOT NULL PRIMARY KEY, version BIGINT NOT NULL,"
	  " created BIGINT NOT NULL)",
	  SMALL },
	{ "CREATE TABLE member(device BYTEA NOT NULL, grp TEXT NOT NULL,"
	  " PRIMARY KEY(device, grp))",
	  SMALL },
	{ "CREATE INDEX member_grp ON member(grp, device)", PLAIN },
	{ "CREATE TABLE statement(sequence BIGINT NOT NULL PRIMARY KEY,"
	  " created BIGINT NOT NULL, body BYTEA NOT NULL)",
	  PLAIN },
};

/* From version N to N + 1: versions[N] */
static const struct {
	const struct step *steps;
	size_t count;
} versions[SCHEMA_VERSION] = {
	{ version_1, sizeof(version_1) / sizeof(version_1[0]) },
};

/* ---- the statements ---- */

#define DEVICE_COLUMNS                                                                     \
	"id, name, state, flags, ek, ak_name, ak_public, parent, created, seen, revoked, " \
	"nonce1, nonce2, nonce3, result, attested, passed, resets, restarts, reference, "  \
	"ima_offset, progress, finding"
#define DEVICE_LIST(AND)                                         \
	"SELECT " DEVICE_COLUMNS                                 \
	" FROM device WHERE id > $1 AND ($2 < 0 OR result = $2)" \
	" AND substr(name, 1, length($3)) = $3 " AND " ORDER BY id LIMIT $4"
#define CERTIFICATE_COLUMNS "device, serial, issued, not_after, spki, revoked, reason"
#define TOKEN_COLUMNS	    "device, secret, name, software, created, expires, used, spki"

/* A new AK has proved nothing yet */
#define UNLESS_NEW_AK(COLUMN, ELSE)                                                 \
	COLUMN " = CASE WHEN device.ak_name = excluded.ak_name THEN device." COLUMN \
	       " ELSE " ELSE " END"

/* clang-format off */
#define STATEMENTS(X) \
X(SCHEMA_LOCK, "UPDATE meta SET number = number WHERE name = 'schema'") \
X(SCHEMA_GET, "SELECT number FROM meta WHERE name = 'schema'") \
X(SCHEMA_SET, "UPDATE meta SET number = $1 WHERE name = 'schema'") \
X(FACT_GET, "SELECT value FROM meta WHERE name = $1") \
X(FACT_ADD, "INSERT INTO meta(name, number, value) VALUES($1, 0, $2) ON CONFLICT DO NOTHING") \
X(DEVICE_GET, "SELECT " DEVICE_COLUMNS " FROM device WHERE id = $1") \
X(DEVICE_STATE, "SELECT state FROM device WHERE id = $1") \
X(DEVICE_JOIN, "INSERT INTO device(" DEVICE_COLUMNS ") VALUES($1, $2, $3, $4, $5, $6, $7, $8," \
	" $9, 0, 0, $8, $8, $8, 0, 0, 0, 0, 0, '', 0, $8, '')" \
	" ON CONFLICT(id) DO UPDATE SET" \
	" name = CASE WHEN excluded.name = '' THEN device.name ELSE excluded.name END," \
	" state = CASE WHEN device.state = 1 THEN excluded.state ELSE device.state END," \
	" flags = excluded.flags, ek = excluded.ek, ak_name = excluded.ak_name," \
	" ak_public = excluded.ak_public, " \
	UNLESS_NEW_AK("result", "0") ", " UNLESS_NEW_AK("attested", "0") ", " \
	UNLESS_NEW_AK("passed", "0") ", " UNLESS_NEW_AK("ima_offset", "0") ", " \
	UNLESS_NEW_AK("progress", "$8") ", " UNLESS_NEW_AK("finding", "''") \
	" WHERE device.state <> 3 RETURNING state") \
X(DEVICE_BY_TOKEN, "INSERT INTO device(" DEVICE_COLUMNS ") VALUES($1, $2, 2, $3, $4, $4, $4, $4," \
	" $5, 0, 0, $4, $4, $4, 0, 0, 0, 0, 0, '', 0, $4, '')" \
	" ON CONFLICT(id) DO UPDATE SET state = 2 WHERE device.state <> 3 RETURNING state") \
X(DEVICE_NONCE1, "UPDATE device SET nonce1 = $2 WHERE id = $1 AND state = 2 AND nonce1 < $2") \
X(DEVICE_NONCE2, "UPDATE device SET nonce2 = $2 WHERE id = $1 AND state = 2 AND nonce2 < $2") \
X(DEVICE_NONCE3, "UPDATE device SET nonce3 = $2 WHERE id = $1 AND state = 2 AND nonce3 < $2") \
X(DEVICE_NONCES, "SELECT state, nonce1, nonce2, nonce3 FROM device WHERE id = $1") \
X(DEVICE_SEEN, "UPDATE device SET seen = $2 WHERE id = $1 AND seen < $2") \
X(DEVICE_PARENT, "UPDATE device SET parent = $2 WHERE id = $1") \
X(DEVICE_ATTESTED, "UPDATE device SET result = $2, attested = $3, passed = $4, resets = $5," \
	" restarts = $6, reference = $7, ima_offset = $8, progress = $9, finding = $10," \
	" seen = $3 WHERE id = $1") \
X(DEVICE_APPROVE, "UPDATE device SET state = 2 WHERE id = $1 AND state = 1") \
X(DEVICE_REVOKE, "UPDATE device SET state = 3, revoked = $2 WHERE id = $1 AND state <> 3") \
X(DEVICE_LIST_ANY, DEVICE_LIST("")) \
X(DEVICE_LIST_PENDING, DEVICE_LIST("AND state = 1")) \
X(DEVICE_LIST_ACTIVE, DEVICE_LIST("AND state = 2")) \
X(DEVICE_LIST_REVOKED, DEVICE_LIST("AND state = 3")) \
X(DEVICE_LIST_FAILING, DEVICE_LIST("AND result = 2 AND ($5 = 0 OR state = $5)")) \
X(DEVICE_LIST_GROUP, "SELECT " DEVICE_COLUMNS " FROM member JOIN device ON id = device" \
	" WHERE grp = $6 AND device > $1 AND ($2 < 0 OR result = $2)" \
	" AND substr(name, 1, length($3)) = $3 AND ($5 = 0 OR state = $5)" \
	" ORDER BY device LIMIT $4") \
X(COUNT_ALL, "SELECT count(*) FROM device") \
X(COUNT_PENDING, "SELECT count(*) FROM device WHERE state = 1") \
X(COUNT_REVOKED, "SELECT count(*) FROM device WHERE state = 3") \
X(COUNT_FAILING, "SELECT count(*) FROM device WHERE result = 2") \
X(CERTIFICATE_ADD, "INSERT INTO certificate(" CERTIFICATE_COLUMNS ")" \
	" VALUES($1, $2, $3, $4, $5, 0, 0) ON CONFLICT DO NOTHING") \
X(CERTIFICATE_FORGET, "DELETE FROM certificate WHERE device = $1 AND not_after < $2") \
X(CERTIFICATE_GET, "SELECT " CERTIFICATE_COLUMNS " FROM certificate" \
	" WHERE device = $1 AND serial = $2") \
X(CERTIFICATE_FIND, "SELECT " CERTIFICATE_COLUMNS " FROM certificate WHERE serial = $1") \
X(CERTIFICATE_LIST, "SELECT " CERTIFICATE_COLUMNS " FROM certificate WHERE device = $1" \
	" ORDER BY issued, serial") \
X(CERTIFICATE_REVOKE, "UPDATE certificate SET revoked = $3, reason = $4" \
	" WHERE device = $1 AND serial = $2 AND revoked = 0") \
X(CERTIFICATE_REVOKE_ALL, "UPDATE certificate SET revoked = $2, reason = 0" \
	" WHERE device = $1 AND revoked = 0") \
X(CERTIFICATE_REVOKED, "SELECT " CERTIFICATE_COLUMNS " FROM certificate" \
	" WHERE revoked > 0 AND not_after >= $1 ORDER BY not_after, serial") \
X(EK_ALLOW, "INSERT INTO ek_allowed(ek, batch) VALUES($1, $2) ON CONFLICT DO NOTHING") \
X(EK_ALLOWED, "SELECT batch FROM ek_allowed WHERE ek = $1") \
X(EK_COUNT, "SELECT count(*) FROM ek_allowed WHERE batch = $1") \
X(TOKEN_ADD, "INSERT INTO token(" TOKEN_COLUMNS ") VALUES($1, $2, $3, $4, $5, $6, 0, $7)" \
	" ON CONFLICT(device) DO UPDATE SET secret = excluded.secret, name = excluded.name," \
	" software = excluded.software, created = excluded.created," \
	" expires = excluded.expires, used = 0, spki = excluded.spki") \
X(TOKEN_GET, "SELECT " TOKEN_COLUMNS " FROM token WHERE device = $1") \
X(TOKEN_USE, "UPDATE token SET used = $2, spki = $3 WHERE device = $1 AND used = 0") \
X(TOKEN_DELETE, "DELETE FROM token WHERE device = $1") \
X(TOKEN_LIST, "SELECT " TOKEN_COLUMNS " FROM token WHERE device > $1 ORDER BY device LIMIT $2") \
X(ROOT_VERSION, "SELECT coalesce(max(version), 0) + 1 FROM root" \
	" WHERE (device = $1 OR device = $3) AND name = $2 AND revoked > 0") \
X(ROOT_RELEASED, "INSERT INTO root(device, name, version, released, revoked)" \
	" VALUES($1, $2, $3, $4, 0) ON CONFLICT(device, name, version)" \
	" DO UPDATE SET released = excluded.released") \
X(ROOT_REVOKE, "INSERT INTO root(device, name, version, released, revoked)" \
	" VALUES($1, $2, $3, 0, $4) ON CONFLICT(device, name, version)" \
	" DO UPDATE SET revoked = excluded.revoked WHERE root.revoked = 0") \
X(ROOT_LIST, "SELECT name, version, released, revoked FROM root WHERE device = $1" \
	" ORDER BY name, version") \
X(GROUP_ADD, "INSERT INTO grp(name, version, created) VALUES($1, 1, $2) ON CONFLICT DO NOTHING") \
X(GROUP_GET, "SELECT name, version, created FROM grp WHERE name = $1") \
X(GROUP_LIST, "SELECT name, version, created FROM grp ORDER BY name") \
X(GROUP_OF, "SELECT name, version, created FROM member JOIN grp ON grp.name = member.grp" \
	" WHERE device = $1 ORDER BY name") \
X(GROUP_RENEW, "UPDATE grp SET version = version + 1 WHERE name = $1") \
X(GROUP_RENEW_ALL, "UPDATE grp SET version = version + 1" \
	" WHERE name IN (SELECT grp FROM member WHERE device = $1)") \
X(MEMBER_ADD, "INSERT INTO member(device, grp) VALUES($1, $2) ON CONFLICT DO NOTHING") \
X(MEMBER_REMOVE, "DELETE FROM member WHERE device = $1 AND grp = $2") \
X(MEMBER_REMOVE_ALL, "DELETE FROM member WHERE device = $1") \
X(MEMBER_LIST, "SELECT device FROM member WHERE grp = $1 AND device > $2" \
	" ORDER BY device LIMIT $3") \
X(STATEMENT_LAST, "SELECT coalesce(max(sequence), 0) FROM statement") \
X(STATEMENT_GET, "SELECT sequence, body FROM statement WHERE sequence = $1") \
X(STATEMENT_ADD, "INSERT INTO statement(sequence, created, body) SELECT $1, $2, $3" \
	" WHERE $1 = 1 OR EXISTS(SELECT 1 FROM statement WHERE sequence = $1 - 1)" \
	" ON CONFLICT DO NOTHING") \
X(STATEMENT_NEXT, "SELECT sequence, body FROM statement WHERE sequence > $1" \
	" ORDER BY sequence LIMIT $2")
/* clang-format on */

#define AS_ENUM(NAME, SQL) NAME,
#define AS_TEXT(NAME, SQL) SQL,
enum { STATEMENTS(AS_ENUM) STATEMENT_COUNT };
static const char *const texts[] = { STATEMENTS(AS_TEXT) };
_Static_assert(STATEMENT_COUNT <= STATEMENTS_MAX, "room for what is prepared");

static const uint8_t every_device[STORE_ID];

/* ---- parameters and columns ---- */

static struct cell number(int64_t value)
{
	return (struct cell){ .kind = CELL_NUMBER, .number = value };
}

static struct cell bytes(const void *data, size_t len)
{
	return (struct cell){ .kind = CELL_BYTES, .data = data, .len = len };
}

static struct cell text(const char *string)
{
	return (struct cell){ .kind = CELL_TEXT, .data = string, .len = strlen(string) };
}

#define ID(ID) bytes(ID, STORE_ID)

/* What is in the column, if it fits; the rest, and what does not fit, is zeros */
static size_t take_bytes(const struct cell *cell, void *out, size_t size)
{
	size_t len = cell->len <= size ? cell->len : 0;

	memset(out, 0, size);
	if (len)
		memcpy(out, cell->data, len);
	return len;
}

static void take_text(const struct cell *cell, char *out, size_t size)
{
	take_bytes(cell, out, size - 1);
	out[size - 1] = '\0';
}

static bool is_name(const char *name, bool may_be_empty)
{
	size_t len = strnlen(name, STORE_NAME_MAX + 1), i;

	if (len > STORE_NAME_MAX || (!len && !may_be_empty))
		return false;
	for (i = 0; i < len; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr("._:@+-", name[i]))
			return false;
	return true;
}

/* ---- running statements ---- */

/* Those after which nothing of the batch can be saved */
static bool is_fatal(int err)
{
	switch (err) {
	case -ENOSPC:
	case -ENOTCONN:
	case -EAGAIN:
	case -EBADMSG:
	case -EROFS:
	case -EIO:
	case -ENOMEM:
		return true;
	default:
		return false;
	}
}

/* Notes what is fatal to the batch */
static int noted(struct store *store, int err)
{
	if (store->batch && is_fatal(err) && !store->lost)
		store->lost = err;
	return err;
}

static void nap(unsigned int try)
{
	usleep((1000u << try) + (unsigned int)random() % 1000);
}

/* Whether a call that is a batch by itself goes once more: others, or a new connection */
static bool again(int err, unsigned int try)
{
	if (!(err == -EAGAIN && try + 1 < TRIES) && !(err == -ENOTCONN && !try))
		return false;
	nap(try);
	return true;
}

static int query(struct store *store, unsigned int index, const struct cell *cells,
		 size_t count, row_fn *each, void *arg, uint64_t *changed)
{
	const struct statement statement = { index, texts[index] };
	unsigned int try = 0;
	int err;

	if (store->lost)
		return store->lost;
	do
		err = store->backend->query(store, statement, cells, count, each, arg,
					    changed);
	while (!store->batch && again(err, try++));
	return noted(store, err);
}

static int post(struct store *store, unsigned int index, const struct cell *cells,
		size_t count, uint64_t *changed)
{
	const struct statement statement = { index, texts[index] };

	if (store->lost)
		return store->lost;
	if (!store->batch)
		return query(store, index, cells, count, NULL, NULL, changed);
	return noted(store,
		     store->backend->post(store, statement, cells, count, changed));
}

#define CELLS(...)                            \
	(const struct cell[]){ __VA_ARGS__ }, \
		sizeof((const struct cell[]){ __VA_ARGS__ }) / sizeof(struct cell)

/* Rows to a function; one row into memory; rows written, counted; nothing to wait for */
#define EACH(STORE, INDEX, FN, ARG, ...) \
	query(STORE, INDEX, CELLS(__VA_ARGS__), FN, ARG, NULL)
#define WRITE(STORE, INDEX, CHANGED, ...) \
	query(STORE, INDEX, CELLS(__VA_ARGS__), NULL, NULL, CHANGED)
#define POST(STORE, INDEX, ...) post(STORE, INDEX, CELLS(__VA_ARGS__), NULL)

/* A call of several statements: within the caller's batch, or as one by itself */
struct whole {
	bool own, done;
	unsigned int try;
	int err;
};

static bool whole_begin(struct store *store, struct whole *whole)
{
	if (whole->done)
		return false;
	whole->own = !store->batch;
	whole->err = whole->own ? store_begin(store) : store->lost;
	if (!whole->err)
		return true;
	if (whole->own && again(whole->err, whole->try++))
		return whole_begin(store, whole);
	return false;
}

/* An answer that is no success may have written all the same; what it wrote is kept */
static void whole_end(struct store *store, struct whole *whole)
{
	int err;

	whole->done = true;
	if (!whole->own)
		return;
	err = store_commit(store);
	if (err)
		whole->err = err;
	whole->done = !again(whole->err, whole->try++);
}

#define WHOLE(STORE, WHOLE, CALL)                   \
	do {                                        \
		while (whole_begin(STORE, WHOLE)) { \
			(WHOLE)->err = CALL;        \
			whole_end(STORE, WHOLE);    \
		}                                   \
	} while (0)

int store_begin(struct store *store)
{
	int err;

	store->lost = 0;
	err = store->backend->begin(store);
	store->batch = !err;
	return err;
}

int store_commit(struct store *store)
{
	int err = store->lost;

	if (!store->batch)
		return -EINVAL;
	if (err)
		store->backend->rollback(store);
	else
		err = store->backend->commit(store);
	store->batch = false;
	store->lost = 0;
	return err;
}

void store_rollback(struct store *store)
{
	if (store->batch)
		store->backend->rollback(store);
	store->batch = false;
	store->lost = 0;
}

void store_lose(struct store *store, int err)
{
	if (store->batch && !store->lost)
		store->lost = err;
}

const char *store_message(const struct store *store)
{
	return store->message;
}

/* ---- opening ---- */

static int take_number(void *arg, const struct cell *cells)
{
	*(int64_t *)arg = cells[0].number;
	return 0;
}

static int run_step(struct store *store, const struct step *step)
{
	const char *const tails[] = { [PLAIN] = "",
				      [SMALL] = store->backend->small,
				      [CHANGING] = store->backend->changing };
	char sql[1536];

	snprintf(sql, sizeof(sql), "%s%s", step->sql, tails[step->kind]);
	return store->backend->exec(store, sql);
}

static int upgrade(struct store *store, int64_t from)
{
	int err = 0;
	size_t i;

	for (; from < SCHEMA_VERSION && !err; from++)
		for (i = 0; i < versions[from].count && !err; i++)
			err = run_step(store, &versions[from].steps[i]);
	return err ? err : WRITE(store, SCHEMA_SET, NULL, number(SCHEMA_VERSION));
}

/* The row of the version is the lock: of several processes one makes the tables */
static int migrate(struct store *store, int64_t *found)
{
	int err;

	*found = 0;
	err = query(store, SCHEMA_LOCK, NULL, 0, NULL, NULL, NULL);
	if (!err)
		err = query(store, SCHEMA_GET, NULL, 0, take_number, found, NULL);
	if (err || *found == SCHEMA_VERSION)
		return err;
	return *found > SCHEMA_VERSION ? -EPROTO : upgrade(store, *found);
}

static const char *const foundation[] = {
	"CREATE TABLE IF NOT EXISTS meta(name TEXT NOT NULL PRIMARY KEY,"
	" number BIGINT NOT NULL, value BYTEA NOT NULL)",
	"INSERT INTO meta(name, number, value) VALUES('schema', 0, '') ON CONFLICT DO NOTHING",
};

static int found_schema(struct store *store)
{
	unsigned int try;
	int err = 0;
	size_t i;

	/* CREATE … IF NOT EXISTS of two at the same time: one may fail, and finds it next */
	for (try = 0; try < TRIES; try++) {
		for (err = 0, i = 0; i < 2 && !err; i++)
			err = store->backend->exec(store, foundation[i]);
		if (err != -EAGAIN && err != -EIO)
			break;
		nap(try);
	}
	return err;
}

/* As most openings find: there is nothing to do, and no lock to take */
static bool is_current(struct store *store)
{
	int64_t version = 0;

	return !query(store, SCHEMA_GET, NULL, 0, take_number, &version, NULL) &&
	       version == SCHEMA_VERSION;
}

static int prepare_tables(struct store *store, char *message)
{
	struct whole whole = { 0 };
	int64_t found = 0;

	if (is_current(store))
		return 0;
	whole.err = found_schema(store);
	if (!whole.err)
		WHOLE(store, &whole, migrate(store, &found));
	if (whole.err == -EPROTO)
		snprintf(
			message, STORE_MESSAGE,
			"the store has the tables of a newer registrar (version %lld; this "
			"one knows %d): use that one, or another store",
			(long long)found, SCHEMA_VERSION);
	else if (whole.err)
		snprintf(message, STORE_MESSAGE,
			 "cannot make the tables of the store: %.450s", store->message);
	return whole.err;
}

static bool begins(const char *string, const char *with)
{
	return !strncmp(string, with, strlen(with));
}

int store_open(const char *url, struct store **store, char message[STORE_MESSAGE])
{
	int err;

	*store = NULL;
	snprintf(message, STORE_MESSAGE, "no memory for the store");
	if (begins(url, "sqlite:")) {
		err = store_sqlite_open(url + strlen("sqlite:"), store, message);
	} else if (begins(url, "postgresql://") || begins(url, "postgres://")) {
		err = store_pg_open(url, store, message);
	} else {
		snprintf(message, STORE_MESSAGE,
			 "no such store: a URL begins with sqlite: or postgresql://");
		return -EPROTONOSUPPORT;
	}
	if (!err)
		err = prepare_tables(*store, message);
	if (err) {
		store_close(*store);
		*store = NULL;
	}
	return err;
}

void store_close(struct store *store)
{
	if (!store)
		return;
	store_rollback(store);
	store->backend->close(store);
}

/* ---- devices ---- */

static void take_attestation(const struct cell *cells, struct store_attestation *att)
{
	att->result = (enum store_result)cells[0].number;
	att->time = cells[1].number;
	att->passed = cells[2].number;
	att->resets = (uint32_t)cells[3].number;
	att->restarts = (uint32_t)cells[4].number;
	take_text(&cells[5], att->reference, sizeof(att->reference));
	att->ima_offset = (uint64_t)cells[6].number;
	att->progress_len = take_bytes(&cells[7], att->progress, sizeof(att->progress));
	take_text(&cells[8], att->finding, sizeof(att->finding));
}

/* DEVICE_COLUMNS */
static void take_device(const struct cell *cells, struct store_device *device)
{
	unsigned int i;

	memset(device, 0, sizeof(*device));
	take_bytes(&cells[0], device->id, sizeof(device->id));
	take_text(&cells[1], device->name, sizeof(device->name));
	device->state = (enum store_state)cells[2].number;
	device->flags = (uint32_t)cells[3].number;
	device->has_ek =
		take_bytes(&cells[4], device->ek_sha256, sizeof(device->ek_sha256));
	device->has_ak = take_bytes(&cells[5], device->ak_name, sizeof(device->ak_name));
	device->ak_public_len =
		take_bytes(&cells[6], device->ak_public, sizeof(device->ak_public));
	device->has_parent =
		take_bytes(&cells[7], device->parent_name, sizeof(device->parent_name));
	device->created = cells[8].number;
	device->seen = cells[9].number;
	device->revoked = cells[10].number;
	for (i = 1; i <= 3; i++)
		take_bytes(&cells[10 + i], device->nonce[i], sizeof(device->nonce[i]));
	take_attestation(&cells[14], &device->attestation);
}

struct one {
	void *out;
	bool found;
};

static int one_device(void *arg, const struct cell *cells)
{
	struct one *one = arg;

	take_device(cells, one->out);
	one->found = true;
	return 0;
}

/* For a statement that gives one row or none */
static int found(int err, const struct one *one)
{
	return err ? err : one->found ? 0 : -ENOENT;
}

int store_device_get(struct store *store, const uint8_t id[STORE_ID],
		     struct store_device *device)
{
	struct one one = { device, false };

	return found(EACH(store, DEVICE_GET, one_device, &one, ID(id)), &one);
}

/* 0: there is none */
static int device_state(struct store *store, const uint8_t id[STORE_ID], int64_t *state)
{
	*state = 0;
	return EACH(store, DEVICE_STATE, take_number, state, ID(id));
}

int store_device_join(struct store *store, struct store_device *device)
{
	int64_t state = 0;
	int err;

	if (!is_name(device->name, true) || device->ak_public_len > STORE_PUBLIC_MAX ||
	    (device->state != STORE_PENDING && device->state != STORE_ACTIVE))
		return -EINVAL;
	err = EACH(store, DEVICE_JOIN, take_number, &state, ID(device->id),
		   text(device->name), number(device->state), number(device->flags),
		   bytes(device->ek_sha256, device->has_ek ? STORE_SHA256 : 0),
		   bytes(device->ak_name, device->has_ak ? STORE_TPM_NAME : 0),
		   bytes(device->ak_public, device->ak_public_len), bytes("", 0),
		   number(device->created));
	if (err)
		return err;
	if (!state)
		return -EKEYREVOKED;
	device->state = (enum store_state)state;
	return 0;
}

struct nonces {
	int64_t state;
	const uint8_t *nonce;
	unsigned int purpose;
	bool newer;
};

static int compare_nonces(void *arg, const struct cell *cells)
{
	struct nonces *nonces = arg;
	uint8_t kept[STORE_NONCE];

	nonces->state = cells[0].number;
	take_bytes(&cells[nonces->purpose], kept, sizeof(kept));
	nonces->newer = memcmp(nonces->nonce, kept, sizeof(kept)) > 0;
	return 0;
}

static int why_no_nonce(struct store *store, const uint8_t id[STORE_ID],
			enum store_purpose purpose, const uint8_t nonce[STORE_NONCE])
{
	struct nonces nonces = { 0, nonce, purpose, false };
	int err = EACH(store, DEVICE_NONCES, compare_nonces, &nonces, ID(id));

	if (err)
		return err;
	switch (nonces.state) {
	case 0:
		return -ENOENT;
	case STORE_REVOKED:
		return -EKEYREVOKED;
	case STORE_PENDING:
		return -EACCES;
	default:
		/* it became so in between */
		return nonces.newer ? -EAGAIN : -ESTALE;
	}
}

int store_device_nonce(struct store *store, const uint8_t id[STORE_ID],
		       enum store_purpose purpose, const uint8_t nonce[STORE_NONCE])
{
	uint64_t changed = 0;
	int err;

	if (purpose < STORE_ENROL || purpose > STORE_RELEASE)
		return -EINVAL;
	err = WRITE(store, DEVICE_NONCE1 + purpose - STORE_ENROL, &changed, ID(id),
		    bytes(nonce, STORE_NONCE));
	if (err || changed)
		return err;
	return noted(store, why_no_nonce(store, id, purpose, nonce));
}

int store_device_seen(struct store *store, const uint8_t id[STORE_ID], int64_t now)
{
	return POST(store, DEVICE_SEEN, ID(id), number(now));
}

int store_device_attested(struct store *store, const uint8_t id[STORE_ID],
			  const struct store_attestation *att)
{
	if (!is_name(att->reference, true) || att->progress_len > STORE_PROGRESS_MAX ||
	    att->ima_offset > INT64_MAX)
		return -EINVAL;
	return POST(store, DEVICE_ATTESTED, ID(id), number(att->result),
		    number(att->time), number(att->passed), number(att->resets),
		    number(att->restarts), text(att->reference),
		    number((int64_t)att->ima_offset),
		    bytes(att->progress, att->progress_len), text(att->finding));
}

int store_device_parent(struct store *store, const uint8_t id[STORE_ID],
			const uint8_t parent_name[STORE_TPM_NAME])
{
	return POST(store, DEVICE_PARENT, ID(id), bytes(parent_name, STORE_TPM_NAME));
}

int store_device_approve(struct store *store, const uint8_t id[STORE_ID])
{
	uint64_t changed = 0;
	int64_t state;
	int err = WRITE(store, DEVICE_APPROVE, &changed, ID(id));

	if (err || changed)
		return err;
	err = device_state(store, id, &state);
	if (err)
		return err;
	return !state ? -ENOENT : state == STORE_REVOKED ? -EKEYREVOKED : -EALREADY;
}

static int device_revoke(struct store *store, const uint8_t id[STORE_ID], int64_t now)
{
	uint64_t changed = 0;
	int64_t state;
	int err = WRITE(store, DEVICE_REVOKE, &changed, ID(id), number(now));

	if (!err && !changed) {
		err = device_state(store, id, &state);
		return err ? err : state ? -EALREADY : -ENOENT;
	}
	if (!err)
		err = POST(store, CERTIFICATE_REVOKE_ALL, ID(id), number(now));
	if (!err)
		err = POST(store, TOKEN_DELETE, ID(id));
	if (!err)
		err = POST(store, GROUP_RENEW_ALL, ID(id));
	if (!err)
		err = POST(store, MEMBER_REMOVE_ALL, ID(id));
	return err;
}

int store_device_revoke(struct store *store, const uint8_t id[STORE_ID], int64_t now)
{
	struct whole whole = { 0 };

	WHOLE(store, &whole, device_revoke(store, id, now));
	return whole.err;
}

struct each_device {
	store_device_fn *each;
	void *arg;
};

static int give_device(void *arg, const struct cell *cells)
{
	const struct each_device *to = arg;
	struct store_device device;

	take_device(cells, &device);
	return to->each(to->arg, &device);
}

static unsigned int list_statement(const struct store_filter *filter)
{
	if (filter->group)
		return DEVICE_LIST_GROUP;
	if (filter->result == STORE_FAIL)
		return DEVICE_LIST_FAILING;
	switch (filter->state) {
	case STORE_PENDING:
		return DEVICE_LIST_PENDING;
	case STORE_ACTIVE:
		return DEVICE_LIST_ACTIVE;
	case STORE_REVOKED:
		return DEVICE_LIST_REVOKED;
	default:
		return DEVICE_LIST_ANY;
	}
}

/* How many parameters each takes: PostgreSQL wants exactly those */
static size_t list_parameters(unsigned int index)
{
	return index == DEVICE_LIST_GROUP ? 6 : index == DEVICE_LIST_FAILING ? 5 : 4;
}

int store_device_list(struct store *store, const struct store_filter *filter,
		      const uint8_t *after, unsigned int limit, store_device_fn *each,
		      void *arg)
{
	const unsigned int index = list_statement(filter);
	const struct cell cells[] = {
		bytes(after, after ? STORE_ID : 0),
		number(filter->result),
		text(filter->name ? filter->name : ""),
		number(limit),
		number(filter->state),
		text(filter->group ? filter->group : ""),
	};
	struct each_device to = { each, arg };

	return query(store, index, cells, list_parameters(index), give_device, &to, NULL);
}

static int count_rows(struct store *store, unsigned int index, uint64_t *count)
{
	int64_t value = 0;
	int err = query(store, index, NULL, 0, take_number, &value, NULL);

	*count = (uint64_t)value;
	return err;
}

int store_device_count(struct store *store, struct store_count *count)
{
	int err = count_rows(store, COUNT_ALL, &count->all);

	if (!err)
		err = count_rows(store, COUNT_PENDING, &count->pending);
	if (!err)
		err = count_rows(store, COUNT_REVOKED, &count->revoked);
	if (!err)
		err = count_rows(store, COUNT_FAILING, &count->failing);
	count->active = count->all - count->pending - count->revoked;
	return err;
}

/* ---- certificates ---- */

static void take_certificate(const struct cell *cells, struct store_certificate *cert)
{
	memset(cert, 0, sizeof(*cert));
	take_bytes(&cells[0], cert->device, sizeof(cert->device));
	take_bytes(&cells[1], cert->serial, sizeof(cert->serial));
	cert->issued = cells[2].number;
	cert->not_after = cells[3].number;
	take_bytes(&cells[4], cert->spki_sha256, sizeof(cert->spki_sha256));
	cert->revoked = cells[5].number;
	cert->reason = (uint32_t)cells[6].number;
}

static int one_certificate(void *arg, const struct cell *cells)
{
	struct one *one = arg;

	take_certificate(cells, one->out);
	one->found = true;
	return 0;
}

int store_certificate_add(struct store *store, const struct store_certificate *cert)
{
	int err = POST(store, CERTIFICATE_ADD, ID(cert->device),
		       bytes(cert->serial, STORE_SERIAL), number(cert->issued),
		       number(cert->not_after), bytes(cert->spki_sha256, STORE_SHA256));

	return err ? err
		   : POST(store, CERTIFICATE_FORGET, ID(cert->device),
			  number(cert->issued - KEEP_EXPIRED));
}

int store_certificate_get(struct store *store, const uint8_t device[STORE_ID],
			  const uint8_t serial[STORE_SERIAL],
			  struct store_certificate *cert)
{
	struct one one = { cert, false };

	return found(EACH(store, CERTIFICATE_GET, one_certificate, &one, ID(device),
			  bytes(serial, STORE_SERIAL)),
		     &one);
}

int store_certificate_find(struct store *store, const uint8_t serial[STORE_SERIAL],
			   struct store_certificate *cert)
{
	struct one one = { cert, false };

	return found(EACH(store, CERTIFICATE_FIND, one_certificate, &one,
			  bytes(serial, STORE_SERIAL)),
		     &one);
}

struct each_certificate {
	store_certificate_fn *each;
	void *arg;
};

static int give_certificate(void *arg, const struct cell *cells)
{
	const struct each_certificate *to = arg;
	struct store_certificate cert;

	take_certificate(cells, &cert);
	return to->each(to->arg, &cert);
}

int store_certificate_list(struct store *store, const uint8_t device[STORE_ID],
			   store_certificate_fn *each, void *arg)
{
	struct each_certificate to = { each, arg };

	return EACH(store, CERTIFICATE_LIST, give_certificate, &to, ID(device));
}

int store_certificate_revoke(struct store *store, const uint8_t device[STORE_ID],
			     const uint8_t serial[STORE_SERIAL], int64_t now,
			     uint32_t reason)
{
	struct store_certificate cert;
	uint64_t changed = 0;
	int err = WRITE(store, CERTIFICATE_REVOKE, &changed, ID(device),
			bytes(serial, STORE_SERIAL), number(now), number(reason));

	if (err || changed)
		return err;
	err = store_certificate_get(store, device, serial, &cert);
	return err ? err : -EALREADY;
}

int store_certificate_revoked(struct store *store, int64_t now,
			      store_certificate_fn *each, void *arg)
{
	struct each_certificate to = { each, arg };

	return EACH(store, CERTIFICATE_REVOKED, give_certificate, &to, number(now));
}

/* ---- the allow-list of EKs ---- */

static int ek_allow(struct store *store, const uint8_t (*ek_sha256)[STORE_SHA256],
		    size_t count, const char *batch, uint64_t *added)
{
	int err = 0;
	size_t i;

	*added = 0;
	for (i = 0; i < count && !err; i++)
		err = post(store, EK_ALLOW,
			   CELLS(bytes(ek_sha256[i], STORE_SHA256), text(batch)), added);
	return err ? err : noted(store, store->backend->settle(store));
}

int store_ek_allow(struct store *store, const uint8_t (*ek_sha256)[STORE_SHA256],
		   size_t count, const char *batch, size_t *added)
{
	struct whole whole = { 0 };
	uint64_t new = 0;

	if (!is_name(batch, false))
		return -EINVAL;
	WHOLE(store, &whole, ek_allow(store, ek_sha256, count, batch, &new));
	*added = (size_t) new;
	return whole.err;
}

static int one_name(void *arg, const struct cell *cells)
{
	struct one *one = arg;

	take_text(&cells[0], one->out, STORE_NAME_MAX + 1);
	one->found = true;
	return 0;
}

int store_ek_allowed(struct store *store, const uint8_t ek_sha256[STORE_SHA256],
		     char batch[STORE_NAME_MAX + 1])
{
	struct one one = { batch, false };

	return found(
		EACH(store, EK_ALLOWED, one_name, &one, bytes(ek_sha256, STORE_SHA256)),
		&one);
}

int store_ek_count(struct store *store, const char *batch, uint64_t *count)
{
	int64_t value = 0;
	int err = EACH(store, EK_COUNT, take_number, &value, text(batch));

	*count = (uint64_t)value;
	return err;
}

/* ---- tokens ---- */

static void take_token(const struct cell *cells, struct store_token *token)
{
	memset(token, 0, sizeof(*token));
	take_bytes(&cells[0], token->device, sizeof(token->device));
	take_bytes(&cells[1], token->secret_sha256, sizeof(token->secret_sha256));
	take_text(&cells[2], token->name, sizeof(token->name));
	token->software = cells[3].number != 0;
	token->created = cells[4].number;
	token->expires = cells[5].number;
	token->used = cells[6].number;
	take_bytes(&cells[7], token->spki_sha256, sizeof(token->spki_sha256));
}

static int one_token(void *arg, const struct cell *cells)
{
	struct one *one = arg;

	take_token(cells, one->out);
	one->found = true;
	return 0;
}

static int token_add(struct store *store, const struct store_token *token)
{
	int64_t state;
	int err = device_state(store, token->device, &state);

	if (err || state == STORE_REVOKED)
		return err ? err : -EKEYREVOKED;
	return POST(store, TOKEN_ADD, ID(token->device),
		    bytes(token->secret_sha256, STORE_SHA256), text(token->name),
		    number(token->software), number(token->created),
		    number(token->expires), bytes("", 0));
}

int store_token_add(struct store *store, const struct store_token *token)
{
	struct whole whole = { 0 };

	if (!is_name(token->name, true))
		return -EINVAL;
	WHOLE(store, &whole, token_add(store, token));
	return whole.err;
}

int store_token_get(struct store *store, const uint8_t device[STORE_ID],
		    struct store_token *token)
{
	struct one one = { token, false };

	return found(EACH(store, TOKEN_GET, one_token, &one, ID(device)), &one);
}

static int token_check(const struct store_token *token, const uint8_t *secret_sha256,
		       const uint8_t *spki_sha256, int64_t now)
{
	if (CRYPTO_memcmp(token->secret_sha256, secret_sha256, STORE_SHA256))
		return -EACCES;
	if (now >= token->expires)
		return -EKEYEXPIRED;
	if (token->used && memcmp(token->spki_sha256, spki_sha256, STORE_SHA256))
		return -EKEYREJECTED;
	return 0;
}

/* The device as it is from now on; its row is there before anything is issued to it */
static int token_device(struct store *store, const struct store_token *token, int64_t now)
{
	const uint32_t flags = STORE_BY_TOKEN | (token->software ? STORE_SOFTWARE : 0);
	int64_t state = 0;
	int err = EACH(store, DEVICE_BY_TOKEN, take_number, &state, ID(token->device),
		       text(token->name), number(flags), bytes("", 0), number(now));

	return err ? err : state ? 0 : -EKEYREVOKED;
}

static int token_use(struct store *store, const uint8_t *device,
		     const uint8_t *secret_sha256, const uint8_t *spki_sha256,
		     int64_t now, struct store_token *token)
{
	uint64_t changed = 0;
	int64_t state;
	int err = device_state(store, device, &state);

	if (!err && state == STORE_REVOKED)
		return -EKEYREVOKED;
	if (!err)
		err = store_token_get(store, device, token);
	if (!err)
		err = token_check(token, secret_sha256, spki_sha256, now);
	if (err || token->used)
		return err;
	err = WRITE(store, TOKEN_USE, &changed, ID(device), number(now),
		    bytes(spki_sha256, STORE_SHA256));
	if (!err && !changed) /* another was first, perhaps with the same key */
		err = store_token_get(store, device, token);
	if (!err && !changed)
		return token_check(token, secret_sha256, spki_sha256, now);
	return err ? err : token_device(store, token, now);
}

int store_token_use(struct store *store, const uint8_t device[STORE_ID],
		    const uint8_t secret_sha256[STORE_SHA256],
		    const uint8_t spki_sha256[STORE_SHA256], int64_t now,
		    struct store_token *token)
{
	struct whole whole = { 0 };

	WHOLE(store, &whole,
	      token_use(store, device, secret_sha256, spki_sha256, now, token));
	return whole.err;
}

int store_token_delete(struct store *store, const uint8_t device[STORE_ID])
{
	uint64_t changed = 0;
	int err = WRITE(store, TOKEN_DELETE, &changed, ID(device));

	return err ? err : changed ? 0 : -ENOENT;
}

struct each_token {
	store_token_fn *each;
	void *arg;
};

static int give_token(void *arg, const struct cell *cells)
{
	const struct each_token *to = arg;
	struct store_token token;

	take_token(cells, &token);
	return to->each(to->arg, &token);
}

int store_token_list(struct store *store, const uint8_t *after, unsigned int limit,
		     store_token_fn *each, void *arg)
{
	struct each_token to = { each, arg };

	return EACH(store, TOKEN_LIST, give_token, &to,
		    bytes(after, after ? STORE_ID : 0), number(limit));
}

/* ---- roots ---- */

int store_root_version(struct store *store, const uint8_t device[STORE_ID],
		       const char *name, uint32_t *version)
{
	int64_t value = 1;
	int err = EACH(store, ROOT_VERSION, take_number, &value, ID(device), text(name),
		       ID(every_device));

	*version = (uint32_t)value;
	return err;
}

int store_root_released(struct store *store, const uint8_t device[STORE_ID],
			const char *name, uint32_t version, int64_t now)
{
	if (!is_name(name, false))
		return -EINVAL;
	return POST(store, ROOT_RELEASED, ID(device), text(name), number(version),
		    number(now));
}

int store_root_revoke(struct store *store, const uint8_t device[STORE_ID],
		      const char *name, uint32_t version, int64_t now)
{
	uint64_t changed = 0;
	int err;

	if (!is_name(name, false) || !version || version == UINT32_MAX)
		return -EINVAL;
	err = WRITE(store, ROOT_REVOKE, &changed, ID(device), text(name), number(version),
		    number(now));
	return err ? err : changed ? 0 : -EALREADY;
}

struct each_root {
	store_root_fn *each;
	void *arg;
};

static int give_root(void *arg, const struct cell *cells)
{
	const struct each_root *to = arg;
	struct store_root root = { 0 };

	take_text(&cells[0], root.name, sizeof(root.name));
	root.version = (uint32_t)cells[1].number;
	root.released = cells[2].number;
	root.revoked = cells[3].number;
	return to->each(to->arg, &root);
}

int store_root_list(struct store *store, const uint8_t device[STORE_ID],
		    store_root_fn *each, void *arg)
{
	struct each_root to = { each, arg };

	return EACH(store, ROOT_LIST, give_root, &to, ID(device));
}

/* ---- groups ---- */

static void take_group(const struct cell *cells, struct store_group *group)
{
	memset(group, 0, sizeof(*group));
	take_text(&cells[0], group->name, sizeof(group->name));
	group->version = (uint32_t)cells[1].number;
	group->created = cells[2].number;
}

static int one_group(void *arg, const struct cell *cells)
{
	struct one *one = arg;

	take_group(cells, one->out);
	one->found = true;
	return 0;
}

int store_group_add(struct store *store, const char *name, int64_t now)
{
	uint64_t changed = 0;
	int err;

	if (!is_name(name, false))
		return -EINVAL;
	err = WRITE(store, GROUP_ADD, &changed, text(name), number(now));
	return err ? err : changed ? 0 : -EEXIST;
}

int store_group_get(struct store *store, const char *name, struct store_group *group)
{
	struct one one = { group, false };

	return found(EACH(store, GROUP_GET, one_group, &one, text(name)), &one);
}

struct each_group {
	store_group_fn *each;
	void *arg;
};

static int give_group(void *arg, const struct cell *cells)
{
	const struct each_group *to = arg;
	struct store_group group;

	take_group(cells, &group);
	return to->each(to->arg, &group);
}

int store_group_list(struct store *store, store_group_fn *each, void *arg)
{
	struct each_group to = { each, arg };

	return query(store, GROUP_LIST, NULL, 0, give_group, &to, NULL);
}

int store_group_of(struct store *store, const uint8_t device[STORE_ID],
		   store_group_fn *each, void *arg)
{
	struct each_group to = { each, arg };

	return EACH(store, GROUP_OF, give_group, &to, ID(device));
}

static int member_add(struct store *store, const char *name,
		      const uint8_t device[STORE_ID])
{
	struct store_group group;
	uint64_t changed = 0;
	int64_t state;
	int err = device_state(store, device, &state);

	if (!err)
		err = store_group_get(store, name, &group);
	if (err || !state || state == STORE_REVOKED)
		return err ? err : state ? -EKEYREVOKED : -ENOENT;
	err = WRITE(store, MEMBER_ADD, &changed, ID(device), text(name));
	return err ? err : changed ? 0 : -EEXIST;
}

int store_member_add(struct store *store, const char *group,
		     const uint8_t device[STORE_ID])
{
	struct whole whole = { 0 };

	WHOLE(store, &whole, member_add(store, group, device));
	return whole.err;
}

static int member_remove(struct store *store, const char *group,
			 const uint8_t device[STORE_ID])
{
	uint64_t changed = 0;
	int err = WRITE(store, MEMBER_REMOVE, &changed, ID(device), text(group));

	if (err || !changed)
		return err ? err : -ENOENT;
	return POST(store, GROUP_RENEW, text(group));
}

int store_member_remove(struct store *store, const char *group,
			const uint8_t device[STORE_ID])
{
	struct whole whole = { 0 };

	WHOLE(store, &whole, member_remove(store, group, device));
	return whole.err;
}

struct each_id {
	store_id_fn *each;
	void *arg;
};

static int give_id(void *arg, const struct cell *cells)
{
	const struct each_id *to = arg;
	uint8_t id[STORE_ID];

	take_bytes(&cells[0], id, sizeof(id));
	return to->each(to->arg, id);
}

int store_member_list(struct store *store, const char *group, const uint8_t *after,
		      unsigned int limit, store_id_fn *each, void *arg)
{
	struct each_id to = { each, arg };

	return EACH(store, MEMBER_LIST, give_id, &to, text(group),
		    bytes(after, after ? STORE_ID : 0), number(limit));
}

/* ---- statements ---- */

int store_statement_last(struct store *store, uint64_t *sequence)
{
	int64_t value = 0;
	int err = query(store, STATEMENT_LAST, NULL, 0, take_number, &value, NULL);

	*sequence = (uint64_t)value;
	return err;
}

struct body {
	void *data;
	size_t *len;
	bool found;
};

static int take_body(void *arg, const struct cell *cells)
{
	struct body *body = arg;
	const size_t room = *body->len;

	body->found = true;
	*body->len = cells[1].len;
	if (cells[1].len > room)
		return -ENOBUFS;
	memcpy(body->data, cells[1].data, cells[1].len);
	return 0;
}

int store_statement_get(struct store *store, uint64_t sequence, void *data, size_t *len)
{
	struct body body = { data, len, false };
	int err = EACH(store, STATEMENT_GET, take_body, &body, number((int64_t)sequence));

	return err ? err : body.found ? 0 : -ENOENT;
}

static int statement_add(struct store *store, uint64_t sequence, int64_t now,
			 const void *body, size_t len)
{
	uint64_t changed = 0, last;
	int err = WRITE(store, STATEMENT_ADD, &changed, number((int64_t)sequence),
			number(now), bytes(body, len));

	if (!err && changed && store->backend->tell)
		err = noted(store, store->backend->tell(store));
	if (err || changed)
		return err;
	err = store_statement_last(store, &last);
	return err ? err : last >= sequence ? -EEXIST : -ENOENT;
}

int store_statement_add(struct store *store, uint64_t sequence, int64_t now,
			const void *body, size_t len)
{
	struct whole whole = { 0 };

	if (!sequence || sequence > INT64_MAX || !len || len > STORE_BODY_MAX)
		return -EINVAL;
	WHOLE(store, &whole, statement_add(store, sequence, now, body, len));
	return whole.err;
}

struct each_statement {
	store_statement_fn *each;
	void *arg;
	size_t max, given;
	uint64_t last;
	bool any;
};

static int give_statement(void *arg, const struct cell *cells)
{
	struct each_statement *to = arg;

	if (to->given >= to->max)
		return 0;
	to->given += cells[1].len;
	to->last = (uint64_t)cells[0].number;
	to->any = true;
	return to->each(to->arg, to->last, cells[1].data, cells[1].len);
}

/* In small steps: a client of PostgreSQL has all rows of a statement in memory */
int store_statement_list(struct store *store, uint64_t after, size_t max,
			 store_statement_fn *each, void *arg)
{
	struct each_statement to = {
		.each = each, .arg = arg, .max = max, .last = after
	};
	int err = 0;

	do {
		to.any = false;
		err = EACH(store, STATEMENT_NEXT, give_statement, &to,
			   number((int64_t)to.last), number(8));
	} while (!err && to.any && to.given < to.max);
	return err;
}

void store_listen(struct store *store, store_news_fn *tell, void *arg)
{
	store->news = tell;
	store->news_arg = arg;
	if (store->backend->listen)
		store->backend->listen(store);
}

void store_listen_read(struct store *store)
{
	if (store->backend->read)
		store->backend->read(store);
}

/* ---- facts ---- */

struct fact {
	void *value;
	size_t len;
	bool found;
};

static int take_fact(void *arg, const struct cell *cells)
{
	struct fact *fact = arg;

	fact->len = take_bytes(&cells[0], fact->value, STORE_FACT_MAX);
	fact->found = true;
	return 0;
}

int store_fact_get(struct store *store, const char *name, void *value, size_t *len)
{
	uint8_t kept[STORE_FACT_MAX];
	struct fact fact = { kept, 0, false };
	int err = EACH(store, FACT_GET, take_fact, &fact, text(name));

	if (err || !fact.found)
		return err ? err : -ENOENT;
	if (fact.len > *len)
		return -ENOBUFS;
	memcpy(value, kept, fact.len);
	*len = fact.len;
	return 0;
}

int store_fact_add(struct store *store, const char *name, const void *value, size_t len)
{
	uint8_t kept[STORE_FACT_MAX];
	size_t kept_len = sizeof(kept);
	uint64_t changed = 0;
	int err;

	if (!is_name(name, false) || !strcmp(name, "schema") || len > STORE_FACT_MAX)
		return -EINVAL;
	err = WRITE(store, FACT_ADD, &changed, text(name), bytes(value, len));
	if (err || changed)
		return err;
	err = store_fact_get(store, name, kept, &kept_len);
	if (err)
		return err;
	return kept_len == len && !memcmp(kept, value, len) ? 0 : -EEXIST;
}
