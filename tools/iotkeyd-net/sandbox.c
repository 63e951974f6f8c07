// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Four fences, each of which holds by itself: an own user without privilege; no new
 * privileges and no tracing; Landlock, where the kernel has it; seccomp.
 *
 * There is no chroot: the resolver of glibc reads /etc/resolv.conf whenever it changes, for years.
 */
#include "sandbox.h"

#include "../common/say.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/landlock.h>
#include <linux/netlink.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MEMORY (512u << 20) /* addresses, most of which are never touched */
#define FILES  32

static int check_user(void)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct caps[2] = { 0 };
	uid_t real, effective, saved;

	if (getresuid(&real, &effective, &saved) || syscall(SYS_capget, &head, caps))
		return say_file_error(-errno, "cannot find out who this is");
	if (!real || !effective || !saved) {
		say("it does not run as root: net-user in the configuration says as whom");
		return EXIT_USAGE;
	}
	if (caps[0].permitted || caps[1].permitted || caps[0].effective ||
	    caps[1].effective) {
		say("it does not run with capabilities");
		return EXIT_USAGE;
	}
	return EXIT_OK;
}

static int close_process(void)
{
	static const struct rlimit none = { 0, 0 }, memory = { MEMORY, MEMORY },
				   files = { FILES, FILES };

	if (setrlimit(RLIMIT_CORE, &none) || setrlimit(RLIMIT_AS, &memory) ||
	    setrlimit(RLIMIT_NOFILE, &files) || prctl(PR_SET_DUMPABLE, 0) ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return say_file_error(-errno, "cannot close this process to others");
	return EXIT_OK;
}

/*
 * Landlock
 */

/* The directories that hold what libc reads for names: not the files, which get replaced */
static const char *const readable[] = { "/etc", "/usr/lib", "/lib", "/lib64", "/run" };

static int allow_reading(int rules, const char *path)
{
	struct landlock_path_beneath_attr beneath = {
		.allowed_access =
			LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
	};
	int ret;

	beneath.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (beneath.parent_fd < 0)
		return errno == ENOENT ? 0 : -1;
	ret = (int)syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH,
			   &beneath, 0);
	close(beneath.parent_fd);
	return ret;
}

static int restrict_files(void)
{
	/* all that the first version of Landlock knows: each kernel that has any has these */
	struct landlock_ruleset_attr attr = {
		.handled_access_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1
	};
	size_t i;
	int rules, err = 0;

	rules = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (rules < 0 && (errno == ENOSYS || errno == EOPNOTSUPP))
		return EXIT_OK; /* this kernel has none */
	for (i = 0; rules >= 0 && !err && i < sizeof(readable) / sizeof(readable[0]); i++)
		err = allow_reading(rules, readable[i]);
	if (rules < 0 || err || syscall(SYS_landlock_restrict_self, rules, 0))
		return say_file_error(-errno, "cannot keep files from this process");
	close(rules);
	return EXIT_OK;
}

/*
 * seccomp
 */

/* Memory, time, threads, and what is open already; whatever the arguments */
static const int allowed[] = {
	/* memory */
	SCMP_SYS(brk),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	/* what is open */
	SCMP_SYS(read),
	SCMP_SYS(readv),
	SCMP_SYS(pread64),
	SCMP_SYS(write),
	SCMP_SYS(writev),
	SCMP_SYS(close),
	SCMP_SYS(lseek),
	SCMP_SYS(_llseek),
	SCMP_SYS(fstat),
	SCMP_SYS(fstat64),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(ppoll_time64),
	SCMP_SYS(select),
	SCMP_SYS(pselect6),
	SCMP_SYS(_newselect),
	SCMP_SYS(pselect6_time64),
	SCMP_SYS(pipe2),
	SCMP_SYS(eventfd2),
	SCMP_SYS(epoll_create1),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(memfd_create),
	SCMP_SYS(getdents64),
	/* whether a file has changed */
	SCMP_SYS(stat),
	SCMP_SYS(stat64),
	SCMP_SYS(lstat),
	SCMP_SYS(lstat64),
	SCMP_SYS(newfstatat),
	SCMP_SYS(fstatat64),
	SCMP_SYS(statx),
	SCMP_SYS(access),
	SCMP_SYS(faccessat),
	SCMP_SYS(readlink),
	SCMP_SYS(readlinkat),
	SCMP_SYS(getcwd),
	/* the network; socket(2) below */
	SCMP_SYS(connect),
	SCMP_SYS(bind),
	SCMP_SYS(getsockname),
	SCMP_SYS(getpeername),
	SCMP_SYS(getsockopt),
	SCMP_SYS(setsockopt),
	SCMP_SYS(sendto),
	SCMP_SYS(sendmsg),
	SCMP_SYS(sendmmsg),
	SCMP_SYS(recvfrom),
	SCMP_SYS(recvmsg),
	SCMP_SYS(recvmmsg),
	SCMP_SYS(recvmmsg_time64),
	SCMP_SYS(shutdown),
	SCMP_SYS(send),
	SCMP_SYS(recv),
	/* time */
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_gettime64),
	SCMP_SYS(clock_getres),
	SCMP_SYS(clock_getres_time64),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(clock_nanosleep_time64),
	SCMP_SYS(nanosleep),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(time),
	/* threads; clone(2) below */
	SCMP_SYS(futex),
	SCMP_SYS(futex_time64),
	SCMP_SYS(set_robust_list),
	SCMP_SYS(rseq),
	SCMP_SYS(sched_yield),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(gettid),
	SCMP_SYS(membarrier),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(restart_syscall),
	/* signals */
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sigreturn),
	SCMP_SYS(sigaltstack),
	/* who and where this is */
	SCMP_SYS(getpid),
	SCMP_SYS(getppid),
	SCMP_SYS(getuid),
	SCMP_SYS(getuid32),
	SCMP_SYS(geteuid),
	SCMP_SYS(geteuid32),
	SCMP_SYS(getgid),
	SCMP_SYS(getgid32),
	SCMP_SYS(getegid),
	SCMP_SYS(getegid32),
	SCMP_SYS(uname),
	SCMP_SYS(sysinfo),
	SCMP_SYS(getrandom),
	SCMP_SYS(getrlimit),
	SCMP_SYS(ugetrlimit),
};

