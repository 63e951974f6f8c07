// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * First contact: whose TPM is it, and does it hold that attestation key (AK)?  A secret is
 * encrypted so that only the TPM with this EK opens it, and only if the AK lives in it
 * (TPM2_MakeCredential, TPM2_ActivateCredential).  Nothing is remembered between the two steps:
 *
 *	secret = HMAC-SHA-256(credential key, SHA-256(EK) || name of the AK || be64 ms)
 *
 * where EK is the public area as TPM2B_PUBLIC; the credential key is derived from the master.
 */
#include "routes.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../common/hex.h"
#include "../common/say.h"
#include "device.h"
#include "field.h"
#include "nonce.h"
#include "worker.h"

#define SECRET_MS	(300 * 1000)
#define SKEW_MS		(60 * 1000)
#define CERTIFICATE_MAX 8192

/* Of this process, made when they are first needed: a new configuration has new processes */
static struct iotkey_makers *makers;
static uint8_t credential_key[MASTER_SIZE];
static bool has_credential_key;

/* What a device says of itself, and what comes of it */
struct join {
	struct iotkey_bytes ek, ak, certificates[IOTKEY_EK_CERTIFICATES_MAX];
	size_t certificate_count;
	struct iotkey_area ek_area, ak_area;
	struct iotkey_name ak_name;
	struct store_device device;
};

static void drop_join(void *arg)
{
	struct join *join = arg;
	size_t i;

	for (i = 0; i < join->certificate_count; i++)
		field_free(&join->certificates[i]);
	field_free(&join->ek);
	field_free(&join->ak);
	free(join);
}

/*
 * Reading
 */

static bool read_certificates(struct request *req, const json_t *body, struct join *join)
{
	const json_t *list = json_object_get(body, "ek_certificates");
	json_t *one;
	size_t i;
	bool ok = true;

	if (!list || json_is_null(list))
		return true;
	if (!json_is_array(list) || json_array_size(list) > IOTKEY_EK_CERTIFICATES_MAX) {
		reply_error(req, 400, "malformed",
			    "\"ek_certificates\" is no list of at most %u certificates",
			    IOTKEY_EK_CERTIFICATES_MAX);
		return false;
	}
	for (i = 0; ok && i < json_array_size(list); i++) {
		one = json_pack("{sO}", "ek_certificates", json_array_get(list, i));
		ok = field_bytes(req, one, "ek_certificates", CERTIFICATE_MAX,
				 FIELD_NEEDED, &join->certificates[i]);
		json_decref(one);
		join->certificate_count += ok;
	}
	return ok;
}

static bool read_area(struct request *req, const char *word, struct iotkey_bytes bytes,
		      enum iotkey_role role, struct iotkey_area *area)
{
	int err = iotkey_area_parse(bytes.data, bytes.len, area);
	const char *flaw = err ? NULL : iotkey_area_flaw(area, role);

	if (err)
		reply_error(req, 400,
			    role == IOTKEY_ROLE_EK ? "ek-malformed" : "ak-malformed",
			    "\"%s\" is no TPM2B_PUBLIC of a key on RSA or ECC", word);
	else if (flaw)
		reply_error(req, 403, role == IOTKEY_ROLE_EK ? "ek-unfit" : "ak-unfit",
			    "the key in \"%s\" is not fit: %s", word, flaw);
	return !err && !flaw;
}

/* Its hash names the device; and a key that is none is found out here */
static bool read_ek_key(struct request *req, struct join *join)
{
	EVP_PKEY *pkey;

	if (iotkey_area_pkey(&join->ek_area, &pkey)) {
		reply_error(req, 400, "ek-malformed",
			    "there is no such key as in \"ek\"");
		return false;
	}
	EVP_PKEY_free(pkey);
	if (iotkey_area_digest(&join->ek_area, join->device.ek_sha256)) {
		reply_error(req, 503, "busy", "out of memory; come again");
		return false;
	}
	memcpy(join->device.id, join->device.ek_sha256, STORE_ID);
	join->device.has_ek = true;
	return true;
}

