// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What an iot key needs, from the kernel up: one function per question.
 */
#include "iotkeyctl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#define MODULE_MAX (8u << 20)
#define CONFIG_MAX (4u << 20)
#define SANE_TIME  1735689600 /* 2025-01-01: before this software was made */
#define NEARLY	   90	      /* per cent of the quota */

struct checks {
	report_fn *report;
	void *arg;
	struct utsname uts;
	bool present;
};

static void ok(const struct checks *c, const char *what, const char *finding)
{
	c->report(c->arg, VERDICT_OK, what, finding, NULL);
}

static void warn(const struct checks *c, const char *what, const char *finding,
		 const char *mend)
{
	c->report(c->arg, VERDICT_WARN, what, finding, mend);
}

static void fail(const struct checks *c, const char *what, const char *finding,
		 const char *mend)
{
	c->report(c->arg, VERDICT_FAIL, what, finding, mend);
}

/* The first line of a small file, "" when it cannot be read */
static const char *first_line(const char *path, char *buf, size_t size)
{
	FILE *file = fopen(path, "re");

	buf[0] = '\0';
	if (!file)
		return buf;
	if (!fgets(buf, (int)size, file))
		buf[0] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	fclose(file);
	return buf;
}

/* Where modules.dep says the module is; false when it does not know it */
static bool module_path(const struct checks *c, char *path, size_t size)
{
	char dep[256], line[512], *end, *base;
	bool found = false;
	FILE *file;

	snprintf(dep, sizeof(dep), "/lib/modules/%s/modules.dep", c->uts.release);
	file = fopen(dep, "re");
	if (!file)
		return false;
	while (!found && fgets(line, sizeof(line), file)) {
		end = strchr(line, ':');
		if (!end)
			continue;
		*end = '\0';
		base = strrchr(line, '/');
		base = base ? base + 1 : line;
		if (strncmp(base, "iotkey.ko", 9))
			continue;
		found = true;
		snprintf(path, size, "/lib/modules/%s/%s", c->uts.release, line);
	}
	fclose(file);
	return found;
}

/* The release the module was made for; false when it cannot be told */
static bool module_release(const char *path, char *release, size_t size)
{
	static const char tag[] = "vermagic=";
	size_t len;
	char *data, *at;
	bool found;

	if (read_file(path, MODULE_MAX, &data, &len))
		return false;
	at = memmem(data, len, tag, sizeof(tag) - 1);
	found = at != NULL;
	if (found)
		snprintf(release, size, "%.*s", (int)strcspn(at + sizeof(tag) - 1, " "),
			 at + sizeof(tag) - 1);
	free_secret(data, len);
	return found;
}

static void check_module_file(const struct checks *c)
{
	char path[700], release[128], text[1024];

	if (!module_path(c, path, sizeof(path))) {
		snprintf(text, sizeof(text), "no iotkey.ko for kernel %s",
			 c->uts.release);
		if (c->present)
			warn(c, "module file", text,
			     "install it, so that it is there after a reboot");
		else
			fail(c, "module file", text,
			     "build and install the module, then run depmod -a");
		return;
	}
	if (module_release(path, release, sizeof(release)) &&
	    strcmp(release, c->uts.release)) {
		snprintf(text, sizeof(text), "%s is made for kernel %s", path, release);
		fail(c, "module file", text, "build it for this kernel");
		return;
	}
	ok(c, "module file", path);
}

static void check_key_type(struct checks *c)
{
	int err = iotkey_present();

	c->present = !err;
	if (!err)
		ok(c, "key type", "the kernel has the iot key type");
	else if (err == -ENOPKG)
		fail(c, "key type", "the kernel has no iot key type",
		     "load the module: modprobe iotkey");
	else
		fail(c, "key type", "add_key(2) is forbidden here",
		     "allow add_key, keyctl in the sandbox (seccomp), or run outside");
}

