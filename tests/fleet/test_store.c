// SPDX-License-Identifier: GPL-2.0-or-later
// sources: tools/iotkey-registrar/store.c tools/iotkey-registrar/store_sqlite.c tools/iotkey-registrar/store_pg.c
// pkg: sqlite3 libpq libcrypto
/*
 * The registrar's store against a real database.
 *
 *	test_store cases URL      every call, and several processes at once
 *	test_store restart URL    $RESTART is a command that kills and starts the server
 *	test_store full URL       $FILL and $FREE make the disk full and free again; with
 *	                          sqlite: the size of files is limited instead
 *	test_store grow URL N     what N devices take, and what a call costs among them
 */
#include <errno.h>
#include <signal.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../tools/iotkey-registrar/store.h"
#include "../unit/ktap.h"

#define NOW 1700000000

static const char *url;

static struct store *open_store(void)
{
	char message[STORE_MESSAGE];
	struct store *store;
	int err = store_open(url, &store, message);

	if (!err)
		return store;
	printf("Bail out! %s (%s)\n", message, strerror(-err));
	exit(1);
}

static bool is(int got, int want, const char *what)
{
	if (got != want)
		printf("# %s: %s, not %s\n", what, strerror(abs(got)),
		       strerror(abs(want)));
	return ktap_ok(got == want, "%s", what);
}

static void make_id(uint8_t id[STORE_ID], unsigned int kind, unsigned int n)
{
	unsigned int i;

	/* spread over the keys as hashes are, and never all zeros */
	memset(id, 0, STORE_ID);
	for (i = 0; i < 4; i++)
		id[i] = (uint8_t)((n * 2654435761u) >> (24 - 8 * i));
	id[4] = (uint8_t)kind;
	memcpy(&id[5], &n, sizeof(n));
	id[STORE_ID - 1] = 1;
}

static void make_nonce(uint8_t nonce[STORE_NONCE], uint64_t n)
{
	unsigned int i;

	memset(nonce, 0x5a, STORE_NONCE);
	for (i = 0; i < 8; i++)
		nonce[i] = (uint8_t)(n >> (56 - 8 * i));
}

static void make_device(struct store_device *device, unsigned int kind, unsigned int n)
{
	memset(device, 0, sizeof(*device));
	make_id(device->id, kind, n);
	snprintf(device->name, sizeof(device->name), "gateway-%u-%u", kind, n);
	device->state = STORE_ACTIVE;
	device->flags = STORE_BY_EK;
	device->has_ek = device->has_ak = true;
	memcpy(device->ek_sha256, device->id, STORE_ID);
	memset(device->ak_name, 0x0b, sizeof(device->ak_name));
	memcpy(device->ak_name + 2, device->id, STORE_ID);
	device->ak_public_len = 90;
	memset(device->ak_public, 0xa5, device->ak_public_len);
	device->created = NOW;
}

static void make_certificate(struct store_certificate *cert, const uint8_t *device,
			     unsigned int n)
{
	memset(cert, 0, sizeof(*cert));
	memcpy(cert->device, device, STORE_ID);
	memcpy(cert->serial, device, STORE_ID);
	memcpy(cert->serial + STORE_ID, &n, sizeof(n));
	cert->issued = NOW + n;
	cert->not_after = NOW + n + 86400;
	memset(cert->spki_sha256, 7, sizeof(cert->spki_sha256));
}

/* ---- one process ---- */

static void test_devices(struct store *store)
{
	struct store_device device, got;
	uint8_t other[STORE_ID];

	make_device(&device, 1, 1);
	make_id(other, 1, 99);
	is(store_device_get(store, device.id, &got), -ENOENT, "an unknown device");
	device.state = STORE_PENDING;
	is(store_device_join(store, &device), 0, "a device joins");
	is(store_device_get(store, device.id, &got), 0, "and is known");
	got.attestation.reference[0] = '\0';
	ktap_ok(!memcmp(&got, &device, sizeof(got)), "as it was given");
	is(store_device_approve(store, other), -ENOENT, "approve an unknown device");
	is(store_device_approve(store, device.id), 0, "approve it");
	is(store_device_approve(store, device.id), -EALREADY, "approve it again");
	device.state = STORE_PENDING;
	is(store_device_join(store, &device), 0, "it joins again");
	ktap_ok(device.state == STORE_ACTIVE, "and stays active");
	snprintf(device.name, sizeof(device.name), "with space");
	is(store_device_join(store, &device), -EINVAL, "a name with a space");
	memset(device.name, 'x', STORE_NAME_MAX);
	is(store_device_join(store, &device), 0, "the longest name");
	device.name[0] = '\0';
	is(store_device_join(store, &device), 0, "no name");
	store_device_get(store, device.id, &got);
	ktap_ok(strlen(got.name) == STORE_NAME_MAX, "leaves the one it had");
}