static bool read_ak_key(struct request *req, struct join *join)
{
	struct iotkey_ak *ak;
	int err = iotkey_ak_parse(join->ak.data, join->ak.len, &ak);

	if (!err)
		iotkey_ak_free(ak);
	if (!err && join->ak.len <= STORE_PUBLIC_MAX &&
	    join->ak_area.hash == IOTKEY_HASH_SHA256)
		err = iotkey_area_name(request_worker(req)->attest, &join->ak_area,
				       &join->ak_name);
	else
		err = -EBADMSG;
	if (err) {
		reply_error(req, 403, "ak-unfit", "the key in \"ak\" is not fit: %s",
			    "it is not on ECC or RSA with a name by SHA-256");
		return false;
	}
	memcpy(join->device.ak_name, join->ak_name.data, STORE_TPM_NAME);
	memcpy(join->device.ak_public, join->ak.data, join->ak.len);
	join->device.ak_public_len = join->ak.len;
	join->device.has_ak = true;
	return true;
}

static bool read_name(struct request *req, const json_t *body, struct join *join)
{
	const json_t *name = json_object_get(body, "name");

	if (!name || json_is_null(name))
		return true;
	if (!json_is_string(name) || json_string_length(name) > STORE_NAME_MAX ||
	    strlen(json_string_value(name)) != json_string_length(name)) {
		reply_error(req, 400, "malformed",
			    "\"name\" is longer than %u characters", STORE_NAME_MAX);
		return false;
	}
	memcpy(join->device.name, json_string_value(name), json_string_length(name));
	return true;
}

static bool read_join(struct request *req, const json_t *body, struct join *join)
{
	return field_bytes(req, body, "ek", STORE_PUBLIC_MAX, FIELD_NEEDED, &join->ek) &&
	       field_bytes(req, body, "ak", STORE_PUBLIC_MAX, FIELD_NEEDED, &join->ak) &&
	       read_name(req, body, join) && read_certificates(req, body, join) &&
	       read_area(req, "ek", join->ek, IOTKEY_ROLE_EK, &join->ek_area) &&
	       read_area(req, "ak", join->ak, IOTKEY_ROLE_AK, &join->ak_area) &&
	       read_ek_key(req, join) && read_ak_key(req, join);
}

/*
 * Whose TPM it is
 */

static const struct {
	int err;
	const char *word, *detail;
} ek_errors[] = {
	{ -ENODATA, "ek-unknown",
	  "the EK is on no allow-list, and no certificate came with it" },
	{ -EBADMSG, "ek-certificate-malformed", "an EK certificate is none, in DER" },
	{ -EXDEV, "ek-certificate-mismatch",
	  "the first EK certificate is for another key than \"ek\"" },
	{ -EKEYEXPIRED, "ek-certificate-expired",
	  "a certificate of the EK's chain is over or not yet valid; an operator can put the EK on the allow-list" },
	{ -EPROTOTYPE, "ek-certificate-unfit", "the first EK certificate is no EK's" },
	{ -ENOKEY, "ek-maker-unknown",
	  "the EK certificate leads to no maker that is known here (ek-ca)" },
	{ -EKEYREJECTED, "ek-certificate-invalid",
	  "a signature in the chain of the EK certificate does not fit" },
};

static bool refuse_ek(struct request *req, int err)
{
	size_t i;

	for (i = 0; i < sizeof(ek_errors) / sizeof(ek_errors[0]); i++)
		if (ek_errors[i].err == err) {
			reply_error(req, 403, ek_errors[i].word, "%s",
				    ek_errors[i].detail);
			return false;
		}
	reply_error(req, 503, "busy", "the EK cannot be checked now; come again");
	return false;
}

static bool load_makers(struct request *req)
{
	const char *path = request_worker(req)->config->ek_ca;
	int err = makers || !path ? 0 : iotkey_makers_load(path, &makers);

	if (!err)
		return true;
	say("ek-ca %s: %s", path, strerror(-err));
	reply_error(req, 503, "ek-makers",
		    "the makers' certificates cannot be read; see the registrar's log");
	return false;
}

