/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libiotkey-attest: evidence of what a device is, and its appraisal.
 *
 * A device proves its state by a TPM quote over PCRs, and explains the PCRs
 * by logs: what the firmware measured (event log), and what the kernel did
 * (IMA log).  All of it can be read, replayed and appraised here, anywhere:
 * neither a TPM nor the kernel module is needed.
 *
 * Conventions, for every function below unless it says otherwise:
 *
 * - The result is 0 (or a count) on success and -errno on failure.
 * - Everything that comes from a device is hostile: all lengths are checked,
 *   work and memory are bounded by the length of the input.
 * - Parsers copy nothing: what they find points into the input, which must
 *   live and stay as it is for as long as the result is used.  struct
 *   iotkey_bytes is not zero-terminated.
 * - Nothing is printed, no thread is made.  Two threads may do anything at
 *   once, as long as each has its own struct iotkey_attest; keys and
 *   references are not changed by use and may be shared.
 */
#ifndef _IOTKEY_ATTEST_H
#define _IOTKEY_ATTEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct iotkey_bytes {
	const uint8_t *data;
	size_t len;
};

/*
 * Hashes and PCRs (lib/attest/hash.c)
 *
 * Hashes are numbered as TPM_ALG_ID (TCG Algorithm Registry).
 */
enum iotkey_hash {
	IOTKEY_HASH_SHA1 = 0x0004,
	IOTKEY_HASH_SHA256 = 0x000b,
	IOTKEY_HASH_SHA384 = 0x000c,
	IOTKEY_HASH_SHA512 = 0x000d,
	IOTKEY_HASH_SM3_256 = 0x0012,
};

#define IOTKEY_HASHES	  5
#define IOTKEY_DIGEST_MAX 64 /* bytes */
#define IOTKEY_PCRS	  24

/* iotkey_hash_name(): "sha256"; NULL for a number that is none of the above */
const char *iotkey_hash_name(unsigned int hash);

/* iotkey_hash_value(): the number for a name of @len letters; -EINVAL */
int iotkey_hash_value(const char *name, size_t len);

/* iotkey_hash_size(): bytes of a digest; 0 for a number that is none of the above */
size_t iotkey_hash_size(unsigned int hash);

/*
 * struct iotkey_attest: what OpenSSL needs to hash and to check signatures, made
 * once because making it is slow.  For one thread at a time.
 */
struct iotkey_attest;

/* iotkey_attest_new(): NULL without memory */
struct iotkey_attest *iotkey_attest_new(void);
void iotkey_attest_free(struct iotkey_attest *attest); /* NULL is fine */

/*
 * iotkey_digest(): the digest of @len bytes into @out.
 * Errors: -EINVAL, no such hash; -ENOTSUP, OpenSSL lacks it (or forbids it).
 */
int iotkey_digest(struct iotkey_attest *attest, unsigned int hash, const void *data,
		  size_t len, uint8_t out[IOTKEY_DIGEST_MAX]);

/* PCRs of one bank.  A value has as many bytes as the hash has. */
struct iotkey_pcrs {
	uint16_t hash; /* enum iotkey_hash */
	uint32_t set;  /* bit N: PCR N is known, or was extended */
	uint8_t value[IOTKEY_PCRS][IOTKEY_DIGEST_MAX];
};

/*
 * iotkey_pcrs_init(): as after a reset (TCG PC Client Platform Firmware Profile,
 * 3.3.1): 0, but all ones in PCR 17 to 22.
 */
void iotkey_pcrs_init(struct iotkey_pcrs *pcrs, unsigned int hash);

/*
 * iotkey_pcrs_extend(): PCR := H(PCR || digest); @digest has the size of the
 * bank's hash (TPM 2.0 Part 1, 17.2).
 * Errors: -EINVAL, no such PCR; as iotkey_digest().
 */
int iotkey_pcrs_extend(struct iotkey_attest *attest, struct iotkey_pcrs *pcrs,
		       unsigned int pcr, const uint8_t *digest);

/*
 * IMA log (lib/attest/ima.c)
 *
 * /sys/kernel/security/ima/binary_runtime_measurements, in the byte order of
 * any machine (seen from the first entry), with ima_canonical_fmt or without.
 * Templates: ima, ima-ng, ima-ngv2, ima-sig, ima-sigv2, ima-buf, ima-modsig,
 * evm-sig, and any made of fields "a|b|c".
 */
struct iotkey_ima_log {
	const uint8_t *data;
	size_t len;
	size_t offset;	     /* of the next entry */
	unsigned int number; /* of the last entry */
	bool big_endian;
};

struct iotkey_ima_entry {
	unsigned int number; /* from 1: the line in ascii_runtime_measurements */
	uint32_t pcr;	     /* below IOTKEY_PCRS */
	const uint8_t *sha1; /* 20 bytes: the template digest of the log */
	bool violation;	     /* it is zero: what was measured may have changed */
	struct iotkey_bytes template_name; /* "ima-ng" */
	struct iotkey_bytes data;      /* the template's data, as hashed ("ima" apart) */
	uint16_t hash;		       /* of the file or buffer; 0: one not known here */
	struct iotkey_bytes digest;    /* of the file or buffer; by its hash's size */
	struct iotkey_bytes name;      /* path of the file, or name of the event */
	struct iotkey_bytes signature; /* field sig; len 0: none */
	struct iotkey_bytes buffer;    /* field buf: what was measured, of ima-buf */
};