/* No library that we use has reason to: who tries it is not one of them */
static const int deadly[] = {
	SCMP_SYS(execve),
	SCMP_SYS(execveat),
	SCMP_SYS(ptrace),
	SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev),
	SCMP_SYS(kcmp),
	SCMP_SYS(pidfd_getfd),
	SCMP_SYS(add_key),
	SCMP_SYS(request_key),
	SCMP_SYS(bpf),
	SCMP_SYS(perf_event_open),
	SCMP_SYS(userfaultfd),
	SCMP_SYS(io_uring_setup),
	SCMP_SYS(init_module),
	SCMP_SYS(finit_module),
	SCMP_SYS(delete_module),
	SCMP_SYS(kexec_load),
	SCMP_SYS(mount),
	SCMP_SYS(setns),
	SCMP_SYS(unshare),
	SCMP_SYS(chroot),
	SCMP_SYS(pivot_root),
	SCMP_SYS(setuid),
	SCMP_SYS(setresuid),
	SCMP_SYS(setgid),
	SCMP_SYS(setresgid),
	SCMP_SYS(capset),
	SCMP_SYS(open_by_handle_at),
};

static int add(scmp_filter_ctx ctx, uint32_t action, int call, unsigned int count,
	       struct scmp_arg_cmp a, struct scmp_arg_cmp b)
{
	const struct scmp_arg_cmp compare[2] = { a, b };
	int err = seccomp_rule_add_array(ctx, action, call, count, compare);

	/* not on this architecture */
	return err == -EDOM || err == -EINVAL ? 0 : err;
}

static int allow_if(scmp_filter_ctx ctx, int call, struct scmp_arg_cmp a)
{
	return add(ctx, SCMP_ACT_ALLOW, call, 1, a, a);
}

static int allow_all(scmp_filter_ctx ctx)
{
	const struct scmp_arg_cmp none = { 0 };
	size_t i;
	int err = 0;

	for (i = 0; !err && i < sizeof(allowed) / sizeof(allowed[0]); i++)
		err = add(ctx, SCMP_ACT_ALLOW, allowed[i], 0, none, none);
	for (i = 0; !err && i < sizeof(deadly) / sizeof(deadly[0]); i++)
		err = add(ctx, SCMP_ACT_KILL_PROCESS, deadly[i], 0, none, none);
	return err;
}

/* Files are opened for reading only; no memory is made code after this */
static int allow_files(scmp_filter_ctx ctx)
{
	const scmp_datum_t write =
		O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND | (__O_TMPFILE & ~O_DIRECTORY);
	int err;

	err = allow_if(ctx, SCMP_SYS(openat),
		       SCMP_A2(SCMP_CMP_MASKED_EQ, write, O_RDONLY));
	if (!err)
		err = allow_if(ctx, SCMP_SYS(open),
			       SCMP_A1(SCMP_CMP_MASKED_EQ, write, O_RDONLY));
	if (!err)
		err = allow_if(ctx, SCMP_SYS(fcntl), SCMP_A1(SCMP_CMP_LE, F_SETFL));
	if (!err)
		err = allow_if(ctx, SCMP_SYS(fcntl),
			       SCMP_A1(SCMP_CMP_EQ, F_DUPFD_CLOEXEC));
	if (!err)
		err = allow_if(ctx, SCMP_SYS(fcntl), SCMP_A1(SCMP_CMP_EQ, F_ADD_SEALS));
	if (!err)
		err = allow_if(ctx, SCMP_SYS(fcntl), SCMP_A1(SCMP_CMP_EQ, F_GET_SEALS));
	if (!err)
		err = allow_if(ctx, SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_EQ, FIONBIO));
	if (!err)
		err = allow_if(ctx, SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_EQ, FIONREAD));
	return err;
}

