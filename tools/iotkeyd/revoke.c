// SPDX-License-Identifier: GPL-2.0-or-later
#include "revoke.h"

#include "../common/file.h"
#include "../common/hex.h"
#include "../common/say.h"
#include "files.h"
#include "identity.h"
#include "keep.h"
#include "roots.h"
#include "trust.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHAIN_FILE   "statements"
#define REVOKED_FILE "revoked"
#define SMALL	     256

static struct iotkey_chain chain;
static bool thrown_out;

static bool read_chain(const char *text)
{
	char *end;

	errno = 0;
	chain.sequence = strtoull(text, &end, 10);
	return !errno && end > text && *end == ' ' &&
	       hex_read(end + 1, strcspn(end + 1, "\n"), chain.digest,
			sizeof(chain.digest));
}

int revoke_open(void)
{
	char *text;
	size_t len;
	int err;

	memset(&chain, 0, sizeof(chain));
	err = files_read(CHAIN_FILE, SMALL, &text, &len);
	if (!err) {
		err = read_chain(text) ? 0 : -EBADMSG;
		free_secret(text, len);
	}
	if (err && err != -ENOENT)
		return say_file_error(err, "cannot read how far statements went");
	err = files_read(REVOKED_FILE, SMALL, &text, &len);
	thrown_out = err != -ENOENT; /* unreadable: rather so than not */
	if (!err)
		free_secret(text, len);
	return EXIT_OK;
}

uint64_t revoke_sequence(void)
{
	return chain.sequence;
}

bool revoke_device(void)
{
	return thrown_out;
}

static int save_chain(const struct iotkey_chain *to)
{
	char line[SMALL], hex[2 * sizeof(to->digest) + 1];

	snprintf(line, sizeof(line), "%" PRIu64 " %s\n", to->sequence,
		 hex_write(hex, to->digest, sizeof(to->digest)));
	return files_write(CHAIN_FILE, line, strlen(line));
}

/*
 * A statement is gone through twice: what has to die dies in the kernel at once, and only then
 * is anything written.
 */
struct pass {
	bool store; /* the second one */
	uint8_t device[IOTKEY_DEVICE_ID];
	int err; /* of what has to be done: the statement is not passed then */
};

static void failed(struct pass *pass, int err)
{
	if (err && !pass->err)
		pass->err = err;
}

static void whole_device(struct pass *pass)
{
	if (!pass->store) {
		thrown_out = true;
		keep_revoke_all();
		return;
	}
	failed(pass, files_write(REVOKED_FILE, "revoked\n", 8));
	if (!keep_forget_all())
		failed(pass, -EIO);
	identity_drop();
}

/* A key, and if it is a root of the fleet: up to @version */
static void one_key(struct pass *pass, const char *name, uint32_t version)
{
	const struct root *known = roots_find(name);
	struct root root = { .state = ROOT_REVOKED, .version = version };

	if (!pass->store) {
		failed(pass, keep_revoke(name));
		return;
	}
	failed(pass, keep_forget(name));
	if (!known)
		return;
	root = *known;
	root.state = ROOT_REVOKED;
	if (version > root.version)
		root.version = version;
	failed(pass, roots_set(&root));
}

/* A version that never came must not come later */
static void one_version(struct pass *pass, const char *name, uint32_t version)
{
	const struct root *known = roots_find(name);
	struct root root = { .state = ROOT_REVOKED, .version = version };
	int err;

	if (known && known->state != ROOT_REVOKED) {
		if (known->version <= version)
			one_key(pass, name, version);
		return;
	}
	if (!pass->store || (known && known->version >= version))
		return;
	strcpy(root.name, name);
	if (known)
		root.group = known->group;
	err = roots_set(&root);
	if (err == -EDQUOT)
		say("no room to remember that '%s' is revoked", name);
	else
		failed(pass, err);
}

static void one_member(struct pass *pass, const char *name, bool us)
{
	const struct root *known = roots_find(name);
	struct root root;

	if (!known || !known->group || known->state == ROOT_REVOKED)
		return;
	if (us) {
		one_key(pass, name, 0);
		return;
	}
	if (!pass->store || known->state == ROOT_OLD)
		return;
	root = *known;
	root.state = ROOT_OLD;
	failed(pass, roots_set(&root));
}

static void one_revocation(struct pass *pass, const struct iotkey_revocation *r)
{
	static const uint8_t everyone[IOTKEY_DEVICE_ID];
	bool us = !memcmp(r->id, pass->device, sizeof(r->id)) ||
		  !memcmp(r->id, everyone, sizeof(r->id));
	char name[IOTKEY_NAME_MAX + 1];

	memcpy(name, r->name.data, r->name.len);
	name[r->name.len] = '\0';
	if (!us && r->type != IOTKEY_REVOKED_MEMBER)
		return;
	switch (r->type) {
	case IOTKEY_REVOKED_DEVICE:
		whole_device(pass);
		break;
	case IOTKEY_REVOKED_KEY:
		one_key(pass, name, 0);
		break;
	case IOTKEY_REVOKED_VERSION:
		one_version(pass, name, r->version);
		break;
	case IOTKEY_REVOKED_MEMBER:
		one_member(pass, name, us);
		break;
	}
}

static void go_through(struct pass *pass, struct iotkey_statement statement)
{
	struct iotkey_revocation revocation;

	while (iotkey_statement_next(&statement, &revocation) == 1)
		one_revocation(pass, &revocation);
}

int revoke_statement(const uint8_t *data, size_t len)
{
	struct iotkey_chain next = chain;
	struct iotkey_statement statement;
	struct pass pass = { .store = false };
	int err;

	if (!trust_ca() || !hex_read(identity_device(), strlen(identity_device()),
				     pass.device, sizeof(pass.device)))
		return -ENOENT;
	err = trust_statement(data, len, &next, &statement);
	if (err)
		return err;
	go_through(&pass, statement);
	pass.store = true;
	go_through(&pass, statement);
	/* stored last: what was cut short is done again */
	err = pass.err ? pass.err : save_chain(&next);
	if (!err)
		chain = next;
	return err;
}

void revoke_all(void)
{
	keep_revoke_all();
	keep_forget_all();
	identity_drop();
}
