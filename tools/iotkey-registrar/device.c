// SPDX-License-Identifier: GPL-2.0-or-later
#include "device.h"

#include <errno.h>
#include <openssl/x509v3.h>

#include "../common/hex.h"
#include "field.h"
#include "nonce.h"
#include "worker.h"

#define RETRY_SECONDS "60"

bool device_current(struct request *req)
{
	switch (SSL_get_verify_result(request_ssl(req))) {
	case X509_V_OK:
		return true;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		reply_error(req, 403, "certificate-not-yet-valid",
			    "the time of the client's certificate has not begun; %s",
			    "one of the two clocks is wrong");
		return false;
	default:
		reply_error(req, 403, "certificate-expired",
			    "the time of the client's certificate is over; %s",
			    "enrol with the attestation key or a new token");
		return false;
	}
}

bool device_refused(struct request *req, const struct store_device *device)
{
	if (device->state == STORE_REVOKED)
		reply_error(req, 403, "device-revoked",
			    "this device was revoked, which is for good");
	else if (device->state == STORE_PENDING)
		reply_error(req, 403, "device-pending",
			    "an operator has to approve this device first");
	else
		return false;
	return true;
}

void device_waits(struct request *req, const struct store_device *device)
{
	reply_header(req, "Retry-After", RETRY_SECONDS);
	reply_json(req, 202,
		   json_pack("{so,ss}", "device", field_json_hex(device->id, STORE_ID),
			     "state", "pending"));
}

/*
 * TLS has checked each signature of the chain it found, of every connection, as no session is
 * resumed.  It may be that of an IDevID, and let pass that the time of the first is not now.
 */
bool device_issued(struct request *req)
{
	const STACK_OF(X509) *chain = SSL_get0_verified_chain(request_ssl(req));

	return sk_X509_num(chain) > 1 &&
	       !X509_cmp(sk_X509_value(chain, 1), request_worker(req)->ca->certificate);
}

/* Its id is the serialNumber of the subject (802.1AR) */
static bool read_id(X509 *certificate, uint8_t id[STORE_ID])
{
	X509_NAME *name = X509_get_subject_name(certificate);
	int at = X509_NAME_get_index_by_NID(name, NID_serialNumber, -1);
	const ASN1_STRING *text;

	if (at < 0)
		return false;
	text = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
	return hex_read((const char *)ASN1_STRING_get0_data(text),
			(size_t)ASN1_STRING_length(text), id, STORE_ID);
}

static bool find(struct request *req, X509 *certificate, struct store_device *device,
		 struct store_certificate *row)
{
	struct store *store = request_worker(req)->store;
	uint8_t id[STORE_ID], serial[CA_SERIAL];
	int err;

	if (!device_issued(req) || !read_id(certificate, id) ||
	    !ca_serial(certificate, serial)) {
		reply_error(
			req, 403, "not-a-device",
			"the client's certificate is not that of a device of this fleet");
		return false;
	}
	err = store_device_get(store, id, device);
	if (!err)
		err = store_certificate_get(store, id, serial, row);
	if (!err)
		return true;
	if (err == -ENOENT)
		reply_error(req, 403, "certificate-unknown",
			    "the store does not know the client's certificate");
	else
		reply_store_error(req, err);
	return false;
}

bool device_of(struct request *req, struct store_device *device)
{
	X509 *certificate = request_certificate(req);
	struct store_certificate row;

	if (!certificate) {
		reply_error(req, 401, "certificate-needed",
			    "a device shows its certificate for this");
		return false;
	}
	if (!device_current(req) || !find(req, certificate, device, &row) ||
	    device_refused(req, device))
		return false;
	if (row.revoked) {
		reply_error(req, 403, "certificate-revoked",
			    "the client's certificate was revoked; enrol anew");
		return false;
	}
	return true;
}

bool device_nonce(struct request *req, const struct store_device *device,
		  enum store_purpose purpose, struct iotkey_bytes nonce)
{
	int err = nonce_check(request_worker(req), purpose, device->id, nonce.data,
			      nonce.len);

	if (err == -EKEYEXPIRED)
		reply_error(req, 403, "nonce-expired",
			    "the nonce is older than 5 minutes; get another");
	else if (err == -ETIME)
		reply_error(
			req, 403, "clock-skew",
			"the nonce is of a registrar whose clock is ahead of this one's");
	else if (err)
		reply_error(req, 403, "nonce-wrong",
			    "the nonce was not given to this device for this purpose");
	return !err;
}

bool device_has_ak(struct request *req, const struct store_device *device)
{
	if (!device->has_ak)
		reply_error(
			req, 403, "no-attestation-key",
			"this device has no attestation key here; it has to join by its EK");
	return device->has_ak;
}
