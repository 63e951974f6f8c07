// SPDX-License-Identifier: GPL-2.0-or-later
#include "say.h"

#include <errno.h>
#include <iotkey.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void begin(const char *format, va_list args)
{
	fflush(stdout);
	fprintf(stderr, "%s: ", program_invocation_short_name);
	vfprintf(stderr, format, args);
}

void say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	begin(format, args);
	va_end(args);
	fputc('\n', stderr);
}

int exit_code(int err)
{
	switch (err < 0 ? -err : err) {
	case ENOKEY:
		return EXIT_NO_KEY;
	case EACCES:
		return EXIT_REFUSED;
	case EBADMSG:
	case EKEYREJECTED:
	case ENODATA:
		return EXIT_DAMAGED;
	case EKEYEXPIRED:
	case EKEYREVOKED:
	case ETIME:
		return EXIT_PAST;
	case ENODEV:
	case ENXIO:
	case EPERM:
	case EBUSY:
	case EIO:
		return EXIT_TPM;
	case ENOPKG:
		return EXIT_NO_MODULE;
	default:
		return EXIT_FAILED;
	}
}

int say_key_error(int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	begin(format, args);
	va_end(args);
	fprintf(stderr, ": %s\n", iotkey_strerror(err));
	return exit_code(err);
}

static const char *file_sentence(int err)
{
	switch (err) {
	case ENOSPC:
	case EDQUOT:
		return "no space left; make room and try again";
	case EPIPE:
		return "the reader of the output has gone";
	default:
		return strerror(err);
	}
}

int say_file_error(int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	begin(format, args);
	va_end(args);
	fprintf(stderr, ": %s\n", file_sentence(err < 0 ? -err : err));
	return EXIT_FAILED;
}
