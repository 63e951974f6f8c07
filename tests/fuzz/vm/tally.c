// SPDX-License-Identifier: GPL-2.0-or-later
/* What each kind of call came to, and whether it may. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "caller.h"

/* With an allocation that fails, on purpose or not, and with a pointer that is bad. */
#define ALWAYS "ENOMEM EFAULT"

/* What the core says of keys, keyrings and permissions, before a type is asked. */
#define CORE                                                                       \
	"EINVAL ENOKEY EACCES EPERM EKEYREVOKED EKEYEXPIRED EKEYREJECTED ENOTDIR " \
	"EDQUOT ENFILE EOPNOTSUPP "

/* Of the type iot: Documentation/iotkey.rst. */
#define MAKE CORE "EEXIST ENODEV "
#define LOAD MAKE "EBADMSG EXDEV EPROTONOSUPPORT EINTR EIO EBUSY ENXIO EOVERFLOW "
#define USE  CORE "ETIME EOVERFLOW "
#define WIRE "EINVAL ENOKEY EOPNOTSUPP ENOENT EPERM ENOBUFS ENFILE "

const struct kind kinds[] = {
	{ "add root", add_root, 12, MAKE "EINTR EIO EBUSY ENXIO " },
	{ "add key", add_key_of_root, 30, MAKE "EAGAIN EINTR EIO EBUSY ENXIO " },
	{ "add, text spoilt", add_spoilt, 20, LOAD },
	{ "add, blob", add_blob, 20, LOAD },
	{ "add keyring", add_keyring, 1, CORE "EEXIST " },
	{ "update", do_update, 40,
	  USE "EEXIST EAGAIN EBADMSG ENODEV ENXIO EBUSY EIO EINTR " },
	{ "read", do_read, 30, USE },
	{ "describe", do_describe, 10, CORE },
	{ "revoke", do_revoke, 2, CORE },
	{ "invalidate", do_invalidate, 2, CORE },
	{ "timeout", do_timeout, 2, CORE },
	{ "setperm", do_setperm, 2, CORE },
	{ "chown", do_chown, 1, CORE },
	{ "link", do_link, 4, CORE "EDEADLK ELOOP " },
	{ "unlink", do_unlink, 8, CORE "ENOENT " },
	{ "move", do_move, 2, CORE "EEXIST ENOENT EDEADLK ELOOP " },
	{ "search", do_search, 10, CORE "EAGAIN EDEADLK ELOOP " },
	{ "request", do_request, 4,
	  CORE "EAGAIN EDEADLK ELOOP EINTR ENOENT " }, /* no program */
	{ "instantiate", do_instantiate, 1, CORE },
	{ "negate", do_negate, 1, CORE },
	{ "restrict", do_restrict, 1, CORE "ENOENT EEXIST EDEADLK " },
	{ "security", do_security, 1, CORE },
	{ "watch", do_watch, 2, CORE "ENOPKG EBADF EBUSY EBADSLT EXDEV " },
	{ "clear", do_clear, 1, CORE },
	{ "session", do_session, 2, CORE },
	{ "any keyctl", do_keyctl, 10,
	  CORE
	  "EEXIST ENOENT EDEADLK ELOOP EAGAIN ENODEV ENOPKG EBADF EBADMSG ENAMETOOLONG "
	  "EPROTONOSUPPORT EMSGSIZE EOVERFLOW ETIME ENXIO EXDEV E2BIG EIO EBUSY EINTR " },
	{ "/proc/keys", do_proc_keys, 2, "" },
	{ "query", do_query, 10, CORE },
	{ "encrypt", do_encrypt, 60, USE "EAGAIN " },
	{ "decrypt own", do_decrypt, 40, USE "EAGAIN " },
	{ "decrypt spoilt", do_decrypt_spoilt, 30,
	  USE "EBADMSG EPROTONOSUPPORT EAGAIN " },
	{ "sign", do_sign, 30, USE "EAGAIN EINTR EIO EBUSY ENXIO ENODEV " },
	{ "verify own", do_verify, 30, USE "EAGAIN " },
	{ "verify spoilt", do_verify_spoilt, 20, USE "EBADMSG EPROTONOSUPPORT EAGAIN " },
	{ "netlink get", wire_get, 20, WIRE },
	{ "netlink dump", wire_dump, 3, WIRE },
	{ "netlink stats", wire_stats, 5, WIRE },
	{ "netlink spoilt", wire_spoilt, 60, WIRE "ERANGE EMSGSIZE EBUSY ENODATA " },
	{ "netlink listen", wire_listen, 1, WIRE },
	{ "set the clock", set_clock, 1, "EPERM EINVAL " },
	{ "set clock_trusted", set_trusted, 1, "EACCES EPERM EINVAL ENOENT ENODEV " },
	{ "rmmod", unload, 1, "EPERM EAGAIN ENOENT EBUSY " },
};

