// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The administration, for iotkeyctl fleet: JSON over mutual TLS, under /.well-known/iotkey/fleet/.
 * What it does is in the audit log, with who did it.
 */
#include "admin.h"

#include <errno.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../common/hex.h"
#include "admin_json.h"
#include "device.h"
#include "field.h"
#include "routes.h"
#include "statement.h"
#include "worker.h"

#define PREFIX	      "/.well-known/iotkey/fleet/"
#define PAGE	      100
#define PAGE_MAX      1000
#define TOKEN_SECONDS (7 * 86400)
#define TOKEN_MAX     (366 * 86400)
#define EKS_BODY      (1u << 20)
#define EKS_MAX	      (EKS_BODY / (2 * STORE_SHA256 + 1) + 1)
#define DEVICES_BODY  (1u << 20)
#define DEVICES_MAX   10000 /* revoked by one statement, which has 160 KB then */

/* What a request wants, once it is understood; freed with it */
struct action {
	char who[STORE_NAME_MAX + 1];
	uint8_t id[STORE_ID];
	char name[STORE_NAME_MAX + 1]; /* of a group, a key, a root, a batch */
	uint32_t version;
	struct store_token token;
	char secret[33];
	uint8_t (*eks)[STORE_SHA256];
	uint8_t (*ids)[STORE_ID];
	size_t count; /* of either */
};

static void drop_action(void *arg)
{
	struct action *action = arg;

	free(action->eks);
	free(action->ids);
	OPENSSL_cleanse(action->secret, sizeof(action->secret));
	free(action);
}

/* ---- answers ---- */

static const struct {
	int err;
	int status;
	const char *word, *detail;
} answers[] = {
	{ -ENOENT, 404, "not-found", "there is no such device, group or token" },
	{ -EEXIST, 409, "exists", "there is one already" },
	{ -EALREADY, 409, "already", "that is done already" },
	{ -EKEYREVOKED, 409, "device-revoked",
	  "the device is revoked, which is for good" },
	{ -EINVAL, 400, "malformed",
	  "a name has 1 to 64 of A-Z a-z 0-9 . _ : @ + -, a version is from 1 on" },
};

