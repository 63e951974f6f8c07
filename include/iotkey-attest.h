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
 * iotkey_pcrs_start(): what PCR 0 starts with where it was reset from locality
 * @locality (StartupLocality event; 4: an H-CRTM): that number instead of 0.
 */
void iotkey_pcrs_start(struct iotkey_pcrs *pcrs, unsigned int locality);

/*
 * Which PCRs, and their values (lib/attest/pcrs.c)
 */

/* TPML_PCR_SELECTION, in its order: each bank at most once */
struct iotkey_pcr_selection {
	unsigned int count;
	struct {
		uint16_t hash; /* enum iotkey_hash */
		uint32_t pcrs; /* bit N: PCR N */
	} bank[IOTKEY_HASHES];
};

/* The values of a selection, in its order; .set tells which */
struct iotkey_pcr_values {
	unsigned int count;
	struct iotkey_pcrs bank[IOTKEY_HASHES];
};

/*
 * iotkey_pcr_selection_parse(): "sha256:0,1,7+sha1:10", as tpm2_quote -l takes it.
 * Errors: -EINVAL.
 */
int iotkey_pcr_selection_parse(const char *text, struct iotkey_pcr_selection *selection);

/*
 * iotkey_pcr_selection_marshal(): as TPML_PCR_SELECTION (TPM 2.0 Part 2, 10.9.7), for
 * TPM2_Quote.  Returns its length, at most IOTKEY_PCR_SELECTION_MAX.
 */
#define IOTKEY_PCR_SELECTION_MAX (4 + IOTKEY_HASHES * 6)
size_t iotkey_pcr_selection_marshal(const struct iotkey_pcr_selection *selection,
				    uint8_t out[IOTKEY_PCR_SELECTION_MAX]);

/* iotkey_pcr_bank(): the values of a bank; NULL when there are none */
const struct iotkey_pcrs *iotkey_pcr_bank(const struct iotkey_pcr_values *values,
					  unsigned int hash);

/*
 * iotkey_pcr_values_parse(): the file that tpm2_quote -o writes, in any of its
 * formats: serialized (the default), marshaled, or values, which has nothing
 * but digests.  @selection is that of the quote: the file has to have the same.
 * Errors: -EBADMSG, it is no such file; -EBADE, it is one of another selection.
 */
int iotkey_pcr_values_parse(const void *data, size_t len,
			    const struct iotkey_pcr_selection *selection,
			    struct iotkey_pcr_values *values);

/*
 * iotkey_pcr_values_serialize(): the same file, serialized.  All PCRs of
 * @selection are known in @values.
 * Returns its length, at most IOTKEY_PCR_FILE_MAX.
 * Errors: -EINVAL, a value is missing.
 */
#define IOTKEY_PCR_FILE_MAX (132 + 4 + 15 * 532)
ssize_t iotkey_pcr_values_serialize(const struct iotkey_pcr_selection *selection,
				    const struct iotkey_pcr_values *values,
				    uint8_t out[IOTKEY_PCR_FILE_MAX]);

/*
 * Quotes (lib/attest/quote.c)
 */

/* TPMS_ATTEST of a quote (TPM 2.0 Part 2, 10.12.12) */
struct iotkey_quote {
	struct iotkey_bytes signer; /* qualified name of the attestation key */
	struct iotkey_bytes nonce;  /* extraData */
	uint64_t clock;		    /* milliseconds for which the TPM was on, ever */
	uint32_t resets, restarts;  /* of the TPM: boots, and resumes since */
	bool safe;		    /* .clock never went back */
	uint64_t firmware;	    /* version of the TPM's */
	struct iotkey_pcr_selection selection;
	struct iotkey_bytes pcr_digest;
};

/*
 * iotkey_quote_parse(): as tpm2_quote -m writes it.
 * Errors: -EBADMSG, it is none, or not made by a TPM, or longer than it says;
 * -EPROTOTYPE, an attestation, but of something else than PCRs; -ENOTSUP, over
 * a bank that is not known here.
 */
int iotkey_quote_parse(const void *data, size_t len, struct iotkey_quote *quote);

/*
 * iotkey_quote_check(): whether these are the PCR values that were quoted.
 * Errors: -EBADMSG, they are not; as iotkey_digest().
 */
int iotkey_quote_check(struct iotkey_attest *attest, const struct iotkey_quote *quote,
		       const struct iotkey_pcr_values *values);

/*
 * Attestation keys and signatures (lib/attest/ak.c)
 */
struct iotkey_ak;

#define IOTKEY_AK_ID_SIZE 32

