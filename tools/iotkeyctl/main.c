// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * iotkeyctl: keys of the kernel's iot key type, by hand and from scripts.
 */
#include "iotkeyctl.h"

#include <stdio.h>

#define KEY_OPTIONS                                                          \
	"[--mode random|derive|ratchet] [--rotate T]\n"                      \
	"           [--overlap T] [--ahead T] [--lifetime T] [--max-ops N] " \
	"[--jitter T]\n"                                                     \
	"           [--start SECONDS] [--usage OP,...] [--label TEXT] "      \
	"[--keyring RING]\n"                                                 \
	"           [--save FILE]"

static const struct command commands[] = {
	{ "root", cmd_root,
	  "NAME --provider tpm|key|soft [--parent HANDLE] [--mkparent]\n"
	  "           [--pcrs BANK:N,...] [--key TYPE:NAME]\n"
	  "           [--keyring RING] [--save FILE]",
	  "make a root, from which keys hang" },
	{ "new", cmd_new,
	  "NAME --alg ALGORITHM --root ROOT " KEY_OPTIONS
	  "\n       iotkeyctl new NAME --alg ecdsa-p256 --parent HANDLE [--mkparent]\n"
	  "           [--restricted] [--usage OP,...] [--keyring RING] [--save FILE]",
	  "make a key" },
	{ "list", cmd_list, "", "list the keys that you may view" },
	{ "show", cmd_show, "KEY", "show all about a key" },
	{ "policy", cmd_policy, "KEY [OPTION=VALUE]...",
	  "show or change the policy of a key" },
	{ "rotate", cmd_rotate, "KEY [--save FILE]",
	  "make the next version current now" },
	{ "derive", cmd_derive,
	  "KEY PREFIX:NAME [--size BYTES] [--epoch N | --pinned]\n"
	  "           [--keyring RING]",
	  "publish a logon key, for dm-crypt and the like" },
	{ "encrypt", cmd_encrypt, "KEY [IN [OUT]]", "encrypt a file" },
	{ "decrypt", cmd_decrypt, "KEY [IN [OUT]]", "decrypt a file" },
	{ "sign", cmd_sign, "KEY [FILE] [-o SIGNATURE]", "sign a file" },
	{ "public", cmd_public, "KEY [FILE]", "write the public half of a key as PEM" },
	{ "pem", cmd_pem, "KEY [FILE]", "write a PEM that names a key, for OpenSSL" },
	{ "verify", cmd_verify, "KEY FILE SIGNATURE", "check a signature" },
	{ "save", cmd_save, "KEY FILE", "write the wrapped blob of a key" },
	{ "load", cmd_load, "FILE... [--keyring RING] [--name NAME]", "load blobs" },
	{ "revoke", cmd_revoke, "KEY...",
	  "end the use of a key and of what hangs from it" },
	{ "quote", cmd_attest, "", "prove the state of this device" },
	{ "appraise", cmd_attest, "", "check what a device proves" },
	{ "history", cmd_attest, "",
	  "tell what became of keys, as the kernel measured it" },
	{ "fleet", cmd_fleet, "", "administer a fleet, by its registrar" },
	{ "monitor", cmd_monitor, "[--count N]", "print events as they come" },
	{ "stats", cmd_stats, "", "show the counters of the module" },
	{ "doctor", cmd_doctor, "", "say what is missing and how to mend it" },
};

void print_help(void)
{
	size_t i;

	puts("Usage: iotkeyctl [--json] [--quiet] VERB [ARGUMENT]...\n"
	     "       iotkeyctl VERB --help\n\n"
	     "Keys of the kernel's iot key type.\n");
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		printf("  %-9s %s\n", commands[i].name, commands[i].summary);
	puts("\n  --json     print JSON\n"
	     "  --quiet    print results and errors only\n"
	     "  --help     print this, or the usage of a verb\n"
	     "  --version  print the version\n\n"
	     "See iotkeyctl(1); 'iotkeyctl doctor' when something does not work.");
}

int main(int argc, char **argv)
{
	return run_program(commands, sizeof(commands) / sizeof(commands[0]), argc, argv);
}
