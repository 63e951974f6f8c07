// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a registrar believes of a TPM's keys, with a device played by tests/host/device.c, which
 * shares no code with the library.
 *
 * sources: lib/attest/area.c lib/attest/ak.c lib/attest/hash.c lib/attest/certify.c lib/attest/quote.c
 * sources: lib/attest/pcrs.c lib/attest/credential.c lib/attest/protect.c lib/attest/csr.c
 * sources: tests/host/device.c
 * libs: -lcrypto
 */
#include <errno.h>
#include <iotkey-fleet.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "../host/device.h"
#include "ktap.h"

static struct iotkey_attest *attest;
static struct played_device device, other;
static const uint8_t nonce[32] = "a nonce that was given";

/* In memory of its own size, so that ASan sees what is read behind it */
static uint8_t *copy_of(const void *data, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);

	memcpy(copy, data, len);
	return copy;
}

static struct iotkey_bytes bytes(const void *data, size_t len)
{
	return (struct iotkey_bytes){ data, len };
}

static void parse(const struct played_key *key, struct iotkey_area *area)
{
	if (iotkey_area_parse(key->area, key->area_len, area))
		abort();
}

/* ---- areas ---- */

static void test_area(void)
{
	const struct played_key *key = &device.ek;
	struct iotkey_area area;
	struct iotkey_name name;
	uint8_t *copy, id[16], hex[33];
	size_t i, wrong = 0;
	EVP_PKEY *pkey;

	for (i = 0; i < key->area_len; i++) {
		copy = copy_of(key->area, i);
		wrong += iotkey_area_parse(copy, i, &area) != -EBADMSG;
		free(copy);
	}
	ktap_ok(!wrong, "an area cut off at each byte");
	copy = copy_of(key->area, key->area_len + 1);
	ktap_ok(iotkey_area_parse(copy, key->area_len + 1, &area) == -EBADMSG,
		"longer than it says");
	free(copy);
	ktap_ok(!iotkey_area_parse(key->area + 2, key->area_len - 2, &area) &&
			area.whole.len == key->area_len - 2,
		"without its size");
	parse(key, &area);
	ktap_ok(!iotkey_area_name(attest, &area, &name) && name.len == 34 &&
			!memcmp(name.data, key->name, 34) &&
			iotkey_name_is(&name, bytes(key->name, 34)),
		"its name");
	ktap_ok(!iotkey_name_is(&name, bytes(key->name, 33)) &&
			!iotkey_name_is(&name, bytes(device.ak.name, 34)) &&
			!iotkey_name_is(&name, bytes("", 0)),
		"and no other");
	ktap_ok(!iotkey_area_pkey(&area, &pkey) && EVP_PKEY_eq(pkey, key->pkey) == 1,
		"its key");
	iotkey_device_id(pkey, id);
	for (i = 0; i < 16; i++)
		snprintf((char *)hex + 2 * i, 3, "%02x", id[i]);
	ktap_ok(!strcmp((char *)hex, device.id), "the device's id");
	EVP_PKEY_free(pkey);
}

/* A key is fit for its own role alone; and each bit that its role needs counts */
static void test_roles(void)
{
	static const struct {
		const char *name;
		uint32_t needed;
	} roles[] = {
		[IOTKEY_ROLE_EK] = { "EK", 0x30032 },
		[IOTKEY_ROLE_AK] = { "AK", 0x50032 },
		[IOTKEY_ROLE_PARENT] = { "parent", 0x30032 },
		[IOTKEY_ROLE_KEY] = { "key", 0x40032 },
	};
	const struct played_key *keys[] = {
		[IOTKEY_ROLE_EK] = &device.ek,
		[IOTKEY_ROLE_AK] = &device.ak,
		[IOTKEY_ROLE_PARENT] = &device.parent,
		[IOTKEY_ROLE_KEY] = &device.key,
	};
	struct iotkey_area area;
	unsigned int role, bit;
	bool good;

	for (role = IOTKEY_ROLE_EK; role <= IOTKEY_ROLE_KEY; role++) {
		parse(keys[role], &area);
		ktap_ok(!iotkey_area_flaw(&area, role), "a fit %s", roles[role].name);
		for (good = true, bit = 0; bit < 32; bit++) {
			if (!(roles[role].needed & 1u << bit))
				continue;
			area.attributes ^= 1u << bit;
			good &= iotkey_area_flaw(&area, role) != NULL;
			area.attributes ^= 1u << bit;
		}
		ktap_ok(good, "%s: without any of its attributes it is not",
			roles[role].name);
		area.hash = 4;
		ktap_ok(iotkey_area_flaw(&area, role) != NULL,
			"%s: nor with a name by SHA-1", roles[role].name);
	}
	parse(&device.key, &area);
	ktap_ok(iotkey_area_flaw(&area, IOTKEY_ROLE_AK) &&
			iotkey_area_flaw(&area, IOTKEY_ROLE_EK) &&
			iotkey_area_flaw(&area, IOTKEY_ROLE_PARENT),
		"a key is nothing else");
	parse(&device.ak, &area);
	ktap_ok(iotkey_area_flaw(&area, IOTKEY_ROLE_KEY) != NULL, "an AK is no key");
	area.attributes |= IOTKEY_DECRYPT;
	ktap_ok(iotkey_area_flaw(&area, IOTKEY_ROLE_AK) != NULL,
		"nor an AK if it decrypts");
}