/* Whether it is no success, and then that is the answer */
static bool answered(struct request *req, int err)
{
	size_t i;

	if (!err)
		return false;
	for (i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		if (answers[i].err == err) {
			reply_error(req, answers[i].status, answers[i].word, "%s",
				    answers[i].detail);
			return true;
		}
	reply_store_error(req, err);
	return true;
}

static void answer(struct request *req, int status, json_t *json)
{
	if (json)
		reply_json(req, status, json);
	else
		reply_error(req, 503, "busy", "out of memory; come again");
}

static void audit(struct request *req, const char *event, json_t *fields)
{
	const struct action *action = request_get(req);

	if (fields)
		json_object_set_new(fields, "by", json_string(action->who));
	worker_audit(request_worker(req), event, fields);
}

static struct store *store_of(struct request *req)
{
	return request_worker(req)->store;
}

/* ---- fields ---- */

static bool is_id(const char *text, size_t len, uint8_t id[STORE_ID])
{
	return hex_read(text, len, id, STORE_ID);
}

/* ?after=ID&limit=N */
static bool page(struct request *req, uint8_t id[STORE_ID], const uint8_t **after,
		 unsigned int *limit)
{
	const char *from = request_query(req, "after"),
		   *most = request_query(req, "limit");
	long n = most ? strtol(most, NULL, 10) : PAGE;

	*after = from ? id : NULL;
	*limit = (unsigned int)n;
	if ((!from || is_id(from, strlen(from), id)) && n >= 1 && n <= PAGE_MAX)
		return true;
	reply_error(req, 400, "malformed", "after= is a device id, limit= from 1 to %d",
		    PAGE_MAX);
	return false;
}

static bool take_name(const json_t *body, const char *key, char name[STORE_NAME_MAX + 1])
{
	const json_t *value = json_object_get(body, key);
	size_t len = json_string_length(value);

	if (!len || len > STORE_NAME_MAX)
		return false;
	memcpy(name, json_string_value(value), len + 1);
	return true;
}

/* "device": an id, or "all": zeros */
static bool take_device(const json_t *body, bool all, uint8_t id[STORE_ID])
{
	const json_t *value = json_object_get(body, "device");
	const char *text = json_string_value(value);

	if (text && all && !strcmp(text, "all")) {
		memset(id, 0, STORE_ID);
		return true;
	}
	return text && is_id(text, json_string_length(value), id);
}

/* ---- devices ---- */

struct list {
	json_t *array;
	uint8_t last[STORE_ID];
	unsigned int count;
};

static int append(struct list *list, json_t *json)
{
	list->count++;
	return json_array_append_new(list->array, json) ? -ENOMEM : 0;
}

static int list_device(void *arg, const struct store_device *device)
{
	struct list *list = arg;

	memcpy(list->last, device->id, STORE_ID);
	return append(list, admin_device(device));
}

static int list_token(void *arg, const struct store_token *token)
{
	struct list *list = arg;

	memcpy(list->last, token->device, STORE_ID);
	return append(list, admin_token(token));
}

static int list_member(void *arg, const uint8_t id[STORE_ID])
{
	struct list *list = arg;

	memcpy(list->last, id, STORE_ID);
	return append(list, field_json_hex(id, STORE_ID));
}

static int list_certificate(void *arg, const struct store_certificate *cert)
{
	return append(arg, admin_certificate(cert));
}

static int list_root(void *arg, const struct store_root *root)
{
	return append(arg, admin_root(root));
}

static int list_group(void *arg, const struct store_group *group)
{
	return append(arg, admin_group(group));
}

/* A page that is full may have one after it */
static void answer_list(struct request *req, int err, struct list *list, const char *key,
			unsigned int limit)
{
	json_t *json = json_pack("{s:O}", key, list->array);

	json_decref(list->array);
	if (json && list->count == limit)
		json_object_set_new(json, "next", field_json_hex(list->last, STORE_ID));
	if (answered(req, err))
		json_decref(json);
	else
		answer(req, 200, json);
}

static bool take_filter(struct request *req, struct store_filter *filter)
{
	const char *state = request_query(req, "state");
	const char *result = request_query(req, "result");

	filter->name = request_query(req, "name");
	filter->group = request_query(req, "group");
	filter->result = -1;
	if (state) {
		for (filter->state = STORE_PENDING; filter->state <= STORE_REVOKED;
		     filter->state++)
			if (!strcmp(state, admin_state(filter->state)))
				break;
		if (filter->state > STORE_REVOKED)
			return false;
	}
	if (result && !strcmp(result, "pass"))
		filter->result = STORE_PASS;
	else if (result && !strcmp(result, "fail"))
		filter->result = STORE_FAIL;
	else if (result && !strcmp(result, "never"))
		filter->result = STORE_NEVER;
	else if (result)
		return false;
	return true;
}

static void devices(struct request *req)
{
	struct list list = { .array = json_array() };
	struct store_filter filter = { 0 };
	const uint8_t *after;
	uint8_t id[STORE_ID];
	unsigned int limit;

	if (!take_filter(req, &filter)) {
		reply_error(
			req, 400, "malformed",
			"state= is pending, active or revoked; result= is pass, fail or never");
		json_decref(list.array);
		return;
	}
	if (!page(req, id, &after, &limit)) {
		json_decref(list.array);
		return;
	}
	answer_list(req,
		    store_device_list(store_of(req), &filter, after, limit, list_device,
				      &list),
		    &list, "devices", limit);
}

static void device_show(struct request *req)
{
	struct list certs = { .array = json_array() }, roots = { .array = json_array() };
	struct list groups = { .array = json_array() };
	const struct action *action = request_get(req);
	struct store *store = store_of(req);
	struct store_device device;
	json_t *json = NULL;
	int err = store_device_get(store, action->id, &device);

	if (!err)
		err = store_certificate_list(store, action->id, list_certificate, &certs);
	if (!err)
		err = store_root_list(store, action->id, list_root, &roots);
	if (!err)
		err = store_group_of(store, action->id, list_group, &groups);
	if (!err)
		json = admin_device(&device);
	if (json)
		json_object_update_new(json, json_pack("{s:O, s:O, s:O}", "certificates",
						       certs.array, "roots", roots.array,
						       "groups", groups.array));
	json_decref(certs.array);
	json_decref(roots.array);
	json_decref(groups.array);
	if (!answered(req, err))
		answer(req, 200, json);
}

static void counts(struct request *req)
{
	struct store_count count;
	uint64_t sequence;
	int err = store_device_count(store_of(req), &count);

	if (!err)
		err = store_statement_last(store_of(req), &sequence);
	if (!answered(req, err))
		answer(req, 200,
		       json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "devices",
				 (json_int_t)count.all, "pending",
				 (json_int_t)count.pending, "active",
				 (json_int_t)count.active, "revoked",
				 (json_int_t)count.revoked, "failing",
				 (json_int_t)count.failing, "statements",
				 (json_int_t)sequence));
}