static void check_netlink(const struct checks *c)
{
	struct iotkey_stats stats;
	int err;

	if (!c->present)
		return;
	err = iotkey_stats_get(&stats);
	if (!err)
		ok(c, "netlink", "the family iotkey answers");
	else if (err == -ENOPKG)
		warn(c, "netlink", "no family iotkey in this network namespace",
		     "list, show and monitor work in the initial one only");
	else
		fail(c, "netlink", iotkey_strerror(err), "see the kernel log (dmesg)");
}

static void check_tpm(const struct checks *c)
{
	char version[16];

	if (access("/sys/class/tpm/tpm0", F_OK)) {
		warn(c, "tpm", "the kernel knows no TPM (no /sys/class/tpm/tpm0)",
		     "enable it in the firmware; without it only provider=key and soft work");
		return;
	}
	first_line("/sys/class/tpm/tpm0/tpm_version_major", version, sizeof(version));
	if (version[0] && strcmp(version, "2"))
		fail(c, "tpm", "it is not version 2",
		     "switch it to TPM 2.0 in the firmware");
	else if (access("/dev/tpm0", F_OK))
		warn(c, "tpm", "TPM 2.0, but no /dev/tpm0",
		     "only tools need it (mknod, udev)");
	else
		ok(c, "tpm", "TPM 2.0");
}

/* Are entries of IMA's log in the TPM? If its driver came after IMA, the PCR is still 0. */
static bool ima_extends(void)
{
	static const char *const pcrs[] = { "/sys/class/tpm/tpm0/pcr-sha256/10",
					    "/sys/class/tpm/tpm0/pcr-sha1/10" };
	char text[72];
	size_t i;

	for (i = 0; i < sizeof(pcrs) / sizeof(pcrs[0]); i++) {
		first_line(pcrs[i], text, sizeof(text));
		if (text[0])
			return text[strspn(text, "0")];
	}
	return true; /* it cannot be told: no bank that we know */
}

/* Is the history of keys measured, if the module is to do so? */
static void check_history(const struct checks *c)
{
	static const char what[] = "measured history";
	struct iotkey_stats stats;
	char choice[16], text[96];

	first_line("/sys/module/iotkey/parameters/measure", choice, sizeof(choice));
	if (!choice[0] || iotkey_stats_get(&stats))
		return;
	if (!strcmp(choice, "off")) {
		ok(c, what, "off: the module was loaded without measure=");
		return;
	}
	snprintf(text, sizeof(text), "measure=%s: %llu records, %llu lost", choice,
		 (unsigned long long)stats.records_measured,
		 (unsigned long long)stats.records_lost);
	if (access("/sys/kernel/security/ima", F_OK))
		fail(c, what, "IMA is not there",
		     "mount -t securityfs none /sys/kernel/security; a kernel with CONFIG_IMA");
	else if (!stats.records_measured)
		fail(c, what, text,
		     "boot with ima_policy=critical_data, or give IMA the rule: measure func=CRITICAL_DATA label=iotkey");
	else if (access("/sys/class/tpm/tpm0", F_OK))
		fail(c, what, "IMA has no TPM: its log proves nothing",
		     "enable it in the firmware, or load the module without measure=");
	else if (!ima_extends())
		fail(c, what, "IMA does not extend PCR 10: its log proves nothing",
		     "the TPM's driver must be there when IMA begins: build it into the kernel");
	else if (stats.records_lost)
		warn(c, what, text, "see where and why: iotkeyctl history");
	else
		ok(c, what, text);
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/*
 * Persistent handles as text: TPM2_GetCapability(TPM_CAP_HANDLES), whose answer is a
 * header of 10 bytes, more-data, the capability, their number, and they.
 * Returns how many, or -errno.
 */
static int persistent(char *text, size_t size)
{
	static const uint8_t command[] = { 0x80, 0x01, 0, 0, 0, 22, 0,	  0,
					   0x01, 0x7a, 0, 0, 0, 1,  0x81, 0,
					   0,	 0,    0, 0, 0, 16 };
	uint8_t answer[512];
	uint32_t i, count;
	size_t len = 0;
	ssize_t n = -1;
	int fd;

	fd = open("/dev/tpmrm0", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, command, sizeof(command)) == sizeof(command))
		n = read(fd, answer, sizeof(answer));
	close(fd);
	if (n < 19 || be32(answer + 6))
		return -EIO;
	count = be32(answer + 15);
	if (count > ((size_t)n - 19) / 4)
		return -EIO;
	text[0] = '\0';
	for (i = 0; i < count && len < size; i++)
		len += (size_t)snprintf(text + len, size - len, "%s0x%08x", i ? ", " : "",
					be32(answer + 19 + 4 * i));
	return (int)count;
}

