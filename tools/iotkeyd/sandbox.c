// SPDX-License-Identifier: GPL-2.0-or-later
#include "sandbox.h"

#include "../common/say.h"

#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <seccomp.h>
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

/*
 * What neither this process nor one that it starts, which has this filter, too, ever calls.  They
 * have narrower ones of their own.
 */
static const int forbidden[] = {
	SCMP_SYS(acct),
	SCMP_SYS(bpf),
	SCMP_SYS(chroot),
	SCMP_SYS(delete_module),
	SCMP_SYS(finit_module),
	SCMP_SYS(init_module),
	SCMP_SYS(io_uring_setup),
	SCMP_SYS(kcmp),
	SCMP_SYS(kexec_file_load),
	SCMP_SYS(kexec_load),
	SCMP_SYS(mount),
	SCMP_SYS(move_mount),
	SCMP_SYS(name_to_handle_at),
	SCMP_SYS(open_by_handle_at),
	SCMP_SYS(open_tree),
	SCMP_SYS(perf_event_open),
	SCMP_SYS(personality),
	SCMP_SYS(pidfd_getfd),
	SCMP_SYS(pivot_root),
	SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev),
	SCMP_SYS(ptrace),
	SCMP_SYS(quotactl),
	SCMP_SYS(reboot),
	SCMP_SYS(setns),
	SCMP_SYS(swapoff),
	SCMP_SYS(swapon),
	SCMP_SYS(umount2),
	SCMP_SYS(unshare),
	SCMP_SYS(userfaultfd),
};

static int filter(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	size_t i;
	int err = ctx ? 0 : -ENOMEM;

	for (i = 0; !err && i < sizeof(forbidden) / sizeof(forbidden[0]); i++)
		err = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), forbidden[i], 0);
	if (!err)
		err = seccomp_load(ctx);
	seccomp_release(ctx);
	return err;
}

int sandbox_keeper(const struct config *config)
{
	static const struct rlimit none = { 0, 0 };
	int err;

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
	err = filter();
	return err ? say_file_error(err, "cannot limit system calls") : EXIT_OK;
}
