// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * iotkey-registrar: enrols devices, and knows what became of them.
 *
 *	config.c	the configuration
 *	server.c	processes and signals; worker.c: what a worker has at hand
 *	http.c		requests, routes, batches of the store
 *	est.c		enrolment (RFC 7030); csr.c: requests for certificates
 *	device.c	who is asking
 *	join.c, attest.c, release.c	devices with a TPM; policy.c: what roots are bound to
 *	revocation.c	CRL and OCSP
 *	ca.c		the CA's key and what it signs
 *	store*.c	what is remembered; master.c: what is derived; audit.c: what is told
 */
#include <getopt.h>
#include <iotkey.h>
#include <stdio.h>
#include <string.h>

#include "../common/say.h"
#include "approve.h"
#include "audit.h"
#include "config.h"
#include "init.h"
#include "server.h"

static const char usage[] =
	"Usage: iotkey-registrar run [--config FILE]      serve devices\n"
	"       iotkey-registrar check [--config FILE]    would it start?\n"
	"       iotkey-registrar init DIR [--name HOST]... [--ca-key URI]\n"
	"                                                 make all that it needs\n"
	"       iotkey-registrar approve [--config FILE] [--signer KEY] REFERENCE\n"
	"                                                 let roots open under these PCRs\n"
	"       iotkey-registrar audit verify FILE...     is the log whole?\n"
	"See iotkey-registrar(8).\n";

static int with_config(int argc, char **argv, int (*run)(const char *path))
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ NULL, 0, NULL, 0 },
	};
	const char *path = CONFIG_PATH;
	int c;

	while ((c = getopt_long(argc, argv, "c:", options, NULL)) != -1) {
		if (c != 'c')
			return EXIT_USAGE;
		path = optarg;
	}
	if (optind != argc) {
		say("one argument too many: '%s'", argv[optind]);
		return EXIT_USAGE;
	}
	return run(path);
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	if (!strcmp(verb, "run"))
		return with_config(argc - 1, argv + 1, server_run);
	if (!strcmp(verb, "check"))
		return with_config(argc - 1, argv + 1, server_check);
	if (!strcmp(verb, "init"))
		return init_command(argc - 1, argv + 1);
	if (!strcmp(verb, "approve"))
		return approve_command(argc - 1, argv + 1);
	if (!strcmp(verb, "audit"))
		return audit_command(argc - 2, argv + 2);
	if (!strcmp(verb, "--help")) {
		fputs(usage, stdout);
		return EXIT_OK;
	}
	if (!strcmp(verb, "--version")) {
		puts("iotkey-registrar " IOTKEY_VERSION_STRING);
		return EXIT_OK;
	}
	fputs(usage, stderr);
	return EXIT_USAGE;
}
