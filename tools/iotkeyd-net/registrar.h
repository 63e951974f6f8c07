/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What this process asks of the registrar: one function for each call (Documentation/fleet.rst,
 * "What a device asks the registrar" and "Certificates: EST").
 *
 * All return false with the fault filled in.  What comes is checked for its form here, and for
 * what it says by the keeper.
 */
#ifndef _NET_REGISTRAR_H
#define _NET_REGISTRAR_H

#include <iotkey-fleet.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "fault.h"
#include "http.h"
#include "keeper.h"

#define NONCE_MAX	64
#define STATEMENTS_WAIT 240 /* seconds of a long poll */

/* registrar_ca(): its CA certificates in PEM, to be freed with free(3) */
bool registrar_ca(struct http *http, char **pem, struct fault *f);

struct joined {
	uint8_t credential[IOTKEY_CREDENTIAL_MAX];
	size_t len;
	int64_t time; /* as the registrar wants it back */
};

bool registrar_join(struct http *http, const struct keeper_identity *identity,
		    const char *name, struct joined *joined, struct fault *f);

struct nonce {
	uint8_t data[NONCE_MAX];
	size_t len;
};

struct activated {
	char device[2 * IOTKEY_DEVICE_ID + 1];
	struct nonce nonce;
};

/* registrar_activate(): FAULT_PENDING: it has joined, and an operator has to approve it */
bool registrar_activate(struct http *http, const struct keeper_identity *identity,
			const char *name, int64_t time, struct iotkey_bytes secret,
			struct activated *activated, struct fault *f);

bool registrar_nonce(struct http *http, const char *purpose, struct nonce *nonce,
		     struct fault *f);

/*
 * registrar_enrol(): the certificate for a request in DER, and what may be with it, in PEM, to be
 * freed with free(3).  @renew: by the certificate that it replaces; @token: "ID:SECRET" or NULL.
 */
bool registrar_enrol(struct http *http, bool renew, const char *token,
		     const uint8_t *request, size_t len, char **chain, struct fault *f);

struct attested {
	bool passed;
	json_t *findings; /* an array, to be freed with json_decref() */
	char reference[128];
	uint64_t ima_offset; /* from where the log goes on next time */
};

/*
 * registrar_attest(): refused with the word "ima-offset", attested->ima_offset is from where
 * the log has to be sent.
 */
bool registrar_attest(struct http *http, const struct nonce *nonce,
		      const struct keeper_evidence *evidence, uint64_t ima_offset,
		      struct attested *attested, struct fault *f);

/* registrar_release(): an array of roots, of which registrar_root() gives one */
bool registrar_release(struct http *http, const struct nonce *nonce,
		       const struct keeper_parent *parent, json_t **roots,
		       struct fault *f);

struct released_root {
	const char *name, *pem;
	uint64_t version;
	bool group; /* of a group of devices */
};

bool registrar_root(const json_t *roots, size_t i, struct released_root *root);

/*
 * registrar_approvals(): of the policies of roots, in base64, to be freed with free(3); NULL: there
 * is none
 */
bool registrar_approvals(struct http *http, char **approvals, struct fault *f);

/*
 * registrar_statements(): those after @after, one after the other, to be freed with free(3);
 * none (*@len is 0) when there was no news for STATEMENTS_WAIT seconds.
 */
bool registrar_statements(struct http *http, uint64_t after, uint8_t **statements,
			  size_t *len, struct fault *f);

#endif /* _NET_REGISTRAR_H */