static void test_attestation(struct store *store)
{
	struct store_attestation att = { .result = STORE_FAIL,
					 .time = NOW + 5,
					 .passed = NOW,
					 .resets = UINT32_MAX,
					 .restarts = 3,
					 .reference = "v1.2",
					 .ima_offset = 1ull << 40,
					 .progress_len = STORE_PROGRESS_MAX,
					 .finding = "[{\"check\":\"pcr\"}]" };
	struct store_device device, got;

	make_device(&device, 1, 2);
	store_device_join(store, &device);
	memset(att.progress, 0xee, sizeof(att.progress));
	is(store_device_attested(store, device.id, &att), 0, "an attestation");
	is(store_device_parent(store, device.id, device.ak_name), 0, "a parent");
	store_device_get(store, device.id, &got);
	ktap_ok(!memcmp(&got.attestation, &att, sizeof(att)), "is kept whole");
	ktap_ok(got.has_parent &&
			!memcmp(got.parent_name, device.ak_name, STORE_TPM_NAME) &&
			got.seen == NOW + 5,
		"with the parent and when it was seen");
	store_device_join(store, &device);
	store_device_get(store, device.id, &got);
	ktap_ok(!memcmp(&got.attestation, &att, sizeof(att)), "the same AK keeps it");
	device.ak_name[5] ^= 1;
	store_device_join(store, &device);
	store_device_get(store, device.id, &got);
	ktap_ok(got.attestation.result == STORE_NEVER && !got.attestation.ima_offset &&
			!got.attestation.passed,
		"a new AK has proved nothing yet");
}

static void test_nonces(struct store *store)
{
	struct store_device device;
	uint8_t nonce[STORE_NONCE], older[STORE_NONCE], other[STORE_ID];

	make_device(&device, 1, 3);
	make_id(other, 1, 98);
	make_nonce(older, 0xff); /* less in numbers, not in signed bytes */
	make_nonce(nonce, 0x100);
	is(store_device_nonce(store, other, STORE_ENROL, nonce), -ENOENT,
	   "a nonce of nobody");
	device.state = STORE_PENDING;
	store_device_join(store, &device);
	is(store_device_nonce(store, device.id, STORE_ENROL, nonce), -EACCES,
	   "of one who waits");
	store_device_approve(store, device.id);
	is(store_device_nonce(store, device.id, STORE_ENROL, nonce), 0, "a fresh one");
	is(store_device_nonce(store, device.id, STORE_ENROL, nonce), -ESTALE, "replayed");
	is(store_device_nonce(store, device.id, STORE_ENROL, older), -ESTALE,
	   "an older one");
	is(store_device_nonce(store, device.id, STORE_RELEASE, older), 0,
	   "for another purpose");
	is(store_device_nonce(store, device.id, 4, nonce), -EINVAL, "for no purpose");
	store_device_revoke(store, device.id, NOW);
	make_nonce(nonce, 0x200);
	is(store_device_nonce(store, device.id, STORE_ENROL, nonce), -EKEYREVOKED,
	   "of a revoked one");
}

static int count_certificate(void *arg, const struct store_certificate *cert)
{
	(void)cert;
	++*(unsigned int *)arg;
	return 0;
}

static int count_group(void *arg, const struct store_group *group)
{
	*(unsigned int *)arg += group->version;
	return 0;
}

static void test_revocation(struct store *store)
{
	struct store_token token = { .expires = NOW + 60 }, had;
	struct store_certificate cert, got;
	unsigned int listed = 0, before = 0;
	struct store_device device;
	struct store_group group;

	make_device(&device, 1, 4);
	store_device_join(store, &device);
	make_certificate(&cert, device.id, 1);
	is(store_certificate_add(store, &cert), 0, "a certificate");
	is(store_certificate_add(store, &cert), 0, "the same again");
	store_certificate_revoked(store, NOW, count_certificate, &before);
	is(store_group_add(store, "lift", NOW), 0, "a group");
	is(store_member_add(store, "lift", device.id), 0, "with a member");
	memcpy(token.device, device.id, STORE_ID);
	is(store_token_add(store, &token), 0, "and a token");
	is(store_device_revoke(store, device.id, NOW + 9), 0, "the device is revoked");
	is(store_device_revoke(store, device.id, NOW), -EALREADY, "again");
	make_device(&device, 1, 4);
	is(store_device_join(store, &device), -EKEYREVOKED, "it cannot join");
	is(store_device_approve(store, device.id), -EKEYREVOKED, "nor be approved");
	is(store_token_get(store, device.id, &had), -ENOENT, "its token is gone");
	is(store_token_add(store, &token), -EKEYREVOKED, "it gets no other");
	is(store_member_add(store, "lift", device.id), -EKEYREVOKED,
	   "it is let in nowhere");
	store_certificate_find(store, cert.serial, &got);
	ktap_ok(got.revoked == NOW + 9 && !memcmp(got.device, device.id, STORE_ID),
		"its certificate is revoked");
	store_certificate_revoked(store, NOW, count_certificate, &listed);
	ktap_ok(listed == before + 1, "and on the list");
	listed = 0;
	store_certificate_revoked(store, cert.not_after + 1, count_certificate, &listed);
	ktap_ok(!listed, "until it expires");
	store_group_get(store, "lift", &group);
	ktap_ok(group.version == 2, "the group has a new version");
	make_id(device.id, 1, 97);
	is(store_device_revoke(store, device.id, NOW), -ENOENT,
	   "revoke an unknown device");
}

