// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Roots, for devices whose last attestation passed and is not old: derived from the fleet's
 * master and wrapped so that only the device's TPM imports them, and opens them as
 * release-policy says.  Contexts of the derivation:
 *
 *	"iotkey root"		device id || version be32 || name
 *	"iotkey group root"	name of the group || 0 || version be32
 */
#include "routes.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../common/say.h"
#include "device.h"
#include "field.h"
#include "nonce.h"
#include "worker.h"

#define PARENT_HANDLE 0x81000001u
#define ROOTS_MAX     32

struct root {
	char name[STORE_NAME_MAX + 1];
	uint32_t version;
	bool group;
	char *pem;
};

struct release {
	struct store_device device;
	struct iotkey_bytes nonce, parent, attest, signature;
	struct iotkey_area area;
	struct iotkey_name parent_name;
	struct policy_binding binding;
	struct root root[ROOTS_MAX];
	size_t roots;
};

static void drop_release(void *arg)
{
	struct release *release = arg;
	size_t i;

	for (i = 0; i < release->roots; i++)
		free(release->root[i].pem);
	field_free(&release->nonce);
	field_free(&release->parent);
	field_free(&release->attest);
	field_free(&release->signature);
	free(release);
}

/*
 * Whether
 */

static bool check_attested(struct request *req, const struct store_device *device)
{
	const struct store_attestation *last = &device->attestation;
	unsigned int valid = request_worker(req)->config->attest_valid;

	if (last->result == STORE_NEVER)
		reply_error(req, 403, "not-attested",
			    "this device was not attested yet; attest first");
	else if (last->result != STORE_PASS)
		reply_error(req, 403, "attestation-failed",
			    "the last attestation of this device failed");
	else if (last->passed + (int64_t)valid < time(NULL))
		reply_error(req, 403, "attestation-old",
			    "the last attestation is older than %u s; attest again",
			    valid);
	else
		return true;
	return false;
}

/* What restarted may be in another state by now; the TPM counts */
static bool check_boot(struct request *req, const struct release *release)
{
	const struct store_attestation *last = &release->device.attestation;
	struct iotkey_certified certified;

	if (!iotkey_certified_parse(release->attest.data, release->attest.len,
				    &certified) &&
	    certified.resets == last->resets && certified.restarts == last->restarts)
		return true;
	reply_error(req, 403, "restarted",
		    "this device was restarted since its last attestation; attest again");
	return false;
}

static bool check_policy(struct request *req, struct release *release)
{
	const struct worker *worker = request_worker(req);
	struct progress proved;
	int err;

	progress_read(&release->device.attestation, &proved);
	err = policy_bind(worker->policy, &proved, &release->binding);
	if (err == -ENODATA)
		reply_error(req, 403, "pcrs-not-attested",
			    "the last attestation did not quote %s; attest again with it",
			    worker->config->release_pcrs);
	else if (err)
		reply_error(
			req, 403, "pcrs-not-approved",
			"the policy signer has not approved the PCRs of this device; %s",
			"see iotkey-registrar approve");
	return !err;
}

static const struct {
	int err;
	int status;
	const char *word, *detail;
} parent_errors[] = {
	{ -EBADMSG, 400, "malformed",
	  "\"parent\", \"attest\" or \"signature\" is malformed" },
	{ -EPROTOTYPE, 400, "malformed", "\"attest\" is no TPM2_Certify" },
	{ -ENOTSUP, 403, "parent-unfit", "an algorithm in it is weak or not known" },
	{ -EKEYREJECTED, 403, "parent-signature",
	  "the attestation key of this device did not sign \"attest\"" },
	{ -ESTALE, 403, "nonce-wrong", "\"attest\" is over another nonce" },
	{ -EXDEV, 403, "parent-mismatch",
	  "\"attest\" is about another key than \"parent\"" },
	{ -EACCES, 403, "parent-unfit",
	  "\"parent\" is not a storage key of the TPM on ECC P-256 with SHA-256" },
};

