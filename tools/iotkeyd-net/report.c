// SPDX-License-Identifier: GPL-2.0-or-later
#include "report.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "../common/say.h"
#include "clock.h"

#define REPORT_MAX	4096
#define FINDINGS_SHOWN	8
#define CONTACT_QUANTUM 300 /* seconds: an answer after so long is a change */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static json_t *report;
static bool changed;

/* Takes over the reference to @value; under the lock */
static void set(const char *name, json_t *value)
{
	if (!report)
		report = json_object();
	if (json_equal(json_object_get(report, name), value)) {
		json_decref(value);
		return;
	}
	json_object_set_new(report, name, value);
	changed = true;
}

void report_state(const char *state)
{
	pthread_mutex_lock(&lock);
	if (strcmp(state, json_string_value(json_object_get(report, "state")) ?: ""))
		say("%s", state);
	set("state", json_string(state));
	pthread_mutex_unlock(&lock);
}

void report_contact(void)
{
	int64_t now = clock_now(), last;

	pthread_mutex_lock(&lock);
	last = json_integer_value(json_object_get(report, "contact"));
	if (now - last >= CONTACT_QUANTUM || now < last)
		set("contact", json_integer(now));
	pthread_mutex_unlock(&lock);
}

void report_fault(const char *what, const struct fault *f, unsigned int seconds)
{
	json_t *faults, *old;
	const char *text;

	pthread_mutex_lock(&lock);
	faults = json_deep_copy(json_object_get(report, "faults")) ?: json_object();
	old = json_object_get(faults, what);
	text = json_string_value(json_object_get(old, "text"));
	/* the same once more is not said again */
	if (f && (!text || strcmp(text, f->text)))
		say("%s: %s", what, f->text);
	if (f)
		json_object_set_new(faults, what,
				    json_pack("{ss,ss,sI}", "fault", fault_kind_name(f),
					      "text", f->text, "again",
					      (json_int_t)(clock_now() + seconds)));
	else
		json_object_del(faults, what);
	set("faults", faults);
	pthread_mutex_unlock(&lock);
}

void report_attested(const struct attested *attested)
{
	json_t *some = json_array(), *one;
	size_t i;

	for (i = 0; i < json_array_size(attested->findings) && i < FINDINGS_SHOWN; i++) {
		one = json_array_get(attested->findings, i);
		json_array_append(some, one);
		say("attestation: %.400s",
		    json_string_value(json_object_get(one, "text")) ?: "a finding");
	}
	pthread_mutex_lock(&lock);
	set("attested", json_integer(clock_now()));
	set("result", json_string(attested->passed ? "pass" : "fail"));
	set("reference", json_string(attested->reference));
	set("findings", some);
	pthread_mutex_unlock(&lock);
}

void report_certificate(int64_t not_after, int64_t renewal)
{
	pthread_mutex_lock(&lock);
	set("certificate_until", json_integer(not_after));
	set("renewal", json_integer(renewal));
	pthread_mutex_unlock(&lock);
}

void report_sequence(uint64_t sequence)
{
	pthread_mutex_lock(&lock);
	set("statements", json_integer((json_int_t)sequence));
	pthread_mutex_unlock(&lock);
}

/* Findings give way where there is no room for all */
static char *text_of(void)
{
	json_t *findings = json_object_get(report, "findings");
	char *text = json_dumps(report, JSON_COMPACT | JSON_ENSURE_ASCII);

	while (text && strlen(text) > REPORT_MAX && json_array_size(findings)) {
		free(text);
		json_array_remove(findings, json_array_size(findings) - 1);
		text = json_dumps(report, JSON_COMPACT | JSON_ENSURE_ASCII);
	}
	return text;
}

void report_send(struct keeper *keeper)
{
	char *text = NULL;

	pthread_mutex_lock(&lock);
	if (changed)
		text = text_of();
	changed = false;
	pthread_mutex_unlock(&lock);
	if (text && strlen(text) <= REPORT_MAX)
		keeper_report(keeper, text);
	free(text);
}