static void test_certificates(struct store *store)
{
	struct store_certificate cert, got;
	struct store_device device;
	unsigned int count = 0;

	make_device(&device, 1, 5);
	store_device_join(store, &device);
	make_certificate(&cert, device.id, 1);
	is(store_certificate_get(store, device.id, cert.serial, &got), -ENOENT,
	   "not yet");
	is(store_certificate_find(store, cert.serial, &got), -ENOENT,
	   "by serial neither");
	store_certificate_add(store, &cert);
	is(store_certificate_get(store, device.id, cert.serial, &got), 0,
	   "a certificate");
	ktap_ok(!memcmp(&got, &cert, sizeof(cert)), "as it was given");
	is(store_certificate_revoke(store, device.id, cert.serial, NOW, 4), 0,
	   "superseded");
	is(store_certificate_revoke(store, device.id, cert.serial, NOW, 4), -EALREADY,
	   "twice");
	make_certificate(&cert, device.id, 2);
	is(store_certificate_revoke(store, device.id, cert.serial, NOW, 4), -ENOENT,
	   "another");
	store_certificate_add(store, &cert);
	store_certificate_list(store, device.id, count_certificate, &count);
	ktap_ok(count == 2, "two of the device");
	make_certificate(&cert, device.id, 90 * 86400);
	store_certificate_add(store, &cert);
	count = 0;
	store_certificate_list(store, device.id, count_certificate, &count);
	ktap_ok(count == 1, "those long expired are forgotten");
}

static void test_tokens(struct store *store)
{
	struct store_token token = { .name = "tokened",
				     .software = true,
				     .created = NOW,
				     .expires = NOW + 60 },
			   got;
	uint8_t wrong[STORE_SHA256] = { 1 }, key[STORE_SHA256] = { 2 };
	struct store_device device;

	make_id(token.device, 1, 6);
	memset(token.secret_sha256, 0x77, STORE_SHA256);
	is(store_token_use(store, token.device, wrong, key, NOW, &got), -ENOENT,
	   "no token");
	is(store_token_add(store, &token), 0, "a token");
	is(store_token_use(store, token.device, wrong, key, NOW, &got), -EACCES,
	   "wrong secret");
	is(store_token_use(store, token.device, token.secret_sha256, key, NOW + 60, &got),
	   -EKEYEXPIRED, "too late");
	is(store_device_get(store, token.device, &device), -ENOENT, "nothing came of it");
	is(store_token_use(store, token.device, token.secret_sha256, key, NOW, &got), 0,
	   "used");
	is(store_token_use(store, token.device, token.secret_sha256, key, NOW, &got), 0,
	   "again by the same key: the answer was lost");
	is(store_token_use(store, token.device, token.secret_sha256, wrong, NOW, &got),
	   -EKEYREJECTED, "by another key");
	is(store_device_get(store, token.device, &device), 0, "the device is there");
	ktap_ok(device.state == STORE_ACTIVE && !strcmp(device.name, "tokened") &&
			device.flags == (STORE_BY_TOKEN | STORE_SOFTWARE) &&
			!device.has_ak,
		"as the token has it");
	is(store_token_add(store, &token), 0, "a new token for it");
	is(store_token_use(store, token.device, token.secret_sha256, wrong, NOW, &got), 0,
	   "is for any key");
	is(store_token_delete(store, token.device), 0, "deleted");
	is(store_token_delete(store, token.device), -ENOENT, "once");
}

static void test_allowed(struct store *store)
{
	static uint8_t hashes[300][STORE_SHA256];
	char batch[STORE_NAME_MAX + 1];
	uint64_t count;
	size_t added, i;

	for (i = 0; i < 300; i++)
		make_id(hashes[i], 2, (unsigned int)i);
	is(store_ek_allowed(store, hashes[0], batch), -ENOENT, "an EK nobody made");
	is(store_ek_allow(store, hashes, 200, "2026-11", &added), 0, "a batch of EKs");
	ktap_ok(added == 200, "all new");
	is(store_ek_allow(store, hashes, 300, "2026-12", &added), 0,
	   "once more, and others");
	ktap_ok(added == 100, "those are new");
	is(store_ek_allowed(store, hashes[7], batch), 0, "one of them");
	ktap_ok(!strcmp(batch, "2026-11"), "of the first batch");
	store_ek_count(store, "2026-11", &count);
	ktap_ok(count == 200, "which is as long as it was");
	is(store_ek_allow(store, hashes, 1, "", &added), -EINVAL,
	   "a batch without a name");
}

static void test_roots(struct store *store)
{
	static const uint8_t all[STORE_ID];
	uint32_t version = 0;
	uint8_t id[STORE_ID];

	make_id(id, 1, 7);
	store_root_version(store, id, "telemetry", &version);
	ktap_ok(version == 1, "the first version of a root");
	is(store_root_released(store, id, "telemetry", 1, NOW), 0, "released");
	store_root_version(store, id, "telemetry", &version);
	ktap_ok(version == 1, "it stays");
	is(store_root_revoke(store, id, "telemetry", 1, NOW), 0, "revoked");
	is(store_root_revoke(store, id, "telemetry", 1, NOW), -EALREADY, "once");
	store_root_version(store, id, "telemetry", &version);
	ktap_ok(version == 2, "the next one");
	is(store_root_revoke(store, all, "telemetry", 4, NOW), 0, "revoked for all");
	store_root_version(store, id, "telemetry", &version);
	ktap_ok(version == 5, "holds for each");
	store_root_version(store, id, "other", &version);
	ktap_ok(version == 1, "and not for another");
	is(store_root_revoke(store, id, "telemetry", 0, NOW), -EINVAL, "version 0");
}

