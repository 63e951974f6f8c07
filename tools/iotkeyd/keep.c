// SPDX-License-Identifier: GPL-2.0-or-later
#include "keep.h"

#include "../common/file.h"
#include "../common/say.h"
#include "store.h"

#include <errno.h>
#include <keyutils.h>
#include <stdlib.h>
#include <string.h>

#define TYPE "iot"

/* Possessors and the group may use what they find, and only its owner change it */
#define PERM_USE 0x19u /* view, search, link */
#define PERM_SIGN \
	0x09u /* view, search: by its number, as it hangs in no keyring of theirs */
#define PERM_LIST   0x1bu /* and read: of a keyring, what is in it */
#define PERM_ALL    0x3fu
#define PERM_RING   (PERM_ALL << 16 | PERM_LIST << 24)
#define PERM_KEY    (PERM_ALL << 16 | PERM_USE << 24)
#define GROUP(bits) ((bits) << 8)

static const struct config *config;
static int32_t ring;
static struct iotkey_events *events;
static struct keep_counts counts;

/* Errors that pass by themselves; others stay until somebody sees to it */
static bool passes(int err)
{
	switch (-err) {
	case EBUSY:
	case EIO:
	case ENODEV:
	case ENXIO:
	case ENOMEM:
	case EDQUOT:
	case EINTR:
	case ENOSPC:
	case EROFS:
	case ENFILE:
	case EMFILE:
		return true;
	}
	return false;
}

/* Who may use it besides root.  0 or -errno. */
static int set_access(int32_t key, unsigned int perm, unsigned int group)
{
	if (config->has_group) {
		if (keyctl_chown(key, (uid_t)-1, config->group) < 0)
			return -errno;
		perm |= GROUP(group);
	}
	return keyctl_setperm(key, perm) < 0 ? -errno : 0;
}

/* Those with which the agent itself goes to its fleet: the process with the net signs by them */
static bool is_own(const char *name)
{
	return config->registrar[0] && !strncmp(name, KEEP_OWN, strlen(KEEP_OWN));
}

static unsigned int perm_of(const char *name)
{
	if (!is_own(name))
		return PERM_KEY | (config->has_group ? GROUP(PERM_USE) : 0);
	return PERM_KEY | (strcmp(name, KEEP_AK) ? GROUP(PERM_SIGN) : 0);
}

static int give_access(int32_t key, const char *name)
{
	if (!is_own(name))
		return set_access(key, PERM_KEY, PERM_USE);
	if (keyctl_chown(key, (uid_t)-1, config->net_gid) < 0 ||
	    keyctl_setperm(key, perm_of(name)) < 0)
		return -errno;
	return 0;
}

static int open_events(void)
{
	int err;

	iotkey_events_close(events);
	events = NULL;
	err = iotkey_events_open(&events);
	return err ? say_key_error(err, "cannot hear of keys") : EXIT_OK;
}

static int open_ring(void)
{
	long found;
	int err;

	/* of its own: a key is only read and changed by a process that possesses it */
	if (keyctl_join_session_keyring(NULL) < 0 ||
	    keyctl_link(KEY_SPEC_USER_KEYRING, KEY_SPEC_SESSION_KEYRING) < 0)
		return say_file_error(-errno, "cannot make a session keyring");
	found = keyctl_search(KEY_SPEC_USER_KEYRING, "keyring", KEEP_RING, 0);
	if (found < 0)
		found = add_key("keyring", KEEP_RING, NULL, 0, KEY_SPEC_USER_KEYRING);
	if (found < 0)
		return say_file_error(-errno, "cannot make the keyring '%s'", KEEP_RING);
	ring = (int32_t)found;
	err = set_access(ring, PERM_RING, PERM_LIST);
	return err ? say_file_error(err, "cannot give access to the keyring") : EXIT_OK;
}

int keep_open(const struct config *settings)
{
	int err;

	config = settings;
	/* before anything is read, so that nothing happens unheard */
	err = open_events();
	return err ? err : open_ring();
}

int keep_fd(void)
{
	return events ? iotkey_events_fd(events) : -1;
}

struct keep_counts keep_counts(void)
{
	return counts;
}

int32_t keep_ring(void)
{
	return ring;
}

int keep_find(const char *name, int32_t *key)
{
	long found = keyctl_search(ring, TYPE, name, 0);

	*key = 0;
	if (found < 0)
		return -errno;
	*key = (int32_t)found;
	return 0;
}

int keep_forget(const char *name)
{
	int err = store_remove(name);

	if (!err)
		say("key '%s' is revoked: its blob is removed", name);
	else if (err != -ENOENT)
		say_file_error(err, "cannot remove the blob of the revoked key '%s'",
			       name);
	return err == -ENOENT ? 0 : err;
}

/*
 * Saving
 */

static bool same_policy(const struct iotkey_status *key, const struct iotkey_blob *blob)
{
	return key->rotate == blob->rotate && key->overlap == blob->overlap &&
	       key->ahead == blob->ahead && key->lifetime == blob->lifetime &&
	       key->jitter == blob->jitter && key->max_ops == blob->max_ops &&
	       key->usage == blob->usage;
}

