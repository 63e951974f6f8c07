// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * iotkeyctl-fleet: the administration of a fleet.  iotkeyctl(1) starts it for "fleet VERB".
 */
#include "fleet.h"

#include <stdio.h>
#include <string.h>

#define WHERE " [--registrar URL] [--dir DIR]"

static const struct command commands[] = {
	{ "fleet status", cmd_status, WHERE + 1, "count the devices" },
	{ "fleet list", cmd_list,
	  "[--state pending|active|revoked] [--result pass|fail|never]\n"
	  "           [--name PREFIX] [--group GROUP]" WHERE,
	  "list devices" },
	{ "fleet show", cmd_show, "DEVICE" WHERE, "show all about a device" },
	{ "fleet approve", cmd_approve, "DEVICE..." WHERE, "let devices in that wait" },
	{ "fleet revoke", cmd_revoke,
	  "DEVICE... | [DEVICE...] --file FILE |\n"
	  "           DEVICE|all --key NAME | DEVICE|all --root NAME --root-version N |\n"
	  "           DEVICE --group GROUP" WHERE,
	  "revoke devices, or a key, a version of a root, a membership of one" },
	{ "fleet token", cmd_token,
	  "[--name NAME] [--software] [--seconds N] [--device DEVICE | --delete DEVICE]" WHERE,
	  "make a one-time token" },
	{ "fleet tokens", cmd_tokens, WHERE + 1, "list tokens" },
	{ "fleet group", cmd_group, "GROUP [--make] [--add DEVICE]" WHERE,
	  "show a group, or make it, or add a device" },
	{ "fleet groups", cmd_groups, WHERE + 1, "list groups" },
	{ "fleet import", cmd_import, "FILE --batch NAME" WHERE,
	  "allow the EKs of a factory batch: one SHA-256 a line" },
	{ "fleet export", cmd_export, "[FILE]" WHERE, "write all devices as JSON lines" },
};

void print_help(void)
{
	size_t i;

	puts("Usage: iotkeyctl fleet VERB [ARGUMENT]...\n");
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		printf("  %-15s %s\n", commands[i].name, commands[i].summary);
	puts("\n  --registrar URL  https://HOST:PORT ($IOTKEY_REGISTRAR)\n"
	     "  --dir DIR        with ca.crt, admin.crt, admin.key ($IOTKEY_FLEET_DIR;\n"
	     "                   /etc/iotkey)");
}

/*
 * "fleet" and its verb are one word to run_program(); between them there may be global
 * options, none of which takes a value.
 */
static int join_verb(int argc, char **argv)
{
	static char verb[64];
	int fleet, at;

	for (fleet = 1; fleet < argc && strcmp(argv[fleet], "fleet"); fleet++)
		;
	if (fleet == argc)
		return argc;
	for (at = fleet + 1; at < argc && argv[at][0] == '-'; at++)
		;
	if (at < argc) {
		snprintf(verb, sizeof(verb), "fleet %s", argv[at]);
		argv[at] = verb;
	}
	memmove(&argv[fleet], &argv[fleet + 1], (size_t)(argc - fleet) * sizeof(*argv));
	return argc - 1;
}

int main(int argc, char **argv)
{
	argc = join_verb(argc, argv);
	return run_program(commands, sizeof(commands) / sizeof(commands[0]), argc, argv);
}
