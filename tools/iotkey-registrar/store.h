/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the registrar remembers.  The only SQL is behind this file (store.c), and nothing
 * in it is secret.
 *
 * Every call is synchronous and belongs to the one thread of a worker process, which opens
 * its own store after fork().  Several processes may have the same store open: on SQLite
 * those of one machine, on PostgreSQL those of many.
 *
 * Every call returns 0 or -errno; one errno per cause:
 *
 *   -ENOENT       there is no such row
 *   -EEXIST       there is one already
 *   -EKEYREVOKED  the device is revoked
 *   -EACCES       the device waits to be approved; the secret of a token is wrong
 *   -ESTALE       a nonce that is not newer than the newest that was accepted: replayed
 *   -EKEYEXPIRED  the token's time is over
 *   -EKEYREJECTED the token was used already, by another key
 *   -EALREADY     the row is in that state already
 *   -EINVAL       a name with bytes that names do not have, or a length out of bounds
 *   -ENOSPC       the disk of the store is full (or its quota, or the size of a file)
 *   -ENOTCONN     the server cannot be reached
 *   -EAGAIN       another process was in the way for too long: try the batch again
 *   -EBADMSG      the database is damaged
 *   -EROFS        the database cannot be written
 *   -EIO          anything else; store_message() has the words of the database
 *
 * From -ENOSPC on the batch, if one is open, is lost: every further call up to and with
 * store_commit() returns the same, and nothing of the batch has happened.  The others are
 * answers: the batch goes on.
 */
#ifndef _REGISTRAR_STORE_H
#define _REGISTRAR_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STORE_ID	   16
#define STORE_SHA256	   32
#define STORE_SERIAL	   20
#define STORE_NONCE	   16 /* big-endian time || random: newer is greater */
#define STORE_NAME_MAX	   64 /* of devices, roots, groups, batches: [A-Za-z0-9._:@+-] */
#define STORE_TPM_NAME	   34 /* algorithm || SHA-256 */
#define STORE_PUBLIC_MAX   512
#define STORE_FINDING_MAX  1024
#define STORE_PROGRESS_MAX 512
#define STORE_BODY_MAX	   (1u << 20) /* of a statement */

struct store;

/*
 * store_open(): @url is sqlite:PATH, or postgresql://… as libpq knows it.  Makes the tables
 * when there are none and brings older ones up to date.  On an error a sentence for the
 * operator is in @message.  -EPROTO: tables of a newer registrar, left alone;
 * -EPROTONOSUPPORT: no such kind of store.
 */
#define STORE_MESSAGE 512
int store_open(const char *url, struct store **store, char message[STORE_MESSAGE]);
void store_close(struct store *store);

/* store_message(): the words of the database for the last error, or "" */
const char *store_message(const struct store *store);

/*
 * store_begin(), store_commit(): frame a batch, of which all happens or nothing; it is on
 * the disk when store_commit() returns 0.  Without a batch each call is one by itself.
 *
 * One fsync serves the whole batch, so let it have all that is ready.  On SQLite a batch
 * holds the one lock for writing, so verify and sign before store_begin(): what was read
 * outside may be relied upon, as every call that writes checks its own conditions anew.
 *
 * store_commit() with -EAGAIN: run all of it again, from store_begin().  With -ENOTCONN
 * it is not known whether the batch happened; every call that writes may be repeated.
 */
int store_begin(struct store *store);
int store_commit(struct store *store);
void store_rollback(struct store *store);

/*
 * store_lose(): the caller's own reason why the batch must not happen, one from -ENOSPC on above;
 * -EAGAIN to have it run again.  Nothing without a batch.
 */
void store_lose(struct store *store, int err);

/*
 * Calls that list give each row to @each, in order; what that returns other than 0 ends
 * the list and is returned.  It must not call the store.
 */

/* ---- devices ---- */

enum store_state { STORE_PENDING = 1, STORE_ACTIVE = 2, STORE_REVOKED = 3 };
enum store_result { STORE_NEVER = 0, STORE_PASS = 1, STORE_FAIL = 2 };
enum store_purpose { STORE_ENROL = 1, STORE_ATTEST = 2, STORE_RELEASE = 3 };