static void done(struct request *req, const char *event)
{
	const struct action *action = request_get(req);

	audit(req, event,
	      json_pack("{s:o}", "device", field_json_hex(action->id, STORE_ID)));
	answer(req, 200,
	       json_pack("{s:o}", "device", field_json_hex(action->id, STORE_ID)));
}

static void write_approve(struct request *req)
{
	const struct action *action = request_get(req);

	if (!answered(req, store_device_approve(store_of(req), action->id)))
		done(req, "device-approved");
}

/*
 * The statement belongs to what was revoked: neither without the other.  When another process
 * numbered one first, or the CA did not sign, the whole batch is given up.
 */
static bool state(struct request *req, const struct iotkey_revocation *revocations,
		  size_t count)
{
	int err = statement_add(request_worker(req), revocations, count);

	if (!err)
		return true;
	store_lose(store_of(req), err == -EAGAIN ? -EAGAIN : -EIO);
	reply_store_error(req, err);
	return false;
}

static struct iotkey_revocation revocation_of(const struct request *req,
					      enum iotkey_revoked type)
{
	const struct action *action = request_get(req);
	struct iotkey_revocation revocation = {
		.type = (uint8_t)type,
		.version = action->version,
		.name = { .data = (const uint8_t *)action->name,
			  .len = strlen(action->name) },
	};

	memcpy(revocation.id, action->id, STORE_ID);
	return revocation;
}

static void audit_revoked(struct request *req,
			  const struct iotkey_revocation *revocations, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		audit(req, "device-revoked",
		      json_pack("{s:o}", "device",
				field_json_hex(revocations[i].id, STORE_ID)));
}

/* Those that are revoked already stay as they are, and are in no other statement */
static void write_revoke(struct request *req)
{
	const struct action *action = request_get(req);
	struct iotkey_revocation *what = calloc(action->count, sizeof(*what));
	const int64_t now = time(NULL);
	size_t i, revoked = 0;
	int err = what ? 0 : -ENOMEM;

	for (i = 0; i < action->count && !err; i++) {
		err = store_device_revoke(store_of(req), action->ids[i], now);
		if (!err) {
			what[revoked].type = IOTKEY_REVOKED_DEVICE;
			memcpy(what[revoked++].id, action->ids[i], STORE_ID);
		} else if (err == -EALREADY) {
			err = 0;
		}
	}
	/* what is half done goes with the batch */
	if (err)
		store_lose(store_of(req), -EIO);
	if (!answered(req, err) && (!revoked || state(req, what, revoked))) {
		audit_revoked(req, what, revoked);
		answer(req, 200,
		       json_pack("{s:I, s:I}", "revoked", (json_int_t)revoked, "already",
				 (json_int_t)(action->count - revoked)));
	}
	free(what);
}

static int compare_ids(const void *a, const void *b)
{
	return memcmp(a, b, STORE_ID);
}

