// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The verbs about evidence need OpenSSL, those about a fleet libcurl, and this program does
 * without them: others have them, in ../libexec/iotkey from where this one is.
 */
#include "iotkeyctl.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ATTEST "../libexec/iotkey/iotkeyctl-attest"
#define FLEET  "../libexec/iotkey/iotkeyctl-fleet"

static int start(struct context *ctx, int argc, char **argv, const char *program)
{
	char self[PATH_MAX], path[PATH_MAX + sizeof(ATTEST)];
	char **args = calloc((size_t)argc + 4, sizeof(*args));
	ssize_t len;
	int n = 0;

	if (!args)
		return say_file_error(ENOMEM, "cannot start %s", program);
	len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (len < 0)
		return say_file_error(errno, "cannot find this program: mount /proc");
	self[len] = '\0';
	snprintf(path, sizeof(path), "%s/%s", dirname(self), program);
	args[n++] = program_invocation_name; /* it speaks in our name */
	if (ctx->json)
		args[n++] = (char *)"--json";
	if (ctx->quiet)
		args[n++] = (char *)"--quiet";
	memcpy(args + n, argv, (size_t)argc * sizeof(*argv));
	execv(path, args);
	return say_file_error(errno, "cannot start '%s'", path);
}

int cmd_attest(struct context *ctx, int argc, char **argv)
{
	return start(ctx, argc, argv, ATTEST);
}

int cmd_fleet(struct context *ctx, int argc, char **argv)
{
	return start(ctx, argc, argv, FLEET);
}