static bool believe_ek(struct request *req, const struct join *join)
{
	char batch[STORE_NAME_MAX + 1];
	int err = store_ek_allowed(request_worker(req)->store, join->device.ek_sha256,
				   batch);

	if (!err)
		return true;
	if (err != -ENOENT) {
		reply_store_error(req, err);
		return false;
	}
	if (!load_makers(req))
		return false;
	if (!makers)
		return refuse_ek(req, join->certificate_count ? -ENOKEY : -ENODATA);
	err = iotkey_ek_check(makers, join->certificates, join->certificate_count,
			      &join->ek_area, time(NULL));
	return err ? refuse_ek(req, err) : true;
}

static bool not_revoked(struct request *req, const struct join *join)
{
	struct store_device device;
	int err = store_device_get(request_worker(req)->store, join->device.id, &device);

	if (err == -ENOENT || (!err && device.state != STORE_REVOKED))
		return true;
	if (err)
		reply_store_error(req, err);
	else
		device_refused(req, &device);
	return false;
}

/* Both steps begin alike, so that each of them stands for itself.  NULL: it has answered */
static struct join *join_of(struct request *req, const json_t *body)
{
	struct join *join = calloc(1, sizeof(*join));

	if (!join) {
		reply_error(req, 503, "busy", "out of memory; come again");
		return NULL;
	}
	request_set(req, join, drop_join);
	return read_join(req, body, join) && believe_ek(req, join) &&
			       not_revoked(req, join)
		       ? join
		       : NULL;
}

/*
 * The secret
 */

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool make_secret(struct request *req, const struct join *join, uint64_t time,
			uint8_t secret[32])
{
	uint8_t text[32 + STORE_TPM_NAME + 8];
	int i, err = 0;

	if (!has_credential_key)
		err = master_derive(request_worker(req)->master, "iotkey credential",
				    NULL, 0, credential_key);
	if (err) {
		say("the master gives no keys: %s", strerror(-err));
		reply_error(req, 503, "busy", "the fleet's master cannot be reached");
		return false;
	}
	has_credential_key = true;
	SHA256(join->ek.data, join->ek.len, text);
	memcpy(text + 32, join->ak_name.data, STORE_TPM_NAME);
	for (i = 0; i < 8; i++)
		text[32 + STORE_TPM_NAME + i] = (uint8_t)(time >> (56 - 8 * i));
	if (HMAC(EVP_sha256(), credential_key, sizeof(credential_key), text, sizeof(text),
		 secret, NULL))
		return true;
	reply_error(req, 503, "busy", "out of memory; come again");
	return false;
}

static void reply_credential(struct request *req, const struct join *join)
{
	uint8_t secret[32], credential[IOTKEY_CREDENTIAL_MAX];
	uint64_t time = now_ms();
	ssize_t len;

	if (!make_secret(req, join, time, secret))
		return;
	len = iotkey_credential_make(&join->ek_area, &join->ak_name, secret,
				     sizeof(secret), credential);
	OPENSSL_cleanse(secret, sizeof(secret));
	if (len < 0)
		reply_error(req, 403, "ek-unfit",
			    "no credential can be made for this EK: %s",
			    strerror((int)-len));
	else
		reply_json(req, 200,
			   json_pack("{so,sI}", "credential",
				     field_json_bytes(credential, (size_t)len), "time",
				     (json_int_t)time));
}

static void handle_join(struct request *req)
{
	json_t *body = field_body(req);
	struct join *join = body ? join_of(req, body) : NULL;

	if (join)
		reply_credential(req, join);
	json_decref(body);
}

/*
 * The second step
 */

static bool check_secret(struct request *req, const json_t *body, const struct join *join)
{
	struct iotkey_bytes given;
	uint64_t time = 0, now = now_ms();
	uint8_t secret[32];
	bool ok;

	if (!field_integer(req, body, "time", FIELD_NEEDED, &time) ||
	    !field_bytes(req, body, "secret", 64, FIELD_NEEDED, &given))
		return false;
	ok = make_secret(req, join, time, secret);
	if (ok && (given.len != sizeof(secret) ||
		   CRYPTO_memcmp(given.data, secret, sizeof(secret)))) {
		reply_error(
			req, 403, "secret-wrong",
			"the secret is not that of the credential for these keys; join again");
		ok = false;
	} else if (ok && time > now + SKEW_MS) {
		reply_error(
			req, 403, "clock-skew",
			"the credential is of a registrar whose clock is ahead of this one's");
		ok = false;
	} else if (ok && time + SECRET_MS < now) {
		reply_error(req, 403, "credential-expired",
			    "the credential is older than 5 minutes; join again");
		ok = false;
	}
	OPENSSL_cleanse(secret, sizeof(secret));
	OPENSSL_cleanse((void *)given.data, given.len);
	field_free(&given);
	return ok;
}