/*
 * iotkey_ak_parse(): a public key, to be freed with iotkey_ak_free(): PEM (public
 * key or certificate), DER (public key), TPM2B_PUBLIC or TPMT_PUBLIC.  The
 * certificate is not checked.
 * Errors: -EBADMSG, none of these; -ENOTSUP, neither RSA of 2048 bits or more nor
 * on NIST curve P-256, P-384 or P-521; -ENOMEM.
 */
int iotkey_ak_parse(const void *data, size_t len, struct iotkey_ak **ak);
void iotkey_ak_free(struct iotkey_ak *ak); /* NULL is fine */

/* iotkey_ak_id(): SHA-256 of its DER SubjectPublicKeyInfo */
const uint8_t *iotkey_ak_id(const struct iotkey_ak *ak);

/*
 * iotkey_ak_restricted(): 1, a key that signs only what its TPM made; 0, it is not;
 * -ENODATA, its file does not say (only the TPM's forms do).
 */
int iotkey_ak_restricted(const struct iotkey_ak *ak);

/*
 * iotkey_ak_verify(): a signature over @message as tpm2_quote -s writes it:
 * TPMT_SIGNATURE (TPM 2.0 Part 2, 11.3.4) of ECDSA, RSASSA or RSAPSS; or plain
 * (-f plain), which names no hash: SHA-256, SHA-384 or SHA-512, whichever fits.
 * Errors: -EBADMSG, it is no signature; -EPROTOTYPE, one by another kind of key;
 * -EKEYREJECTED, it does not fit; -ENOTSUP, its hash is SHA-1 or not known.
 */
int iotkey_ak_verify(struct iotkey_attest *attest, const struct iotkey_ak *ak,
		     const void *message, size_t message_len, const void *signature,
		     size_t signature_len);

/*
 * Event log (lib/attest/eventlog.c)
 *
 * /sys/kernel/security/tpm0/binary_bios_measurements: crypto-agile, or with
 * SHA-1 alone as by TPM 1.2 (TCG PC Client Platform Firmware Profile, 10).
 */
#define IOTKEY_LOG_DIGESTS_MAX 8 /* banks of a log */

struct iotkey_eventlog {
	const uint8_t *data;
	size_t len;
	size_t offset;	     /* of the next event */
	unsigned int number; /* of the next event */
	unsigned int banks;  /* 0: SHA-1 alone */
	struct {
		uint16_t hash, size;
	} bank[IOTKEY_LOG_DIGESTS_MAX];
};

struct iotkey_log_event {
	unsigned int number; /* from 0, as tpm2_eventlog's EventNum */
	uint32_t pcr;	     /* below IOTKEY_PCRS, unless the event extends nothing */
	uint32_t type;
	unsigned int digests;
	struct {
		uint16_t hash, size; /* TPM_ALG_ID, which may be none known here */
		const uint8_t *value;
	} digest[IOTKEY_LOG_DIGESTS_MAX];
	struct iotkey_bytes data;
};

/* What has to be told apart (10.4.1 there) */
#define IOTKEY_EV_NO_ACTION 0x00000003u /* extends nothing */
#define IOTKEY_EV_SEPARATOR 0x00000004u
#define IOTKEY_EV_EFI_HCRTM 0x80000010u

/* iotkey_eventlog_open(): begin to read a log; cannot fail */
void iotkey_eventlog_open(struct iotkey_eventlog *log, const void *data, size_t len);

/*
 * iotkey_eventlog_next(): the next event.
 * Returns 1, or 0 at the end of the log.
 * Errors: -EBADMSG, it is no event log from .offset on, or ends in the midst of
 * an event.  The error stays.
 */
int iotkey_eventlog_next(struct iotkey_eventlog *log, struct iotkey_log_event *event);

/* iotkey_log_event_digest(): its digest for a bank; NULL when it has none */
const uint8_t *iotkey_log_event_digest(const struct iotkey_log_event *event,
				       unsigned int hash);

/*
 * iotkey_log_event_extend(): replay one event: extend @pcrs by it, or give PCR 0
 * the start value that it tells.  One without a digest for the bank extends nothing.
 */
int iotkey_log_event_extend(struct iotkey_attest *attest,
			    const struct iotkey_log_event *event,
			    struct iotkey_pcrs *pcrs);

/*
 * iotkey_log_event_check(): for types whose digest is over the data of the event (it
 * is nothing but a hint with others): whether it is.
 * Errors: -EBADMSG, it is not; as iotkey_digest().
 */
int iotkey_log_event_check(struct iotkey_attest *attest,
			   const struct iotkey_log_event *event);

