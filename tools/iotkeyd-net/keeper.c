// SPDX-License-Identifier: GPL-2.0-or-later
#include "keeper.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The request that was begun in keeper->m; @what is for people: "the keeper ...: reason" */
static bool call_with(struct keeper *keeper, const char *what, const int *give,
		      unsigned int ngive, int *take, unsigned int ntake, struct fault *f)
{
	struct request *m = &keeper->m;
	char text[256] = "";
	int err = request_call(keeper->fd, m, give, ngive, take, ntake);

	if (!err)
		return true;
	/* it ends when its keeper does, and its keeper starts another one */
	if (err == -EPIPE && request_type(m) != REQUEST_ERROR)
		_exit(0);
	if (request_type(m) == REQUEST_ERROR)
		request_text(m, 1, text, sizeof(text));
	request_wipe(m);
	fault(f, FAULT_KEEPER, "the keeper did not %s: %s", what,
	      text[0] ? text : strerror(-err));
	f->err = -err;
	return false;
}

static bool call(struct keeper *keeper, const char *what, struct fault *f)
{
	return call_with(keeper, what, NULL, 0, NULL, 0, f);
}

static bool senseless(struct keeper *keeper, struct fault *f)
{
	request_wipe(&keeper->m);
	fault(f, FAULT_KEEPER, "the keeper's answer makes no sense");
	f->err = EBADMSG;
	return false;
}

static bool get(struct keeper *keeper, unsigned int i, struct iotkey_bytes *bytes)
{
	return !request_field(&keeper->m, i, &bytes->data, &bytes->len);
}

/* The same, to be freed with free(3) */
static bool get_copy(struct keeper *keeper, unsigned int i, struct iotkey_bytes *bytes)
{
	struct iotkey_bytes field;
	uint8_t *copy;

	if (!get(keeper, i, &field))
		return false;
	copy = malloc(field.len + 1);
	if (!copy)
		return false;
	memcpy(copy, field.data, field.len);
	*bytes = (struct iotkey_bytes){ copy, field.len };
	return true;
}

/* A field as a string of its own; an empty one is NULL */
static bool get_string(struct keeper *keeper, unsigned int i, char **text)
{
	struct iotkey_bytes bytes;

	*text = NULL;
	if (!get(keeper, i, &bytes) || memchr(bytes.data, 0, bytes.len))
		return false;
	if (!bytes.len)
		return true;
	*text = strndup((const char *)bytes.data, bytes.len);
	return *text;
}

static bool get_flag(struct keeper *keeper, unsigned int i, bool *flag)
{
	uint64_t value;

	if (request_u64(&keeper->m, i, &value))
		return false;
	*flag = value;
	return true;
}

#define GET_TEXT(keeper, i, array) \
	(!request_text(&(keeper)->m, (i), (array), sizeof(array)))

static bool get_identity(struct keeper *keeper, unsigned int i, struct identity *identity)
{
	return get_string(keeper, i, &identity->chain) &&
	       GET_TEXT(keeper, i + 1, identity->uri);
}

bool keeper_hello(struct keeper *keeper, struct hello *hello, struct fault *f)
{
	struct request *m = &keeper->m;

	memset(hello, 0, sizeof(*hello));
	request_begin(m, REQUEST_HELLO);
	if (!call(keeper, "say where things stand", f))
		return false;
	if (GET_TEXT(keeper, 0, hello->registrar) && get_string(keeper, 1, &hello->ca) &&
	    GET_TEXT(keeper, 2, hello->fingerprint) &&
	    get_flag(keeper, 3, &hello->tofu) && GET_TEXT(keeper, 4, hello->token) &&
	    GET_TEXT(keeper, 5, hello->name) && GET_TEXT(keeper, 6, hello->device) &&
	    get_identity(keeper, 7, &hello->current) &&
	    get_identity(keeper, 9, &hello->pending) &&
	    !request_u64(m, 11, &hello->sequence) &&
	    !request_u64(m, 12, &hello->attest) &&
	    get_flag(keeper, 13, &hello->revoked) &&
	    get_string(keeper, 14, &hello->releases)) {
		request_wipe(m); /* the token */
		return true;
	}
	hello_clear(hello);
	return senseless(keeper, f);
}

void hello_clear(struct hello *hello)
{
	free(hello->ca);
	free(hello->current.chain);
	free(hello->pending.chain);
	free(hello->releases);
	OPENSSL_cleanse(hello, sizeof(*hello));
}

bool keeper_trust(struct keeper *keeper, const char *ca, struct fault *f)
{
	request_begin(&keeper->m, REQUEST_TRUST);
	request_add_text(&keeper->m, ca);
	return call(keeper, "trust the CA that the registrar shows", f);
}

bool keeper_identity(struct keeper *keeper, struct keeper_identity *identity,
		     struct fault *f)
{
	memset(identity, 0, sizeof(*identity));
	request_begin(&keeper->m, REQUEST_IDENTITY);
	if (!call(keeper, "show the TPM's identity", f))
		return false;
	if (get_copy(keeper, 0, &identity->ek) &&
	    get_copy(keeper, 1, &identity->ek_certificates) &&
	    get_copy(keeper, 2, &identity->ak))
		return true;
	keeper_identity_clear(identity);
	return senseless(keeper, f);
}

void keeper_identity_clear(struct keeper_identity *identity)
{
	free((void *)identity->ek.data);
	free((void *)identity->ek_certificates.data);
	free((void *)identity->ak.data);
	memset(identity, 0, sizeof(*identity));
}