static bool check_parent(struct request *req, struct release *release)
{
	struct iotkey_key_evidence evidence = { release->attest, release->signature,
						release->parent };
	struct iotkey_attest *attest = request_worker(req)->attest;
	struct iotkey_ak *ak;
	int err = iotkey_ak_parse(release->device.ak_public,
				  release->device.ak_public_len, &ak);
	size_t i;

	if (!err) {
		err = iotkey_key_check(attest, ak, release->nonce, IOTKEY_ROLE_PARENT,
				       &evidence, &release->area);
		iotkey_ak_free(ak);
	}
	if (!err)
		err = iotkey_area_name(attest, &release->area, &release->parent_name);
	if (!err)
		return true;
	for (i = 0; i < sizeof(parent_errors) / sizeof(parent_errors[0]); i++)
		if (parent_errors[i].err == err) {
			reply_error(req, parent_errors[i].status, parent_errors[i].word,
				    "%s", parent_errors[i].detail);
			return false;
		}
	reply_error(req, 503, "busy", "the parent cannot be checked now");
	return false;
}

/*
 * What
 */

static struct root *new_root(struct release *release, const char *name, size_t len)
{
	struct root *root;

	if (release->roots == ROOTS_MAX || !len || len > STORE_NAME_MAX)
		return NULL;
	root = &release->root[release->roots++];
	memcpy(root->name, name, len);
	root->name[len] = 0;
	return root;
}

/* The configured ones, with the versions that this device gets now */
static int list_roots(struct worker *worker, struct release *release)
{
	const char *p = worker->config->roots;
	struct root *root;
	size_t len;
	int err;

	for (; (len = config_root(&p)); p += len) {
		root = new_root(release, p, len);
		if (!root)
			return -E2BIG;
		err = store_root_version(worker->store, release->device.id, root->name,
					 &root->version);
		if (err)
			return err;
	}
	return 0;
}

static int add_group(void *arg, const struct store_group *group)
{
	struct root *root = new_root(arg, group->name, strlen(group->name));

	if (!root)
		return -E2BIG;
	root->version = group->version;
	root->group = true;
	return 0;
}

static void put_be32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

static int derive(struct worker *worker, const struct release *release,
		  const struct root *root, uint8_t secret[MASTER_SIZE])
{
	uint8_t context[STORE_ID + 4 + STORE_NAME_MAX + 1];
	size_t name = strlen(root->name);

	if (root->group) {
		memcpy(context, root->name, name + 1);
		put_be32(context + name + 1, root->version);
		return master_derive(worker->master, "iotkey group root", context,
				     name + 1 + 4, secret);
	}
	memcpy(context, release->device.id, STORE_ID);
	put_be32(context + STORE_ID, root->version);
	memcpy(context + STORE_ID + 4, root->name, name);
	return master_derive(worker->master, "iotkey root", context, STORE_ID + 4 + name,
			     secret);
}

static int wrap(struct worker *worker, struct release *release, struct root *root)
{
	uint8_t secret[MASTER_SIZE];
	int err = derive(worker, release, root, secret);

	if (!err)
		err = iotkey_wrap(worker->attest, &release->area, PARENT_HANDLE, secret,
				  &release->binding.policy, &root->pem);
	OPENSSL_cleanse(secret, sizeof(secret));
	return err;
}

static bool make_roots(struct request *req, struct release *release)
{
	struct worker *worker = request_worker(req);
	int err = list_roots(worker, release);
	size_t i;

	if (!err)
		err = store_group_of(worker->store, release->device.id, add_group,
				     release);
	if (err == -E2BIG)
		reply_error(req, 503, "roots", "this device has more than %u roots",
			    ROOTS_MAX);
	else if (err)
		reply_store_error(req, err);
	for (i = 0; !err && i < release->roots; i++) {
		err = wrap(worker, release, &release->root[i]);
		if (err) {
			say("root %s: %s", release->root[i].name, strerror(-err));
			reply_error(req, 503, "busy", "the fleet's master gives no root");
		}
	}
	return !err;
}

/*
 * The answer
 */

static json_t *roots_json(const struct worker *worker, const struct release *release,
			  bool pem)
{
	json_t *list = json_array(), *one;
	size_t i;

	for (i = 0; i < release->roots; i++) {
		const struct root *root = &release->root[i];

		one = json_pack("{ss,sI,ss,sb}", "name", root->name, "version",
				(json_int_t)root->version, "policy",
				policy_word(worker->policy), "group", root->group);
		if (pem)
			json_object_set_new(one, "pem", json_string(root->pem));
		json_array_append_new(list, one);
	}
	return list;
}