/* iotkey_log_type_name(): "EV_SEPARATOR"; NULL for a type without a name here */
const char *iotkey_log_type_name(uint32_t type);

/* iotkey_log_type_value(): back, a number will do; -EINVAL */
int iotkey_log_type_value(const char *name, uint32_t *type);

/*
 * iotkey_log_event_text(): for people, what the event is about, as far as its data
 * tell: the name of a variable, a text; "" if nothing.  Printable ASCII.
 */
const char *iotkey_log_event_text(const struct iotkey_log_event *event, char *buf,
				  size_t size);

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

/*
 * Reference values (lib/attest/reference.c)
 *
 * A text, one thing a line; blank lines and lines that begin with # say nothing:
 *
 *	pcr BANK:N HEX[|HEX...] [NAME]
 *	pcr BANK:N any [NAME]
 *	event N TYPE BANK:HEX[|BANK:HEX...] [NAME]
 *	event N TYPE any [NAME]
 *	optional-event ...
 *	ima HASH:HEX PATH
 *	ima any PATH
 *
 * pcr: the PCR is quoted and has one of these values.
 * event: the log's events for a PCR that has such lines are these, in this order; an
 * optional one may be missing.  Other PCRs' events are free.
 * ima: with one such line or more, the IMA log has nothing that no line allows;
 * several lines for one path allow each of their digests.  A PATH after any may end
 * with *, for all that begins so.
 * A NAME or PATH reaches to the end of the line; \\ and \xHH stand for what
 * would not be read as itself.
 */
struct iotkey_reference;

/* Where a reference is wrong, and what mends it */
struct iotkey_reference_mistake {
	unsigned int line; /* from 1 */
	const char *mend;  /* a sentence without a full stop */
	char word[48];	   /* the word it is about; "" if none is */
};

/*
 * iotkey_reference_parse(): to be freed with iotkey_reference_free().  @why may be
 * NULL.
 * Errors: -EINVAL, @why says where and why; -ENOMEM.
 */
int iotkey_reference_parse(const char *text, size_t len, struct iotkey_reference **ref,
			   struct iotkey_reference_mistake *why);
void iotkey_reference_free(struct iotkey_reference *ref); /* NULL is fine */

/*
 * iotkey_reference_values(): the values that these PCRs have by the reference.
 * Errors: -ENODATA, it names none for one of them; -ENOTUNIQ, more than one.  @bank and @pcr
 * say which.
 */
int iotkey_reference_values(const struct iotkey_reference *ref,
			    const struct iotkey_pcr_selection *selection,
			    struct iotkey_pcr_values *values, unsigned int *bank,
			    unsigned int *pcr);

/*
 * Appraisal (lib/attest/appraise.c)
 */

/* What a device sent; .data NULL: it did not */
struct iotkey_evidence {
	struct iotkey_bytes quote;     /* TPMS_ATTEST */
	struct iotkey_bytes signature; /* TPMT_SIGNATURE, or plain */
	struct iotkey_bytes pcrs;      /* file of iotkey_pcr_values_parse() */
	struct iotkey_bytes eventlog;
	struct iotkey_bytes ima;
	/*
	 * The key that it says it used: tells a quote by another key from a
	 * damaged one, and is trusted with nothing.
	 */
	struct iotkey_bytes ak;
	/*
	 * The IMA log goes on from an appraisal that passed, of the same boot (same
	 * .resets and .restarts): .values and .ima_entries of that one, and the log from its
	 * .ima_len on.  NULL: from boot.
	 */
	const struct iotkey_pcr_values *ima_from;
	unsigned int ima_entries;
};

/* What it has to be */
struct iotkey_expected {
	const struct iotkey_ak *ak;
	struct iotkey_bytes nonce;
	const struct iotkey_reference *reference; /* NULL: any state will do */
};

