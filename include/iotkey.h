/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libiotkey: keys of the kernel's iot key type, from user space.
 *
 * Conventions, for every function below unless it says otherwise:
 *
 * - The result is 0 (or a count) on success and -errno on failure.  The errno
 *   of an operation on a key is the one in the table of
 *   Documentation/iotkey.rst; iotkey_strerror() puts it into a sentence.
 *   Some are the library's own: -ENOPKG, this kernel has no iot key type (the
 *   module is not loaded); -ENODATA, a stream or message ends early; -ENOPROTOOPT
 *   and -ENOENT, of ciphers for bulk data.
 * - Names and texts are zero-terminated.  Times are seconds, notices apart.
 * - Nothing is printed, no thread is made, no state is kept between calls:
 *   any two calls on different objects may run at once.
 * - Key material never passes through here.  Plaintext does, and what the
 *   library copied of it is zeroised before the call returns.
 */
#ifndef _IOTKEY_H
#define _IOTKEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/iotkey.h>

#ifdef __cplusplus
extern "C" {
#endif

#define IOTKEY_VERSION_STRING "0.1.0"

/* Limits of the contract */
#define IOTKEY_NAME_MAX		255
#define IOTKEY_LABEL_MAX	64
#define IOTKEY_PAYLOAD_MAX	16384
#define IOTKEY_ID_SIZE		16
#define IOTKEY_PLAIN_MAX	32720 /* bytes of plaintext in one message */
#define IOTKEY_MESSAGE_OVERHEAD 48
#define IOTKEY_MESSAGE_MAX	(IOTKEY_PLAIN_MAX + IOTKEY_MESSAGE_OVERHEAD)
#define IOTKEY_SIGN_MAX		32768 /* bytes of data under one signature */
#define IOTKEY_SIGNATURE_MAX	72
#define IOTKEY_PUBLIC_SIZE	91 /* DER of a public key on P-256 */

/* Special keyrings, for functions that take one */
#define IOTKEY_KEYRING_THREAD  (-1)
#define IOTKEY_KEYRING_PROCESS (-2)
#define IOTKEY_KEYRING_SESSION (-3)
#define IOTKEY_KEYRING_USER    (-4)

/* What a key may be used for: bits of the blob and of IOTKEY_A_KEY_USAGE */
enum iotkey_usage {
	IOTKEY_USAGE_ENCRYPT = 1,
	IOTKEY_USAGE_DECRYPT = 2,
	IOTKEY_USAGE_SIGN = 4,
	IOTKEY_USAGE_VERIFY = 8,
};

/*
 * Words and errors (lib/words.c)
 *
 * The *_name() functions return the word of the payload grammar for a value
 * ("aes-256-gcm", "ratchet", "active"), "?" for a value they do not know.
 * The *_value() functions go back; -EINVAL for a word that is none.
 */
const char *iotkey_algorithm_name(unsigned int algorithm);
const char *iotkey_mode_name(unsigned int mode);
const char *iotkey_provider_name(unsigned int provider);
const char *iotkey_state_name(unsigned int state);
const char *iotkey_event_name(unsigned int event);
int iotkey_algorithm_value(const char *word);
int iotkey_mode_value(const char *word);
int iotkey_provider_value(const char *word);

/*
 * iotkey_flag_name(), iotkey_usage_name(): the word of bit number @bit of
 * iotkey_status.flags or .usage, NULL when there is none.
 */
const char *iotkey_flag_name(unsigned int bit);
const char *iotkey_usage_name(unsigned int bit);

/*
 * iotkey_strerror(): one sentence, without a full stop, that says what @err
 * (positive or negative) means for an iot key and how to mend it.  Never
 * NULL; the text is static, except that of an errno the contract does not
 * name, which strerror(3) owns.
 */
const char *iotkey_strerror(int err);

/*
 * Options (lib/spec.c)
 *
 * A spec is what "new" says about a key or root.  Bits of .given tell which
 * members were set; the others take the kernel's default.
 */
enum iotkey_option {
	IOTKEY_OPTION_ALGORITHM = 1 << 0,
	IOTKEY_OPTION_ROOT = 1 << 1,
	IOTKEY_OPTION_MODE = 1 << 2,
	IOTKEY_OPTION_ROTATE = 1 << 3,
	IOTKEY_OPTION_OVERLAP = 1 << 4,
	IOTKEY_OPTION_AHEAD = 1 << 5,
	IOTKEY_OPTION_LIFETIME = 1 << 6,
	IOTKEY_OPTION_MAX_OPS = 1 << 7,
	IOTKEY_OPTION_JITTER = 1 << 8,
	IOTKEY_OPTION_START = 1 << 9,
	IOTKEY_OPTION_USAGE = 1 << 10,
	IOTKEY_OPTION_LABEL = 1 << 11,
	IOTKEY_OPTION_PROVIDER = 1 << 12,
	IOTKEY_OPTION_PARENT = 1 << 13,
	IOTKEY_OPTION_MKPARENT = 1 << 14,
	IOTKEY_OPTION_PCRS = 1 << 15,
	IOTKEY_OPTION_KEY = 1 << 16,
	IOTKEY_OPTION_RESTRICTED = 1 << 17,
};

/* The options that "new ALGORITHM", "new root" and "set" know */
#define IOTKEY_OPTIONS_KEY  0x26fffu
#define IOTKEY_OPTIONS_ROOT 0x1f000u
#define IOTKEY_OPTIONS_SET  0x005f8u

struct iotkey_spec {
	uint32_t given;					   /* enum iotkey_option */
	uint32_t algorithm;				   /* enum iotkey_algorithm */
	uint32_t mode;					   /* enum iotkey_mode */
	uint32_t provider;				   /* enum iotkey_provider */
	uint32_t rotate, overlap, ahead, lifetime, jitter; /* seconds */
	uint32_t usage;					   /* enum iotkey_usage */
	uint32_t parent;				   /* persistent TPM handle */
	uint64_t max_ops;
	uint64_t start; /* seconds on the Unix axis */
	char root[IOTKEY_NAME_MAX + 1];
	char label[IOTKEY_LABEL_MAX + 1];
	char pcrs[96];			/* BANK:N[,N...] */
	char key[IOTKEY_NAME_MAX + 16]; /* TYPE:NAME of another kernel key */
};

/* Why an option was refused; all texts may be printed as they are */
struct iotkey_problem {
	const char *option; /* its name in the payload grammar */
	const char *range;  /* what it may be */
	char value[64];	    /* what it was; cut, and "?" for what is not ASCII */
};

/*
 * iotkey_spec_set(): read option NAME (as in the payload grammar, "max-ops")
 * from text @value into @spec and set its bit in .given.
 * @why may be NULL.
 * Errors: -EINVAL, @why says why (.option is NULL: no such option);
 * -EEXIST, the option was given before.
 */
int iotkey_spec_set(struct iotkey_spec *spec, const char *name, const char *value,
		    struct iotkey_problem *why);

/*
 * iotkey_spec_check(): whether the options of @spec go together, where
 * @allowed (IOTKEY_OPTIONS_...) are the ones that the verb knows.  What a
 * "set" leaves alone is known to the kernel only, so what depends on it is
 * not looked at there.
 * Errors: -EINVAL, @why (may be NULL) says why.
 */
int iotkey_spec_check(const struct iotkey_spec *spec, uint32_t allowed,
		      struct iotkey_problem *why);

/*
 * iotkey_spec_text(): the payload text of @spec into @text of @size bytes:
 * "new root ...", "new ALGORITHM ..." or, for IOTKEY_OPTIONS_SET, "set ...".
 * Returns its length without the final zero.
 * Errors: -EINVAL as iotkey_spec_check(); -ENOSPC, @size is too small
 * (1024 always does).
 */
int iotkey_spec_text(const struct iotkey_spec *spec, uint32_t allowed, char *text,
		     size_t size);

/*
 * iotkey_duration(): seconds of "90", "15m", "1d" ...; units s m h d w.
 * Errors: -EINVAL, no duration; -ERANGE, more than 2^40 s.
 */
int iotkey_duration(const char *text, uint64_t *seconds);

/* iotkey_name_ok(): 1 to 255 printable ASCII characters, none a space */
bool iotkey_name_ok(const char *name);

/*
 * Blobs (lib/blob.c)
 *
 * The part of a blob that anybody may read.  It is not authenticated here:
 * only the kernel can tell a forged one, when it loads it.
 */
enum iotkey_blob_kind {
	IOTKEY_BLOB_ROOT = 1,
	IOTKEY_BLOB_KEY = 2,
	IOTKEY_BLOB_TSS2 = 3, /* a TSS2 PRIVATE KEY: nothing else is filled in */
};

struct iotkey_blob {
	uint32_t kind; /* enum iotkey_blob_kind */
	uint32_t algorithm, mode, provider, usage;
	uint8_t id[IOTKEY_ID_SIZE], root_id[IOTKEY_ID_SIZE];
	uint32_t rotate, overlap, ahead, lifetime, jitter; /* seconds, 0 none */
	uint64_t max_ops, start;
	uint64_t created, saved, activated; /* key time */
	uint64_t ops;
	uint32_t version, newest, epoch;
	char name[IOTKEY_NAME_MAX + 1];
	char root[IOTKEY_NAME_MAX + 1];	  /* empty for a root */
	char label[IOTKEY_LABEL_MAX + 1]; /* empty: the name */
};

/*
 * iotkey_blob_parse(): read the header of a blob in its text form, @len bytes
 * at @text (white space is ignored, a final zero is not needed).
 * Errors: -EBADMSG, it is none or it is cut; -EPROTONOSUPPORT, of a format
 * this library does not know; -E2BIG, longer than a payload may be; -ENOMEM.
 */
int iotkey_blob_parse(const char *text, size_t len, struct iotkey_blob *blob);

/*
 * Keys (lib/key.c)
 *
 * @keyring and @key are serial numbers or IOTKEY_KEYRING_...; needs no
 * privilege beyond the key's own permissions (see keyrings(7)).
 */

/*
 * iotkey_present(): 0 when this kernel has the iot key type.
 * Errors: -ENOPKG, it has not; -EPERM or -ENOSYS, a sandbox forbids add_key(2).
 */
int iotkey_present(void);

/*
 * iotkey_keyring(): the keyring that @text names: @t, @p, @s, @u, @us, @g, a
 * serial number, or the name of a keyring in the session or user keyring.
 * Errors: -ENOKEY, there is none; -EACCES.
 */
int iotkey_keyring(const char *text, int32_t *keyring);

/*
 * iotkey_user_linked(): 1 when a search of the session keyring reaches the
 * user keyring @u, 0 when not: then root= does not find what is in @u.
 */
int iotkey_user_linked(void);

/*
 * iotkey_search(): the key of type @type ("iot", "asymmetric", "logon" ...)
 * that is called @name in the session keyring, then in the user keyring.
 * Errors: as iotkey_find().
 */
int iotkey_search(const char *type, const char *name, int32_t *key);

/*
 * iotkey_find(): the iot key of that name in the session keyring, then in the
 * user keyring; text that is a number is taken for a serial number.
 * Errors: -ENOKEY, -ENOPKG, -EACCES, -EKEYREVOKED, -EKEYEXPIRED.
 */
int iotkey_find(const char *text, int32_t *key);

/*
 * iotkey_new(): create the key or root @name of @spec in @keyring.
 * Errors: as add_key(2) in the contract, and -ENOPKG.
 */
int iotkey_new(const char *name, const struct iotkey_spec *spec, int32_t keyring,
	       int32_t *key);

/*
 * iotkey_load(): load a blob or TSS2 PRIVATE KEY, text of @len bytes.
 * Errors: as add_key(2) in the contract, -E2BIG, -ENOPKG.
 */
int iotkey_load(const char *name, const char *blob, size_t len, int32_t keyring,
		int32_t *key);

/*
 * iotkey_read_blob(): the wrapped blob of @key, zero-terminated, to be freed
 * with free(3); @len (may be NULL) is its length.  That of a soft root holds
 * the secret: explicit_bzero(3) it.
 * Errors: -EACCES (no READ permission), -EKEYREVOKED, -EKEYEXPIRED, -ENOMEM.
 */
int iotkey_read_blob(int32_t key, char **blob, size_t *len);

/*
 * The verbs of keyctl update.  iotkey_mix() takes 16 to 64 bytes of entropy,
 * iotkey_set() a spec that holds options of IOTKEY_OPTIONS_SET.
 */
int iotkey_rotate(int32_t key);
int iotkey_stored(int32_t key, uint32_t version);
int iotkey_mix(int32_t key, const void *fresh, size_t len);
int iotkey_epoch(int32_t key, uint32_t epoch);
int iotkey_set(int32_t key, const struct iotkey_spec *spec);

/*
 * iotkey_publish(): have the kdf key @key publish a logon key "PREFIX:NAME" of @size (16 to
 * 64) bytes in @keyring, or if that is 0 where the kernel puts it: in the session keyring or,
 * without one, the user keyring.  It follows the
 * rotations of @key, or is that of *@epoch, if that is not NULL (derive keys only).  The
 * logon key may not be read; *@published is its serial number.
 * Errors: as in the contract.
 */
int iotkey_publish(int32_t key, const char *name, unsigned int size,
		   const uint32_t *epoch, int32_t keyring, int32_t *published);

/* iotkey_revoke(): no use any more of @key, nor of what hangs under it */
int iotkey_revoke(int32_t key);

/*
 * iotkey_encrypt(), iotkey_decrypt(): one message.  Up to IOTKEY_PLAIN_MAX
 * bytes become IOTKEY_MESSAGE_OVERHEAD more; @size of @out must hold the
 * result.  Both return the number of bytes in @out.
 * Errors: as in the contract; -EINVAL, @len or @size is out of range.
 */
ssize_t iotkey_encrypt(int32_t key, const void *in, size_t len, void *out, size_t size);
ssize_t iotkey_decrypt(int32_t key, const void *in, size_t len, void *out, size_t size);

/*
 * iotkey_sign(): sign up to IOTKEY_SIGN_MAX bytes; @size of
 * IOTKEY_SIGNATURE_MAX always does.  Returns the length of the signature.
 * iotkey_verify(): 0 when the signature is good.
 * An ecdsa-p256 key takes a digest (of SHA-256, 384 or 512) for the data, and its
 * signature is the DER that X.509 and TLS want.
 * Errors: as in the contract (-EKEYREJECTED: the signature does not match);
 * -EINVAL, a length is out of range.
 */
ssize_t iotkey_sign(int32_t key, const void *data, size_t len, void *sig, size_t size);
int iotkey_verify(int32_t key, const void *data, size_t len, const void *sig,
		  size_t sig_len);

/*
 * iotkey_signs_digests(): 1 if @key signs digests (ecdsa-p256), 0 if data.
 * Errors: as in the contract; -EOPNOTSUPP, it does not sign.
 */
int iotkey_signs_digests(int32_t key);

/*
 * iotkey_public() (lib/public.c): the public half of an ecdsa-p256 key, as DER of a
 * SubjectPublicKeyInfo, of IOTKEY_PUBLIC_SIZE bytes, which it returns.
 * Errors: -EOPNOTSUPP, it is another key; -EINVAL, @size is too small; as
 * iotkey_read_blob().
 */
ssize_t iotkey_public(int32_t key, void *der, size_t size);

/*
 * iotkey_quote(): have a restricted ecdsa-p256 key quote PCRs: @selection is a
 * TPML_PCR_SELECTION, @nonce goes into the quote.  What comes out is a
 * TPM2B_ATTEST and a TPMT_SIGNATURE; IOTKEY_QUOTE_MAX bytes always do.  libiotkey-attest
 * reads and checks them.  Returns its length.
 * Errors: as in the contract (-EOPNOTSUPP: no restricted key); -EINVAL, a length is
 * out of range, or the TPM cannot quote these PCRs.
 */
#define IOTKEY_NONCE_MAX 64
#define IOTKEY_QUOTE_MAX 1024
ssize_t iotkey_quote(int32_t key, const void *nonce, size_t nonce_len,
		     const void *selection, size_t selection_len, void *out, size_t size);

/*
 * Status (lib/genl.c)
 *
 * Only in the initial network namespace; elsewhere these say -ENOPKG.
 */
#define IOTKEY_NEVER INT64_MIN /* .rotates_in, .expires_in: it does not */

struct iotkey_status {
	int32_t serial;
	char name[IOTKEY_NAME_MAX + 1];
	uint32_t algorithm, mode, provider, state; /* the enums of that name */
	uint32_t flags;				   /* enum iotkey_flags */
	uint32_t uid, perm;			   /* owner, key permission mask */
	uint8_t id[IOTKEY_ID_SIZE], root_id[IOTKEY_ID_SIZE];
	char root[IOTKEY_NAME_MAX + 1];
	uint32_t version, newest, stored, epoch;
	uint64_t ops;
	int64_t rotates_in, expires_in;			   /* seconds or IOTKEY_NEVER */
	uint32_t rotate, overlap, ahead, lifetime, jitter; /* seconds */
	uint64_t max_ops;				   /* 0 no limit */
	int64_t start;					   /* seconds on the Unix axis */
	uint32_t usage;					   /* enum iotkey_usage */
};

struct iotkey_stats {
	uint64_t keys, roots;				   /* live now */
	uint64_t rotations, wakeups, operations, refusals; /* since loading */
	uint64_t tpm_commands, tpm_errors, unseals;
	uint64_t scheduled;			 /* deadlines waiting now */
	uint64_t records_measured, records_lost; /* of the measured history */
};

/*
 * iotkey_status_get(): the status of one key.
 * Errors: -ENOKEY (also: no VIEW permission), -ENOPKG, -ENOMEM.
 */
int iotkey_status_get(int32_t key, struct iotkey_status *status);

/*
 * iotkey_status_dump(): call @fn for each key that the caller may view.  A
 * result of @fn other than 0 ends the dump and is returned.  A dump is no
 * snapshot: a key made or freed meanwhile may or may not be in it.
 * Errors: -ENOPKG, -ENOMEM.
 */
int iotkey_status_dump(int (*fn)(const struct iotkey_status *status, void *arg),
		       void *arg);

/* iotkey_stats_get(): counters of the whole module.  Errors: -ENOPKG. */
int iotkey_stats_get(struct iotkey_stats *stats);

/*
 * Events (lib/event.c)
 */
struct iotkey_events;

struct iotkey_notice {
	uint32_t event;		  /* enum iotkey_event */
	int error;		  /* errno (positive) of a failed event, else 0 */
	int64_t time;		  /* nanoseconds on the Unix axis, 0 unknown */
	struct iotkey_status key; /* as it was then */
};

/*
 * iotkey_events_open(): subscribe.  Free with iotkey_events_close().
 * Errors: -ENOPKG; -EPERM, needs CAP_NET_ADMIN; -ENOMEM.
 */
int iotkey_events_open(struct iotkey_events **events);
void iotkey_events_close(struct iotkey_events *events);

/* iotkey_events_fd(): readable when there is something; poll(2) it */
int iotkey_events_fd(const struct iotkey_events *events);

/*
 * iotkey_events_next(): the next event, without waiting for one.  Returns 1,
 * or 0 when there is none now: call it until it does, then poll.
 * Errors: -ENOBUFS, events were lost because the reader was slow (take a
 * dump, then go on); -EBADMSG, a message that makes no sense.
 */
int iotkey_events_next(struct iotkey_events *events, struct iotkey_notice *notice);

/*
 * Streams (lib/stream.c): data of any size, one message after another
 *
 *   "iKs1"  then chunks:  length (4 bytes, big-endian)  message
 *
 * Each message is what iotkey_encrypt() makes of a 25-byte prefix and up to
 * 32695 bytes of data.  The prefix is the stream's identity (16 random
 * bytes, the same in all), the chunk's number (8 bytes, big-endian, from 0)
 * and 1 in the final chunk, 0 in the others.  All chunks but the final one
 * are full.  Whatever is dropped, doubled, exchanged, mixed in from another
 * stream or put behind the end is -EBADMSG, and data is given out only after
 * its chunk was authenticated.  A stream may cross rotations.
 */
#define IOTKEY_STREAM_MAGIC  "iKs1"
#define IOTKEY_STREAM_PREFIX 25
#define IOTKEY_STREAM_CHUNK  (IOTKEY_PLAIN_MAX - IOTKEY_STREAM_PREFIX)

/* Which side of a stream an error came from */
enum iotkey_side {
	IOTKEY_SIDE_KEY,    /* the kernel's answer, or the format */
	IOTKEY_SIDE_INPUT,  /* read(2) */
	IOTKEY_SIDE_OUTPUT, /* write(2) */
};

/*
 * What a stream call tells: its caller's after each chunk through .progress
 * (may be NULL; a result other than 0 ends the stream and is returned), and
 * in the end.
 */
struct iotkey_stream {
	int (*progress)(const struct iotkey_stream *stream);
	void *arg;	/* the caller's */
	uint64_t bytes; /* of plaintext so far */
	uint64_t chunks;
	enum iotkey_side side; /* of the error */
};

/*
 * iotkey_stream_encrypt(), iotkey_stream_decrypt(): from file descriptor @in
 * until its end to @out (both blocking; regular files or pipes).  Decryption
 * also takes one bare message.  When it fails, what was written to @out is
 * authentic but not complete: do not use it.
 * Errors: as iotkey_encrypt() and iotkey_decrypt(), read(2) and write(2), see
 * @stream->side; -EBADMSG; -ENODATA, the input ends inside a chunk;
 * -EPROTONOSUPPORT, the input is neither a stream nor a message this library
 * knows; -ENOMEM.
 */
int iotkey_stream_encrypt(int32_t key, int in, int out, struct iotkey_stream *stream);
int iotkey_stream_decrypt(int32_t key, int in, int out, struct iotkey_stream *stream);

/*
 * Bulk data (lib/bulk.c): the kernel's own ciphers, keyed by the serial number of a logon key
 *
 * For what an iot key published, or any other key of type logon (also user, encrypted and
 * trusted).  A cipher has the name of /proc/crypto: "gcm(aes)", "rfc7539(chacha20,poly1305)",
 * "xts(aes)", "ctr(aes)".  Prefer an AEAD: only it notices what was changed.
 *
 * The kernel copies the key when a cipher is opened.  What befalls the key later (a rotation, a
 * revocation) does not reach the open cipher: close it, and open it again.
 */
#define IOTKEY_BULK_MAX	    65536 /* bytes of plaintext in one operation */
#define IOTKEY_BULK_IV_MAX  64
#define IOTKEY_BULK_AAD_MAX 1024
#define IOTKEY_BULK_TAG	    16 /* bytes behind what an AEAD encrypts */

struct iotkey_bulk;

struct iotkey_bulk_params {
	const void *
		iv; /* of the size that the cipher wants; never twice to encrypt with a key */
	size_t iv_len;
	const void *aad; /* authenticated and not encrypted; of an AEAD only */
	size_t aad_len;
};

/*
 * iotkey_bulk_open(): a cipher with the key of that serial number, which needs SEARCH
 * permission.  Free with iotkey_bulk_close(), which takes NULL, too.
 * Errors: -ENOPROTOOPT, this kernel cannot key a cipher by serial number (Linux before 6.2,
 * or without AF_ALG); -ENOENT, it has no such cipher; -EINVAL, the key's type or size
 * is not for the cipher; -ENOKEY, -EACCES, -EKEYREVOKED, -EKEYEXPIRED; -ENOMEM.
 */
int iotkey_bulk_open(int32_t key, const char *cipher, struct iotkey_bulk **bulk);
void iotkey_bulk_close(struct iotkey_bulk *bulk);

/*
 * iotkey_bulk_encrypt(), iotkey_bulk_decrypt(): one operation, whole: nothing goes on from
 * one call to the next.  An AEAD's output is IOTKEY_BULK_TAG bytes longer than its plaintext,
 * that of another cipher as long as its input.  @in and @out may be the same; @size of
 * @out must hold the result.  Threads may share @bulk.  Both return the number of bytes in @out.
 * Errors: -EBADMSG, what an AEAD should decrypt is damaged or forged, and @out is
 * cleared; -EINVAL, a length is out of range or not the cipher's; -ENOMEM.
 */
ssize_t iotkey_bulk_encrypt(struct iotkey_bulk *bulk,
			    const struct iotkey_bulk_params *params, const void *in,
			    size_t len, void *out, size_t size);
ssize_t iotkey_bulk_decrypt(struct iotkey_bulk *bulk,
			    const struct iotkey_bulk_params *params, const void *in,
			    size_t len, void *out, size_t size);

#ifdef __cplusplus
}
#endif

#endif /* _IOTKEY_H */
