// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * PID 1 of the test VM.  It mounts what a small system has, runs /job with the
 * result port as its standard output, says on that port how the job ended, and
 * powers off.  What the kernel prints goes to the console (ttyS0) alone; the
 * host reads both.
 *
 * Options come from the kernel's command line: vmtest.timeout=SECONDS,
 * vmtest.disk (mount /dev/vda on /data), vmtest.shell (the job gets the console).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <net/if.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define RESULT_PORT	"/dev/ttyS1"
#define CONSOLE		"/dev/ttyS0"
#define DEFAULT_TIMEOUT 600
#define LOGLEVEL_ALL	8
#define KLOG_SET_LEVEL	8

static int result = -1;

static void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Lines for the host; it looks for "# vm: " at their start. */
static void say(const char *fmt, ...)
{
	char line[256];
	va_list args;
	int n;

	n = snprintf(line, sizeof(line), "# vm: ");
	va_start(args, fmt);
	vsnprintf(line + n, sizeof(line) - n - 1, fmt, args);
	va_end(args);
	strcat(line, "\n");
	if (write(result, line, strlen(line)) < 0)
		perror("result port");
}

static void power_off(void)
{
	sync();
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}

static void die(const char *what)
{
	say("PID 1: %s: %s", what, strerror(errno));
	power_off();
}

static void mount_all(void)
{
	static const struct {
		const char *type, *dir;
		bool needed;
	} mounts[] = {
		{ "proc", "/proc", true },
		{ "sysfs", "/sys", true },
		{ "devtmpfs", "/dev", true },
		{ "devpts", "/dev/pts", true },
		{ "tmpfs", "/dev/shm", true },
		{ "tmpfs", "/tmp", true },
		{ "tmpfs", "/run", true },
		{ "securityfs", "/sys/kernel/security", false },
		{ "debugfs", "/sys/kernel/debug", false },
		{ "tracefs", "/sys/kernel/tracing", false },
		{ "configfs", "/sys/kernel/config", false },
		{ "cgroup2", "/sys/fs/cgroup", false },
	};

	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		mkdir(mounts[i].dir, 0755);
		if (mount(mounts[i].type, mounts[i].dir, mounts[i].type, 0, NULL) &&
		    errno != EBUSY && mounts[i].needed)
			die(mounts[i].dir);
	}
	/* as udev makes it: bash wants it for <(...) */
	if (symlink("/proc/self/fd", "/dev/fd") && errno != EEXIST)
		die("/dev/fd");
	chmod("/tmp", 01777);
	chmod("/dev/shm", 01777);
}

/* Plain bytes both ways, whatever the line discipline would make of them. */
static void open_result(void)
{
	struct termios tio;

	result = open(RESULT_PORT, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (result < 0)
		power_off();
	if (!tcgetattr(result, &tio)) {
		cfmakeraw(&tio);
		cfsetspeed(&tio, B115200);
		tio.c_cflag |= CLOCAL;
		tcsetattr(result, TCSANOW, &tio);
	}
}

static const char *option(const char *name)
{
	static char cmdline[4096];
	static char value[256];
	char copy[sizeof(cmdline)], *word, *rest = copy;
	size_t len = strlen(name);

	if (!cmdline[0]) {
		int fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);

		if (fd < 0 || read(fd, cmdline, sizeof(cmdline) - 1) < 0)
			die("/proc/cmdline");
		close(fd);
	}
	strcpy(copy, cmdline);
	while ((word = strsep(&rest, " \n"))) {
		if (strncmp(word, name, len) || (word[len] && word[len] != '='))
			continue;
		snprintf(value, sizeof(value), "%s", word[len] ? word + len + 1 : "");
		return value;
	}
	return NULL;
}

static int run(const char *const argv[])
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		execv(argv[0], (char *const *)argv);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		die(argv[0]);
	return status;
}

static void mount_data(void)
{
	if (!option("vmtest.disk"))
		return;
	run((const char *const[]){ "/sbin/modprobe", "-q", "-a", "virtio_pci",
				   "virtio_blk", NULL });
	mkdir("/data", 0755);
	for (int tries = 0; mount("/dev/vda", "/data", "ext4", 0, NULL); tries++) {
		if (tries == 100)
			die("/dev/vda");
		usleep(20000);
	}
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, text, strlen(text)) < 0)
		perror(path);
	close(fd);
}

/*
 * In virtual time an idle guest outruns the TPM emulator, and on a busy host the
 * driver may have given it up at boot: bind it again, with the CPU kept busy.
 */
