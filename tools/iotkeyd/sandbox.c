// SPDX-License-Identifier: GPL-2.0-or-later
#include "sandbox.h"

#include "../common/say.h"

#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define TPM "/dev/tpmrm0"

/*
 * To give a key to a group, one has to be in it.  Without the capability to pass over rights, the
 * TPM is there for those in its group.
 */
static int set_groups(const struct config *config)
{
	gid_t groups[3];
	struct stat st;
	size_t n = 0;

	if (config->has_group)
		groups[n++] = config->group;
	if (config->registrar[0]) {
		groups[n++] = config->net_gid;
		if (!stat(TPM, &st))
			groups[n++] = st.st_gid;
	}
	return setgroups(n, groups);
}

int sandbox_keeper(const struct config *config)
{
	static const struct rlimit none = { 0, 0 };

	if (set_groups(config))
		return say_file_error(-errno, "cannot set the groups");
	if (setrlimit(RLIMIT_CORE, &none) || prctl(PR_SET_DUMPABLE, 0) ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return say_file_error(-errno, "cannot close this process to others");
	capng_clear(CAPNG_SELECT_BOTH);
	/* events of all keys */
	capng_updatev(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_NET_ADMIN, -1);
	/* to start the process with the net as its user, and to end it */
	if (config->registrar[0])
		capng_updatev(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_SETUID,
			      CAP_SETGID, CAP_KILL, -1);
	if (capng_apply(CAPNG_SELECT_BOTH)) {
		say("cannot drop capabilities");
		return EXIT_FAILED;
	}
	return EXIT_OK;
}
