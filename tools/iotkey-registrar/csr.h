/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests for certificates (PKCS#10): what may be in them, and that their key signed them.
 * Neither store nor network: a fuzzer runs it.
 */
#ifndef _REGISTRAR_CSR_H
#define _REGISTRAR_CSR_H

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CSR_TEXT     64	 /* longest subject attribute (RFC 5280's upper bounds) */
#define CSR_SAN	     253 /* and name of the DNS */
#define CSR_PASSWORD 255

struct csr {
	X509_REQ *req;
	EVP_PKEY *key; /* of the request, which does not have it decoded */
	uint8_t spki_sha256[32];
	/* empty: not there */
	char common_name[CSR_TEXT + 1], serial_number[CSR_TEXT + 1];
	char san[CSR_SAN + 1];		 /* the one dNSName */
	char password[CSR_PASSWORD + 1]; /* challengePassword */
	bool wants_encryption;		 /* of a key that the server makes */
};

struct csr_mistake {
	const char *word;
	const char *detail;
};

/*
 * csr_parse(): the body of an enrolment: base64 of DER.  False, with a word and a sentence: it is
 * no request, its signature is wrong, its key is not one of P-256, P-384 (the curve by
 * its name), or RSA with 2048 to 4096 bits, or its subject or subjectAltName has other things than those above.
 * csr_clear() in any case.
 */
bool csr_parse(const char *body, size_t len, struct csr *csr,
	       struct csr_mistake *mistake);
void csr_clear(struct csr *csr);

#endif /* _REGISTRAR_CSR_H */
