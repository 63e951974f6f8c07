// SPDX-License-Identifier: GPL-2.0-or-later
#include "evidence.h"

#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

static const uint16_t banks[] = { IOTKEY_HASH_SHA1, IOTKEY_HASH_SHA256 };

static void put(struct made_log *log, const void *data, size_t len)
{
	if (len > sizeof(log->data) - log->len)
		abort();
	memcpy(log->data + log->len, data, len);
	log->len += len;
}

static void put_le(struct made_log *log, uint64_t v, int bytes)
{
	uint8_t b;

	for (; bytes--; v >>= 8) {
		b = (uint8_t)v;
		put(log, &b, 1);
	}
}

static void put_be(uint8_t **p, uint64_t v, int bytes)
{
	while (bytes--)
		*(*p)++ = (uint8_t)(v >> 8 * bytes);
}

/* The first event, of the old form: that the others are crypto agile */
static void put_spec_id(struct made_log *log)
{
	static const uint8_t zeros[20];
	struct made_log data = { .len = 0 };
	size_t i;

	put(&data, "Spec ID Event03", 16);
	put_le(&data, 0, 4);	   /* client */
	put(&data, "\0\2\0\2", 4); /* 2.0, 64 bits */
	put_le(&data, 2, 4);
	for (i = 0; i < 2; i++) {
		put_le(&data, banks[i], 2);
		put_le(&data, iotkey_hash_size(banks[i]), 2);
	}
	put_le(&data, 0, 1);
	put_le(log, 0, 4);
	put_le(log, IOTKEY_EV_NO_ACTION, 4);
	put(log, zeros, 20);
	put_le(log, data.len, 4);
	put(log, data.data, data.len);
}

void made_event(struct made *made, uint32_t pcr, uint32_t type, const void *data,
		size_t len)
{
	struct made_log *log = &made->eventlog;
	uint8_t digest[IOTKEY_DIGEST_MAX] = { 0 };
	size_t i;

	put_le(log, pcr, 4);
	put_le(log, type, 4);
	put_le(log, 2, 4);
	for (i = 0; i < 2; i++) {
		if (type != IOTKEY_EV_NO_ACTION)
			iotkey_digest(made->attest, banks[i], data, len, digest);
		put_le(log, banks[i], 2);
		put(log, digest, iotkey_hash_size(banks[i]));
	}
	put_le(log, len, 4);
	put(log, data, len);
}

void made_variable(struct made *made, uint32_t pcr, const char *name, const char *value)
{
	static struct made_log data;
	size_t i;

	data.len = 0;
	put(&data, "0123456789abcdef", 16); /* GUID */
	put_le(&data, strlen(name), 8);
	put_le(&data, strlen(value), 8);
	for (i = 0; name[i]; i++)
		put_le(&data, (uint8_t)name[i], 2);
	put(&data, value, strlen(value));
	made_event(made, pcr, 0x80000001, data.data, data.len);
}

void made_file(struct made *made, const char *path, const char *content)
{
	struct made_log *log = &made->ima;
	uint8_t digest[IOTKEY_DIGEST_MAX];
	size_t at, data;

	put_le(log, 10, 4);
	at = log->len;
	log->len += 20;
	put_le(log, 6, 4);
	put(log, "ima-ng", 6);
	put_le(log, 4 + 8 + 32 + 4 + strlen(path) + 1, 4);
	data = log->len;
	put_le(log, 8 + 32, 4);
	put(log, "sha256:", 8);
	iotkey_digest(made->attest, IOTKEY_HASH_SHA256, content, strlen(content), digest);
	put(log, digest, 32);
	put_le(log, strlen(path) + 1, 4);
	put(log, path, strlen(path) + 1);
	iotkey_digest(made->attest, IOTKEY_HASH_SHA1, log->data + data, log->len - data,
		      digest);
	memcpy(log->data + at, digest, 20);
}

static void replay(struct made *made)
{
	struct iotkey_eventlog events;
	struct iotkey_log_event event;
	struct iotkey_ima_entry entry;
	struct iotkey_ima_log ima;
	struct iotkey_pcrs *pcrs;
	unsigned int i;

	made->values.count = made->selection.count;
	for (i = 0; i < made->selection.count; i++) {
		pcrs = &made->values.bank[i];
		iotkey_pcrs_init(pcrs, made->selection.bank[i].hash);
		iotkey_eventlog_open(&events, made->eventlog.data, made->eventlog.len);
		while (iotkey_eventlog_next(&events, &event) == 1)
			iotkey_log_event_extend(made->attest, &event, pcrs);
		iotkey_ima_open(&ima, made->ima.data, made->ima.len);
		while (iotkey_ima_next(&ima, &entry) == 1)
			iotkey_ima_extend(made->attest, &entry, pcrs);
		pcrs->set = made->selection.bank[i].pcrs;
	}
}

