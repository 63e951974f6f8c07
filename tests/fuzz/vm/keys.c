// SPDX-License-Identifier: GPL-2.0-or-later
/* add_key and keyctl, but for what uses a key. */
#include <errno.h>
#include <fcntl.h>

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "caller.h"

/* Of <linux/watch_queue.h>, which does not go with <fcntl.h>. */
#define O_NOTIFICATION_PIPE	 O_EXCL
#define IOC_WATCH_QUEUE_SET_SIZE _IO('W', 0x60)

#define SCRATCH 16384

long result(long ret)
{
	return ret < 0 ? -errno : ret;
}

/* Mostly a key that the thread or another made, sometimes any number. */
key_serial_t any_key(struct thread *t)
{
	struct random *r = &t->random;
	int tries = 8;

	if (chance(r, 50))
		return any_number(r);
	if (chance(r, 50))
		return -(key_serial_t)below(r, 9);
	do {
		t->last = chance(r, 4) ? &PICK(r, shared->serials) : &PICK(r, t->serials);
	} while (!*t->last && tries--);
	return *t->last;
}

/* For what could not be undone in the end: no user's own keyrings. */
static key_serial_t any_key_to_change(struct thread *t)
{
	key_serial_t key = any_key(t);

	return key <= KEY_SPEC_USER_KEYRING ? KEY_SPEC_SESSION_KEYRING : key;
}

/* Where a key goes: mostly the session's keyring. */
key_serial_t any_ring(struct thread *t)
{
	static const key_serial_t rings[] = {
		KEY_SPEC_SESSION_KEYRING, KEY_SPEC_SESSION_KEYRING,
		KEY_SPEC_SESSION_KEYRING, KEY_SPEC_SESSION_KEYRING,
		KEY_SPEC_USER_KEYRING,	  KEY_SPEC_PROCESS_KEYRING,
		KEY_SPEC_THREAD_KEYRING,
	};

	return chance(&t->random, 20) ? any_key(t) : PICK(&t->random, rings);
}

/* Its place is taken from another. */
void keep_serial(struct thread *t, key_serial_t key)
{
	PICK(&t->random, shared->serials) = key;
	PICK(&t->random, t->serials) = key;
}

void forget_serial(struct thread *t)
{
	if (t->last)
		*t->last = 0;
	t->last = NULL;
}

long made(struct thread *t, long ret)
{
	ret = result(ret);
	if (ret > 0)
		keep_serial(t, ret);
	return ret;
}

static long add(struct thread *t, const char *name, size_t len)
{
	const char *type = chance(&t->random, 200) ? "user" : "iot";

	t->text_len = len;
	return made(t, add_key(type, name, t->text, len, any_ring(t)));
}

long add_root(struct thread *t)
{
	char name[64];

	snprintf(name, sizeof(name), "root%u", below(&t->random, 24));
	return add(t, name, new_root(t));
}

/* Every other is stored at once, as far as the kernel is told: else few could be used. */
long add_key_of_root(struct thread *t)
{
	char name[64];
	long key;

	any_name(t, name);
	key = add(t, name, new_key(t));
	if (key <= 0)
		return key;
	if (memmem(t->text, t->text_len, "mac", 3) ||
	    memmem(t->text, t->text_len, "ecdsa", 5))
		PICK(&t->random, t->mac) = key;
	else if (!memmem(t->text, t->text_len, "kdf", 3))
		PICK(&t->random, t->aead) = key;
	if (chance(&t->random, 2))
		keyctl_update(key, "stored=1", 8);
	return key;
}

long add_spoilt(struct thread *t)
{
	struct random *r = &t->random;
	char name[64];
	size_t len;

	any_name(t, name);
	switch (below(r, 5)) {
	case 0:
		len = new_root(t);
		break;
	case 1:
		len = load_text(t, name);
		break;
	case 2:
		len = below(r, chance(r, 10) ? TEXT_MAX : 200);
		fill(r, t->text, len);
		break;
	default:
		len = new_key(t);
	}
	return add(t, name, spoil(t, t->text, len, TEXT_MAX));
}

long add_blob(struct thread *t)
{
	char name[64];
	size_t len = load_text(t, name);

	/* a name that is not said comes from the blob */
	if (chance(&t->random, 8))
		return made(t,
			    syscall(SYS_add_key, "iot", NULL, t->text, len, any_ring(t)));
	return add(t, name, len);
}

long add_keyring(struct thread *t)
{
	char name[64];

	any_name(t, name);
	return made(t, add_key("keyring", name, NULL, 0, any_ring(t)));
}

long do_update(struct thread *t)
{
	size_t len = update_text(t);

	if (chance(&t->random, 4))
		len = spoil(t, t->text, len, TEXT_MAX);
	t->text_len = len;
	return result(keyctl_update(any_key(t), t->text, len));
}

long do_read(struct thread *t)
{
	key_serial_t key = any_key(t);
	size_t room = chance(&t->random, 4) ? below(&t->random, 600) : BLOB_MAX;
	long ret = result(keyctl_read(key, (char *)t->out, room));

	if (ret > 0 && (size_t)ret <= room)
		keep_blob(key, (char *)t->out, ret);
	return ret;
}

long do_describe(struct thread *t)
{
	return result(
		keyctl_describe(any_key(t), (char *)t->out, below(&t->random, 512)));
}

long do_revoke(struct thread *t)
{
	return result(keyctl_revoke(any_key_to_change(t)));
}

