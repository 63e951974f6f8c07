// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The TPM campaign: for each operation that talks to the TPM, each of its commands is
 * failed, its answer cut short or garbled, or the TPM goes away.  This program stands
 * between the module and the real TPM: it is the first TPM of the machine, through the
 * kernel's vTPM proxy, and passes commands on to the second.
 *
 * How many commands an operation has, and which, is found by a run without a fault.
 * After each fault: the errno is a documented one, nothing has changed, nothing is left
 * in the TPM, and the next try works.  Where the operation went well all the same, its
 * root holds the right secret.
 *
 * By default a sample of the faults that SEED picks; all of them with IOTKEY_LONG=1.
 *
 * vm: alone
 * timeout: 3600
 * sources: tests/unit/ktap.c tests/kselftest/common/iot.c tests/kselftest/common/nl.c
 * sources: tests/kselftest/common/campaign.c tests/kselftest/common/operations.c
 * sources: tests/kselftest/common/world.c tests/kselftest/common/tpm.c
 * libs: -lnl-genl-3 -lnl-3
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/vtpm_proxy.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "common/campaign.h"
#include "common/iot.h"
#include "common/tpm.h"

#define CC_CREATE_PRIMARY     0x131
#define CC_LOAD		      0x157
#define CC_FLUSH_CONTEXT      0x165
#define CC_LOAD_EXTERNAL      0x167
#define CC_READ_PUBLIC	      0x173
#define CC_START_AUTH_SESSION 0x176
#define CC_GET_RANDOM	      0x17b	 /* the kernel's own, for its hwrng */
#define CC_SET_LOCALITY	      0x20001000 /* the proxy's */

#define CRB	     "/sys/bus/acpi/drivers/tpm_crb/"
#define CRB_DEVICE   "MSFT0101:00"
#define COMMANDS_MAX 64
#define SAMPLE	     5 /* faults of each command, by default */

enum how {
	GOOD,
	SAYS,	  /* not executed; the answer is the response code .value */
	KEEPS,	  /* executed; .value bytes of the answer, and honest about that */
	LACKS,	  /* executed; the answer without its last .value bytes, honestly */
	CUT,	  /* executed; the same, but the header does not say so */
	LONGER,	  /* executed; .value bytes more, honestly */
	FLIP,	  /* executed; a bit of byte .value, counted from the header's begin */
	NOISE,	  /* executed; random bytes behind the header */
	ZEROES,	  /* executed; zeroes there */
	REPLAY,	  /* executed; the answer to the command before, or to itself last time */
	SILENT,	  /* not executed, and no answer */
	GOES_AWAY /* not executed, and the TPM is gone */
};

struct fault {
	const char *name;
	enum how how;
	uint32_t value;
	const char *errors; /* of which one is right */
	bool slow;	    /* the core or the module repeats the command for seconds */
};

/* What a TPM may say, and what comes of it. */
#define ANY_TPM \
	"EIO EBUSY EBADMSG ENXIO EINVAL EKEYREJECTED EOPNOTSUPP EPERM ENODEV EEXIST"
#define DAMAGE "EBADMSG EKEYREJECTED"

