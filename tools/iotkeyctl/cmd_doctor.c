// SPDX-License-Identifier: GPL-2.0-or-later
#include "iotkeyctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *const words[] = {
	[VERDICT_OK] = "ok", [VERDICT_WARN] = "warn", [VERDICT_FAIL] = "fail"
};
static const char *const colors[] = { [VERDICT_OK] = "\033[32m",
				      [VERDICT_WARN] = "\033[33m",
				      [VERDICT_FAIL] = "\033[31m" };

struct doctor {
	const struct context *ctx;
	json_t *array;
	bool color, failed;
};

static void report(void *arg, enum verdict verdict, const char *what, const char *finding,
		   const char *mend)
{
	struct doctor *doctor = arg;

	doctor->failed |= verdict == VERDICT_FAIL;
	if (doctor->ctx->json) {
		json_array_append_new(doctor->array,
				      json_pack("{s:s, s:s, s:s, s:s?}", "verdict",
						words[verdict], "what", what, "finding",
						finding, "mend", mend));
		return;
	}
	if (doctor->ctx->quiet && verdict == VERDICT_OK)
		return;
	printf("%s%-4s%s  %-18s %s\n", doctor->color ? colors[verdict] : "",
	       words[verdict], doctor->color ? "\033[0m" : "", what, finding);
	if (mend)
		printf("      %-18s -> %s\n", "", mend);
}

int cmd_doctor(struct context *ctx, int argc, char **argv)
{
	struct doctor doctor = { .ctx = ctx };
	int err;

	arguments(ctx, argc, argv, 0, 0);
	doctor.color = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
	doctor.array = json_array();
	run_checks(report, &doctor);
	if (!ctx->json) {
		json_decref(doctor.array);
		return doctor.failed ? EXIT_FAILED : EXIT_OK;
	}
	err = print_json(doctor.array, false);
	return doctor.failed ? EXIT_FAILED : err;
}