/* Each once; in the order of the table the store is quicker, and two registrars do not cross */
static int take_ids(const json_t *array, struct action *action)
{
	size_t i, count = json_array_size(array), n = 0;
	const json_t *value;

	if (!count || count > DEVICES_MAX)
		return -EINVAL;
	action->ids = calloc(count, sizeof(*action->ids));
	if (!action->ids)
		return -ENOMEM;
	for (i = 0; i < count; i++) {
		value = json_array_get(array, i);
		if (!json_is_string(value) ||
		    !is_id(json_string_value(value), json_string_length(value),
			   action->ids[i]))
			return -EINVAL;
	}
	qsort(action->ids, count, sizeof(*action->ids), compare_ids);
	for (i = 0; i < count; i++)
		if (!n || compare_ids(action->ids[i], action->ids[n - 1]))
			memmove(action->ids[n++], action->ids[i], STORE_ID);
	action->count = n;
	return 0;
}

/* Devices are never deleted, so this is asked before the store is locked */
static int find_unknown(struct store *store, const struct action *action, json_t *unknown)
{
	struct store_device device;
	int err = 0;
	size_t i;

	for (i = 0; i < action->count && !err; i++) {
		err = store_device_get(store, action->ids[i], &device);
		if (err == -ENOENT)
			err = json_array_append_new(
				      unknown, field_json_hex(action->ids[i], STORE_ID))
				      ? -ENOMEM
				      : 0;
	}
	return err;
}

/* {"devices": [ID, ...]}: all of them, or none if one is unknown */
static void devices_revoke(struct request *req)
{
	struct action *action = request_get(req);
	json_t *body = field_body(req), *unknown;
	int err;

	if (!body)
		return;
	unknown = json_array();
	err = take_ids(json_object_get(body, "devices"), action);
	if (!err)
		err = find_unknown(store_of(req), action, unknown);
	if (err == -EINVAL) {
		reply_error(req, 400, "malformed", "\"devices\" is a list of 1 to %d ids",
			    DEVICES_MAX);
	} else if (answered(req, err)) {
		/* the store's error, or no memory */
	} else if (json_array_size(unknown)) {
		answer(req, 404,
		       json_pack("{s:s, s:s, s:O}", "error", "not-found", "detail",
				 "no device is revoked, since some are unknown",
				 "devices", unknown));
	} else {
		request_write(req, write_revoke);
	}
	json_decref(unknown);
	json_decref(body);
}

static void write_key_revoke(struct request *req)
{
	struct iotkey_revocation what = revocation_of(req, IOTKEY_REVOKED_KEY);
	const struct action *action = request_get(req);
	json_t *fields;

	if (!state(req, &what, 1))
		return;
	fields = json_pack("{s:o, s:s}", "device", field_json_hex(action->id, STORE_ID),
			   "key", action->name);
	answer(req, 200, json_deep_copy(fields));
	audit(req, "key-revoked", fields);
}

static void write_version_revoke(struct request *req)
{
	struct iotkey_revocation what = revocation_of(req, IOTKEY_REVOKED_VERSION);
	const struct action *action = request_get(req);
	json_t *fields;

	if (answered(req, store_root_revoke(store_of(req), action->id, action->name,
					    action->version, time(NULL))) ||
	    !state(req, &what, 1))
		return;
	fields = json_pack("{s:o, s:s, s:I}", "device",
			   field_json_hex(action->id, STORE_ID), "root", action->name,
			   "version", (json_int_t)action->version);
	answer(req, 200, json_deep_copy(fields));
	audit(req, "version-revoked", fields);
}

/* {"device": ID or "all", "name": NAME, "version": N} */
static void take_revocation(struct request *req, bool version,
			    void (*write)(struct request *req))
{
	struct action *action = request_get(req);
	json_t *body = field_body(req), *number;

	if (!body)
		return;
	number = json_object_get(body, "version");
	if (!take_device(body, true, action->id) ||
	    !take_name(body, "name", action->name) ||
	    (version && (json_integer_value(number) < 1 ||
			 json_integer_value(number) >= UINT32_MAX))) {
		reply_error(req, 400, "malformed",
			    "\"device\" is an id or \"all\", \"name\" a name%s",
			    version ? ", \"version\" a number from 1 on" : "");
	} else {
		action->version = (uint32_t)json_integer_value(number);
		request_write(req, write);
	}
	json_decref(body);
}