static const struct fault faults[] = {
	{ "FAILURE", SAYS, 0x101, "EIO", false },
	{ "INITIALIZE", SAYS, 0x100, "EIO EBUSY", false },
	{ "COMMAND_CODE", SAYS, 0x143, "EIO EOPNOTSUPP EPROTONOSUPPORT", false },
	{ "AUTH_UNAVAILABLE", SAYS, 0x12f, "EIO EOPNOTSUPP", false },
	{ "LOCKOUT", SAYS, 0x921, "EBUSY", false },
	{ "OBJECT_MEMORY", SAYS, 0x902, "EBUSY", false },
	{ "SESSION_MEMORY", SAYS, 0x903, "EBUSY", false },
	{ "SESSION_HANDLES", SAYS, 0x905, "EBUSY", false },
	{ "REFERENCE_H0", SAYS, 0x910, ANY_TPM, false },
	{ "HANDLE, the first", SAYS, 0x18b, ANY_TPM, false },
	{ "HANDLE, the second", SAYS, 0x28b, ANY_TPM, false },
	{ "AUTH_FAIL, session 1", SAYS, 0x98e, ANY_TPM, false },
	{ "BAD_AUTH, session 1", SAYS, 0x9a2, ANY_TPM, false },
	{ "POLICY_FAIL, session 1", SAYS, 0x99d, ANY_TPM, false },
	{ "VALUE, parameter 1", SAYS, 0x1c4, ANY_TPM, false },
	{ "INTEGRITY, parameter 1", SAYS, 0x1df, ANY_TPM, false },
	{ "TYPE, handle 1", SAYS, 0x18a, ANY_TPM, false },
	{ "NV_DEFINED", SAYS, 0x14c, ANY_TPM, false },
	{ "another layer's", SAYS, 0xb0143, ANY_TPM, false },
	{ "an unknown code", SAYS, 0x17e, "EIO", false },
	{ "all bits", SAYS, 0xffffffff, "EIO", false },
	{ "RETRY, for ever", SAYS, 0x922, "EBUSY EIO", true },
	{ "YIELDED, for ever", SAYS, 0x908, "EBUSY EIO", true },
	{ "NV_RATE, for ever", SAYS, 0x920, "EBUSY EIO", true },
	{ "one byte", KEEPS, 1, "EBADMSG", false },
	{ "half a header", KEEPS, 6, "EBADMSG", false },
	{ "a header", KEEPS, 10, DAMAGE, false },
	{ "a header and two bytes", KEEPS, 12, DAMAGE, false },
	{ "a header and a handle", KEEPS, 14, DAMAGE, false },
	{ "a byte less", LACKS, 1, DAMAGE, false },
	{ "two bytes less", LACKS, 2, DAMAGE, false },
	{ "five bytes less", LACKS, 5, DAMAGE, false },
	{ "a third less", LACKS, 1000, DAMAGE, false },
	{ "cut by a byte", CUT, 1, DAMAGE, false },
	{ "cut by eight", CUT, 8, DAMAGE, false },
	{ "a byte more", LONGER, 1, DAMAGE, false },
	{ "a hundred bytes more", LONGER, 100, DAMAGE, false },
	{ "noise", NOISE, 0, DAMAGE, false },
	{ "zeroes", ZEROES, 0, DAMAGE, false },
	{ "another answer", REPLAY, 0, DAMAGE, false },
	{ "gone", GOES_AWAY, 0, "ENODEV EBUSY", false },
};

/* Two minutes each, so this one is tried but once. */
static const struct fault silence = { "no answer", SILENT, 0, "EIO", false };

#define FAULTS (sizeof(faults) / sizeof(faults[0]))

/* Between the main thread and the man in the middle; he works while the other waits. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
	struct fault fault;
	unsigned int nth;  /* the command that it is for, 0 none */
	unsigned int seen; /* commands since it was armed */
	uint32_t cc[COMMANDS_MAX];
	size_t answer_len[COMMANDS_MAX];
} plan;

static uint8_t last_answer[TPM_FRAME_MAX];
static size_t last_len;
static int proxy = -1;
static char proxy_path[32];
static pthread_t middleman;

static unsigned int commands_failed, trials, succeeded;

static size_t say(uint8_t *frame, uint32_t rc)
{
	memcpy(frame, "\x80\x01\0\0\0\x0a", 6);
	tpm_put_be32(frame + 6, rc);
	return TPM_HEADER;
}

static size_t shorten(size_t len, const struct fault *f)
{
	size_t less = f->value == 1000 ? len / 3 : f->value;

	if (f->how == KEEPS)
		less = len > f->value ? len - f->value : 0;
	/* what has nothing behind its header loses some of that */
	return less < len ? len - less : 1;
}