static int write_rows(struct worker *worker, const struct release *release)
{
	int64_t now = time(NULL);
	int err = store_device_parent(worker->store, release->device.id,
				      release->parent_name.data);
	size_t i;

	for (i = 0; !err && i < release->roots; i++)
		if (!release->root[i].group)
			err = store_root_released(worker->store, release->device.id,
						  release->root[i].name,
						  release->root[i].version, now);
	return err;
}

static void write_release(struct request *req)
{
	struct release *release = request_get(req);
	struct worker *worker = request_worker(req);
	int err = store_device_nonce(worker->store, release->device.id, STORE_RELEASE,
				     release->nonce.data);

	if (err == -ESTALE) {
		reply_error(req, 403, "nonce-used",
			    "a nonce as new as this one was used already; get another");
		return;
	}
	if (!err)
		err = write_rows(worker, release);
	if (err) {
		release->device.state = err == -EKEYREVOKED ? STORE_REVOKED
					: err == -EACCES    ? STORE_PENDING
							    : STORE_ACTIVE;
		if (!device_refused(req, &release->device))
			reply_store_error(req, err);
		return;
	}
	worker_audit(worker, "roots-released",
		     json_pack("{so,so,so}", "device",
			       field_json_hex(release->device.id, STORE_ID),
			       "parent_name",
			       field_json_hex(release->parent_name.data, STORE_TPM_NAME),
			       "roots", roots_json(worker, release, false)));
	reply_json(req, 200,
		   json_pack("{so}", "roots", roots_json(worker, release, true)));
}

static bool read_release(struct request *req, const json_t *body, struct release *release)
{
	return field_bytes(req, body, "nonce", 64, FIELD_NEEDED, &release->nonce) &&
	       field_bytes(req, body, "parent", 512, FIELD_NEEDED, &release->parent) &&
	       field_bytes(req, body, "attest", 1024, FIELD_NEEDED, &release->attest) &&
	       field_bytes(req, body, "signature", 2048, FIELD_NEEDED,
			   &release->signature);
}

static void handle_release(struct request *req)
{
	struct release *release = calloc(1, sizeof(*release));
	json_t *body;

	if (!release) {
		reply_error(req, 503, "busy", "out of memory; come again");
		return;
	}
	request_set(req, release, drop_release);
	if (!device_of(req, &release->device) || !device_has_ak(req, &release->device) ||
	    !check_attested(req, &release->device))
		return;
	body = field_body(req);
	if (body && read_release(req, body, release) &&
	    device_nonce(req, &release->device, STORE_RELEASE, release->nonce) &&
	    check_parent(req, release) && check_boot(req, release) &&
	    check_policy(req, release) && make_roots(req, release))
		request_write(req, write_release);
	json_decref(body);
}

/*
 * Approvals, for roots that are loaded: what was approved since they were released.  They are
 * no secret and need no attestation: a device takes them before it boots into what they approve.
 */
static void handle_approvals(struct request *req)
{
	const struct worker *worker = request_worker(req);
	const char *word = policy_word(worker->policy);
	struct policy_binding binding;
	struct store_device device;
	struct progress proved;
	uint8_t *der;
	size_t len;
	int err;

	if (!device_of(req, &device))
		return;
	progress_read(&device.attestation, &proved);
	err = policy_approvals(worker->policy, &proved, &binding);
	if (!err)
		err = iotkey_approvals(&binding.policy, &der, &len);
	if (err == -ENOENT) {
		reply_json(req, 200, json_pack("{ss}", "policy", word));
		return;
	}
	if (err) {
		reply_error(req, 503, "busy", "out of memory; come again");
		return;
	}
	reply_json(req, 200,
		   json_pack("{ss,so}", "policy", word, "approvals",
			     field_json_bytes(der, len)));
	free(der);
}

const struct route release_routes[] = {
	{ .path = "/.well-known/iotkey/approvals",
	  .methods = HTTP_GET,
	  .handle = handle_approvals },
	{ .path = "/.well-known/iotkey/release",
	  .methods = HTTP_POST,
	  .handle = handle_release },
	{ 0 },
};
