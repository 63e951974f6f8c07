// SPDX-License-Identifier: GPL-2.0-or-later
/* What an operation needs, and what is left of it. */
#include <errno.h>
#include <iotkey.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "campaign.h"
#include "iot.h"
#include "tpm.h"

#define SECRET	 "0123456789abcdef0123456789abcdef"
#define BLOB_MAX 16384

int campaign_tpm = -1;

static key_serial_t kid;

void bail(const char *what)
{
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(1);
}

void complain(const char *fmt, ...)
{
	va_list args;

	printf("# ");
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n");
}

/* An identity is free once the keyring has let go of its last key, a moment later. */
static key_serial_t add_when_free(const char *name, const char *text)
{
	time_t limit = time(NULL) + SETTLE_S;
	key_serial_t key;

	while ((key = add_key("iot", name, text, strlen(text), SESSION)) < 0 &&
	       errno == EEXIST && time(NULL) <= limit)
		usleep(2000);
	return key;
}

static key_serial_t must_add(const char *name, const char *text)
{
	key_serial_t key = add_when_free(name, text);

	if (key < 0) {
		complain("%s", text);
		bail("add_key");
	}
	return key;
}

static void drop(key_serial_t key)
{
	keyctl_unlink(key, SESSION);
}

static char *saved_text(key_serial_t key)
{
	char *text = malloc(BLOB_MAX);
	long n;

	strcpy(text, "load ");
	n = keyctl_read(key, text + 5, BLOB_MAX - 6);
	if (n < 0)
		bail("read");
	text[5 + n] = '\0';
	return text;
}

static char *file_text(const char *path)
{
	char *text = calloc(1, BLOB_MAX);
	FILE *f = fopen(path, "r");

	strcpy(text, "load ");
	if (!f || !fread(text + 5, 1, BLOB_MAX - 6, f))
		bail(path);
	fclose(f);
	return text;
}

/* The public half of the key "it", which signs. */
static long proof_of_resident(const struct operation *op, uint8_t *proof)
{
	uint8_t der[IOTKEY_PUBLIC_SIZE];

	if (!op_signs(op))
		bail("a signature of the key that was made");
	if (iotkey_public(op->it, der, sizeof(der)) != sizeof(der))
		bail("the public half");
	memcpy(proof, der + sizeof(der) - 64, 64);
	return 64;
}

/* A signature that depends on nothing but the secret of the root "it". */
static long proof_of(const struct operation *op, uint8_t *proof)
{
	key_serial_t key;
	long n;

	if (op->resident)
		return proof_of_resident(op, proof);
	key = must_add("proof", "new hmac-sha256 root=it mode=derive");
	n = op_sign(key, 16, proof);
	drop(key);
	if (n < 0)
		bail("sign");
	return n;
}

static void know_load(struct operation *op)
{
	key_serial_t key;

	if (op->load)
		return;
	if (op->pem) {
		op->load = file_text(op->pem);
	} else if (op->saved) {
		key = must_add("it", op->saved);
		op->load = saved_text(key);
		op->it = key;
		if (op->tpm)
			op->proof_len = proof_of(op, op->proof);
		drop(key);
		op->it = 0;
	}
}

static void know_message(struct operation *op)
{
	op->message_len = 0;
	if (op->needs == A_MESSAGE)
		op->message_len = op_encrypt(op, op->message);
	else if (op->needs == A_SIGNATURE)
		op->message_len = op_sign(op->it, op->size, op->message);
	if (op->message_len < 0)
		bail(op->name);
}

void op_prepare(struct operation *op)
{
	op->it = 0;
	know_load(op);
	if (!world_is_empty(op))
		complain("%s: begins with something left", op->name);
	if (op->make)
		op->it = must_add("it", op->make);
	if (op->ready && keyctl_update(op->it, op->ready, strlen(op->ready)))
		bail(op->ready);
	if (op->kid)
		kid = must_add("kid", "new hmac-sha256 root=it");
	know_message(op);
	op_socket(op->needs == A_LISTENER);
}

void op_failed(struct operation *op)
{
	op_socket(op->needs == A_LISTENER);
}

void op_undo(struct operation *op)
{
	uint32_t handles[TPM_HANDLES_MAX];
	unsigned int n;

	if (op->publishes)
		drop(keyctl_search(SESSION, "logon", "camp:pub", 0));
	if (op->it > 0)
		drop(op->it);
	if (op->kid)
		drop(kid);
	op->it = 0;
	/* the core does not give back the bytes of a link that it collects itself */
	if (op->collected)
		world_know_empty();
	if (!op->mkparent)
		return;
	n = tpm_handles(campaign_tpm, OTHER_PARENT, handles);
	if (n && handles[0] == OTHER_PARENT)
		tpm_evict(campaign_tpm, OTHER_PARENT);
}

bool op_proved(struct operation *op)
{
	uint8_t proof[64];
	char *again;
	bool ok;

	if (!op->tpm || op->make)
		return true;
	if (op->load && !op->proof_len)
		op->proof_len = proof_of(op, op->proof);
	if (!op->load) {
		op->proof_len = proof_of(op, op->proof);
		again = saved_text(op->it);
		drop(op->it);
		op->it = add_when_free("it", again);
		free(again);
	}
	if (op->it < 0) {
		complain("%s: its blob does not load: %s", op->name, errno_name(errno));
		return false;
	}
	ok = proof_of(op, proof) == op->proof_len &&
	     !memcmp(proof, op->proof, op->proof_len);
	if (!ok)
		complain("%s: it is another secret", op->name);
	return ok;
}

static void set_linger(const char *ms)
{
	FILE *f = fopen("/sys/module/iotkey/parameters/linger", "w");

	if (!f || fputs(ms, f) < 0 || fclose(f))
		bail("linger");
}

void campaign_open(void)
{
	/* what stays in the TPM for a while would be counted to what comes next */
	set_linger("0");
	world_open();
	must_add("soft", "new root provider=soft");
	must_add("soft2", "new root provider=soft");
	if (add_key("logon", "camp:secret", SECRET, 32, SESSION) < 0)
		bail("logon");
	if (campaign_tpm >= 0)
		drop(must_add("it", TPM_ROOT " mkparent"));
	world_know_empty();
}

void campaign_close(void)
{
	keyctl_clear(SESSION);
	set_linger("500");
	world_close();
}

bool campaign_long(void)
{
	const char *text = getenv("IOTKEY_LONG");

	return text && *text;
}

static uint32_t state;

void campaign_seed(void)
{
	const char *text = getenv("SEED");

	state = campaign_long() ? time(NULL) : 1;
	if (text && *text)
		state = strtoul(text, NULL, 0);
	complain("SEED=%u", state);
	state = state * 2654435761u | 1;
}

uint32_t campaign_random(void)
{
	state ^= state << 13;
	state ^= state >> 17;
	return state ^= state << 5;
}