static size_t spoil(uint8_t *frame, size_t len, const struct fault *f)
{
	size_t i;

	switch (f->how) {
	case KEEPS:
	case LACKS:
		len = shorten(len, f);
		tpm_put_be32(frame + 2, len);
		break;
	case CUT:
		len = shorten(len, f);
		break;
	case LONGER:
		memset(frame + len, 0xee, f->value);
		len += f->value;
		tpm_put_be32(frame + 2, len);
		break;
	case FLIP:
		frame[f->value % len] ^= 1 << campaign_random() % 8;
		break;
	case NOISE:
	case ZEROES:
		for (i = TPM_HEADER; i < len; i++)
			frame[i] = f->how == NOISE ? campaign_random() : 0;
		break;
	case REPLAY:
		memcpy(frame, last_answer, last_len);
		len = last_len;
		break;
	default:
		break;
	}
	return len;
}

/* The command in the frame becomes its answer. Return: length; 0: none; -1: the TPM goes. */
static ssize_t pass_on(uint8_t frame[TPM_FRAME_MAX], size_t len)
{
	uint32_t cc = tpm_be32(frame + 6);
	struct fault f = { .how = GOOD };

	if (cc == CC_SET_LOCALITY)
		return say(frame, 0);
	if (cc == CC_GET_RANDOM)
		return tpm_exchange(campaign_tpm, frame, len);
	if (plan.seen < COMMANDS_MAX)
		plan.cc[plan.seen] = cc;
	plan.seen++;
	/* a command that is repeated is failed again */
	if (plan.nth &&
	    (plan.seen == plan.nth ||
	     (plan.fault.slow && plan.seen > plan.nth && cc == plan.cc[plan.nth - 1])))
		f = plan.fault;
	if (f.how == GOES_AWAY)
		return -1;
	if (f.how == SILENT)
		return 0;
	if (f.how == SAYS)
		return say(frame, f.value);
	len = tpm_exchange(campaign_tpm, frame, len);
	if (plan.seen <= COMMANDS_MAX)
		plan.answer_len[plan.seen - 1] = len;
	if (f.how != GOOD)
		return spoil(frame, len, &f);
	memcpy(last_answer, frame, len);
	last_len = len;
	return len;
}

static void *be_in_the_middle(void *unused)
{
	uint8_t frame[TPM_FRAME_MAX + 128];
	ssize_t n;

	(void)unused;
	while ((n = read(proxy, frame, TPM_FRAME_MAX)) >= TPM_HEADER) {
		ssize_t len;

		pthread_mutex_lock(&lock);
		len = pass_on(frame, n);
		pthread_mutex_unlock(&lock);
		if (len < 0 || (len && write(proxy, frame, len) != len))
			break;
	}
	close(proxy);
	proxy = -1;
	return NULL;
}

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0) {
		printf("Bail out! %s: %s\n", path, strerror(errno));
		exit(1);
	}
	close(fd);
}

/* The real TPM, behind the proxy: the module takes the one with the lowest number. */
static void bind_real(unsigned int first)
{
	char path[32];
	unsigned int n;

	write_text(CRB "bind", CRB_DEVICE);
	for (n = first + 1; n < first + 4 && campaign_tpm < 0; n++) {
		snprintf(path, sizeof(path), "/dev/tpm%u", n);
		campaign_tpm = open(path, O_RDWR | O_CLOEXEC);
	}
	if (campaign_tpm < 0) {
		printf("Bail out! no TPM behind /dev/tpm%u: %s\n", first,
		       strerror(errno));
		exit(1);
	}
}

/* Is the first of all, as the real one is not bound, or has a higher number. */
static void new_proxy(void)
{
	struct vtpm_proxy_new_dev dev = { .flags = VTPM_PROXY_FLAG_TPM2 };
	int fd = open("/dev/vtpmx", O_RDWR | O_CLOEXEC), tries;

	if (fd < 0 || ioctl(fd, VTPM_PROXY_IOC_NEW_DEV, &dev)) {
		printf("Bail out! /dev/vtpmx: %s\n", strerror(errno));
		exit(1);
	}
	close(fd);
	proxy = dev.fd;
	memset(&plan, 0, sizeof(plan));
	if (campaign_tpm < 0)
		bind_real(dev.tpm_num);
	/* the driver has questions before it is there */
	pthread_create(&middleman, NULL, be_in_the_middle, NULL);
	snprintf(proxy_path, sizeof(proxy_path), "/dev/tpm%u", dev.tpm_num);
	for (tries = 0; tries < 1000 && access(proxy_path, F_OK); tries++)
		usleep(10000);
}