bool keeper_activate(struct keeper *keeper, struct iotkey_bytes credential,
		     struct iotkey_bytes *secret, struct fault *f)
{
	request_begin(&keeper->m, REQUEST_ACTIVATE);
	request_add(&keeper->m, credential.data, credential.len);
	if (!call(keeper, "open the credential", f))
		return false;
	return get(keeper, 0, secret) || senseless(keeper, f);
}

bool keeper_device(struct keeper *keeper, const char *device, struct fault *f)
{
	request_begin(&keeper->m, REQUEST_DEVICE);
	request_add_text(&keeper->m, device);
	return call(keeper, "take the device's id", f);
}

bool keeper_key(struct keeper *keeper, struct iotkey_bytes nonce, struct keeper_key *key,
		struct fault *f)
{
	request_begin(&keeper->m, REQUEST_KEY);
	request_add(&keeper->m, nonce.data, nonce.len);
	if (!call(keeper, "make the device's key", f))
		return false;
	return (GET_TEXT(keeper, 0, key->uri) && get(keeper, 1, &key->evidence.area) &&
		get(keeper, 2, &key->evidence.attest) &&
		get(keeper, 3, &key->evidence.signature)) ||
	       senseless(keeper, f);
}

bool keeper_certificate(struct keeper *keeper, const char *chain, struct fault *f)
{
	request_begin(&keeper->m, REQUEST_CERTIFICATE);
	request_add_text(&keeper->m, chain);
	return call(keeper, "take the certificate", f);
}

bool keeper_promote(struct keeper *keeper, struct fault *f)
{
	request_begin(&keeper->m, REQUEST_PROMOTE);
	return call(keeper, "make the new identity the current one", f);
}

/* A log that came beside the packet, or none */
static bool take_log(int fd, struct iotkey_bytes *log)
{
	uint8_t *data = NULL;
	size_t len = 0;
	int err;

	*log = (struct iotkey_bytes){ 0 };
	if (fd < 0)
		return true;
	err = request_read_file(fd, LOG_MAX, &data, &len);
	close(fd);
	if (err)
		return false;
	*log = (struct iotkey_bytes){ data, len };
	return true;
}

bool keeper_evidence(struct keeper *keeper, struct iotkey_bytes nonce,
		     uint64_t ima_offset, struct keeper_evidence *evidence,
		     struct fault *f)
{
	int files[2] = { -1, -1 };
	bool good;

	memset(evidence, 0, sizeof(*evidence));
	request_begin(&keeper->m, REQUEST_EVIDENCE);
	request_add(&keeper->m, nonce.data, nonce.len);
	request_add_u64(&keeper->m, ima_offset);
	if (!call_with(keeper, "quote the TPM's state", NULL, 0, files, 2, f))
		return false;
	good = take_log(files[0], &evidence->eventlog);
	good &= take_log(files[1], &evidence->ima);
	if (good && get(keeper, 0, &evidence->quote) &&
	    get(keeper, 1, &evidence->signature) && get(keeper, 2, &evidence->pcrs) &&
	    !request_u64(&keeper->m, 3, &evidence->resets) &&
	    !request_u64(&keeper->m, 4, &evidence->restarts))
		return true;
	keeper_evidence_clear(evidence);
	return senseless(keeper, f);
}

void keeper_evidence_clear(struct keeper_evidence *evidence)
{
	free((void *)evidence->eventlog.data);
	free((void *)evidence->ima.data);
	memset(evidence, 0, sizeof(*evidence));
}

bool keeper_parent(struct keeper *keeper, struct iotkey_bytes nonce,
		   struct keeper_parent *parent, struct fault *f)
{
	request_begin(&keeper->m, REQUEST_PARENT);
	request_add(&keeper->m, nonce.data, nonce.len);
	if (!call(keeper, "show the TPM's storage key", f))
		return false;
	return (get(keeper, 0, &parent->area) && get(keeper, 1, &parent->attest) &&
		get(keeper, 2, &parent->signature)) ||
	       senseless(keeper, f);
}

bool keeper_root(struct keeper *keeper, const char *name, uint64_t version, bool group,
		 const char *pem, const char *policy, struct fault *f)
{
	request_begin(&keeper->m, REQUEST_ROOT);
	request_add_text(&keeper->m, name);
	request_add_u64(&keeper->m, version);
	request_add_text(&keeper->m, pem);
	request_add_text(&keeper->m, policy);
	request_add_u64(&keeper->m, group);
	return call(keeper, "load a root", f);
}

bool keeper_statement(struct keeper *keeper, struct iotkey_bytes statement,
		      uint64_t *sequence, struct fault *f)
{
	int file = request_file(statement.data, statement.len);
	bool good;

	if (file < 0)
		return fault(f, FAULT_LOCAL, "no memory for a statement: %s",
			     strerror(-file));
	request_begin(&keeper->m, REQUEST_STATEMENT);
	good = call_with(keeper, "take a statement", &file, 1, NULL, 0, f);
	close(file);
	return good && (!request_u64(&keeper->m, 0, sequence) || senseless(keeper, f));
}

void keeper_report(struct keeper *keeper, const char *json)
{
	struct fault f;

	request_begin(&keeper->m, REQUEST_REPORT);
	request_add_text(&keeper->m, json);
	call(keeper, "take a report", &f);
}

void keeper_wipe(struct keeper *keeper)
{
	request_wipe(&keeper->m);
}
