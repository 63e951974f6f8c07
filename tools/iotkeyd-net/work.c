// SPDX-License-Identifier: GPL-2.0-or-later
#include "work.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../common/say.h"
#include "clock.h"
#include "identity.h"
#include "report.h"
#include "schedule.h"

#define LONGEST	    (10 * 60 * 1000)	  /* ms of sleep: somebody may set the clock */
#define REVOKED_MS  (24 * 60 * 60 * 1000) /* a device that was revoked asks once a day */
#define KEEPER_LAST 60			  /* s: it is near */
#define DEAD_AFTER  3			  /* times that a key did not sign */

/* Beside the step's state: what to do, and when */
struct plan {
	struct work work;
	uint32_t random;		/* where in its span a renewal falls */
	int64_t identity_at, attest_at; /* ms of the boot clock: not before */
	struct backoff keeper, identity, attest;
	bool current_bad, pending_bad; /* the registrar does not take it any more */
	unsigned int unsigned_times;   /* that the current key did not sign */
	int64_t not_after, renewal;    /* of the current certificate; 0: not known */
};

static int wake_fd = -1;
static atomic_bool roots_changed;
static atomic_uint roots_spread; /* seconds */
static pthread_mutex_t trust_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t trust_known = PTHREAD_COND_INITIALIZER;
static bool trusted;

void work_report(void)
{
	uint64_t one = 1;
	ssize_t n = write(wake_fd, &one, sizeof(one));

	(void)n; /* it counts up to 2^64 */
}

void work_fetch_roots(unsigned int spread)
{
	roots_spread = spread;
	roots_changed = true;
	work_report();
}

void work_trusted(void)
{
	pthread_mutex_lock(&trust_lock);
	while (!trusted)
		pthread_cond_wait(&trust_known, &trust_lock);
	pthread_mutex_unlock(&trust_lock);
}

static void tell_trusted(void)
{
	pthread_mutex_lock(&trust_lock);
	trusted = true;
	pthread_cond_broadcast(&trust_known);
	pthread_mutex_unlock(&trust_lock);
}

static void sooner(int64_t *at, int64_t then)
{
	if (then < *at)
		*at = then;
}

/* Until @at, or somebody wakes us, or the keeper is gone */
static void sleep_until(struct plan *plan, int64_t at)
{
	struct pollfd fds[2] = { { .fd = plan->work.keeper->fd },
				 { .fd = wake_fd, .events = POLLIN } };
	int64_t now = clock_boot_ms();
	uint64_t count;

	sooner(&at, now + LONGEST);
	if (at <= now)
		return;
	if (at - now > 5000)
		http_rest(plan->work.http);
	if (poll(fds, 2, (int)(at - now)) > 0 && fds[1].revents & POLLIN &&
	    read(wake_fd, &count, sizeof(count)) == sizeof(count) &&
	    atomic_exchange(&roots_changed, false))
		sooner(&plan->attest_at,
		       clock_boot_ms() +
			       (int64_t)(schedule_random() % (roots_spread * 1000 + 1)));
}

/* How things stand, from the keeper; the registrar's address and CA may be new */
static bool look(struct plan *plan, struct fault *f)
{
	struct work *work = &plan->work;
	struct hello *hello = &work->hello;
	int64_t not_before;

	hello_clear(hello);
	if (!keeper_hello(work->keeper, hello, f))
		return false;
	if (!work->http) {
		work->http = http_open(hello->registrar);
		if (!work->http || !http_trust(work->http, hello->ca))
			return fault(f, FAULT_LOCAL, "no memory");
		if (hello->ca)
			tell_trusted();
	}
	/* the TPM was busy at boot */
	if (!hello->revoked && ((hello->current.chain && !hello->current.uri[0]) ||
				(hello->pending.chain && !hello->pending.uri[0])))
		return fault(f, FAULT_KEEPER, "the device's key is not loaded yet");
	plan->not_after = 0;
	plan->renewal = 0;
	if (hello->current.chain &&
	    identity_dates(hello->current.chain, &not_before, &plan->not_after)) {
		plan->renewal =
			schedule_renewal(not_before, plan->not_after, plan->random);
		report_certificate(plan->not_after, plan->renewal);
	}
	report_sequence(hello->sequence);
	return true;
}

/* The current certificate is there, and neither over nor refused */
static bool is_member(const struct plan *plan)
{
	int64_t now = clock_now();

	return plan->work.hello.current.chain && !plan->current_bad &&
	       (!now || !plan->not_after || now < plan->not_after);
}

static bool (*identity_step(const struct plan *plan))(struct work *, struct fault *)
{
	const struct hello *hello = &plan->work.hello;
	int64_t now = clock_now();

	if (!hello->ca)
		return trust;
	if (hello->pending.chain && !plan->pending_bad)
		return promote;
	if (!is_member(plan))
		return enrol;
	if (now && plan->renewal && now >= plan->renewal)
		return renew;
	return NULL;
}

static const char *step_name(bool (*step)(struct work *, struct fault *))
{
	return step == trust	 ? "trust"
	       : step == promote ? "promote"
	       : step == enrol	 ? "enrol"
				 : "renew";
}

/* The registrar does not know this certificate, or not any more: only another one helps */
static bool disowned(const struct fault *f)
{
	return fault_is(f, "certificate-unknown") || fault_is(f, "certificate-revoked") ||
	       fault_is(f, "certificate-expired") || fault_is(f, "not-a-device");
}