/*
 * The dynamic linker maps code of libraries that libc opens for names (NSS): what is mapped from
 * a file may be code, memory may not.
 */
static int allow_memory(scmp_filter_ctx ctx)
{
	const struct scmp_arg_cmp not_code = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
	const struct scmp_arg_cmp of_file = SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, 0);
	int err = allow_if(ctx, SCMP_SYS(mmap), not_code);

	if (!err)
		err = allow_if(ctx, SCMP_SYS(mmap), of_file);
	if (!err)
		err = allow_if(ctx, SCMP_SYS(mmap2), not_code);
	if (!err)
		err = allow_if(ctx, SCMP_SYS(mmap2), of_file);
	if (!err)
		err = allow_if(ctx, SCMP_SYS(mprotect), not_code);
	return err;
}

static int allow_network(scmp_filter_ctx ctx)
{
	const struct scmp_arg_cmp none = { 0 };
	int err;

	err = allow_if(ctx, SCMP_SYS(socket), SCMP_A0(SCMP_CMP_EQ, AF_INET));
	if (!err)
		err = allow_if(ctx, SCMP_SYS(socket), SCMP_A0(SCMP_CMP_EQ, AF_INET6));
	/* libc asks which addresses this host has, to sort those of the registrar */
	if (!err)
		err = add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2,
			  SCMP_A0(SCMP_CMP_EQ, AF_NETLINK),
			  SCMP_A2(SCMP_CMP_EQ, NETLINK_ROUTE));
	/* a cache of names: nobody is there */
	if (!err)
		err = add(ctx, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
			  SCMP_A0(SCMP_CMP_EQ, AF_UNIX), none);
	if (!err)
		err = allow_if(ctx, SCMP_SYS(socketpair), SCMP_A0(SCMP_CMP_EQ, AF_UNIX));
	return err;
}

/* Threads, no processes: libcurl resolves names in one */
static int allow_threads(scmp_filter_ctx ctx)
{
	int err;

	/* the flags of clone3(2) are in memory, where nobody can look; without it libc
	   goes on with clone(2) */
	err = allow_if(ctx, SCMP_SYS(clone),
		       SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
	/* of itself, to abort */
	if (!err)
		err = allow_if(ctx, SCMP_SYS(tgkill),
			       SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
	if (!err)
		err = allow_if(ctx, SCMP_SYS(prctl), SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME));
	if (!err) /* to read its limits */
		err = allow_if(ctx, SCMP_SYS(prlimit64), SCMP_A2(SCMP_CMP_EQ, 0));
	return err;
}

static int allow_key(scmp_filter_ctx ctx)
{
	static const int uses[] = { KEYCTL_DESCRIBE, KEYCTL_PKEY_QUERY,
				    KEYCTL_PKEY_SIGN };
	const struct scmp_arg_cmp none = { 0 };
	size_t i;
	int err = 0;

	for (i = 0; !err && i < sizeof(uses) / sizeof(uses[0]); i++)
		err = allow_if(ctx, SCMP_SYS(keyctl),
			       SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)uses[i]));
	/* the provider asks for the public half first, and takes this for an answer */
	if (!err)
		err = add(ctx, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(keyctl), 1,
			  SCMP_A0(SCMP_CMP_EQ, KEYCTL_READ), none);
	return err;
}

static int restrict_calls(void)
{
	/* whatever else there is, or will be: this kernel has it not */
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	int err = ctx ? 0 : -ENOMEM;

	if (!err)
		err = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1);
	if (!err)
		err = allow_all(ctx);
	if (!err)
		err = allow_files(ctx);
	if (!err)
		err = allow_memory(ctx);
	if (!err)
		err = allow_network(ctx);
	if (!err)
		err = allow_threads(ctx);
	if (!err)
		err = allow_key(ctx);
	if (!err)
		err = seccomp_load(ctx);
	seccomp_release(ctx);
	return err ? say_file_error(err, "cannot keep system calls from this process")
		   : EXIT_OK;
}

int sandbox_net(void)
{
	int err = check_user();

	if (!err)
		err = close_process();
	if (!err)
		err = restrict_files();
	if (!err)
		err = restrict_calls();
	return err;
}