static int count_id(void *arg, const uint8_t id[STORE_ID])
{
	(void)id;
	++*(unsigned int *)arg;
	return 0;
}

static void test_groups(struct store *store)
{
	struct store_device device, two;
	unsigned int count = 0;
	struct store_group group;

	make_device(&device, 1, 8);
	make_device(&two, 1, 9);
	store_device_join(store, &device);
	store_device_join(store, &two);
	is(store_member_add(store, "pumps", device.id), -ENOENT, "no such group");
	is(store_group_add(store, "pumps", NOW), 0, "a group");
	is(store_group_add(store, "pumps", NOW), -EEXIST, "twice");
	is(store_member_add(store, "pumps", device.id), 0, "a member");
	is(store_member_add(store, "pumps", device.id), -EEXIST, "twice");
	is(store_member_add(store, "pumps", two.id), 0, "another");
	two.id[0] ^= 1;
	is(store_member_add(store, "pumps", two.id), -ENOENT, "an unknown device");
	store_member_list(store, "pumps", NULL, 100, count_id, &count);
	ktap_ok(count == 2, "two members");
	is(store_member_remove(store, "pumps", device.id), 0, "one goes");
	is(store_member_remove(store, "pumps", device.id), -ENOENT, "once");
	store_group_get(store, "pumps", &group);
	ktap_ok(group.version == 2, "and the group's version goes up");
	count = 0;
	store_group_of(store, device.id, count_group, &count);
	ktap_ok(!count, "it is in no group");
	two.id[0] ^= 1;
	store_group_of(store, two.id, count_group, &count);
	ktap_ok(count == 2, "the other is in that version of it");
}

struct listed {
	unsigned int count;
	uint8_t last[STORE_ID];
	bool ordered;
};

static int list_device(void *arg, const struct store_device *device)
{
	struct listed *listed = arg;

	listed->ordered &=
		!listed->count || memcmp(listed->last, device->id, STORE_ID) < 0;
	memcpy(listed->last, device->id, STORE_ID);
	listed->count++;
	return 0;
}

static unsigned int list_all(struct store *store, struct store_filter *filter,
			     unsigned int limit)
{
	struct listed listed = { .ordered = true };
	unsigned int before;
	int err;

	do {
		before = listed.count;
		err = store_device_list(store, filter, before ? listed.last : NULL, limit,
					list_device, &listed);
	} while (!err && listed.count - before == limit);
	return err || !listed.ordered ? UINT32_MAX : listed.count;
}

static int stop(void *arg, const struct store_device *device)
{
	(void)arg;
	(void)device;
	return -ECANCELED;
}

static void test_lists(struct store *store)
{
	struct store_filter any = { .result = -1 }, some = any;
	struct store_attestation att = { .result = STORE_FAIL, .time = NOW };
	struct store_count count, more;
	struct store_device device;
	unsigned int i, pending, pumps;

	store_device_count(store, &count);
	for (i = 0; i < 50; i++) {
		make_device(&device, 3, i);
		device.state = i < 20 ? STORE_PENDING : STORE_ACTIVE;
		store_device_join(store, &device);
		if (i >= 40)
			store_device_attested(store, device.id, &att);
		if (i >= 45)
			store_device_revoke(store, device.id, NOW);
	}
	store_device_count(store, &more);
	ktap_ok(more.all == count.all + 50 && more.pending == count.pending + 20 &&
			more.active == count.active + 25 &&
			more.revoked == count.revoked + 5 &&
			more.failing == count.failing + 10,
		"devices are counted by state");
	ktap_ok(list_all(store, &any, 7) == more.all, "all are listed, page by page");
	some.state = STORE_PENDING;
	pending = list_all(store, &some, 7);
	ktap_ok(pending == more.pending, "those that wait");
	some.state = STORE_REVOKED;
	ktap_ok(list_all(store, &some, 3) == more.revoked, "those that are revoked");
	some = any;
	some.result = STORE_FAIL;
	ktap_ok(list_all(store, &some, 4) == more.failing, "those that failed");
	some.state = STORE_ACTIVE;
	ktap_ok(list_all(store, &some, 4) < more.failing,
		"those of them that are active");
	some = any;
	some.name = "gateway-3-4";
	ktap_ok(list_all(store, &some, 4) == 11, "by how the name begins");
	some = any;
	some.group = "pumps";
	pumps = list_all(store, &some, 4);
	ktap_ok(pumps == 1, "by group");
	is(store_device_list(store, &any, NULL, 9, stop, NULL), -ECANCELED,
	   "a list is stopped");
	is(store_device_get(store, device.id, &device), 0, "and the store goes on");
}

