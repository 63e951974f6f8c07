/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the fault campaigns share: every operation of the key type and of the netlink
 * family, what the world looks like around it, and the count of it all.
 *
 * An operation is tried like this:
 *
 *	op_prepare(op);			what it needs is there
 *	before = world();
 *	error = op->act(op);		with a fault, or without
 *	op_failed(op);			if it did,
 *	world_is(before);		and then the next try works
 *	op_undo(op);
 *	world_is_empty()
 */
#ifndef IOT_CAMPAIGN_H
#define IOT_CAMPAIGN_H

#include <keyutils.h>
#include <stdbool.h>
#include <stdint.h>

struct operation {
	const char *name;
	/* 0, the errno, or WRONG: it said yes and did something else */
	int (*act)(struct operation *op);
	/* payloads: of the key "it" that is there before, of its first update, what act adds
	 * or updates it with, of a key that is made, saved and dropped for act to load */
	const char *make, *ready, *text, *saved;
	const char *pem;   /* file with a TSS2 PRIVATE KEY: act loads that */
	unsigned int size; /* of a message */
	enum { NOTHING, A_MESSAGE, A_SIGNATURE, A_LISTENER } needs;
	bool collected; /* the core unlinks "it", by its collector */
	bool publishes; /* a logon key "camp:pub" */
	bool kid;	/* "it" is a root and has a key below it */
	bool tpm;	/* it talks to the TPM */
	bool counts;	/* in "ops", also when nothing comes of it */
	bool mkparent;	/* it may leave OTHER_PARENT behind */
	bool resident;	/* "it" is, or will be, a key in the TPM */
	/* errnos of a failed allocation besides ENOMEM; why: see the table */
	const char *also;

	/* what is known of it */
	char *load;		/* payload: "load BLOB" */
	uint8_t message[33000]; /* for decrypt, verify */
	long message_len;
	key_serial_t it;
	uint8_t proof[64]; /* of the secret of the root, or the key, that was loaded */
	long proof_len;
	char *good; /* what world_it() says after success */
};

#define WRONG	       -1
#define SESSION	       KEY_SPEC_SESSION_KEYRING
#define SETTLE_S       10 /* for the collector of keys */
#define TPM_ROOT       "new root provider=tpm parent=0x81000001"
#define OTHER_PARENT   0x81000002
#define SEALED_PEM     "/tmp/sealed.pem"
#define IMPORTABLE_PEM "/tmp/importable.pem"
#define IDENTITY_PEM   "/tmp/identity.pem"
#define MAKE_PEMS      "bash common/pem.sh " SEALED_PEM " " IMPORTABLE_PEM " " IDENTITY_PEM

extern struct operation operations[];
extern const unsigned int operation_count;

/* The raw TPM, or -1. */
extern int campaign_tpm;

/* A root, a logon key, and what the TPM needs; once, before all else. And back. */
void campaign_open(void);
void campaign_close(void);

void op_prepare(struct operation *op);
void op_undo(struct operation *op);

/* After a failure: a dump that failed goes on when its socket is read, or ends with it. */
void op_failed(struct operation *op);

/* Is the root "it" what the operation was to make? It may be dropped and loaded again. */
bool op_proved(struct operation *op);

/*
 * All that an operation might change or leave: keys, their state, keyrings, quota,
 * references to the module, objects in the TPM. As a text, to be freed.
 */
char *world(const struct operation *op);

/* Is it (again) so? The collector of keys gets a moment. Says what is not. */
bool world_is(const struct operation *op, const char *before);

/* Is it as campaign_open() left it? */
bool world_is_empty(const struct operation *op);

/* The key "it" as netlink shows it, without what is its own each time; to be freed. */
char *world_it(const struct operation *op);

/* The parts of the above. */
void world_open(void);
void world_close(void);
void world_know_empty(void); /* once nothing goes on any more */
void op_socket(bool listen); /* a fresh one, for the operations of netlink */
long op_encrypt(const struct operation *op, uint8_t *out);
bool op_signs(const struct operation *op); /* "it" signs, or quotes, and it is good */
long op_sign(key_serial_t key, unsigned int size, uint8_t *out);

/* The end, with errno. */
void bail(const char *what);

/* A line of diagnosis. */
void complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* From the environment: IOTKEY_LONG, SEED (printed). */
bool campaign_long(void);
uint32_t campaign_random(void);
void campaign_seed(void);

#endif