static void test_signer(void)
{
	EVP_PKEY *p384 = EVP_EC_gen("P-384"), *rsa = EVP_RSA_gen(2048);
	uint8_t out[IOTKEY_SIGNER_SIZE];
	struct iotkey_area area;
	EVP_PKEY *back = NULL;

	ktap_ok(iotkey_area_signer(device.key.pkey, out) == sizeof(out) &&
			!iotkey_area_parse(out, sizeof(out), &area) &&
			!iotkey_area_pkey(&area, &back) &&
			EVP_PKEY_eq(back, device.key.pkey) == 1,
		"a signer's area");
	ktap_ok(iotkey_area_signer(p384, out) == -ENOTSUP &&
			iotkey_area_signer(rsa, out) == -ENOTSUP,
		"is of P-256");
	EVP_PKEY_free(back);
	EVP_PKEY_free(p384);
	EVP_PKEY_free(rsa);
}

/* ---- credentials ---- */

static void test_credential(void)
{
	static const uint8_t secret[32] = "thirty-two bytes that are secret";
	uint8_t out[IOTKEY_CREDENTIAL_MAX], got[32];
	struct iotkey_name name = { .len = 34 };
	struct iotkey_area ek;
	uint8_t *copy;
	ssize_t len;
	size_t i, wrong = 0;

	parse(&device.ek, &ek);
	memcpy(name.data, device.ak.name, 34);
	len = iotkey_credential_make(&ek, &name, secret, 32, out);
	ktap_ok(len > 0 && device_activate(&device, out, (size_t)len, got) == 32 &&
			!memcmp(got, secret, 32),
		"a credential is opened by its TPM");
	ktap_ok(device_activate(&other, out, (size_t)len, got) < 0, "by no other");
	for (i = 0; i < (size_t)len; i++) {
		copy = copy_of(out, (size_t)len);
		copy[i] ^= 1;
		wrong += device_activate(&device, copy, (size_t)len, got) >= 0;
		free(copy);
	}
	ktap_ok(!wrong, "with no byte changed");
	memcpy(name.data, other.ak.name, 34);
	len = iotkey_credential_make(&ek, &name, secret, 32, out);
	ktap_ok(len > 0 && device_activate(&device, out, (size_t)len, got) < 0,
		"for no other key");
	ktap_ok(iotkey_credential_make(&ek, &name, secret, 0, out) == -EINVAL,
		"an empty secret");
	ktap_ok(iotkey_credential_make(&ek, &name, secret, 33, out) == -EINVAL,
		"one that is too long");
	len = iotkey_credential_make(&ek, &name, secret, 1, out);
	ktap_ok(len > 0, "one of a byte");
	ek.symmetric = 0x0010;
	ktap_ok(iotkey_credential_make(&ek, &name, secret, 32, out) == -ENOTSUP,
		"an EK without AES");
}

/* ---- certified keys ---- */

static int check(const struct played_device *who, const void *data, size_t len,
		 const void *signature, size_t signature_len,
		 const struct played_key *key, size_t area_len, const void *given)
{
	struct iotkey_key_evidence evidence;
	struct iotkey_area area;
	struct iotkey_ak *ak;
	uint8_t *copies[] = { copy_of(data, len), copy_of(signature, signature_len),
			      copy_of(key->area, area_len) };
	size_t i;
	int err;

	evidence.attest = bytes(copies[0], len);
	evidence.signature = bytes(copies[1], signature_len);
	evidence.area = bytes(copies[2], area_len);
	if (iotkey_ak_parse(who->ak.area, who->ak.area_len, &ak))
		abort();
	err = iotkey_key_check(attest, ak, bytes(given, sizeof(nonce)), IOTKEY_ROLE_KEY,
			       &evidence, &area);
	iotkey_ak_free(ak);
	for (i = 0; i < 3; i++)
		free(copies[i]);
	return err;
}

#define CHECK(WHO, P, KEY, GIVEN)                                                        \
	check(WHO, (P)->attest, (P)->attest_len, (P)->signature, sizeof((P)->signature), \
	      KEY, (KEY)->area_len, GIVEN)