static int count_bytes(void *arg, uint64_t sequence, const void *body, size_t len)
{
	size_t *total = arg;

	(void)sequence;
	(void)body;
	*total += len;
	return 0;
}

static void test_statements(struct store *store)
{
	static uint8_t body[STORE_BODY_MAX], back[STORE_BODY_MAX];
	uint64_t last = 99;
	size_t len = 10, total = 0;

	store_statement_last(store, &last);
	ktap_ok(!last, "no statement");
	is(store_statement_add(store, 2, NOW, "x", 1), -ENOENT,
	   "the second before the first");
	is(store_statement_add(store, 1, NOW, "first", 5), 0, "the first");
	is(store_statement_add(store, 1, NOW, "other", 5), -EEXIST, "another first");
	is(store_statement_add(store, 3, NOW, "x", 1), -ENOENT, "a gap");
	memset(body, 0xc3, sizeof(body));
	is(store_statement_add(store, 2, NOW, body, sizeof(body)), 0, "a megabyte");
	is(store_statement_add(store, 3, NOW, body, sizeof(body) + 1), -EINVAL,
	   "and a byte");
	is(store_statement_get(store, 2, back, &len), -ENOBUFS, "does not fit");
	len = sizeof(back);
	is(store_statement_get(store, 2, back, &len), 0, "fits");
	ktap_ok(len == sizeof(body) && !memcmp(body, back, len), "and is what it was");
	store_statement_list(store, 0, 6, count_bytes, &total);
	ktap_ok(total == 5 + sizeof(body), "the list goes on until it is long enough");
	total = 0;
	store_statement_list(store, 0, 5, count_bytes, &total);
	ktap_ok(total == 5, "and no further");
	store_statement_last(store, &last);
	ktap_ok(last == 2, "two statements");
}

static void test_batches(struct store *store)
{
	struct store_device device, got;
	uint8_t nonce[STORE_NONCE];

	make_device(&device, 4, 1);
	is(store_begin(store), 0, "a batch");
	store_device_join(store, &device);
	is(store_device_get(store, device.id, &got), 0, "sees what it wrote");
	store_rollback(store);
	is(store_device_get(store, device.id, &got), -ENOENT, "and is undone");
	is(store_begin(store), 0, "another");
	store_device_join(store, &device);
	make_nonce(nonce, 5);
	is(store_device_nonce(store, device.id, STORE_ENROL, nonce), 0, "with a nonce");
	is(store_device_nonce(store, device.id, STORE_ENROL, nonce), -ESTALE,
	   "that is replayed");
	is(store_device_approve(store, device.id), -EALREADY, "an answer ends no batch");
	is(store_commit(store), 0, "it is committed");
	is(store_device_get(store, device.id, &got), 0, "and is there");
	is(store_commit(store), -EINVAL, "a commit without a batch");
	make_device(&device, 4, 2);
	store_begin(store);
	store_device_join(store, &device);
	store_lose(store, -EAGAIN);
	is(store_device_get(store, device.id, &got), -EAGAIN, "a batch given up");
	is(store_commit(store), -EAGAIN, "to the end");
	is(store_device_get(store, device.id, &got), -ENOENT, "has done nothing");
}

static void test_facts(struct store *store)
{
	uint8_t value[STORE_FACT_MAX];
	size_t len = sizeof(value);

	is(store_fact_get(store, "fleet", value, &len), -ENOENT, "no fact");
	is(store_fact_add(store, "fleet", "abc", 3), 0, "a fact");
	is(store_fact_add(store, "fleet", "abc", 3), 0, "the same");
	is(store_fact_add(store, "fleet", "abd", 3), -EEXIST, "another");
	is(store_fact_get(store, "fleet", value, &len), 0, "is kept");
	ktap_ok(len == 3 && !memcmp(value, "abc", 3), "as it was");
	is(store_fact_add(store, "schema", "abc", 3), -EINVAL, "that is not one");
}

/* ---- several processes ---- */

static void run_children(unsigned int count, void (*run)(unsigned int who),
			 const char *what)
{
	bool fine = true;
	unsigned int i;
	int status;

	fflush(stdout);
	for (i = 0; i < count; i++)
		if (!fork()) {
			run(i);
			_exit(0);
		}
	while (wait(&status) > 0)
		fine &= WIFEXITED(status) && !WEXITSTATUS(status);
	ktap_ok(fine, "%s", what);
}

#define STATEMENTS_EACH 60

static void add_statements(unsigned int who)
{
	struct store *store = open_store();
	unsigned int added;
	uint64_t last;
	int err;

	for (added = 0; added < STATEMENTS_EACH; added += !err) {
		if (store_statement_last(store, &last))
			_exit(1);
		err = store_statement_add(store, last + 1, NOW, &who, sizeof(who));
		if (err && err != -EEXIST && err != -EAGAIN)
			_exit(2);
	}
	store_close(store);
}

struct sequence {
	uint64_t last;
	unsigned int by[2];
	bool gapless;
};

static int check_sequence(void *arg, uint64_t number, const void *body, size_t len)
{
	struct sequence *sequence = arg;
	unsigned int who;

	sequence->gapless &= number == sequence->last + 1;
	sequence->last = number;
	if (len == sizeof(who)) {
		memcpy(&who, body, sizeof(who));
		sequence->by[who & 1]++;
	}
	return 0;
}

