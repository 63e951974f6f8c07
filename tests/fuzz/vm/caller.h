/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A random caller of the kernel, for the test VM: processes of several users and
 * namespaces, with two threads each, call what there is to call on keys of type iot and
 * on the netlink family, with good, bad and spoilt arguments.
 *
 *	main.c    processes, the watch over them, the end
 *	random.c  numbers that a seed repeats
 *	text.c    payload texts and blobs
 *	keys.c    add_key, keyctl
 *	use.c     encrypt, decrypt, sign, verify
 *	wire.c    raw netlink
 *	system.c  the clock, the module and its parameters
 *	tally.c   what came of it, and what may come of it
 */
#ifndef CALLER_H
#define CALLER_H

#include <keyutils.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEXT_MAX    20000 /* more than a payload may be */
#define BLOB_MAX    8192
#define MESSAGE_MAX 40000
#define BLOBS	    64 /* remembered */
#define SERIALS	    256
#define KEPT	    16 /* messages of one thread */

/* random.c: each thread its own */
struct random {
	uint64_t state;
};

uint64_t next(struct random *r);
uint32_t below(struct random *r, uint32_t limit); /* 0 .. limit - 1 */
bool chance(struct random *r, uint32_t one_in);
int32_t any_number(struct random *r); /* edges more often than others */
void fill(struct random *r, void *bytes, size_t len);
#define PICK(r, array) ((array)[below(r, sizeof(array) / sizeof((array)[0]))])

/* A message or signature that one thread made, and what it was made of. */
struct kept {
	key_serial_t key;
	bool is_signature;
	size_t data_len, made_len;
	uint8_t *data, *made;
};

struct thread {
	struct random random;
	unsigned int number;
	unsigned int kind; /* of the call that is being made */
	bool failing;	   /* the kernel was told to fail an allocation of this call */
	int fail_fd;	   /* /proc/thread-self/fail-nth, -1 without */
	_Atomic int32_t serials[32];	/* of keys that it made or found */
	key_serial_t aead[16], mac[16]; /* the same, of these algorithms */
	_Atomic int32_t *last;		/* where the key of this call was taken from */
	unsigned int kept_at;
	struct kept kept[KEPT];
	size_t text_len; /* of the text of this call, 0 without */
	char text[TEXT_MAX + 1];
	uint8_t in[MESSAGE_MAX], out[MESSAGE_MAX];
};

/* A kind of call: 0 or more on success, else the -errno. */
struct kind {
	const char *name;
	long (*call)(struct thread *t);
	unsigned int weight;
	const char *errnos; /* that it may end with, besides those of any call */
};

extern const struct kind kinds[];
extern const unsigned int kind_count;

/* What all processes share. */
#define KINDS_MAX  80
#define ERRNOS_MAX 160
#define THREADS	   16

struct shared {
	_Atomic uint64_t done[THREADS]; /* calls of each thread */
	_Atomic int doing[THREADS];	/* the kind of its call, for the watch */
	_Atomic uint64_t ok[KINDS_MAX];
	_Atomic uint64_t failed[KINDS_MAX][ERRNOS_MAX];
	_Atomic uint64_t injected;	   /* calls with an allocation that failed */
	_Atomic uint64_t opened, verified; /* own messages and signatures */
	_Atomic uint64_t spoilt;	   /* that were refused */
	_Atomic bool enough;
	_Atomic unsigned int complaints;
	_Atomic int32_t serials[SERIALS];
	_Atomic int family, group; /* netlink */
	long clock;		   /* what shows a right one at the start of boot time */
	pthread_mutex_t lock;	   /* blobs */
	struct {
		size_t len;
		char text[BLOB_MAX];
		char name[64];
	} blobs[BLOBS];
};

extern struct shared *shared;

/* tally.c */
void count(struct thread *t, long ret);
void complain(struct thread *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void print_tally(void);
bool errno_allowed(const struct kind *kind, int error);

/* text.c: into t->text; the length */
size_t new_root(struct thread *t);
size_t new_key(struct thread *t);
size_t update_text(struct thread *t);
size_t load_text(struct thread *t, char name[64]);
size_t spoil(struct thread *t, char *bytes, size_t len, size_t max);
void any_name(struct thread *t, char name[64]);
void keep_blob(key_serial_t key, const char *text, size_t len);

/* keys.c */
key_serial_t any_key(struct thread *t);
key_serial_t any_ring(struct thread *t);
void keep_serial(struct thread *t, key_serial_t key);
void forget_serial(struct thread *t);  /* the last of any_key(): it is no more */
long made(struct thread *t, long ret); /* a serial or -1: kept, or -errno */
long result(long ret);		       /* -1 and errno: -errno */

/* the calls */
long add_root(struct thread *t);
long add_key_of_root(struct thread *t);
long add_spoilt(struct thread *t);
long add_blob(struct thread *t);
long add_keyring(struct thread *t);
long do_update(struct thread *t);
long do_read(struct thread *t);
long do_describe(struct thread *t);
long do_revoke(struct thread *t);
long do_invalidate(struct thread *t);
long do_timeout(struct thread *t);
long do_setperm(struct thread *t);
long do_chown(struct thread *t);
long do_link(struct thread *t);
long do_unlink(struct thread *t);
long do_move(struct thread *t);
long do_search(struct thread *t);
long do_request(struct thread *t);
long do_instantiate(struct thread *t);
long do_negate(struct thread *t);
long do_restrict(struct thread *t);
long do_security(struct thread *t);
long do_watch(struct thread *t);
long do_clear(struct thread *t);
long do_session(struct thread *t);
long do_keyctl(struct thread *t);
long do_proc_keys(struct thread *t);

long do_query(struct thread *t);
long do_encrypt(struct thread *t);
long do_decrypt(struct thread *t);
long do_decrypt_spoilt(struct thread *t);
long do_sign(struct thread *t);
long do_verify(struct thread *t);
long do_verify_spoilt(struct thread *t);

long wire_get(struct thread *t);
long wire_dump(struct thread *t);
long wire_stats(struct thread *t);
long wire_spoilt(struct thread *t);
long wire_listen(struct thread *t);

long set_clock(struct thread *t);
long set_trusted(struct thread *t);
long unload(struct thread *t);

/* system.c */
int load_module(void);
int module_refs(void);

#endif
