/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Evidence as a device would send it, made on the host: a boot of a few events and files,
 * quoted by a key that stands in for a TPM's.
 */
#ifndef EVIDENCE_H
#define EVIDENCE_H

#include <iotkey-attest.h>

struct evp_pkey_st;

struct made_log {
	uint8_t data[1 << 20];
	size_t len;
};

struct made {
	struct iotkey_attest *attest;
	struct evp_pkey_st *key;
	struct made_log eventlog, ima;
	struct iotkey_pcr_selection selection;
	struct iotkey_pcr_values values;
	uint8_t nonce[16];
	struct iotkey_bytes given; /* a nonce to quote in its place */
	uint8_t quote[512], signature[256], pcrs[IOTKEY_PCR_FILE_MAX];
	size_t quote_len, signature_len, pcrs_len;
	char ak[2048]; /* PEM */
};

/* A small boot; @pcrs as for tpm2_quote -l */
struct made *made_boot(const char *pcrs);
void made_free(struct made *made);

/* More to the logs; the digest of an event is over its data */
void made_event(struct made *made, uint32_t pcr, uint32_t type, const void *data,
		size_t len);
void made_variable(struct made *made, uint32_t pcr, const char *name, const char *value);
void made_file(struct made *made, const char *path, const char *content);

/* Replay the logs into the PCRs, then quote and sign them */
void made_seal(struct made *made);
/* The same, but the PCRs are as they are */
void made_quote(struct made *made);
/* Only the signature */
void made_sign(struct made *made);

struct iotkey_evidence made_evidence(const struct made *made);

#endif