/* Both try every nonce; each is accepted once in all.  In batches, as the registrar does. */
static int accepted_pipe[2];

static void try_nonces(unsigned int who)
{
	struct store *store = open_store();
	struct store_certificate cert;
	uint8_t nonce[STORE_NONCE], id[STORE_ID], won;
	unsigned int i;
	int err;

	(void)who;
	make_id(id, 5, 1);
	for (i = 1; i <= 100; i++) {
		make_nonce(nonce, 1000 + i);
		make_certificate(&cert, id, i);
		do {
			err = store_begin(store);
			if (err)
				continue;
			err = store_device_nonce(store, id, STORE_ENROL, nonce);
			won = !err;
			if (won)
				store_certificate_add(store, &cert);
			err = store_commit(store);
		} while (err == -EAGAIN);
		if (err)
			_exit(1);
		if (won && write(accepted_pipe[1], &won, 1) != 1)
			_exit(2);
	}
	store_close(store);
}

static unsigned int drain(int fd)
{
	unsigned int count = 0;
	char c;

	while (read(fd, &c, 1) == 1)
		count++;
	return count;
}

static void test_processes(void)
{
	struct sequence sequence = { .gapless = true };
	unsigned int accepted, certificates = 0;
	struct store_device device;
	struct store *store;

	run_children(2, add_statements, "two processes add statements");
	store = open_store();
	store_statement_list(store, 0, 1u << 30, check_sequence, &sequence);
	ktap_ok(sequence.gapless && sequence.last == 2 + 2 * STATEMENTS_EACH,
		"their numbers have no gap");
	ktap_ok(sequence.by[0] == STATEMENTS_EACH && sequence.by[1] == STATEMENTS_EACH,
		"and none is lost or doubled");
	make_device(&device, 5, 1);
	store_device_join(store, &device);
	store_close(store);

	if (pipe(accepted_pipe))
		exit(1);
	run_children(2, try_nonces, "two processes take the same nonces");
	close(accepted_pipe[1]);
	accepted = drain(accepted_pipe[0]);
	store = open_store();
	store_certificate_list(store, device.id, count_certificate, &certificates);
	store_close(store);
	printf("# %u nonces accepted of 100\n", accepted);
	/* one that is ahead makes those stale that the other has not tried yet */
	ktap_ok(accepted && accepted <= 100 && accepted == certificates,
		"each is accepted at most once, and nothing accepted is lost");
}

/* ---- kill -9 ---- */

#define BATCH 10

/* Says the number of each batch once it is committed */
static void write_batches(int fd, unsigned int kind)
{
	struct store *store = open_store();
	struct store_device device;
	unsigned int n, i;

	for (n = 0;; n++) {
		if (store_begin(store))
			_exit(1);
		for (i = 0; i < BATCH; i++) {
			make_device(&device, kind, n * BATCH + i);
			store_device_join(store, &device);
			store_device_seen(store, device.id, NOW);
		}
		if (store_commit(store) || write(fd, &n, sizeof(n)) != sizeof(n))
			_exit(1);
	}
}

/* All of batches up to @acknowledged, and of the next all or nothing */
static bool is_whole(struct store *store, unsigned int kind, unsigned int batches)
{
	struct store_device device;
	unsigned int n, in_next = 0;
	bool fine = true;

	for (n = 0; n < (batches + 1) * BATCH; n++) {
		make_id(device.id, kind, n);
		if (!store_device_get(store, device.id, &device))
			in_next += n >= batches * BATCH;
		else
			fine &= n >= batches * BATCH;
	}
	return fine && (!in_next || in_next == BATCH);
}

static bool kill_once(unsigned int kind, unsigned int after_us, unsigned int *batches)
{
	unsigned int n, fds[2];
	struct store *store;
	bool fine;
	pid_t pid;

	*batches = 0;
	if (pipe((int *)fds))
		return false;
	fflush(stdout);
	pid = fork();
	if (!pid)
		write_batches((int)fds[1], kind);
	close((int)fds[1]);
	if (read((int)fds[0], &n, sizeof(n)) == sizeof(n))
		++*batches;
	usleep(after_us);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	while (read((int)fds[0], &n, sizeof(n)) == sizeof(n))
		++*batches;
	close((int)fds[0]);
	store = open_store();
	fine = *batches && is_whole(store, kind, *batches);
	store_close(store);
	return fine;
}

/* What store_listen() told */
struct heard {
	int fd, changes, news;
};

static void hear(void *arg, enum store_news news, int fd)
{
	struct heard *heard = arg;

	if (news == STORE_NEWS) {
		heard->news++;
		return;
	}
	heard->fd = fd;
	heard->changes++;
}