/* How a device came in; the first three are kinds of proof */
enum store_flags {
	STORE_BY_EK = 1, /* credential activation */
	STORE_BY_TOKEN = 2,
	STORE_BY_IDEVID = 4,
	STORE_SOFTWARE = 8, /* its keys need not be in a TPM */
};

struct store_attestation {
	enum store_result result;
	int64_t time;		   /* of the last, unix seconds */
	int64_t passed;		   /* of the last that passed */
	uint32_t resets, restarts; /* of TPMS_CLOCK_INFO: which boot it was */
	char reference[STORE_NAME_MAX + 1];
	uint64_t ima_offset; /* so far the log is known */
	size_t progress_len; /* what the appraiser needs to go on from there */
	uint8_t progress[STORE_PROGRESS_MAX];
	char finding[STORE_FINDING_MAX + 1]; /* JSON of the first findings of a failure */
};

struct store_device {
	uint8_t id[STORE_ID];
	char name[STORE_NAME_MAX + 1]; /* may be empty */
	enum store_state state;
	uint32_t flags;
	bool has_ek, has_ak, has_parent;
	uint8_t ek_sha256[STORE_SHA256]; /* of the EK's (IDevID's) SubjectPublicKeyInfo */
	uint8_t ak_name[STORE_TPM_NAME];
	size_t ak_public_len; /* TPM2B_PUBLIC */
	uint8_t ak_public[STORE_PUBLIC_MAX];
	uint8_t parent_name[STORE_TPM_NAME];
	int64_t created, seen, revoked; /* unix seconds; 0: never */
	uint8_t nonce[4][STORE_NONCE];	/* by purpose, [0] unused: the newest accepted */
	struct store_attestation attestation;
};

int store_device_get(struct store *store, const uint8_t id[STORE_ID],
		     struct store_device *device);

/*
 * store_device_join(): a device has proved who it is (with @device->ek_sha256, ak_*, name,
 * flags, created = now).  A new one gets @device->state; one that is known keeps its own
 * (but a pending one becomes active when @device->state is) and takes over the AK, name
 * (unless empty) and flags; a new AK begins a new history of attestation.  On return
 * @device->state is the row's.  -EKEYREVOKED: it stays as it was.
 */
int store_device_join(struct store *store, struct store_device *device);

/* store_device_nonce(): accept @nonce for @purpose, once.  -ESTALE, -EKEYREVOKED, -EACCES */
int store_device_nonce(struct store *store, const uint8_t id[STORE_ID],
		       enum store_purpose purpose, const uint8_t nonce[STORE_NONCE]);

/* The next three fail only with the whole batch; an unknown or revoked device is left alone */
int store_device_seen(struct store *store, const uint8_t id[STORE_ID], int64_t now);
int store_device_attested(struct store *store, const uint8_t id[STORE_ID],
			  const struct store_attestation *attestation);
int store_device_parent(struct store *store, const uint8_t id[STORE_ID],
			const uint8_t parent_name[STORE_TPM_NAME]);

/* store_device_approve(): pending to active.  -EALREADY, -EKEYREVOKED */
int store_device_approve(struct store *store, const uint8_t id[STORE_ID]);

/*
 * store_device_revoke(): for good; with its certificates, its token and its memberships
 * (and the versions of those groups go up).  -EALREADY
 */
int store_device_revoke(struct store *store, const uint8_t id[STORE_ID], int64_t now);

struct store_filter {
	enum store_state state; /* 0: any */
	int result;		/* enum store_result, -1: any */
	const char *name;	/* how the name begins; NULL: any */
	const char *group;	/* NULL: any */
};

typedef int store_device_fn(void *arg, const struct store_device *device);

/* store_device_list(): at most @limit devices with ids above @after (NULL: from the first) */
int store_device_list(struct store *store, const struct store_filter *filter,
		      const uint8_t *after, unsigned int limit, store_device_fn *each,
		      void *arg);

struct store_count {
	uint64_t all, pending, active, revoked,
		failing; /* failing: the last attestation */
};

/* store_device_count(): counts all rows, so not for every request */
int store_device_count(struct store *store, struct store_count *count);

