/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the verbs of iotkeyctl-attest share.
 */
#ifndef _ATTEST_H
#define _ATTEST_H

#include <iotkey-attest.h>

#include "../common/file.h"
#include "../common/hex.h"
#include "../common/key.h"
#include "../common/say.h"
#include "../common/verb.h"

/* Files of evidence, beside each other in a directory */
#define EVIDENCE_QUOTE	   "quote.msg"	/* tpm2_quote -m */
#define EVIDENCE_SIGNATURE "quote.sig"	/* tpm2_quote -s */
#define EVIDENCE_PCRS	   "quote.pcrs" /* tpm2_quote -o */
#define EVIDENCE_AK	   "ak.pem"
#define EVIDENCE_EVENTLOG  "eventlog"
#define EVIDENCE_IMA	   "ima"

/* The largest that are read */
#define EVENTLOG_MAX (16u << 20)
#define IMA_MAX	     (256u << 20)

/* main.c: the verbs, one in each cmd_NAME.c; argv[0] is the verb */
int cmd_appraise(struct context *ctx, int argc, char **argv);
int cmd_history(struct context *ctx, int argc, char **argv);
int cmd_quote(struct context *ctx, int argc, char **argv);

/* nonce.c */
struct nonce {
	uint8_t data[64];
	size_t len;
};

/*
 * read_nonce(): hex digits, or else a file.  Returns an exit code, and has said what
 * was wrong; a text that is neither is a usage_error().
 */
int read_nonce(struct context *ctx, const char *text, struct nonce *nonce);

/* result.c */
json_t *appraisal_json(const struct iotkey_appraisal *appraisal);
void print_appraisal(const struct iotkey_appraisal *appraisal, bool quiet);

#endif /* _ATTEST_H */