/* One process writes, another listens; a database that cannot tell says so by no descriptor */
static void test_listen(void)
{
	struct store *writer = open_store(), *listener = open_store();
	struct heard heard = { .fd = -1 };
	struct pollfd watch = { .events = POLLIN };
	const char *command = getenv("RESTART");
	uint64_t last;

	store_listen(listener, hear, &heard);
	if (!strncmp(url, "sqlite:", 7)) {
		ktap_ok(heard.fd < 0, "nothing to wait on");
		store_listen_read(listener);
		goto out;
	}
	store_listen(writer, hear, &(struct heard){ 0 });
	ktap_ok(heard.fd >= 0 && !heard.news, "something to wait on");
	store_statement_last(writer, &last);
	store_begin(writer);
	store_statement_add(writer, last + 1, NOW, "x", 1);
	watch.fd = heard.fd;
	ktap_ok(!poll(&watch, 1, 50), "nothing is told before the commit");
	store_commit(writer);
	ktap_ok(poll(&watch, 1, 5000) == 1, "then it is");
	store_listen_read(listener);
	ktap_ok(heard.news == 1, "as news");
	store_begin(writer);
	store_statement_add(writer, last + 2, NOW, "x", 1);
	store_rollback(writer);
	ktap_ok(!poll(&watch, 1, 50), "what is taken back is not told");
	store_statement_add(writer, last + 2, NOW, "x", 1);
	poll(&watch, 1, 5000);
	store_statement_last(listener, &last);
	ktap_ok(heard.news == 2, "it is told with the answer to something else, too");
	heard.changes = 0;
	ktap_ok(!system(command) && poll(&watch, 1, 5000) == 1, "the server goes");
	store_listen_read(listener);
	while (heard.fd >= 0 && poll(&watch, 1, 1000) == 1)
		store_listen_read(listener);
	ktap_ok(heard.fd < 0 && heard.changes == 1, "that is told");
	ktap_ok(!store_statement_last(listener, &last) && heard.fd >= 0,
		"and the next call begins anew");
out:
	store_listen(listener, NULL, NULL);
	store_close(writer);
	store_close(listener);
}

static void test_kills(void)
{
	unsigned int i, batches, total = 0;
	bool fine = true;

	for (i = 0; i < 12; i++) {
		fine &= kill_once(20 + i, 300 + i * 777, &batches);
		total += batches;
	}
	printf("# %u batches were acknowledged before 12 kills\n", total);
	ktap_ok(fine,
		"kill -9 in the midst of batches: what was acknowledged is there, and no half");
}

static void test_newer(void)
{
	char message[STORE_MESSAGE];
	const char *set = getenv("SET_SCHEMA");
	struct store *store;
	int err;

	if (!ktap_ok(set && !system(set), "a newer registrar makes the tables newer"))
		return;
	err = store_open(url, &store, message);
	printf("# %s\n", message);
	is(err, -EPROTO, "they are refused");
	ktap_ok(strstr(message, "newer registrar (version 99; this one knows") != NULL,
		"and the message says so");
}

static int cases(void)
{
	struct store *store = open_store();

	test_devices(store);
	test_attestation(store);
	test_nonces(store);
	test_revocation(store);
	test_certificates(store);
	test_tokens(store);
	test_allowed(store);
	test_roots(store);
	test_groups(store);
	test_lists(store);
	test_statements(store);
	test_batches(store);
	test_facts(store);
	store_close(store);
	test_processes();
	test_listen();
	test_kills();
	test_newer();
	return ktap_done();
}

/* ---- the server goes ---- */

static int restart(void)
{
	struct store *store = open_store();
	struct store_device device, got;
	const char *command = getenv("RESTART");
	int err;

	make_device(&device, 6, 1);
	is(store_device_join(store, &device), 0, "before");
	ktap_ok(!system(command), "the server is killed and starts again");
	is(store_device_get(store, device.id, &got), 0, "the next call finds it");
	ktap_ok(!system(command), "killed again");
	make_device(&device, 6, 2);
	is(store_begin(store), 0, "so does the next batch");
	is(store_device_join(store, &device), 0, "which works");
	ktap_ok(!system(command), "killed within a batch");
	store_device_seen(store, device.id, NOW);
	err = store_device_get(store, device.id, &got);
	is(err, -ENOTCONN, "the batch is lost");
	is(store_device_join(store, &device), -ENOTCONN, "and stays so");
	is(store_commit(store), -ENOTCONN, "to the end");
	is(store_begin(store), 0, "the next one");
	is(store_device_get(store, device.id, &got), -ENOENT, "finds nothing of it");
	is(store_device_join(store, &device), 0, "and does it");
	is(store_commit(store), 0, "for good");
	is(store_device_get(store, device.id, &got), 0, "it is there");
	store_close(store);
	return ktap_done();
}

/* ---- the disk is full ---- */

static int fill(struct store *store, unsigned int kind, unsigned int *batches)
{
	struct store_device device;
	unsigned int i;
	int err = 0;

	for (*batches = 0; *batches < 3000; ++*batches) {
		err = store_begin(store);
		for (i = 0; i < BATCH && !err; i++) {
			make_device(&device, kind, *batches * BATCH + i);
			err = store_device_join(store, &device);
		}
		if (!err)
			err = store_commit(store);
		if (err)
			break;
	}
	store_rollback(store);
	return err;
}

static void limit_files(rlim_t bytes)
{
	struct rlimit limit;

	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = bytes;
	setrlimit(RLIMIT_FSIZE, &limit);
	signal(SIGXFSZ, SIG_IGN);
}

