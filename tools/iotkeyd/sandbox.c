// SPDX-License-Identifier: GPL-2.0-or-later
#include "sandbox.h"

#include "../common/say.h"

#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/resource.h>

int sandbox_keeper(const struct config *config)
{
	static const struct rlimit none = { 0, 0 };

	/* to give a key to a group, one has to be in it */
	if (setgroups(config->has_group ? 1 : 0, &config->group))
		return say_file_error(-errno, "cannot set the groups");
	if (setrlimit(RLIMIT_CORE, &none) || prctl(PR_SET_DUMPABLE, 0) ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return say_file_error(-errno, "cannot close this process to others");
	capng_clear(CAPNG_SELECT_BOTH);
	/* events of all keys */
	capng_updatev(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_NET_ADMIN, -1);
	if (capng_apply(CAPNG_SELECT_BOTH)) {
		say("cannot drop capabilities");
		return EXIT_FAILED;
	}
	return EXIT_OK;
}