static void check_parent(const struct checks *c)
{
	char handles[256], text[288];
	int n;

	if (access("/sys/class/tpm/tpm0", F_OK))
		return;
	n = persistent(handles, sizeof(handles));
	if (n < 0) {
		snprintf(text, sizeof(text), "not looked at: /dev/tpmrm0: %s",
			 strerror(-n));
		warn(c, "tpm parent", text,
		     n == -EACCES ? "run the doctor as root"
				  : "see the kernel log (dmesg)");
	} else if (!n) {
		warn(c, "tpm parent", "the TPM holds no persistent key",
		     "--mkparent makes one: iotkeyctl root NAME --provider tpm --parent 0x81000001 --mkparent");
	} else {
		snprintf(text, sizeof(text), "persistent: %s", handles);
		ok(c, "tpm parent", text);
	}
}

static void check_one_quota(const struct checks *c, const char *what, unsigned long used,
			    unsigned long max, const char *mend)
{
	char text[96];

	snprintf(text, sizeof(text), "%lu of %lu used", used, max);
	if (used >= max)
		fail(c, what, text, mend);
	else if (used * 100 > max * NEARLY)
		warn(c, what, text, mend);
	else
		ok(c, what, text);
}

static void check_quota(const struct checks *c)
{
	unsigned long uid, keys, max_keys, bytes, max_bytes;
	FILE *file = fopen("/proc/key-users", "re");
	bool root = !getuid();
	char line[256];

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lu: %*d %*d/%*d %lu/%lu %lu/%lu", &uid, &keys,
			   &max_keys, &bytes, &max_bytes) != 5 ||
		    uid != getuid())
			continue;
		check_one_quota(c, "quota of keys", keys, max_keys,
				root ? "sysctl kernel.keys.root_maxkeys=N"
				     : "sysctl kernel.keys.maxkeys=N");
		check_one_quota(c, "quota of bytes", bytes, max_bytes,
				root ? "sysctl kernel.keys.root_maxbytes=N"
				     : "sysctl kernel.keys.maxbytes=N");
		break;
	}
	if (file)
		fclose(file);
}

static void check_keyrings(const struct checks *c)
{
	int linked = iotkey_user_linked();

	if (linked < 0)
		fail(c, "keyrings", "there is no user keyring @u",
		     "check that the kernel has CONFIG_KEYS and lets you use it");
	else if (!linked)
		warn(c, "keyrings",
		     "@u is not linked from the session keyring: root= finds nothing in it",
		     "keyctl link @u @s");
	else
		ok(c, "keyrings", "@u is linked from the session keyring");
}

/* The configuration as text, to be freed; NULL when it is kept secret */
static char *read_config(const struct checks *c)
{
	char path[160], *text;
	size_t len;
	FILE *pipe;

	snprintf(path, sizeof(path), "/boot/config-%s", c->uts.release);
	if (!read_file(path, CONFIG_MAX, &text, &len))
		return text;
	if (access("/proc/config.gz", R_OK))
		return NULL;
	text = calloc(1, CONFIG_MAX + 1);
	pipe = text ? popen("zcat /proc/config.gz 2>/dev/null", "re") : NULL;
	len = pipe ? fread(text, 1, CONFIG_MAX, pipe) : 0;
	if (pipe)
		pclose(pipe);
	if (!len) {
		free(text);
		text = NULL;
	}
	return text;
}

static bool configured(const char *config, const char *symbol)
{
	char line[96];
	const char *at;

	snprintf(line, sizeof(line), "\nCONFIG_%s=", symbol);
	at = strstr(config, line);
	return at && (at[strlen(line)] == 'y' || at[strlen(line)] == 'm');
}