/* Everything that may be wrong; each has a word, which is not going to change */
enum iotkey_check {
	IOTKEY_CHECK_AK_UNRESTRICTED, /* the trusted key signs anything, so a quote */
	IOTKEY_CHECK_QUOTE_MALFORMED,
	IOTKEY_CHECK_QUOTE_TYPE, /* an attestation of something else */
	IOTKEY_CHECK_SIGNATURE_MALFORMED,
	IOTKEY_CHECK_SIGNATURE_WEAK, /* SHA-1, or a hash not known here */
	IOTKEY_CHECK_SIGNATURE,	     /* changed, or by another key */
	IOTKEY_CHECK_WRONG_KEY,	     /* certainly by another key */
	IOTKEY_CHECK_NONCE,
	IOTKEY_CHECK_PCRS_MISSING, /* no values came with the quote */
	IOTKEY_CHECK_PCRS_MALFORMED,
	IOTKEY_CHECK_PCR_SELECTION,    /* values of other PCRs than quoted */
	IOTKEY_CHECK_PCR_DIGEST,       /* the values are not those that were quoted */
	IOTKEY_CHECK_PCR_NOT_QUOTED,   /* the reference is about it */
	IOTKEY_CHECK_PCR,	       /* another value than in the reference */
	IOTKEY_CHECK_EVENTLOG_MISSING, /* the reference is about it */
	IOTKEY_CHECK_EVENTLOG_MALFORMED,
	IOTKEY_CHECK_EVENTLOG_REPLAY, /* it does not give the quoted PCR */
	IOTKEY_CHECK_EVENT_DATA,      /* not what its digest is over */
	IOTKEY_CHECK_EVENT,	      /* another than in the reference */
	IOTKEY_CHECK_EVENT_MISSING,
	IOTKEY_CHECK_EVENT_UNEXPECTED,
	IOTKEY_CHECK_IMA_MISSING, /* the reference is about it */
	IOTKEY_CHECK_IMA_MALFORMED,
	IOTKEY_CHECK_IMA_REPLAY,     /* it does not give the quoted PCR */
	IOTKEY_CHECK_IMA_ENTRY,	     /* its data do not fit its digest */
	IOTKEY_CHECK_IMA_FILE,	     /* another content than in the reference */
	IOTKEY_CHECK_IMA_UNKNOWN,    /* a file that the reference does not know */
	IOTKEY_CHECK_IMA_VIOLATION,  /* the file changed while it was measured */
	IOTKEY_CHECK_BOOT_AGGREGATE, /* PCRs of the boot changed after it */
	IOTKEY_CHECKS,
};

#define IOTKEY_FINDING_TEXT 144 /* "sha512:" and a digest in hex */

/* One thing that is wrong, by its component; all texts are printable ASCII */
struct iotkey_finding {
	enum iotkey_check check;
	uint16_t hash;	/* bank of the PCR; 0: none */
	int pcr;	/* -1: none */
	int64_t number; /* of the event or entry; -1: none */
	bool has_type;
	uint32_t type;			    /* of the event */
	char name[IOTKEY_FINDING_TEXT];	    /* of the PCR or event; path; "" */
	char expected[IOTKEY_FINDING_TEXT]; /* "": nothing to tell */
	char found[IOTKEY_FINDING_TEXT];
};

#define IOTKEY_FINDINGS_MAX 32

struct iotkey_appraisal {
	unsigned int findings; /* 0: passed */
	unsigned int kept;     /* those in .finding, the first ones */
	struct iotkey_finding finding[IOTKEY_FINDINGS_MAX];

	/*
	 * What the evidence tells.  Only what passed is true.
	 */
	struct iotkey_quote quote;
	struct iotkey_pcr_values values;
	unsigned int events;	  /* read of the event log */
	unsigned int ima_entries; /* of the IMA log that the quote covers, from boot */
	unsigned int ima_later;	  /* after it, which nothing is known about */
	size_t ima_len;		  /* bytes of the log that it covers */
};

/* iotkey_check_name(): "pcr-digest" */
const char *iotkey_check_name(enum iotkey_check check);

/* iotkey_finding_text(): a sentence without a full stop, into @buf; gives it back */
const char *iotkey_finding_text(const struct iotkey_finding *finding, char *buf,
				size_t size);

/*
 * iotkey_appraise(): check a quote, then what it covers, as far as it is there.
 *
 * All is checked that can be: what fails is among the findings, and what needs it
 * is left out.  A log may be longer than it was when the quote was made:
 * what of the IMA log goes beyond the quoted PCR is counted, not appraised.
 *
 * Returns 1, it passed; 0, it did not.
 * Errors: -ENOMEM; -ENOTSUP, OpenSSL lacks a hash.
 */
int iotkey_appraise(struct iotkey_attest *attest, const struct iotkey_evidence *evidence,
		    const struct iotkey_expected *expected,
		    struct iotkey_appraisal *appraisal);

/*
 * iotkey_reference_record(): write a reference that this evidence passes, to be freed
 * with free(3): its PCRs, events and files.  It must have passed, with @appraisal as the
 * result.  Files that changed while they were measured are commented out; of the
 * measured history any record is allowed.
 * Errors: -ENOMEM.
 */
int iotkey_reference_record(const struct iotkey_evidence *evidence,
			    const struct iotkey_appraisal *appraisal, char **text,
			    size_t *len);

#ifdef __cplusplus
}
#endif

#endif /* _IOTKEY_ATTEST_H */