/* ---- certificates ---- */

struct store_certificate {
	uint8_t device[STORE_ID];
	uint8_t serial[STORE_SERIAL];
	int64_t issued, not_after;
	uint8_t spki_sha256[STORE_SHA256];
	int64_t revoked; /* unix seconds; 0: it is not */
	uint32_t reason; /* of RFC 5280's CRLReason */
};

typedef int store_certificate_fn(void *arg, const struct store_certificate *certificate);

/*
 * store_certificate_add(): fails only with the whole batch: that the device is active has
 * been asked by store_device_nonce() or store_token_use() in the same batch.  The same
 * certificate once more is nothing.  Forgets those of the device that expired 30 days
 * before @certificate->issued.
 */
int store_certificate_add(struct store *store,
			  const struct store_certificate *certificate);

int store_certificate_get(struct store *store, const uint8_t device[STORE_ID],
			  const uint8_t serial[STORE_SERIAL],
			  struct store_certificate *certificate);

/* store_certificate_find(): without knowing whose, as OCSP asks */
int store_certificate_find(struct store *store, const uint8_t serial[STORE_SERIAL],
			   struct store_certificate *certificate);

/* store_certificate_list(): those of a device, the oldest first */
int store_certificate_list(struct store *store, const uint8_t device[STORE_ID],
			   store_certificate_fn *each, void *arg);

/* store_certificate_revoke(): -EALREADY */
int store_certificate_revoke(struct store *store, const uint8_t device[STORE_ID],
			     const uint8_t serial[STORE_SERIAL], int64_t now,
			     uint32_t reason);

/* store_certificate_revoked(): for a CRL: all that are revoked and would still be valid */
int store_certificate_revoked(struct store *store, int64_t now,
			      store_certificate_fn *each, void *arg);

/* ---- the allow-list of EKs ---- */

/*
 * store_ek_allow(): @count hashes, as in struct store_device; @added of them were new.
 * Repeating it does nothing.
 */
int store_ek_allow(struct store *store, const uint8_t (*ek_sha256)[STORE_SHA256],
		   size_t count, const char *batch, size_t *added);

/* store_ek_allowed(): 0 with the name of the batch, or -ENOENT */
int store_ek_allowed(struct store *store, const uint8_t ek_sha256[STORE_SHA256],
		     char batch[STORE_NAME_MAX + 1]);

int store_ek_count(struct store *store, const char *batch, uint64_t *count);

/* ---- tokens: one for a device, whose id is the token's, too ---- */

struct store_token {
	uint8_t device[STORE_ID];
	uint8_t secret_sha256
		[STORE_SHA256];	       /* the secret is random, so a hash is enough */
	char name[STORE_NAME_MAX + 1]; /* that the device gets */
	bool software;
	int64_t created, expires;
	int64_t used;			   /* unix seconds; 0: not yet */
	uint8_t spki_sha256[STORE_SHA256]; /* by whom */
};

typedef int store_token_fn(void *arg, const struct store_token *token);

/* store_token_add(): in place of an older one of that device.  -EKEYREVOKED */
int store_token_add(struct store *store, const struct store_token *token);

int store_token_get(struct store *store, const uint8_t device[STORE_ID],
		    struct store_token *token);

/*
 * store_token_use(): by the key of @spki_sha256, which may repeat it when the answer was
 * lost; no other may.  Makes the device when there is none (active, STORE_BY_TOKEN).
 * -ENOENT, -EACCES (wrong secret, compared in constant time), -EKEYEXPIRED,
 * -EKEYREJECTED, -EKEYREVOKED
 */
int store_token_use(struct store *store, const uint8_t device[STORE_ID],
		    const uint8_t secret_sha256[STORE_SHA256],
		    const uint8_t spki_sha256[STORE_SHA256], int64_t now,
		    struct store_token *token);

int store_token_delete(struct store *store, const uint8_t device[STORE_ID]);
int store_token_list(struct store *store, const uint8_t *after, unsigned int limit,
		     store_token_fn *each, void *arg);

/* ---- roots ---- */