static void revive_tpm(void)
{
	static const char device[] = "MSFT0101:00";
	pid_t spinner;

	if (access("/sys/bus/acpi/devices/MSFT0101:00", F_OK))
		return;
	for (int tries = 0; access("/dev/tpm0", F_OK) && tries < 5; tries++) {
		say("TPM: bind again");
		spinner = fork();
		while (!spinner)
			;
		write_file("/sys/bus/acpi/drivers/tpm_crb/bind", device);
		kill(spinner, SIGKILL);
		waitpid(spinner, NULL, 0);
		/* it may come back under another number */
		if (!access("/dev/tpm1", F_OK) &&
		    (symlink("tpm1", "/dev/tpm0") || symlink("tpmrm1", "/dev/tpmrm0")))
			die("/dev/tpm0");
	}
}

static void loopback_up(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &ifr))
		say("lo: %s", strerror(errno));
	close(fd);
}

/* A session keyring with a link to @u, as a login through pam_keyinit has. */
static void session_keyring(void)
{
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, "vm") < 0 ||
	    syscall(SYS_keyctl, KEYCTL_LINK, KEY_SPEC_USER_KEYRING,
		    KEY_SPEC_SESSION_KEYRING) < 0)
		die("session keyring");
}

static void set_environment(void)
{
	clearenv();
	setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
	setenv("HOME", "/root", 1);
	setenv("TERM", "linux", 1);
	setenv("LC_ALL", "C", 1);
	setenv("IOTKEY_RESULT", RESULT_PORT, 1);
	setenv("TPM2TOOLS_TCTI", "device:/dev/tpmrm0", 1);
}

static pid_t start_job(bool shell, const sigset_t *mask)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	sigprocmask(SIG_SETMASK, mask, NULL);
	setsid();
	if (shell) {
		int tty = open(CONSOLE, O_RDWR);

		ioctl(tty, TIOCSCTTY, 1);
		for (int fd = 0; fd < 3; fd++)
			dup2(tty, fd);
	} else {
		int null = open("/dev/null", O_RDONLY);

		dup2(null, 0);
		dup2(result, 1);
		dup2(result, 2);
	}
	if (chdir("/root"))
		_exit(127);
	execl("/job", "/job", NULL);
	_exit(127);
}

/*
 * Waits for the job, and on the way for whatever orphans end.  Who does not end
 * in time is shown (SysRq w: the blocked tasks) and killed.
 */
static int wait_job(pid_t job, const sigset_t *chld, long seconds)
{
	struct timespec end, now;
	int status;
	pid_t pid;

	clock_gettime(CLOCK_BOOTTIME, &end);
	end.tv_sec += seconds;
	for (;;) {
		while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
			if (pid == job)
				return status;
		}
		clock_gettime(CLOCK_BOOTTIME, &now);
		if (now.tv_sec >= end.tv_sec) {
			write_file("/proc/sysrq-trigger", "w");
			kill(-1, SIGKILL);
			return -1;
		}
		now.tv_sec = end.tv_sec - now.tv_sec;
		now.tv_nsec = 0;
		sigtimedwait(chld, NULL, &now);
	}
}

/*
 * On a kernel that looks for leaks: what it finds goes to the console.  It reports what is
 * 5 seconds old and the same at two scans.
 */
static void leak_scan(void)
{
	static const char path[] = "/sys/kernel/debug/kmemleak";
	char text[4096];
	ssize_t n;
	int in, out;

	if (access(path, W_OK))
		return;
	write_file(path, "scan");
	sleep(6);
	write_file(path, "scan");
	in = open(path, O_RDONLY | O_CLOEXEC);
	out = open(CONSOLE, O_WRONLY | O_NOCTTY | O_CLOEXEC);
	while ((n = read(in, text, sizeof(text))) > 0) {
		if (write(out, text, n) < 0)
			break;
	}
}

static void report(int status)
{
	if (status < 0)
		say("job timed out");
	else if (WIFSIGNALED(status))
		say("job was killed by signal %d", WTERMSIG(status));
	else
		say("job exited with %d", WEXITSTATUS(status));
}

static void finish(int status)
{
	leak_scan();
	umount("/data");
	report(status);
	tcdrain(result);
	power_off();
}

int main(void)
{
	sigset_t chld, mask;
	const char *timeout;
	long seconds;
	pid_t job;

	umask(022);
	mount_all();
	open_result();
	set_environment();
	mount_data();
	revive_tpm();
	loopback_up();
	session_keyring();
	if (sethostname("vm", 2))
		say("hostname: %s", strerror(errno));
	/* From here on the console shows all, for what matters comes now. */
	klogctl(KLOG_SET_LEVEL, NULL, LOGLEVEL_ALL);

	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, &mask);
	timeout = option("vmtest.timeout");
	seconds = timeout ? atol(timeout) : DEFAULT_TIMEOUT;
	say("up");
	job = start_job(option("vmtest.shell"), &mask);
	finish(wait_job(job, &chld, seconds));
}
