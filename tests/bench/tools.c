// SPDX-License-Identifier: GPL-2.0-or-later
/* What it takes to start the tool, beside keyctl: fork, exec, libraries, output, exit. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include "bench.h"

static void run(void *arg)
{
	char *const *argv = arg;
	pid_t pid = vfork();
	int status;

	if (!pid) {
		execv(argv[0], argv);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		die("%s", argv[0]);
}

/* Of a run whose output goes nowhere. */
static double start(char *const *argv)
{
	int out = dup(STDOUT_FILENO), null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	double cost;

	fflush(stdout);
	if (out < 0 || null < 0 || dup2(null, STDOUT_FILENO) < 0)
		die("/dev/null");
	cost = measure(run, (void *)argv);
	if (dup2(out, STDOUT_FILENO) < 0)
		exit(1);
	close(out);
	close(null);
	return cost;
}

void bench_tools(void)
{
	char *const tool[] = { "/usr/bin/iotkeyctl", "--version", NULL };
	char *const keyctl[] = { "/usr/bin/keyctl", "--version", NULL };
	char *const tool_list[] = { "/usr/bin/iotkeyctl", "list", NULL };
	char *const keyctl_list[] = { "/usr/bin/keyctl", "list", "@s", NULL };

	soft_root();
	row("tool/start", "instructions", start(tool), "keyctl --version", start(keyctl));
	row("tool/list", "instructions", start(tool_list), "keyctl list",
	    start(keyctl_list));
}