static void key_revoke(struct request *req)
{
	take_revocation(req, false, write_key_revoke);
}

static void version_revoke(struct request *req)
{
	take_revocation(req, true, write_version_revoke);
}

static void device_approve(struct request *req)
{
	request_write(req, write_approve);
}

/* ---- groups ---- */

static void groups(struct request *req)
{
	struct list list = { .array = json_array() };

	answer_list(req, store_group_list(store_of(req), list_group, &list), &list,
		    "groups", UINT32_MAX);
}

static void members(struct request *req)
{
	struct list list = { .array = json_array() };
	const struct action *action = request_get(req);
	struct store_group group;
	const uint8_t *after;
	uint8_t id[STORE_ID];
	unsigned int limit;
	int err;

	if (!page(req, id, &after, &limit)) {
		json_decref(list.array);
		return;
	}
	err = store_group_get(store_of(req), action->name, &group);
	if (!err)
		err = store_member_list(store_of(req), action->name, after, limit,
					list_member, &list);
	answer_list(req, err, &list, "members", limit);
}

static void group_done(struct request *req, const char *event, int status)
{
	const struct action *action = request_get(req);
	static const uint8_t none[STORE_ID];
	json_t *fields = json_pack("{s:s}", "group", action->name);

	if (memcmp(action->id, none, STORE_ID))
		json_object_set_new(fields, "device",
				    field_json_hex(action->id, STORE_ID));
	answer(req, status, json_deep_copy(fields));
	audit(req, event, fields);
}

static void write_group(struct request *req)
{
	const struct action *action = request_get(req);

	if (!answered(req, store_group_add(store_of(req), action->name, time(NULL))))
		group_done(req, "group-made", 201);
}

static void write_member(struct request *req)
{
	const struct action *action = request_get(req);

	if (!answered(req, store_member_add(store_of(req), action->name, action->id)))
		group_done(req, "member-added", 201);
}

static void write_leave(struct request *req)
{
	struct iotkey_revocation what = revocation_of(req, IOTKEY_REVOKED_MEMBER);
	const struct action *action = request_get(req);

	if (!answered(req,
		      store_member_remove(store_of(req), action->name, action->id)) &&
	    state(req, &what, 1))
		group_done(req, "member-revoked", 200);
}

/* A device keeps its roots by their names, so no group has that of a root that all get */
static void group_add(struct request *req)
{
	const struct action *action = request_get(req);
	const char *p = request_worker(req)->config->roots;
	size_t len;

	for (; (len = config_root(&p)); p += len) {
		if (len != strlen(action->name) || memcmp(p, action->name, len))
			continue;
		reply_error(req, 409, "exists",
			    "the root %s that every device gets has this name",
			    action->name);
		return;
	}
	request_write(req, write_group);
}

static void member_add(struct request *req)
{
	request_write(req, write_member);
}

static void member_revoke(struct request *req)
{
	request_write(req, write_leave);
}

/* ---- tokens ---- */

static void tokens(struct request *req)
{
	struct list list = { .array = json_array() };
	const uint8_t *after;
	uint8_t id[STORE_ID];
	unsigned int limit;

	if (!page(req, id, &after, &limit)) {
		json_decref(list.array);
		return;
	}
	answer_list(req, store_token_list(store_of(req), after, limit, list_token, &list),
		    &list, "tokens", limit);
}

static void write_token(struct request *req)
{
	const struct action *action = request_get(req);
	json_t *json;

	if (answered(req, store_token_add(store_of(req), &action->token)))
		return;
	audit(req, "token-made", admin_token(&action->token));
	json = admin_token(&action->token);
	json_object_set_new(json, "secret", json_string(action->secret));
	answer(req, 201, json);
}

static bool draw(struct action *action, bool device)
{
	uint8_t secret[16];

	if (RAND_bytes(secret, sizeof(secret)) != 1 ||
	    (device && RAND_bytes(action->token.device, STORE_ID) != 1))
		return false;
	hex_write(action->secret, secret, sizeof(secret));
	OPENSSL_cleanse(secret, sizeof(secret));
	SHA256((const uint8_t *)action->secret, strlen(action->secret),
	       action->token.secret_sha256);
	return true;
}