const unsigned int kind_count = sizeof(kinds) / sizeof(kinds[0]);

bool errno_allowed(const struct kind *kind, int error)
{
	const char *name = strerrorname_np(error);
	size_t len = name ? strlen(name) : 0;
	const char *lists[] = { kind->errnos, ALWAYS " " }, *at;
	size_t i;

	for (i = 0; len && i < 2; i++) {
		for (at = lists[i]; (at = strstr(at, name)); at += len) {
			if ((at == lists[i] || at[-1] == ' ') && at[len] == ' ')
				return true;
		}
	}
	return false;
}

/* The first ones are said, with what led to them; all are counted. */
void complain(struct thread *t, const char *fmt, ...)
{
	char text[256];
	va_list args;

	if (shared->complaints++ >= 20)
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	printf("# complaint: thread %u, call %llu, %s%s: %s\n", t->number,
	       (unsigned long long)shared->done[t->number], kinds[t->kind].name,
	       t->failing ? " (with a failure)" : "", text);
	if (t->text_len)
		printf("#   the text: %.*s\n", t->text_len < 200 ? (int)t->text_len : 200,
		       t->text);
	fflush(stdout);
}

void count(struct thread *t, long ret)
{
	int error = ret < 0 ? -ret : 0;

	if (!error) {
		shared->ok[t->kind]++;
		return;
	}
	if (error >= ERRNOS_MAX)
		error = 0;
	/* each is said once */
	if (!shared->failed[t->kind][error]++ && !errno_allowed(&kinds[t->kind], error))
		complain(t, "errno %ld (%s)", -ret, strerror(-ret));
}

static uint64_t print_kind(unsigned int kind, bool seen[ERRNOS_MAX])
{
	uint64_t n = shared->ok[kind];
	int error;

	for (error = 1; error < ERRNOS_MAX; error++)
		n += shared->failed[kind][error];
	printf("# %-18s %8llu: %llu well", kinds[kind].name, (unsigned long long)n,
	       (unsigned long long)shared->ok[kind]);
	for (error = 1; error < ERRNOS_MAX; error++) {
		if (!shared->failed[kind][error])
			continue;
		seen[error] = true;
		printf(", %llu %s", (unsigned long long)shared->failed[kind][error],
		       strerrorname_np(error) ?: "?");
	}
	printf("\n");
	return n;
}

void print_tally(void)
{
	bool seen[ERRNOS_MAX] = { false };
	unsigned int kind, errnos = 0;
	uint64_t n = 0;
	int error;

	for (kind = 0; kind < kind_count; kind++)
		n += print_kind(kind, seen);
	for (error = 0; error < ERRNOS_MAX; error++)
		errnos += seen[error];
	printf("# fuzz-vm: %llu calls of %u kinds, %u errnos, %llu calls with a failed allocation\n",
	       (unsigned long long)n, kind_count, errnos,
	       (unsigned long long)shared->injected);
	printf("# fuzz-vm: %llu own messages opened, %llu own signatures verified, %llu spoilt ones refused\n",
	       (unsigned long long)shared->opened, (unsigned long long)shared->verified,
	       (unsigned long long)shared->spoilt);
}