/* A TSS2 PRIVATE KEY has no head: is the key's still the same? */
static bool same_text(int32_t key, const char *text, size_t len)
{
	size_t other_len;
	char *other;
	bool same;

	if (iotkey_read_blob(key, &other, &other_len))
		return true; /* dead meanwhile */
	same = other_len == len && !memcmp(other, text, len);
	free_secret(other, other_len);
	return same;
}

static bool has_to_be_saved(const struct iotkey_status *key, enum keep_depth depth)
{
	bool needed, root = key->flags & IOTKEY_FLAG_ROOT;
	struct iotkey_blob blob;
	size_t len;
	char *text;

	if (store_read(key->name, &text, &len, &blob))
		return true;
	if (blob.kind == IOTKEY_BLOB_TSS2) {
		needed = !same_text(key->serial, text, len);
		free_secret(text, len);
		return needed;
	}
	free_secret(text, len);
	needed = memcmp(blob.id, key->id, IOTKEY_ID_SIZE) != 0;
	if (root || needed)
		return needed;
	/* that of a derive key can be computed again; spare the flash */
	if (key->mode != IOTKEY_MODE_DERIVE || depth == KEEP_CHECKPOINT)
		needed = key->newest != blob.newest || key->version != blob.version;
	return needed || !same_policy(key, &blob) || depth == KEEP_ALL;
}

static int save(int32_t key, const char *name, bool root)
{
	struct iotkey_blob blob;
	size_t len;
	char *text;
	int err;

	err = iotkey_read_blob(key, &text, &len);
	if (err)
		return err;
	err = iotkey_blob_parse(text, len, &blob);
	if (!err)
		err = store_write(name, text, len);
	free_secret(text, len);
	/* not before this: the kernel uses the version from here on */
	if (!err && !root && blob.kind == IOTKEY_BLOB_KEY)
		err = iotkey_stored(key, blob.newest);
	return err;
}

/* False: it may come off later */
static bool attend(const struct iotkey_status *key, enum keep_depth depth)
{
	int err = 0;

	if (has_to_be_saved(key, depth)) {
		if (key->perm != perm_of(key->name))
			give_access(key->serial, key->name);
		err = save(key->serial, key->name, key->flags & IOTKEY_FLAG_ROOT);
	} else if (key->stored < key->newest) {
		/* it was saved, and the power or the agent went before the kernel was told */
		err = iotkey_stored(key->serial, key->newest);
	}
	if (!err)
		return true;
	if (err == -EKEYREVOKED || err == -EKEYEXPIRED || err == -ENOKEY)
		return true; /* meanwhile */
	counts.unsaved++;
	say_key_error(err, "cannot save key '%s'", key->name);
	return !passes(err);
}

static bool attend_serial(int32_t key, enum keep_depth depth)
{
	struct iotkey_status status;

	if (iotkey_status_get(key, &status))
		return true; /* gone, or another type */
	counts.kept++;
	if (status.state == IOTKEY_STATE_EXPIRED)
		return true;
	if (status.state == IOTKEY_STATE_REVOKED) {
		keep_forget(status.name);
		return true;
	}
	return attend(&status, depth);
}

static bool save_all(enum keep_depth depth)
{
	key_serial_t *list;
	bool good = true;
	void *content;
	long n, i;

	n = keyctl_read_alloc(ring, &content);
	if (n < 0) {
		say_file_error(-errno, "cannot read the keyring '%s'", KEEP_RING);
		return false;
	}
	list = content;
	counts.kept = 0;
	counts.unsaved = 0;
	for (i = 0; i < n / (long)sizeof(*list); i++)
		good &= attend_serial(list[i], depth);
	free(content);
	return good;
}

int keep_save(const char *name)
{
	int32_t key;
	int err;

	err = keep_find(name, &key);
	if (!err)
		err = give_access(key, name);
	if (!err)
		err = save(key, name, true);
	if (err)
		say_key_error(err, "cannot save key '%s'", name);
	return err;
}

/*
 * Loading
 */

/* In this order: what stands on its own, roots, what hangs under roots */
static int rank_of(const struct iotkey_blob *blob)
{
	return blob->kind == IOTKEY_BLOB_TSS2	? 0
	       : blob->kind == IOTKEY_BLOB_ROOT ? 1
						: 2;
}

struct round {
	int rank;
	bool again; /* something did not load that may, later */
};

static int load(const char *name, void *arg)
{
	struct round *round = arg;
	struct iotkey_blob blob;
	int32_t key;
	size_t len;
	char *text;
	int err;

	err = keep_find(name, &key);
	if (err == -EKEYREVOKED)
		keep_forget(name);
	if (err != -ENOKEY)
		return 0;
	err = store_read(name, &text, &len, &blob);
	if (err) {
		if (round->rank) /* said once, in the first round */
			return 0;
		counts.missing++;
		say_key_error(err, "cannot read the blob of key '%s'", name);
		round->again |= passes(err);
		return 0;
	}
	if (rank_of(&blob) == round->rank) {
		err = iotkey_load(name, text, len, ring, &key);
		if (!err)
			err = give_access(key, name);
		if (err) {
			counts.missing++;
			round->again |= passes(err);
			say_key_error(err, "cannot load key '%s'", name);
		}
	}
	free_secret(text, len);
	return 0;
}

