// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The verbs about evidence need OpenSSL, which this program does without: a second
 * program has them, in ../libexec/iotkey from where this one is.
 */
#include "iotkeyctl.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROGRAM "../libexec/iotkey/iotkeyctl-attest"

int cmd_attest(struct context *ctx, int argc, char **argv)
{
	char self[PATH_MAX], path[PATH_MAX + sizeof(PROGRAM)];
	char **args = calloc((size_t)argc + 4, sizeof(*args));
	ssize_t len;
	int n = 0;

	if (!args)
		return say_file_error(ENOMEM, "cannot start %s", PROGRAM);
	len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (len < 0)
		return say_file_error(errno, "cannot find this program: mount /proc");
	self[len] = '\0';
	snprintf(path, sizeof(path), "%s/%s", dirname(self), PROGRAM);
	args[n++] = program_invocation_name; /* it speaks in our name */
	if (ctx->json)
		args[n++] = (char *)"--json";
	if (ctx->quiet)
		args[n++] = (char *)"--quiet";
	memcpy(args + n, argv, (size_t)argc * sizeof(*argv));
	execv(path, args);
	return say_file_error(errno, "cannot start '%s'", path);
}