static int full(void)
{
	const char *fill_it = getenv("FILL"), *free_it = getenv("FREE");
	const bool lite = !strncmp(url, "sqlite:", 7);
	struct store *store = open_store();
	unsigned int batches = 0, more = 0;
	struct store_device device;
	int err;

	if (lite)
		limit_files(2 << 20);
	else
		ktap_ok(fill_it && !system(fill_it), "the disk is nearly full");
	err = fill(store, 7, &batches);
	printf("# after %u batches: %s\n", batches, store_message(store));
	is(err, -ENOSPC, "a full disk says so");
	make_device(&device, 7, 0);
	is(store_device_get(store, device.id, &device), 0, "what is there can be read");
	ktap_ok(is_whole(store, 7, batches), "and nothing is lost, and no half kept");
	if (lite)
		limit_files(RLIM_INFINITY);
	else
		ktap_ok(free_it && !system(free_it), "somebody makes room");
	make_device(&device, 8, 0);
	is(store_device_join(store, &device), 0, "it goes on when there is room");
	store_close(store);
	store = open_store();
	ktap_ok(is_whole(store, 7, batches), "and after the next start");
	err = fill(store, 9, &more);
	store_close(store);
	return ktap_done();
}

/* ---- many ---- */

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int enrol(struct store *store, unsigned int n, unsigned int round)
{
	uint8_t id[STORE_ID], nonce[STORE_NONCE];
	struct store_certificate cert;
	int err;

	make_id(id, 10, n);
	make_nonce(nonce, round + 1);
	make_certificate(&cert, id, round);
	err = store_device_nonce(store, id, STORE_ENROL, nonce);
	return err ? err : store_certificate_add(store, &cert);
}

static int attest(struct store *store, unsigned int n, unsigned int round)
{
	struct store_attestation att = { .result = STORE_PASS,
					 .time = NOW + round,
					 .passed = NOW + round,
					 .reference = "gateway-2026.11",
					 .ima_offset = 30000 + round,
					 .progress_len = 80 };
	uint8_t id[STORE_ID], nonce[STORE_NONCE];
	int err;

	make_id(id, 10, n);
	make_nonce(nonce, round + 1);
	err = store_device_nonce(store, id, STORE_ATTEST, nonce);
	if (!err)
		err = store_device_attested(store, id, &att);
	if (!err)
		err = store_root_released(store, id, "telemetry", 1, NOW);
	return err;
}

static int live(struct store *store, unsigned int n, unsigned int round)
{
	int err = enrol(store, n, round);

	return err ? err : attest(store, n, round);
}

static int join(struct store *store, unsigned int n, unsigned int round)
{
	struct store_device device;

	(void)round;
	make_device(&device, 10, n);
	return store_device_join(store, &device);
}

/* Each step in a batch of its own, as devices ask: one row changed by several is written several times */
static int grow_to(struct store *store, unsigned int from, unsigned int to)
{
	static int (*const steps[])(struct store * store, unsigned int n,
				    unsigned int round) = { join, enrol, attest };
	unsigned int n, end;
	int err = 0;
	size_t i;

	for (; from < to && !err; from = end) {
		end = from + 500 < to ? from + 500 : to;
		for (i = 0; i < 3 && !err; i++) {
			err = store_begin(store);
			for (n = from; n < end && !err; n++)
				err = steps[i](store, n, 0);
			if (!err)
				err = store_commit(store);
		}
	}
	return err;
}

/* Microseconds of a device that enrols and attests anew, in batches of 100 */
static double cost(struct store *store, unsigned int devices)
{
	static unsigned int round = 1;
	unsigned int i, n = 12345;
	double start = now();

	for (i = 0; i < 2000; i++) {
		if (i % 100 == 0)
			store_begin(store);
		n = (n * 1103515245u + 12345u) & 0x7fffffff;
		live(store, n % devices, round + i);
		if (i % 100 == 99 && store_commit(store))
			return 1e9;
	}
	round += 2000;
	return (now() - start) / 2000 * 1e6;
}

static int grow(unsigned int most)
{
	unsigned int size, next, before = 0;
	struct store *store = open_store();
	double first = 0, us = 0, again;
	int err = 0;

	/* 1,000, ten times as many as before, and @most itself */
	for (size = 1000; before < most && !err; size = next) {
		next = size < most / 10 ? size * 10 : most;
		err = grow_to(store, before, size);
		us = cost(store, size);
		again = cost(store, size);
		us = again < us ? again : us; /* the calmer of two */
		first = first ? first : us;
		printf("# %u devices: %.1f us for one that enrols and attests\n", size,
		       us);
		before = size;
	}
	is(err, 0, "the fleet grows");
	ktap_ok(us < first * 3, "and a device costs the same in a large one");
	store_close(store);
	return ktap_done();
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	url = argv[2];
	signal(SIGPIPE, SIG_IGN);
	if (!strcmp(argv[1], "cases"))
		return cases();
	if (!strcmp(argv[1], "restart"))
		return restart();
	if (!strcmp(argv[1], "full"))
		return full();
	if (!strcmp(argv[1], "grow") && argc > 3)
		return grow((unsigned int)atoi(argv[3]));
	return 2;
}
