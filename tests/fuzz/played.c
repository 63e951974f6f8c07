// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Seeds of what devices and registrars say to each other, by devices that tests/host/device.c
 * plays (see corpus.sh).
 *
 * Usage: played OUT      writes OUT/TARGET/NAME
 */
#include <err.h>
#include <iotkey-fleet.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../host/device.h"

static const char *out;

static void save(const char *target, const char *name, const void *data, size_t len)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", out, target);
	mkdir(path, 0777);
	snprintf(path, sizeof(path), "%s/%s/%s", out, target, name);
	file = fopen(path, "wb");
	if (!file || fwrite(data, 1, len, file) != len || fclose(file))
		err(1, "%s", path);
}

/* ---- public areas ---- */

static void save_key(const char *name, const struct played_key *key)
{
	char text[64];

	save("fuzz_fleet_area", name, key->area, key->area_len);
	snprintf(text, sizeof(text), "%s-plain", name);
	save("fuzz_fleet_area", text, key->area + 2, key->area_len - 2);
}

/* TPMT_PUBLIC of an EK with RSA, template L-1 of the TCG, without its policy */
static void save_rsa(void)
{
	static const uint8_t head[] = { 0, 1, 0, 0x0b, 0,    3, 0,    0x32, 0,
					0, 0, 6, 0,    0x80, 0, 0x43, 0,    0x10,
					8, 0, 0, 0,    0,    0, 1,    0 };
	EVP_PKEY *key = EVP_RSA_gen(2048);
	uint8_t area[sizeof(head) + 256];
	BIGNUM *n = NULL;

	memcpy(area, head, sizeof(head));
	if (!EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) ||
	    BN_bn2binpad(n, area + sizeof(head), 256) != 256)
		errx(1, "no RSA key");
	save("fuzz_fleet_area", "rsa", area, sizeof(area));
	BN_free(n);
	EVP_PKEY_free(key);
}

static void save_curve(const char *curve, uint8_t number, size_t size)
{
	static const uint8_t head[] = { 0, 0x23, 0,    0x0b, 0,	   4, 0,    0x72, 0,
					0, 0,	 0x10, 0,    0x18, 0, 0x0c, 0 };
	uint8_t area[300], point[140], *p = area;
	EVP_PKEY *key = EVP_EC_gen(curve);
	size_t n;
	int i;

	EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point,
					sizeof(point), &n);
	memcpy(p, head, sizeof(head));
	p += sizeof(head);
	*p++ = number;
	*p++ = 0;
	*p++ = 0x10;
	for (i = 0; i < 2; i++) {
		*p++ = 0;
		*p++ = (uint8_t)size;
		memcpy(p, point + 1 + (size_t)i * size, size);
		p += size;
	}
	save("fuzz_fleet_area", curve, area, (size_t)(p - area));
	EVP_PKEY_free(key);
}

/* ---- requests ---- */

static void save_request(const char *name, const struct played_device *device,
			 const struct played_attest *attest)
{
	uint8_t *der;
	int len = device_csr(device, attest, &der);
	char *text = malloc((size_t)len * 2 + 8);

	save("fuzz_fleet_der", name, der, (size_t)len);
	save("fuzz_csr", name, der, (size_t)len);
	len = EVP_EncodeBlock((uint8_t *)text, der, len);
	save("fuzz_csr", strcmp(name, "csr") ? "evidence.b64" : "csr.b64", text,
	     (size_t)len);
	free(text);
	OPENSSL_free(der);
}

/* ---- certificates ---- */

static void add(X509 *x, int nid, const char *text)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, text);

	if (!extension || !X509_add_ext(x, extension, -1))
		errx(1, "no extension '%s'", text);
	X509_EXTENSION_free(extension);
}

