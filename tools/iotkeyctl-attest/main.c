// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * iotkeyctl-attest: the verbs of iotkeyctl that need OpenSSL.  iotkeyctl(1) starts it.
 */
#include "attest.h"

#include <stdio.h>

static const struct command commands[] = {
	{ "quote", cmd_quote,
	  "KEY --pcrs BANK:N,...[+BANK:N,...] --nonce HEX|FILE -o DIRECTORY",
	  "prove the state of this device" },
	{ "appraise", cmd_appraise,
	  "[DIRECTORY] --ak FILE --nonce HEX|FILE [--reference FILE]\n"
	  "           [--record FILE] [-m MESSAGE] [-s SIGNATURE] [-f PCRS]\n"
	  "           [-e EVENTLOG] [-i IMALOG]",
	  "check what a device proves" },
	{ "history", cmd_history,
	  "[DIRECTORY | [--log FILE] [--pcr BANK:HEX | --pcr live|none]]",
	  "tell what became of keys, as the kernel measured it" },
};

void print_help(void)
{
	puts("Usage: see 'iotkeyctl --help'");
}

int main(int argc, char **argv)
{
	return run_program(commands, sizeof(commands) / sizeof(commands[0]), argc, argv);
}