/* {"name": NAME, "software": BOOL, "seconds": N, "device": ID}, each of them optional */
static void token_add(struct request *req)
{
	struct action *action = request_get(req);
	json_t *body = field_body(req), *seconds;
	json_int_t life;
	bool known;

	if (!body)
		return;
	seconds = json_object_get(body, "seconds");
	life = seconds ? json_integer_value(seconds) : TOKEN_SECONDS;
	known = json_object_get(body, "device") != NULL;
	if ((known && !take_device(body, false, action->token.device)) ||
	    (json_object_get(body, "name") &&
	     !take_name(body, "name", action->token.name)) ||
	    life < 1 || life > TOKEN_MAX) {
		reply_error(
			req, 400, "malformed",
			"\"device\" is an id, \"name\" a name, \"seconds\" from 1 to %d",
			TOKEN_MAX);
	} else if (!draw(action, !known)) {
		reply_error(req, 503, "busy", "no random bytes; come again");
	} else {
		action->token.software = json_is_true(json_object_get(body, "software"));
		action->token.created = time(NULL);
		action->token.expires = action->token.created + life;
		request_write(req, write_token);
	}
	json_decref(body);
}

static void write_token_delete(struct request *req)
{
	const struct action *action = request_get(req);

	if (!answered(req, store_token_delete(store_of(req), action->id)))
		done(req, "token-deleted");
}

static void token_delete(struct request *req)
{
	request_write(req, write_token_delete);
}

/* ---- the allow-list ---- */

static void write_eks(struct request *req)
{
	const struct action *action = request_get(req);
	size_t added;
	json_t *fields;

	if (answered(req, store_ek_allow(store_of(req),
					 (const uint8_t(*)[STORE_SHA256])action->eks,
					 action->count, action->name, &added)))
		return;
	fields = json_pack("{s:s, s:I, s:I}", "batch", action->name, "added",
			   (json_int_t)added, "known",
			   (json_int_t)(action->count - added));
	answer(req, 200, json_deep_copy(fields));
	audit(req, "eks-allowed", fields);
}

/* One hash in hex a line; 0, or the number of the line that is none */
static size_t take_eks(struct action *action, const char *text, size_t len)
{
	const char *end = text + len, *eol;
	size_t number = 0, n;

	for (; text < end; text = eol + 1) {
		number++;
		eol = memchr(text, '\n', (size_t)(end - text));
		eol = eol ? eol : end;
		n = (size_t)(eol - text);
		n -= n && text[n - 1] == '\r';
		if (n && !hex_read(text, n, action->eks[action->count++], STORE_SHA256))
			return number;
	}
	return 0;
}

/* ?batch=NAME, and in the body the hashes; the same once more changes nothing */
static void eks(struct request *req)
{
	const char *batch = request_query(req, "batch");
	struct action *action = request_get(req);
	size_t len, line;
	const char *text = request_body(req, &len);

	action->eks = calloc(EKS_MAX, sizeof(*action->eks));
	if (!action->eks) {
		reply_error(req, 503, "busy", "out of memory; come again");
		return;
	}
	if (!batch || strlen(batch) > STORE_NAME_MAX) {
		reply_error(req, 400, "malformed",
			    "batch= is missing, or too long for a name");
		return;
	}
	line = take_eks(action, text, len);
	if (line) {
		reply_error(
			req, 400, "malformed",
			"line %zu is not the SHA-256 of an EK's public key in 64 hex digits",
			line);
		return;
	}
	strcpy(action->name, batch);
	request_write(req, write_eks);
}

/* ---- who and what ---- */