struct store_root {
	char name[STORE_NAME_MAX + 1];
	uint32_t version;
	int64_t released; /* last; 0: never */
	int64_t revoked;
};

typedef int store_root_fn(void *arg, const struct store_root *root);

/*
 * store_root_version(): the version of root @name that @device gets now: one above the
 * newest that was revoked, for it or for all (device id of zeros).
 */
int store_root_version(struct store *store, const uint8_t device[STORE_ID],
		       const char *name, uint32_t *version);

/* store_root_released(): note it; fails only with the whole batch */
int store_root_released(struct store *store, const uint8_t device[STORE_ID],
			const char *name, uint32_t version, int64_t now);

/* store_root_revoke(): @device may be zeros: for all.  -EALREADY */
int store_root_revoke(struct store *store, const uint8_t device[STORE_ID],
		      const char *name, uint32_t version, int64_t now);
int store_root_list(struct store *store, const uint8_t device[STORE_ID],
		    store_root_fn *each, void *arg);

/* ---- groups ---- */

struct store_group {
	char name[STORE_NAME_MAX + 1];
	uint32_t version; /* of the group's root: one more for each member that went */
	int64_t created;
};

typedef int store_group_fn(void *arg, const struct store_group *group);
typedef int store_id_fn(void *arg, const uint8_t id[STORE_ID]);

int store_group_add(struct store *store, const char *name, int64_t now); /* -EEXIST */
int store_group_get(struct store *store, const char *name, struct store_group *group);
int store_group_list(struct store *store, store_group_fn *each, void *arg);
int store_group_of(struct store *store, const uint8_t device[STORE_ID],
		   store_group_fn *each, void *arg); /* the groups of a device */

/* store_member_add(): -ENOENT: no such device or group; -EKEYREVOKED; -EEXIST */
int store_member_add(struct store *store, const char *group,
		     const uint8_t device[STORE_ID]);

/* store_member_remove(): and the group's version goes up.  -ENOENT */
int store_member_remove(struct store *store, const char *group,
			const uint8_t device[STORE_ID]);
int store_member_list(struct store *store, const char *group, const uint8_t *after,
		      unsigned int limit, store_id_fn *each, void *arg);

/* ---- statements ---- */

typedef int store_statement_fn(void *arg, uint64_t sequence, const void *body,
			       size_t len);

/* store_statement_last(): its number, 0 when there is none; cheap, to be polled */
int store_statement_last(struct store *store, uint64_t *sequence);

/* store_statement_get(): one; *@len is the room, then the length.  -ENOENT, -ENOBUFS */
int store_statement_get(struct store *store, uint64_t sequence, void *body, size_t *len);

/*
 * store_statement_add(): as the one after the last.  -EEXIST: another process was first:
 * read its statement, sign anew, try again.  -ENOENT: the one before is missing.  So
 * numbers are unique and have no gaps, whoever is killed.
 */
int store_statement_add(struct store *store, uint64_t sequence, int64_t now,
			const void *body, size_t len);

/* store_statement_list(): after number @after, until there are more than @max bytes */
int store_statement_list(struct store *store, uint64_t after, size_t max,
			 store_statement_fn *each, void *arg);

/*
 * store_listen(): have @tell called when another registrar may have added a statement
 * (STORE_NEWS), as far as the database tells of itself; and now, and whenever it changes, which
 * descriptor to wait on (STORE_FD; -1: none, so ask now and then): when that is readable,
 * store_listen_read().  @tell must not call the store.  NULL ends it.
 */
enum store_news { STORE_NEWS, STORE_FD };
typedef void store_news_fn(void *arg, enum store_news news, int fd);
void store_listen(struct store *store, store_news_fn *tell, void *arg);
void store_listen_read(struct store *store);

/* ---- facts ---- */

/*
 * Small facts about the fleet, such as whose CA it is.  store_fact_add() keeps the one that
 * is there: -EEXIST when it is another.
 */
#define STORE_FACT_MAX 256
int store_fact_get(struct store *store, const char *name, void *value, size_t *len);
int store_fact_add(struct store *store, const char *name, const void *value, size_t len);

#endif /* _REGISTRAR_STORE_H */