static bool load_all(void)
{
	struct round round = { 0 };
	int err;

	counts.missing = 0;
	for (round.rank = 0; round.rank <= 2; round.rank++) {
		err = store_names(load, &round);
		if (err) {
			say_file_error(err, "cannot read the directory of keys");
			return false;
		}
	}
	return !round.again;
}

bool keep_look(enum keep_depth depth)
{
	bool good;

	good = depth == KEEP_ALL || load_all();
	good &= save_all(depth);
	return !good;
}

/*
 * Events
 */

/* Is it ours, and not another of the same name? */
static void revoked(const struct iotkey_status *key)
{
	struct iotkey_blob blob;
	int32_t other;
	bool ours;
	size_t len;
	char *text;
	int err;

	err = keep_find(key->name, &other);
	ours = err == -EKEYREVOKED;
	if (err && !ours && !store_read(key->name, &text, &len, &blob)) {
		free_secret(text, len);
		ours = blob.kind != IOTKEY_BLOB_TSS2 &&
		       !memcmp(blob.id, key->id, IOTKEY_ID_SIZE);
	}
	if (ours)
		keep_forget(key->name);
}

static bool stored(const char *name)
{
	struct iotkey_blob blob;
	size_t len;
	char *text;

	if (store_read(name, &text, &len, &blob))
		return false;
	free_secret(text, len);
	return true;
}

static bool heard(const struct iotkey_notice *notice)
{
	const struct iotkey_status *key = &notice->key;
	struct iotkey_status now;
	int32_t found = 0;
	int err;

	switch (notice->event) {
	case IOTKEY_EVENT_CREATED:
	case IOTKEY_EVENT_LOADED:
	case IOTKEY_EVENT_ROTATED:
	case IOTKEY_EVENT_FAILED:
		err = keep_find(key->name, &found);
		if (err || found != key->serial)
			/* it may be linked a moment after it was made; or be a root
			   for which others wait */
			return notice->event == IOTKEY_EVENT_CREATED ||
			       notice->event == IOTKEY_EVENT_LOADED;
		if (!iotkey_status_get(found, &now) && now.serial == found)
			return !attend(&now, KEEP_NEEDED) ||
			       (counts.missing && now.flags & IOTKEY_FLAG_ROOT);
		return false;
	case IOTKEY_EVENT_REVOKED:
		revoked(key);
		return false;
	case IOTKEY_EVENT_DESTROYED:
		/* somebody unlinked it: what is stored comes back */
		return keep_find(key->name, &found) == -ENOKEY && stored(key->name);
	}
	return false;
}

bool keep_events(void)
{
	struct iotkey_notice notice;
	bool look = false;
	int ret;

	if (!events)
		return open_events() == EXIT_OK;
	while ((ret = iotkey_events_next(events, &notice)) > 0)
		look |= heard(&notice);
	if (ret == -ENOBUFS)
		return true;
	if (ret < 0) {
		say_key_error(ret, "cannot hear of keys");
		open_events();
		return true;
	}
	return look;
}

/*
 * Revoking
 */

int keep_revoke(const char *name)
{
	int32_t key;
	int err;

	err = keep_find(name, &key);
	if (err == -ENOKEY || err == -EKEYREVOKED)
		return 0;
	return err ? err : iotkey_revoke(key);
}

static bool is_iot(int32_t key)
{
	char *text;
	bool is;

	if (keyctl_describe_alloc(key, &text) < 0)
		return false;
	is = !strncmp(text, TYPE ";", strlen(TYPE ";"));
	free(text);
	return is;
}

void keep_revoke_all(void)
{
	key_serial_t *list;
	void *content;
	long n, i;

	n = keyctl_read_alloc(ring, &content);
	if (n < 0) {
		say_file_error(-errno, "cannot read the keyring '%s'", KEEP_RING);
		return;
	}
	list = content;
	for (i = 0; i < n / (long)sizeof(*list); i++)
		if (is_iot(list[i]) && iotkey_revoke(list[i]) && errno != EKEYREVOKED)
			say_file_error(-errno, "cannot revoke key %d", list[i]);
	free(content);
}

static int forget_one(const char *name, void *arg)
{
	if (keep_forget(name))
		*(bool *)arg = false;
	return 0;
}

bool keep_forget_all(void)
{
	bool all = true;

	return !store_names(forget_one, &all) && all;
}

bool keep_is_lost(const char *name)
{
	struct iotkey_blob blob;
	int32_t key;
	size_t len;
	char *text;
	int err;

	err = keep_find(name, &key);
	if (err != -ENOKEY && err != -EKEYREVOKED)
		return false;
	err = store_read(name, &text, &len, &blob);
	if (!err)
		free_secret(text, len);
	return err == -ENOENT;
}