static void check_config(const struct checks *c)
{
	static const struct {
		const char *symbol;
		bool needed;
		const char *why;
	} symbols[] = {
		{ "KEYS", true, "there are no keyrings without it" },
		{ "ASYMMETRIC_KEY_TYPE", true,
		  "encrypt, decrypt, sign and verify need it" },
		{ "CRYPTO_AES", true, "all AES algorithms need it" },
		{ "CRYPTO_GCM", true, "aes-256-gcm needs it" },
		{ "CRYPTO_CCM", true, "aes-128-ccm needs it" },
		{ "CRYPTO_CMAC", true, "aes-256-gcm and aes-128-ccm need it" },
		{ "CRYPTO_ECDH", true, "provider=tpm needs it for its sessions" },
		{ "CRYPTO_LIB_AES", true, "aes-128-cmac needs it" },
		{ "CRYPTO_LIB_SHA256", true, "every derivation needs it" },
		{ "CRYPTO_LIB_CHACHA20POLY1305", true, "blobs need it" },
		{ "NET", true, "netlink needs it" },
		{ "TCG_TPM", true, "the module needs it, with a TPM or without" },
		{ "ENCRYPTED_KEYS", false,
		  "provider=key with an encrypted key needs it" },
	};
	char *config = read_config(c), finding[96];
	bool all = true;
	size_t i;

	if (!config) {
		ok(c, "kernel config", "unknown: it cannot be read");
		return;
	}
	for (i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
		if (configured(config, symbols[i].symbol))
			continue;
		all = false;
		snprintf(finding, sizeof(finding), "CONFIG_%s is off", symbols[i].symbol);
		/* a symbol may get another name: a module that works is proof */
		c->report(c->arg,
			  symbols[i].needed && !c->present ? VERDICT_FAIL : VERDICT_WARN,
			  "kernel config", finding, symbols[i].why);
	}
	if (all)
		ok(c, "kernel config", "has all that is needed");
	free(config);
}

static void check_lockdown(const struct checks *c)
{
	char text[128];

	first_line("/sys/kernel/security/lockdown", text, sizeof(text));
	if (!text[0])
		warn(c, "lockdown", "unknown: securityfs is not there",
		     "mount -t securityfs none /sys/kernel/security");
	else if (strstr(text, "[none]"))
		warn(c, "lockdown", "off: root can read kernel memory",
		     "boot with lockdown=confidentiality");
	else
		ok(c, "lockdown", text);
}

static void check_signatures(const struct checks *c)
{
	char text[16];

	first_line("/sys/module/module/parameters/sig_enforce", text, sizeof(text));
	if (text[0] == 'Y')
		ok(c, "module signatures", "enforced");
	else if (text[0] == 'N')
		warn(c, "module signatures", "not enforced: root can load any module",
		     "boot with module.sig_enforce=1");
	else
		warn(c, "module signatures", "not checked: root can load any module",
		     "a kernel with CONFIG_MODULE_SIG, booted with module.sig_enforce=1");
}

static void check_clock(const struct checks *c)
{
	char text[16];

	if (time(NULL) < SANE_TIME)
		fail(c, "wall clock", "it stands before 2025",
		     "set it (NTP, hwclock) before keys are made");
	else
		ok(c, "wall clock", "plausible");
	first_line("/sys/module/iotkey/parameters/clock_trusted", text, sizeof(text));
	if (text[0] == 'Y')
		ok(c, "clock_trusted", "yes: schedules follow the wall clock");
	else if (text[0])
		warn(c, "clock_trusted", "no: schedules follow the time since boot",
		     "once the clock is right: echo Y > /sys/module/iotkey/parameters/clock_trusted");
}

void run_checks(report_fn *report, void *arg)
{
	struct checks c = { .report = report, .arg = arg };

	uname(&c.uts);
	check_key_type(&c);
	check_module_file(&c);
	check_netlink(&c);
	check_keyrings(&c);
	check_quota(&c);
	check_tpm(&c);
	check_parent(&c);
	check_history(&c);
	check_config(&c);
	check_lockdown(&c);
	check_signatures(&c);
	check_clock(&c);
}