/* In a path, ID is a device's, NAME a name */
static const struct verb {
	enum http_method method;
	const char *path;
	enum role role;
	void (*run)(struct request *req);
} verbs[] = {
	{ HTTP_GET, "counts", ROLE_VIEWER, counts },
	{ HTTP_GET, "devices", ROLE_VIEWER, devices },
	{ HTTP_GET, "devices/ID", ROLE_VIEWER, device_show },
	{ HTTP_POST, "devices/ID/approve", ROLE_OPERATOR, device_approve },
	{ HTTP_POST, "devices/revoke", ROLE_OPERATOR, devices_revoke },
	{ HTTP_POST, "keys/revoke", ROLE_OPERATOR, key_revoke },
	{ HTTP_POST, "versions/revoke", ROLE_OPERATOR, version_revoke },
	{ HTTP_GET, "groups", ROLE_VIEWER, groups },
	{ HTTP_PUT, "groups/NAME", ROLE_OPERATOR, group_add },
	{ HTTP_GET, "groups/NAME", ROLE_VIEWER, members },
	{ HTTP_PUT, "groups/NAME/members/ID", ROLE_OPERATOR, member_add },
	{ HTTP_DELETE, "groups/NAME/members/ID", ROLE_OPERATOR, member_revoke },
	{ HTTP_GET, "tokens", ROLE_VIEWER, tokens },
	{ HTTP_POST, "tokens", ROLE_OPERATOR, token_add },
	{ HTTP_DELETE, "tokens/ID", ROLE_OPERATOR, token_delete },
	{ HTTP_POST, "eks", ROLE_ADMIN, eks },
};

/* One part of a path, up to a slash */
static bool match_part(const char *pattern, size_t pattern_len, const char *part,
		       size_t len, struct action *action)
{
	if (pattern_len == 2 && !memcmp(pattern, "ID", 2))
		return is_id(part, len, action->id);
	if (pattern_len == 4 && !memcmp(pattern, "NAME", 4)) {
		if (!len || len > STORE_NAME_MAX)
			return false;
		memcpy(action->name, part, len);
		action->name[len] = '\0';
		return true;
	}
	return pattern_len == len && !memcmp(pattern, part, len);
}

static bool match(const char *pattern, const char *path, struct action *action)
{
	size_t pattern_len, len;

	for (;;) {
		pattern_len = strcspn(pattern, "/");
		len = strcspn(path, "/");
		if (!match_part(pattern, pattern_len, path, len, action))
			return false;
		pattern += pattern_len;
		path += len;
		if (!*pattern || !*path)
			return *pattern == *path;
		pattern++;
		path++;
	}
}

static void run_verb(struct request *req, enum role role)
{
	const char *path = request_path(req) + strlen(PREFIX);
	struct action *action = request_get(req);
	size_t i;

	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (verbs[i].method != request_method(req) ||
		    !match(verbs[i].path, path, action))
			continue;
		if (role >= verbs[i].role)
			verbs[i].run(req);
		else
			reply_error(
				req, 403, "role",
				"the role of %s does not allow this; see the file of admins",
				action->who);
		return;
	}
	reply_error(req, 404, "no-such-path", "there is no %.80s here, asked this way",
		    request_path(req));
}

static void handle(struct request *req)
{
	X509 *certificate = request_certificate(req);
	struct action *action;
	enum role role;

	if (!certificate) {
		reply_error(req, 401, "no-certificate",
			    "the administration needs the certificate of an admin");
		return;
	}
	if (!device_current(req))
		return;
	action = calloc(1, sizeof(*action));
	if (!action) {
		reply_error(req, 503, "busy", "out of memory; come again");
		return;
	}
	request_set(req, action, drop_action);
	role = admin_role(request_worker(req)->config->admins, certificate, action->who);
	if (role == ROLE_NONE)
		reply_error(req, 403, "not-an-admin",
			    "the certificate is not in the registrar's file of admins");
	else
		run_verb(req, role);
}

const struct route admin_routes[] = {
	{ .path = PREFIX "eks",
	  .methods = HTTP_POST,
	  .handle = handle,
	  .body = EKS_BODY },
	{ .path = PREFIX "devices/revoke",
	  .methods = HTTP_POST,
	  .handle = handle,
	  .body = DEVICES_BODY },
	{ .path = PREFIX "*",
	  .methods = HTTP_GET | HTTP_POST | HTTP_PUT | HTTP_DELETE,
	  .handle = handle },
	{ 0 },
};
