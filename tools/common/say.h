/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How the tools speak when something is wrong, and what they exit with.
 */
#ifndef _COMMON_SAY_H
#define _COMMON_SAY_H

/* The exit codes, documented in iotkeyctl(1) */
enum exit_code {
	EXIT_OK = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_NO_KEY = 3,
	EXIT_REFUSED = 4,
	EXIT_DAMAGED = 5,
	EXIT_PAST = 6,
	EXIT_TPM = 7,
	EXIT_NO_MODULE = 8,
};

/* say(): "PROGRAM: ..." and a newline on stderr */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* exit_code(): for errno @err (or -errno) of an operation on a key */
int exit_code(int err);

/*
 * say_key_error(): "PROGRAM: ...: sentence for @err"; returns the exit code.
 * @err is -errno of an operation on a key.
 */
int say_key_error(int err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* say_file_error(): the same for files, pipes and the like: EXIT_FAILED */
int say_file_error(int err, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif /* _COMMON_SAY_H */