/* What a failure with the current certificate says about it */
static void judge_current(struct plan *plan, const struct fault *f)
{
	struct tls_identity *identity;
	struct fault ignored;

	if (disowned(f)) {
		plan->current_bad = true;
	} else if (f->kind == FAULT_TLS || f->kind == FAULT_LOCAL) {
		identity = identity_load(&plan->work.hello.current, &ignored);
		if (identity && identity_signs(identity->key))
			plan->unsigned_times = 0;
		else if (++plan->unsigned_times >= DEAD_AFTER)
			plan->current_bad = true;
		identity_free(identity);
	}
	/* at once: by its TPM the device is still known */
	if (plan->current_bad)
		plan->identity_at = 0;
}

static unsigned int failed(struct plan *plan, const char *what, struct backoff *backoff,
			   const struct fault *f)
{
	unsigned int seconds = schedule_failed(backoff, BACKOFF_LAST, f->after);

	if (fault_is(f, "device-revoked")) {
		report_state("revoked");
		seconds = REVOKED_MS / 1000;
	} else if (f->kind == FAULT_PENDING || fault_is(f, "device-pending")) {
		report_state("pending");
	} else if (f->kind != FAULT_NETWORK && f->kind != FAULT_KEEPER &&
		   f->kind != FAULT_LOCAL) {
		report_contact();
	}
	report_fault(what, f, seconds);
	http_rest(plan->work.http);
	return seconds;
}

static void run_identity(struct plan *plan, bool (*step)(struct work *, struct fault *))
{
	const char *what = step_name(step);
	unsigned int seconds;
	struct fault f;

	if (step == enrol)
		report_state("enrolling");
	if (step(&plan->work, &f)) {
		report_contact();
		report_fault(what, NULL, 0);
		plan->identity.failures = 0;
		plan->identity_at = 0;
		if (step == trust) {
			/* from now on with it */
			http_close(plan->work.http);
			plan->work.http = NULL;
		} else {
			plan->pending_bad = false;
		}
		if (step == promote) {
			plan->current_bad = false;
			plan->unsigned_times = 0;
			plan->attest_at = 0;
			report_state("member");
		}
		return;
	}
	if (step == promote &&
	    (disowned(&f) || f.kind == FAULT_TLS || f.kind == FAULT_LOCAL))
		plan->pending_bad = true;
	seconds = failed(plan, what, &plan->identity, &f);
	plan->identity_at = clock_boot_ms() + (int64_t)seconds * 1000;
	if (step == renew)
		judge_current(plan, &f);
}

static void run_attest(struct plan *plan)
{
	struct work *work = &plan->work;
	const char *what = "attest";
	uint64_t seconds;
	struct fault f;
	bool passed, good;

	good = attest(work, &passed, &f);
	if (good) {
		report_contact();
		report_fault(what, NULL, 0);
		if (!passed) {
			plan->attest_at =
				clock_boot_ms() +
				1000ll * schedule_failed(&plan->attest, BACKOFF_LAST, 0);
			return;
		}
		what = "release";
		good = release(work, &f);
	}
	if (good) {
		report_state("member");
		report_fault(what, NULL, 0);
		plan->attest.failures = 0;
		seconds = schedule_jitter(work->hello.attest);
	} else {
		seconds = failed(plan, what, &plan->attest, &f);
		judge_current(plan, &f);
		/* a device that the registrar has no attestation key of: nothing to be had */
		if (fault_is(&f, "no-attestation-key"))
			seconds = schedule_jitter(work->hello.attest);
	}
	plan->attest_at = clock_boot_ms() + (int64_t)seconds * 1000;
}

/* The next thing that can be done now, or rest until there is one */
static void turn(struct plan *plan)
{
	bool (*step)(struct work *, struct fault *);
	unsigned int seconds;
	int64_t now, at;
	struct fault f;

	if (!look(plan, &f)) {
		seconds = schedule_failed(&plan->keeper, KEEPER_LAST, 0);
		report_fault("keeper", &f, seconds);
		report_send(plan->work.keeper);
		sleep_until(plan, clock_boot_ms() + (int64_t)seconds * 1000);
		return;
	}
	plan->keeper.failures = 0;
	report_fault("keeper", NULL, 0);
	now = clock_boot_ms();
	if (plan->work.hello.revoked) {
		report_state("revoked");
		report_send(plan->work.keeper);
		sleep_until(plan, now + LONGEST);
		return;
	}
	step = identity_step(plan);
	if (step && now >= plan->identity_at) {
		run_identity(plan, step);
	} else if (is_member(plan) && now >= plan->attest_at) {
		run_attest(plan);
	} else {
		report_send(plan->work.keeper);
		at = now + LONGEST;
		if (step)
			sooner(&at, plan->identity_at);
		if (is_member(plan))
			sooner(&at, plan->attest_at);
		if (!step && clock_now() && plan->renewal)
			sooner(&at, now + (plan->renewal - clock_now()) * 1000);
		sleep_until(plan, at);
		return;
	}
	report_send(plan->work.keeper);
}

bool work_start(void)
{
	wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return wake_fd >= 0;
}

void work_run(struct keeper *keeper)
{
	static struct plan plan;

	plan.work.keeper = keeper;
	plan.random = schedule_random();
	for (;;)
		turn(&plan);
}