static void replace_proxy(void)
{
	int tries;

	pthread_join(middleman, NULL);
	for (tries = 0; tries < 1000 && !access(proxy_path, F_OK); tries++)
		usleep(10000);
	new_proxy();
}

static void arm(const struct fault *fault, unsigned int nth)
{
	pthread_mutex_lock(&lock);
	plan.seen = 0;
	plan.nth = nth;
	if (fault)
		plan.fault = *fault;
	pthread_mutex_unlock(&lock);
}

static bool gives_handle(uint32_t cc)
{
	return cc == CC_CREATE_PRIMARY || cc == CC_LOAD || cc == CC_LOAD_EXTERNAL ||
	       cc == CC_START_AUTH_SESSION;
}

/*
 * What the module cannot clean up, as iotkey.rst says: it does not know what a damaged
 * answer made, the TPM would not let go, or there is no TPM to tell.
 */
static bool may_strand(const struct fault *f, uint32_t cc)
{
	if (f->how == SAYS)
		return cc == CC_FLUSH_CONTEXT;
	return f->how == GOES_AWAY || f->how == SILENT || gives_handle(cc);
}

/* An error in the proof of a session means that there may be somebody in between. */
static bool right_errno(const struct fault *f, uint32_t cc, int error)
{
	return errno_in(error, f->errors) || (cc == CC_READ_PUBLIC && error == EBADMSG);
}

static void sweep(void)
{
	uint32_t handles[TPM_HANDLES_MAX];
	unsigned int n, i;

	n = tpm_handles(campaign_tpm, TPM_TRANSIENT, handles);
	for (i = 0; i < n; i++)
		tpm_flush(campaign_tpm, handles[i]);
	n = tpm_handles(campaign_tpm, TPM_SESSIONS, handles);
	for (i = 0; i < n; i++)
		tpm_flush(campaign_tpm, handles[i]);
}

static uint32_t failed_cc; /* the command of the trial */

static bool fail_trial(const struct operation *op, const struct fault *f,
		       unsigned int nth, const char *why, int error)
{
	complain("%s: command %u (%#x), %s %u: %s: %s", op->name, nth, failed_cc, f->name,
		 f->value, why, error > 0 ? errno_name(error) : "");
	return false;
}

/* The operation with a fault at one command, and once more without. */
static bool try_fault(struct operation *op, const struct fault *f, unsigned int nth)
{
	char *before;
	bool ok = true;
	int error;

	op_prepare(op);
	before = world(op);
	arm(f, nth);
	error = op->act(op);
	failed_cc = plan.cc[nth - 1];
	if (plan.seen < nth)
		ok = fail_trial(op, f, nth, "never came", error);
	commands_failed++;
	trials++;
	arm(NULL, 0);
	if (f->how == GOES_AWAY)
		replace_proxy();
	if (may_strand(f, failed_cc))
		sweep();
	if (error && !right_errno(f, failed_cc, error))
		ok = fail_trial(op, f, nth, "the errno", error);
	if (error && !world_is(op, before))
		ok = fail_trial(op, f, nth, "not as before", error);
	if (!error)
		succeeded++;
	if (!error && !op_proved(op))
		ok = fail_trial(op, f, nth, "not what was ordered", error);
	if (error) {
		error = op->act(op);
		if (error)
			ok = fail_trial(op, f, nth, "the next try", error);
	}
	op_undo(op);
	if (!world_is_empty(op)) {
		ok = fail_trial(op, f, nth, "something is left", 0);
		sweep();
	}
	free(before);
	return ok;
}

/*
 * The caller is killed while a command is repeated for ever: it dies at once, and what it
 * had made in the TPM is gone.
 */