static void save_certificate(const char *name, EVP_PKEY *key, EVP_PKEY *issuer,
			     bool purpose)
{
	X509 *x = X509_new();
	uint8_t *der = NULL;
	int len;

	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_NAME_add_entry_by_txt(X509_get_issuer_name(x), "CN", MBSTRING_ASC,
				   (const uint8_t *)"maker", -1, -1, 0);
	ASN1_TIME_set(X509_getm_notBefore(x), 1600000000);
	ASN1_TIME_set(X509_getm_notAfter(x), 1900000000);
	X509_set_pubkey(x, key);
	add(x, NID_basic_constraints, "critical,CA:FALSE");
	add(x, NID_key_usage, "critical,keyAgreement");
	if (purpose)
		add(x, NID_ext_key_usage, "2.23.133.8.1");
	X509_sign(x, issuer, EVP_sha256());
	len = i2d_X509(x, &der);
	save("fuzz_fleet_der", name, der, (size_t)len);
	OPENSSL_free(der);
	X509_free(x);
}

/* ---- statements ---- */

static void save_statements(struct iotkey_attest *attest, EVP_PKEY *ca)
{
	static const struct iotkey_bytes name = { (const uint8_t *)"sensor", 6 };
	struct iotkey_revocation all[4] = {
		{ .type = IOTKEY_REVOKED_DEVICE, .id = { 1 } },
		{ .type = IOTKEY_REVOKED_KEY, .name = name },
		{ .type = IOTKEY_REVOKED_VERSION, .version = 3, .name = name },
		{ .type = IOTKEY_REVOKED_MEMBER, .id = { 2 }, .name = name },
	};
	struct iotkey_chain chain = { 0 };
	struct iotkey_statement statement;
	uint8_t *one, chained[4096];
	size_t len, total = 0, i;
	char text[16];

	for (i = 0; i < 5; i++) {
		if (iotkey_statement_make(ca, &chain, 1700000000, i < 4 ? &all[i] : all,
					  i < 4 ? 1 : 4, &one, &len) ||
		    iotkey_statement_parse(one, len, &statement) ||
		    iotkey_statement_follow(attest, &chain, &statement))
			errx(1, "no statement");
		snprintf(text, sizeof(text), "%zu", i);
		save("fuzz_fleet_statement", text, one, len);
		memcpy(chained + total, one, len);
		total += len;
		free(one);
	}
	save("fuzz_fleet_statement", "chain", chained, total);
}

/* ---- a configuration ---- */

static void save_config(void)
{
	static const char text[] =
		"# iotkey-registrar(8) explains every key\n"
		"listen = 0.0.0.0:8443\nmetrics-listen = 127.0.0.1:9443\n"
		"server-certificate = /e/server.crt\nserver-key = /e/server.key\n"
		"ca-certificate = /e/ca.crt\nca-key = pkcs11:object=ca\n"
		"master = /e/master\nstore = postgresql://registrar@db/fleet\n"
		"roots = data logs # two\nattest-valid = 12h\nworkers = 4\n"
		"require-tpm = no\napprove = yes\n";

	save("fuzz_registrar_config", "all", text, sizeof(text) - 1);
}

int main(int argc, char **argv)
{
	static const uint8_t nonce[32] = "nonce";
	struct iotkey_attest *attest = iotkey_attest_new();
	struct played_device device;
	struct played_attest said;

	if (argc != 2)
		errx(2, "usage: played OUT");
	out = argv[1];
	device_make(&device);
	save_key("ek", &device.ek);
	save_key("ak", &device.ak);
	save_key("parent", &device.parent);
	save_key("key", &device.key);
	save_rsa();
	save_curve("P-384", 4, 48);
	save_curve("P-521", 5, 66);
	device_certify(&device, &device.key, nonce, sizeof(nonce), &said);
	save("fuzz_fleet_area", "attest", said.attest, said.attest_len);
	save_request("csr", &device, NULL);
	save_request("evidence", &device, &said);
	save_certificate("certificate", device.ek.pkey, device.parent.pkey, false);
	save_certificate("certificate-purpose", device.ek.pkey, device.parent.pkey, true);
	save_statements(attest, device.parent.pkey);
	save_config();
	device_free(&device);
	iotkey_attest_free(attest);
	return 0;
}