void made_sign(struct made *made)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t der[128], *out = made->signature;
	const uint8_t *p = der;
	size_t len = sizeof(der);
	const BIGNUM *r, *s;
	ECDSA_SIG *sig;

	EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, made->key);
	EVP_DigestSign(ctx, der, &len, made->quote, made->quote_len);
	EVP_MD_CTX_free(ctx);
	sig = d2i_ECDSA_SIG(NULL, &p, (long)len);
	ECDSA_SIG_get0(sig, &r, &s);
	put_be(&out, 0x0018, 2);
	put_be(&out, IOTKEY_HASH_SHA256, 2);
	put_be(&out, 32, 2);
	BN_bn2binpad(r, out, 32);
	out += 32;
	put_be(&out, 32, 2);
	BN_bn2binpad(s, out, 32);
	out += 32;
	made->signature_len = (size_t)(out - made->signature);
	ECDSA_SIG_free(sig);
}

void made_quote(struct made *made)
{
	const struct iotkey_bytes own = { made->nonce, sizeof(made->nonce) };
	const struct iotkey_bytes nonce = made->given.len ? made->given : own;
	uint8_t all[IOTKEY_HASHES * IOTKEY_PCRS * IOTKEY_DIGEST_MAX];
	uint8_t digest[IOTKEY_DIGEST_MAX], *p = made->quote;
	unsigned int i, pcr;
	size_t n = 0, size;

	for (i = 0; i < made->values.count; i++)
		for (pcr = 0; pcr < IOTKEY_PCRS; pcr++)
			if (made->selection.bank[i].pcrs >> pcr & 1) {
				size = iotkey_hash_size(made->values.bank[i].hash);
				memcpy(all + n, made->values.bank[i].value[pcr], size);
				n += size;
			}
	iotkey_digest(made->attest, IOTKEY_HASH_SHA256, all, n, digest);
	put_be(&p, 0xff544347, 4);
	put_be(&p, 0x8018, 2);
	put_be(&p, 4, 2);
	put_be(&p, 0x51554144, 4); /* a name */
	put_be(&p, nonce.len, 2);
	memcpy(p, nonce.data, nonce.len);
	p += nonce.len;
	put_be(&p, 123456, 8);
	put_be(&p, 7, 4);
	put_be(&p, 1, 4);
	put_be(&p, 1, 1);
	put_be(&p, 0x2020, 8);
	p += iotkey_pcr_selection_marshal(&made->selection, p);
	put_be(&p, 32, 2);
	memcpy(p, digest, 32);
	made->quote_len = (size_t)(p - made->quote) + 32;
	made->pcrs_len = (size_t)iotkey_pcr_values_serialize(&made->selection,
							     &made->values, made->pcrs);
	made_sign(made);
}

void made_seal(struct made *made)
{
	replay(made);
	made_quote(made);
}

static void export_key(struct made *made)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int n;

	PEM_write_bio_PUBKEY(bio, made->key);
	n = BIO_read(bio, made->ak, sizeof(made->ak) - 1);
	made->ak[n > 0 ? n : 0] = '\0';
	BIO_free(bio);
}

struct made *made_boot(const char *pcrs)
{
	struct made *made = calloc(1, sizeof(*made));
	uint32_t pcr;

	made->attest = iotkey_attest_new();
	made->key = EVP_EC_gen("P-256");
	export_key(made);
	memcpy(made->nonce, "once and no more", sizeof(made->nonce));
	if (iotkey_pcr_selection_parse(pcrs, &made->selection))
		abort();
	put_spec_id(&made->eventlog);
	made_event(made, 0, IOTKEY_EV_NO_ACTION, "StartupLocality\0\3", 17);
	made_event(made, 0, 8, "firmware 1.0", 13);
	made_variable(made, 7, "SecureBoot", "\1");
	made_variable(made, 7, "PK", "platform key");
	made_variable(made, 7, "KEK", "key exchange key");
	made_variable(made, 7, "db", "allowed");
	for (pcr = 0; pcr < 8; pcr++)
		made_event(made, pcr, IOTKEY_EV_SEPARATOR, "\0\0\0\0", 4);
	made_event(made, 4, 0x80000003, "a boot loader, and where it was loaded from",
		   43);
	made_event(made, 8, 0xd, "root=/dev/sda1 quiet", 21);
	made_file(made, "/sbin/init", "init");
	made_file(made, "/bin/sh", "shell");
	made_file(made, "/usr/bin/sensor daemon", "sensor");
	made_seal(made);
	return made;
}

void made_free(struct made *made)
{
	EVP_PKEY_free(made->key);
	iotkey_attest_free(made->attest);
	free(made);
}

struct iotkey_evidence made_evidence(const struct made *made)
{
	return (struct iotkey_evidence){
		.quote = { made->quote, made->quote_len },
		.signature = { made->signature, made->signature_len },
		.pcrs = { made->pcrs, made->pcrs_len },
		.eventlog = { made->eventlog.data, made->eventlog.len },
		.ima = { made->ima.data, made->ima.len },
		.ak = { (const uint8_t *)made->ak, strlen(made->ak) },
	};
}