static void test_certify(void)
{
	static const uint8_t late[32] = "another nonce";
	struct played_attest p, storage;
	struct iotkey_certified c;
	size_t i, n, wrong = 0;
	uint8_t *copy, bad[256];
	int err;

	device_certify(&device, &device.key, nonce, sizeof(nonce), &p);
	ktap_ok(!iotkey_certified_parse(p.attest, p.attest_len, &c) && c.name.len == 34 &&
			!memcmp(c.name.data, device.key.name, 34) && c.nonce.len == 32 &&
			!memcmp(c.nonce.data, nonce, 32),
		"what TPM2_Certify says");
	for (i = 0; i < p.attest_len; i++) {
		copy = copy_of(p.attest, i);
		wrong += !iotkey_certified_parse(copy, i, &c);
		free(copy);
	}
	ktap_ok(!wrong, "cut off at each byte");
	memcpy(bad, p.attest, p.attest_len);
	bad[p.attest_len] = 0;
	ktap_ok(iotkey_certified_parse(bad, p.attest_len + 1, &c) == -EBADMSG,
		"longer than it says");
	ktap_ok(!CHECK(&device, &p, &device.key, nonce), "evidence of a key");
	ktap_ok(CHECK(&device, &p, &device.key, late) == -ESTALE, "with another nonce");
	ktap_ok(CHECK(&other, &p, &device.key, nonce) == -EKEYREJECTED, "by another AK");
	ktap_ok(CHECK(&device, &p, &other.key, nonce) == -EXDEV, "about another key");
	device_certify(&device, &device.parent, nonce, sizeof(nonce), &storage);
	ktap_ok(CHECK(&device, &storage, &device.parent, nonce) == -EACCES,
		"a key of another role");
	for (wrong = 0, i = 0; i < p.attest_len; i++) {
		memcpy(bad, p.attest, p.attest_len);
		bad[i] ^= 1;
		err = check(&device, bad, p.attest_len, p.signature, sizeof(p.signature),
			    &device.key, device.key.area_len, nonce);
		wrong += !err;
	}
	ktap_ok(!wrong, "with any byte of it changed");
	for (wrong = 0, n = 0; n < sizeof(p.signature); n++)
		wrong += !check(&device, p.attest, p.attest_len, p.signature, n,
				&device.key, device.key.area_len, nonce);
	ktap_ok(!wrong, "with its signature cut off");
	for (wrong = 0, n = 0; n < device.key.area_len; n++)
		wrong += check(&device, p.attest, p.attest_len, p.signature,
			       sizeof(p.signature), &device.key, n, nonce) != -EBADMSG;
	ktap_ok(!wrong, "with its area cut off");
}

/* ---- requests ---- */

static int csr_check(const struct played_device *who, const void *der, size_t len)
{
	const uint8_t *p = der;
	X509_REQ *req = d2i_X509_REQ(NULL, &p, (long)len);
	struct iotkey_ak *ak;
	int err;

	if (!req)
		return -EPROTO;
	if (iotkey_ak_parse(who->ak.area, who->ak.area_len, &ak))
		abort();
	err = iotkey_csr_check(attest, req, ak, bytes(nonce, sizeof(nonce)));
	iotkey_ak_free(ak);
	X509_REQ_free(req);
	return err;
}

static void test_csr(void)
{
	struct iotkey_key_evidence evidence;
	struct iotkey_csr_evidence *owner;
	struct played_attest p;
	const uint8_t *at;
	uint8_t *der, *copy;
	size_t i, wrong = 0;
	X509_REQ *req;
	int len;

	len = device_csr(&device, NULL, &der);
	ktap_ok(csr_check(&device, der, (size_t)len) == -ENODATA,
		"a request without evidence");
	OPENSSL_free(der);
	device_certify(&device, &device.key, nonce, sizeof(nonce), &p);
	len = device_csr(&device, &p, &der);
	ktap_ok(!csr_check(&device, der, (size_t)len), "one with it");
	ktap_ok(csr_check(&other, der, (size_t)len) == -EKEYREJECTED,
		"that another TPM did not give");
	at = der;
	req = d2i_X509_REQ(NULL, &at, len);
	if (ktap_ok(req && !iotkey_csr_find(req, &evidence, &owner) &&
			    evidence.attest.len == p.attest_len &&
			    !memcmp(evidence.attest.data, p.attest, p.attest_len),
		    "what is found in it"))
		iotkey_csr_release(owner);
	X509_REQ_free(req);
	for (i = 0; i < (size_t)len; i++) {
		copy = copy_of(der, (size_t)len);
		copy[i] ^= 0x10;
		/* its names are not what evidence is about, nor is its own signature */
		wrong += csr_check(&other, copy, (size_t)len) == 0;
		free(copy);
	}
	ktap_ok(!wrong, "no byte makes it another's");
	OPENSSL_free(der);
	device_certify(&device, &other.key, nonce, sizeof(nonce), &p);
	len = device_csr(&device, &p, &der);
	ktap_ok(csr_check(&device, der, (size_t)len) < 0,
		"evidence of another key than the request's");
	OPENSSL_free(der);
	iotkey_csr_release(NULL);
}

int main(void)
{
	attest = iotkey_attest_new();
	device_make(&device);
	device_make(&other);
	test_area();
	test_roles();
	test_signer();
	test_credential();
	test_certify();
	test_csr();
	device_free(&device);
	device_free(&other);
	iotkey_attest_free(attest);
	return ktap_done();
}