long do_invalidate(struct thread *t)
{
	return result(keyctl_invalidate(any_key_to_change(t)));
}

long do_timeout(struct thread *t)
{
	struct random *r = &t->random;

	return result(keyctl_set_timeout(any_key_to_change(t),
					 chance(r, 4) ? next(r) : below(r, 4)));
}

/* Mostly one that leaves the key of use. */
long do_setperm(struct thread *t)
{
	struct random *r = &t->random;
	key_perm_t perm =
		chance(r, 4) ? next(r) & 0x3f3f3f3f : 0x3f3f0000 | (next(r) & 0x3f3f);

	return result(keyctl_setperm(any_key_to_change(t), perm));
}

long do_chown(struct thread *t)
{
	static const uid_t ids[] = { 0, 1000, 65534, -1, 77 };

	return result(keyctl_chown(any_key_to_change(t), PICK(&t->random, ids),
				   PICK(&t->random, ids)));
}

long do_link(struct thread *t)
{
	return result(keyctl_link(any_key(t), any_ring(t)));
}

long do_unlink(struct thread *t)
{
	return result(keyctl_unlink(any_key(t), any_ring(t)));
}

long do_move(struct thread *t)
{
	return result(keyctl_move(any_key(t), any_ring(t), any_ring(t),
				  chance(&t->random, 2) ? KEYCTL_MOVE_EXCL : 0));
}

long do_search(struct thread *t)
{
	char name[64];

	any_name(t, name);
	return made(t, keyctl_search(any_ring(t), "iot", name,
				     chance(&t->random, 2) ? any_ring(t) : 0));
}

long do_request(struct thread *t)
{
	char name[64];

	any_name(t, name);
	return made(t, request_key("iot", name, chance(&t->random, 8) ? "info" : NULL,
				   chance(&t->random, 2) ? any_ring(t) : 0));
}

/* Without an authorization these go no further than the core. */
long do_instantiate(struct thread *t)
{
	return result(keyctl_instantiate(any_key(t), t->text, new_key(t), any_ring(t)));
}

long do_negate(struct thread *t)
{
	return result(
		keyctl_reject(any_key(t), below(&t->random, 9), ENOKEY, any_ring(t)));
}

long do_restrict(struct thread *t)
{
	static const char *const types[] = { NULL, "iot", "user", "asymmetric" };
	const char *type = PICK(&t->random, types);

	return result(keyctl_restrict_keyring(
		any_key(t), type, type && chance(&t->random, 2) ? "x" : NULL));
}

long do_security(struct thread *t)
{
	return result(
		keyctl_get_security(any_key(t), (char *)t->out, below(&t->random, 64)));
}

long do_watch(struct thread *t)
{
	int fds[2];
	long ret;

	if (pipe2(fds, O_NOTIFICATION_PIPE | O_CLOEXEC))
		return -errno;
	ioctl(fds[0], IOC_WATCH_QUEUE_SET_SIZE, 8);
	ret = result(keyctl_watch_key(any_key(t), fds[0], below(&t->random, 300) - 10));
	close(fds[0]);
	close(fds[1]);
	return ret;
}

long do_clear(struct thread *t)
{
	return result(keyctl_clear(any_ring(t)));
}

/* A new one now and then, for the old may be revoked, or full. */
long do_session(struct thread *t)
{
	long ret = result(keyctl_join_session_keyring(NULL));

	(void)t;
	if (ret > 0)
		keyctl_link(KEY_SPEC_USER_KEYRING, KEY_SPEC_SESSION_KEYRING);
	return ret;
}

/* Memory that ends where it ends: some operations fill all that they are given. */
static uint8_t *scratch(void)
{
	static __thread uint8_t *at;

	if (!at) {
		at = mmap(NULL, 2 * SCRATCH, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (at == MAP_FAILED || mprotect(at + SCRATCH, SCRATCH, PROT_NONE))
			_exit(3);
	}
	return at;
}

/* Any operation, but for those that would reach the parent, and those above that change. */
long do_keyctl(struct thread *t)
{
	static const uint8_t others[] = {
		KEYCTL_SESSION_TO_PARENT,
		KEYCTL_GET_PERSISTENT,
		KEYCTL_SET_REQKEY_KEYRING,
		KEYCTL_CHOWN,
		KEYCTL_SETPERM,
		KEYCTL_REVOKE,
		KEYCTL_INVALIDATE,
		KEYCTL_SET_TIMEOUT,
		KEYCTL_RESTRICT_KEYRING,
	};
	struct random *r = &t->random;
	unsigned int op = below(r, 36);
	unsigned long args[4];
	int i;

	if (memchr(others, op, sizeof(others)))
		return 0;
	for (i = 0; i < 4; i++) {
		switch (below(r, 4)) {
		case 0:
			args[i] = any_key(t);
			break;
		case 1:
			args[i] = any_number(r);
			break;
		default:
			args[i] = (unsigned long)scratch();
		}
	}
	fill(r, scratch(), 4096);
	return result(syscall(SYS_keyctl, op, args[0], args[1], args[2], args[3]));
}

long do_proc_keys(struct thread *t)
{
	int fd = open(chance(&t->random, 4) ? "/proc/key-users" : "/proc/keys",
		      O_RDONLY | O_CLOEXEC);
	long ret;

	if (fd < 0)
		return -errno;
	do {
		ret = result(read(fd, t->out, sizeof(t->out)));
	} while (ret > 0);
	close(fd);
	return ret;
}