static void reply_joined(struct request *req, const struct store_device *device)
{
	uint8_t nonce[NONCE_SIZE];

	if (device->state != STORE_ACTIVE) {
		device_waits(req, device);
		return;
	}
	if (nonce_make(request_worker(req), STORE_ENROL, device->id, nonce)) {
		reply_error(req, 503, "busy", "no random bytes; come again");
		return;
	}
	reply_json(req, 200,
		   json_pack("{so,ss,so}", "device", field_json_hex(device->id, STORE_ID),
			     "state", "active", "nonce",
			     field_json_bytes(nonce, sizeof(nonce))));
}

static void write_joined(struct request *req)
{
	const struct join *join = request_get(req);
	struct worker *worker = request_worker(req);
	struct store_device device = join->device;
	int err = store_device_join(worker->store, &device);

	if (err == -EINVAL) {
		reply_error(req, 400, "malformed",
			    "\"name\" has characters that names do not have");
		return;
	}
	if (err) {
		device.state = STORE_REVOKED;
		if (err != -EKEYREVOKED || !device_refused(req, &device))
			reply_store_error(req, err);
		return;
	}
	worker_audit(worker, "device-joined",
		     json_pack("{so,so,so,ss,ss}", "device",
			       field_json_hex(device.id, STORE_ID), "ek_sha256",
			       field_json_hex(device.ek_sha256, STORE_SHA256), "ak_name",
			       field_json_hex(device.ak_name, STORE_TPM_NAME), "name",
			       device.name, "state",
			       device.state == STORE_ACTIVE ? "active" : "pending"));
	reply_joined(req, &device);
}

static void handle_activate(struct request *req)
{
	const struct config *config = request_worker(req)->config;
	json_t *body = field_body(req);
	struct join *join = body ? join_of(req, body) : NULL;

	if (join && check_secret(req, body, join)) {
		join->device.state = config->approve ? STORE_PENDING : STORE_ACTIVE;
		join->device.flags = STORE_BY_EK;
		join->device.created = join->device.seen = time(NULL);
		request_write(req, write_joined);
	}
	json_decref(body);
}

/*
 * Nonces, for devices that have their certificate
 */

static void handle_nonce(struct request *req)
{
	static const char *const words[] = { [STORE_ENROL] = "enrol",
					     [STORE_ATTEST] = "attest",
					     [STORE_RELEASE] = "release" };
	const char *word = request_query(req, "purpose");
	struct store_device device;
	uint8_t nonce[NONCE_SIZE];
	unsigned int purpose;

	for (purpose = STORE_ENROL; purpose <= STORE_RELEASE; purpose++)
		if (word && !strcmp(word, words[purpose]))
			break;
	if (purpose > STORE_RELEASE) {
		reply_error(req, 400, "malformed",
			    "purpose= is one of enrol, attest and release");
		return;
	}
	if (!device_of(req, &device))
		return;
	if (nonce_make(request_worker(req), purpose, device.id, nonce))
		reply_error(req, 503, "busy", "no random bytes; come again");
	else
		reply_json(req, 200,
			   json_pack("{so}", "nonce",
				     field_json_bytes(nonce, sizeof(nonce))));
}

const struct route join_routes[] = {
	{ .path = "/.well-known/iotkey/join",
	  .methods = HTTP_POST,
	  .handle = handle_join },
	{ .path = "/.well-known/iotkey/activate",
	  .methods = HTTP_POST,
	  .handle = handle_activate },
	{ .path = "/.well-known/iotkey/nonce",
	  .methods = HTTP_GET,
	  .handle = handle_nonce },
	{ 0 },
};