/* iotkey_ima_open(): begin to read a log; cannot fail */
void iotkey_ima_open(struct iotkey_ima_log *log, const void *data, size_t len);

/*
 * iotkey_ima_next(): the next entry.
 * Returns 1, or 0 at the end of the log.
 * Errors: -ENODATA, it ends in the midst of an entry, which begins at .offset:
 * feed that and what follows again when there is more; -EBADMSG, it is no IMA
 * log from .offset on.  An error stays.
 */
int iotkey_ima_next(struct iotkey_ima_log *log, struct iotkey_ima_entry *entry);

/*
 * iotkey_ima_digest(): what a kernel (from 5.8 on) extends a PCR of bank @hash
 * with for this entry: H(template data), or all ones for a violation.
 * Errors: as iotkey_digest().
 */
int iotkey_ima_digest(struct iotkey_attest *attest, const struct iotkey_ima_entry *entry,
		      unsigned int hash, uint8_t out[IOTKEY_DIGEST_MAX]);

/*
 * iotkey_ima_check(): whether the entry's data is what its template digest says,
 * and its buffer what its digest says.  The name of the template is under no
 * digest: an entry of an unknown one has no .digest and no .name, and is to be
 * treated as something that nobody knows.
 * Errors: -EBADMSG, it is not; as iotkey_digest().
 */
int iotkey_ima_check(struct iotkey_attest *attest, const struct iotkey_ima_entry *entry);

/*
 * iotkey_ima_extend(): replay one entry: extend @pcrs of any bank by it.  To go on
 * later, keep @pcrs.
 */
int iotkey_ima_extend(struct iotkey_attest *attest, const struct iotkey_ima_entry *entry,
		      struct iotkey_pcrs *pcrs);

/*
 * Measured history (lib/attest/history.c)
 *
 * What the kernel module, loaded with measure=, has IMA measure: one record for each
 * event of a key (Documentation/iotkey.rst, "Measured history").
 */
#define IOTKEY_RECORD_HEADER 81 /* bytes before the name */

/* Events of the history itself; those of keys are enum iotkey_event */
enum iotkey_record_event {
	IOTKEY_RECORD_BEGIN =
		128,		  /* the module was loaded; .name is what measure= says */
	IOTKEY_RECORD_END = 129,  /* it was unloaded */
	IOTKEY_RECORD_LOST = 130, /* .count records are missing, as .error says */
};

struct iotkey_record {
	uint8_t event;	   /* enum iotkey_event or enum iotkey_record_event */
	uint8_t algorithm; /* enum iotkey_algorithm; none: a root */
	uint8_t mode;	   /* enum iotkey_mode */
	uint8_t provider;  /* enum iotkey_provider, of the root */
	uint64_t instance; /* of the module: random, drawn when it is loaded */
	uint32_t sequence; /* counts the records of an instance, from 0 */
	uint32_t count;	   /* of the numbers it takes up: 1, or more that were lost */
	uint8_t id[16], root_id[16];
	uint32_t version, epoch;
	int64_t time;	/* key time; the wall clock's for the history's own events */
	uint32_t error; /* errno, of a failure or loss */
	uint32_t flags; /* enum iotkey_flags */
	char name[256]; /* zero-terminated, printable ASCII without spaces */
};

/*
 * iotkey_record_decode(): a record from the buffer that was measured.
 * Errors: -ENOMSG, the buffer is something else; -EPROTONOSUPPORT, it is a record
 * of a format not known here; -EBADMSG, it is none that the module makes.
 */
int iotkey_record_decode(struct iotkey_bytes buffer, struct iotkey_record *record);

/* What is wrong with the place of a record: bits of iotkey_history.flaws */
enum iotkey_flaw {
	IOTKEY_FLAW_MISSING = 1,   /* records before it, from .expected on */
	IOTKEY_FLAW_BACK = 2,	   /* its number was there already, or has been passed */
	IOTKEY_FLAW_UNENDED = 4,   /* it is of a new instance, and the last had no end */
	IOTKEY_FLAW_AFTER_END = 8, /* its instance had ended */
};

/* Begin with zeros */
struct iotkey_history {
	unsigned int flaws; /* of the last record */
	uint32_t expected;  /* the number that it should have had */

	bool begun, ended;
	uint64_t instance;
	uint32_t next;
};

/*
 * iotkey_history_next(): whether @entry of an IMA log is a record, and whether it
 * is in its place after the ones before it: see history->flaws.  Returns 1, or 0
 * when it is something else.  Check it with iotkey_ima_check().
 * Errors: as iotkey_record_decode(), but for -ENOMSG.
 */
int iotkey_history_next(struct iotkey_history *history,
			const struct iotkey_ima_entry *entry,
			struct iotkey_record *record);

#ifdef __cplusplus
}
#endif

#endif /* _IOTKEY_ATTEST_H */
