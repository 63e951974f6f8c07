/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What this process asks of the keeper: one function for each request, over one socket, of one
 * thread.  When the keeper has gone the process ends, within these functions.
 *
 * Bytes that a function gives live until the next call.  All return false with the
 * fault filled in.
 */
#ifndef _NET_KEEPER_H
#define _NET_KEEPER_H

#include <iotkey-fleet.h>
#include <stdbool.h>
#include <stdint.h>

#include "../iotkeyd/request.h"
#include "fault.h"

#define KEEPER_WORK	  3 /* descriptors, as the keeper gives them */
#define KEEPER_STATEMENTS 4

#define KEY_URI_MAX   1024
#define REGISTRAR_MAX 512
#define LOG_MAX	      REQUEST_FILE_MAX

struct keeper {
	int fd;
	struct request m;
};

/* A certificate, and the URI of its key for OpenSSL */
struct identity {
	char *chain; /* PEM, its own first; NULL: none */
	char uri[KEY_URI_MAX];
};

struct hello {
	char registrar[REGISTRAR_MAX];
	char *ca; /* PEM; NULL: none is known yet */
	char fingerprint[80];
	bool tofu;
	char token[400]; /* "ID:SECRET"; empty: none */
	char name[128];
	char device[40]; /* hex; empty: not known yet */
	struct identity current, pending;
	uint64_t sequence; /* of the last statement */
	uint64_t attest;   /* seconds between attestations */
	bool revoked;
	char *releases; /* lines "NAME VERSION" */
};

bool keeper_hello(struct keeper *keeper, struct hello *hello, struct fault *f);
void hello_clear(struct hello *hello);

bool keeper_trust(struct keeper *keeper, const char *ca, struct fault *f);

/* It lives on: to be freed with keeper_identity_clear() */
struct keeper_identity {
	struct iotkey_bytes ek, ek_certificates, ak;
};

bool keeper_identity(struct keeper *keeper, struct keeper_identity *identity,
		     struct fault *f);
void keeper_identity_clear(struct keeper_identity *identity);
bool keeper_activate(struct keeper *keeper, struct iotkey_bytes credential,
		     struct iotkey_bytes *secret, struct fault *f);
bool keeper_device(struct keeper *keeper, const char *device, struct fault *f);

struct keeper_key {
	char uri[KEY_URI_MAX];
	struct iotkey_key_evidence evidence; /* .attest and .signature may be empty */
};

bool keeper_key(struct keeper *keeper, struct iotkey_bytes nonce, struct keeper_key *key,
		struct fault *f);
bool keeper_certificate(struct keeper *keeper, const char *chain, struct fault *f);
bool keeper_promote(struct keeper *keeper, struct fault *f);

struct keeper_evidence {
	struct iotkey_bytes quote, signature, pcrs;
	uint64_t resets, restarts;
	struct iotkey_bytes eventlog, ima; /* to be freed with keeper_evidence_clear() */
};

bool keeper_evidence(struct keeper *keeper, struct iotkey_bytes nonce,
		     uint64_t ima_offset, struct keeper_evidence *evidence,
		     struct fault *f);
void keeper_evidence_clear(struct keeper_evidence *evidence);

struct keeper_parent {
	struct iotkey_bytes area, attest, signature;
};

bool keeper_parent(struct keeper *keeper, struct iotkey_bytes nonce,
		   struct keeper_parent *parent, struct fault *f);

/*
 * keeper_root(): a root as it was released; or, without @pem, the approvals (base64) for one that
 * is there already
 */
bool keeper_root(struct keeper *keeper, const char *name, uint64_t version, bool group,
		 const char *pem, const char *policy, struct fault *f);
bool keeper_statement(struct keeper *keeper, struct iotkey_bytes statement,
		      uint64_t *sequence, struct fault *f);

/* keeper_report(): nothing hangs on it, so it does not fail */
void keeper_report(struct keeper *keeper, const char *json);

/* keeper_wipe(): what was last said may hold a secret */
void keeper_wipe(struct keeper *keeper);

#endif /* _NET_KEEPER_H */