static bool try_kill(struct operation *op, unsigned int nth)
{
	static const struct fault yielded = { "killed", SAYS, 0x908, "", true };
	unsigned int seen = 0, tries;
	bool ok = true;
	char *before;
	int status;
	pid_t pid;

	op_prepare(op);
	before = world(op);
	arm(&yielded, nth);
	pid = fork();
	if (!pid)
		_exit(op->act(op) ? 1 : 0);
	for (tries = 0; tries < 5000 && seen < nth; tries++) {
		usleep(1000);
		pthread_mutex_lock(&lock);
		seen = plan.seen;
		pthread_mutex_unlock(&lock);
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	commands_failed++;
	trials++;
	failed_cc = plan.cc[nth - 1];
	arm(NULL, 0);
	if (failed_cc == CC_FLUSH_CONTEXT) {
		/* what cannot be flushed stays, and such an operation may be through */
		sweep();
		keyctl_unlink(keyctl_search(KEY_SPEC_SESSION_KEYRING, "iot", "it", 0),
			      KEY_SPEC_SESSION_KEYRING);
	} else if (!WIFSIGNALED(status)) {
		ok = fail_trial(op, &yielded, nth, "it lived on", 0);
	}
	if (!world_is(op, before))
		ok = fail_trial(op, &yielded, nth, "not as before", 0);
	if (op->act(op))
		ok = fail_trial(op, &yielded, nth, "the next try", errno);
	free(before);
	op_undo(op);
	if (!world_is_empty(op))
		ok = fail_trial(op, &yielded, nth, "something is left", 0);
	return ok;
}

/* Each command and each byte of each answer; or some of them. */
static bool campaign(struct operation *op)
{
	unsigned int count, n, i, before = trials;
	size_t len[COMMANDS_MAX];
	bool ok = true;
	int error;

	op_prepare(op);
	arm(NULL, 0);
	error = op->act(op);
	count = plan.seen;
	memcpy(len, plan.answer_len, sizeof(len));
	if (error || !count || count > COMMANDS_MAX || !op_proved(op)) {
		op_undo(op);
		return ktap_ok(false, "%s: without a fault (%s)", op->name,
			       errno_name(error));
	}
	op_undo(op);

	for (n = 1; n <= count; n++) {
		if (!campaign_long()) {
			for (i = 0; i < SAMPLE; i++) {
				const struct fault *f =
					&faults[campaign_random() % FAULTS];

				if (!f->slow || !i)
					ok &= try_fault(op, f, n);
			}
		}
		for (i = 0; campaign_long() && i < FAULTS; i++)
			ok &= try_fault(op, &faults[i], n);
		for (i = 0; i < (campaign_long() ? len[n - 1] : 2); i++) {
			struct fault f = { "a bit of byte", FLIP, i, ANY_TPM, false };

			if (!campaign_long())
				f.value = campaign_random() % len[n - 1];
			ok &= try_fault(op, &f, n);
		}
		if (campaign_long() || n == 1 + campaign_random() % count)
			ok &= try_kill(op, n);
	}
	return ktap_ok(ok, "%s: %u commands, %u faults", op->name, count,
		       trials - before);
}

int main(void)
{
	unsigned int operations_tried = 0, i;

	campaign_seed();
	if (access("/dev/tpm0", F_OK) || access(CRB, F_OK)) {
		printf("Bail out! no TPM\n");
		return 1;
	}
	if (system(MAKE_PEMS) || system("modprobe tpm_vtpm_proxy"))
		return 1;
	write_text(CRB "unbind", CRB_DEVICE);
	new_proxy();
	campaign_open();
	for (i = 0; i < operation_count; i++) {
		if (!operations[i].tpm || (operations[i].make && !operations[i].resident))
			continue;
		campaign(&operations[i]);
		operations_tried++;
		fflush(stdout);
	}
	for (i = 0; campaign_long() && i < operation_count; i++) {
		if (operations[i].tpm && operations[i].saved) {
			ktap_ok(try_fault(&operations[i], &silence, 3), "%s: %s",
				operations[i].name, silence.name);
			break;
		}
	}
	campaign_close();
	for (i = 0; i < 500 && iot_count(); i++)
		usleep(10000);
	ktap_ok(!iot_count(), "no key is left");
	printf("# campaign: %u operations, %u TPM commands failed, "
	       "%u operations went well all the same\n",
	       operations_tried, commands_failed, succeeded);
	return ktap_done();
}
