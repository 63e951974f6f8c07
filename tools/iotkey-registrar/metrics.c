// SPDX-License-Identifier: GPL-2.0-or-later
#include "metrics.h"

#include <iotkey.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "routes.h"
#include "worker.h"

#define TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

/* Counting devices reads an index of all of them: not more often */
#define COUNT_SECONDS 60

/* ---- counting ---- */

/* Upper bounds, and how they are written */
static const struct {
	int64_t microseconds;
	const char *text;
} buckets[] = {
	{ 500, "0.0005" },  { 1000, "0.001" },	   { 2500, "0.0025" }, { 5000, "0.005" },
	{ 10000, "0.01" },  { 25000, "0.025" },	   { 50000, "0.05" },  { 100000, "0.1" },
	{ 250000, "0.25" }, { 500000, "0.5" },	   { 1000000, "1.0" }, { 2500000, "2.5" },
	{ 5000000, "5.0" }, { INT64_MAX, "+Inf" },
};

#define BUCKETS (sizeof(buckets) / sizeof(buckets[0]))
_Static_assert(BUCKETS <= SHARED_BUCKETS, "room for all buckets");

/* The last is for those that nobody thought of */
static const int statuses[] = { 200, 202, 204, 400, 401, 403, 404, 405,
				409, 413, 429, 500, 501, 503, 0 };

#define STATUSES (sizeof(statuses) / sizeof(statuses[0]))
_Static_assert(STATUSES <= SHARED_STATUSES, "room for all statuses");

int64_t metrics_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

void metrics_time(struct worker *worker, enum histogram histogram, int64_t began)
{
	int64_t took = metrics_now() - began;
	size_t i;

	for (i = 0; took > buckets[i].microseconds; i++)
		;
	atomic_fetch_add(&worker->shared->histograms[histogram].buckets[i], 1);
	atomic_fetch_add(&worker->shared->histograms[histogram].microseconds,
			 (uint64_t)took);
}

void metrics_answer(struct worker *worker, unsigned int route, int status)
{
	size_t i;

	for (i = 0; i < STATUSES - 1 && statuses[i] != status; i++)
		;
	if (route >= SHARED_ROUTES)
		route = SHARED_ROUTES - 1;
	atomic_fetch_add(&worker->shared->answers[route][i], 1);
}

void metrics_event(struct worker *worker, const char *event, const json_t *fields)
{
	static const struct {
		const char *event, *field, *value;
	} events[COUNTERS] = {
		[COUNT_JOINED] = { "device-joined", NULL, NULL },
		[COUNT_ENROLLED_TPM] = { "enrolled", "by", "tpm" },
		[COUNT_ENROLLED_TOKEN] = { "enrolled", "by", "token" },
		[COUNT_ENROLLED_IDEVID] = { "enrolled", "by", "idevid" },
		[COUNT_ENROLLED_CERTIFICATE] = { "renewed", NULL, NULL },
		[COUNT_ATTESTED_PASS] = { "device-attested", "result", "pass" },
		[COUNT_ATTESTED_FAIL] = { "device-attested", "result", "fail" },
		[COUNT_RELEASED] = { "roots-released", NULL, NULL },
	};
	const char *value;
	size_t i;

	for (i = 0; i < COUNTERS; i++) {
		if (!events[i].event || strcmp(events[i].event, event))
			continue;
		value = events[i].field ? json_string_value(json_object_get(
						  fields, events[i].field))
					: NULL;
		if (!events[i].field || (value && !strcmp(value, events[i].value)))
			worker->events[i]++;
	}
}

void metrics_committed(struct worker *worker)
{
	size_t i;

	for (i = 0; i < COUNTERS; i++)
		if (worker->events[i])
			shared_count(worker->shared, (enum counter)i, worker->events[i]);
}

void metrics_forget(struct worker *worker)
{
	memset(worker->events, 0, sizeof(worker->events));
}

/* ---- telling ---- */

#define NAME "iotkey_registrar_"

static void family(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# TYPE " NAME "%s %s\n", name, type);
	if (strlen(name) > 8 && !strcmp(name + strlen(name) - 8, "_seconds"))
		fprintf(out, "# UNIT " NAME "%s seconds\n", name);
	fprintf(out, "# HELP " NAME "%s %s\n", name, help);
}

static void tell_counters(FILE *out, struct shared *shared)
{
	/* those of one family follow one another; the first has its help */
	static const struct {
		const char *name, *help, *label;
	} counters[COUNTERS] = {
		[COUNT_CONNECTIONS] = { "connections_accepted", "Connections that came.",
					"" },
		[COUNT_HANDSHAKES_FAILED] = { "handshakes_failed",
					      "Connections that ended before TLS began.",
					      "" },
		[COUNT_SLOW] = { "connections_slow",
				 "Connections that were cut off for being slow.", "" },
		[COUNT_FULL] = { "connections_full",
				 "Times that a worker had all the connections it may have.",
				 "" },
		[COUNT_WORKERS_LOST] = { "workers_lost", "Workers that died.", "" },
		[COUNT_BATCHES_FAILED] = { "store_failures",
					   "Batches that the store did not take.", "" },
		[COUNT_JOINED] = { "joins", "Devices that proved their TPM.", "" },
		[COUNT_ENROLLED_TPM] = { "enrolments",
					 "Certificates issued, by what the device showed.",
					 "{by=\"tpm\"}" },
		[COUNT_ENROLLED_TOKEN] = { NULL, NULL, "{by=\"token\"}" },
		[COUNT_ENROLLED_IDEVID] = { NULL, NULL, "{by=\"idevid\"}" },
		[COUNT_ENROLLED_CERTIFICATE] = { NULL, NULL, "{by=\"certificate\"}" },
		[COUNT_ATTESTED_PASS] = { "attestations", "Attestations, by result.",
					  "{result=\"pass\"}" },
		[COUNT_ATTESTED_FAIL] = { NULL, NULL, "{result=\"fail\"}" },
		[COUNT_RELEASED] = { "releases", "Releases of roots.", "" },
	};
	const char *name = NULL;
	size_t i;

	for (i = 0; i < COUNTERS; i++) {
		if (counters[i].name) {
			name = counters[i].name;
			family(out, name, "counter", counters[i].help);
		}
		fprintf(out, NAME "%s_total%s %llu\n", name, counters[i].label,
			(unsigned long long)atomic_load(&shared->counters[i]));
	}
}

static void tell_answers(FILE *out, struct worker *worker)
{
	const char *route;
	unsigned int i;
	uint64_t count;
	size_t s;

	family(out, "requests", "counter", "Requests answered, by route and status.");
	for (i = 0; i < SHARED_ROUTES; i++) {
		route = http_route_name(worker, i);
		for (s = 0; s < STATUSES; s++) {
			count = atomic_load(&worker->shared->answers[i][s]);
			if (count)
				fprintf(out,
					NAME
					"requests_total{route=\"%s\",status=\"%d\"} %llu\n",
					route, statuses[s], (unsigned long long)count);
		}
	}
}

static void tell_histogram(FILE *out, struct shared *shared, enum histogram histogram,
			   const char *name, const char *help)
{
	uint64_t sum = 0, took;
	size_t i;

	took = atomic_load(&shared->histograms[histogram].microseconds);
	family(out, name, "histogram", help);
	for (i = 0; i < BUCKETS; i++) {
		sum += atomic_load(&shared->histograms[histogram].buckets[i]);
		fprintf(out, NAME "%s_bucket{le=\"%s\"} %llu\n", name, buckets[i].text,
			(unsigned long long)sum);
	}
	fprintf(out, NAME "%s_count %llu\n" NAME "%s_sum %llu.%06u\n", name,
		(unsigned long long)sum, name, (unsigned long long)(took / 1000000),
		(unsigned int)(took % 1000000));
}

static void gauge(FILE *out, const char *name, const char *help, int64_t value)
{
	family(out, name, "gauge", help);
	fprintf(out, NAME "%s %lld\n", name, (long long)value);
}

static void tell_gauges(FILE *out, struct shared *shared)
{
	int64_t sums[GAUGES] = { 0 }, workers = 0;
	size_t i, g;

	for (i = 0; i < SHARED_PLACES; i++) {
		workers += shared->places[i].pid != 0;
		for (g = 0; g < GAUGES; g++)
			sums[g] += atomic_load(&shared->places[i].gauges[g]);
	}
	gauge(out, "workers", "Processes that serve.", workers);
	gauge(out, "connections", "Connections there are.", sums[GAUGE_CONNECTIONS]);
	gauge(out, "waiting", "Devices that wait for statements.", sums[GAUGE_WAITING]);
	gauge(out, "start_time_seconds", "When it began, unix time.", shared->started);
}

/* All workers tell the same, which the first that found it old has counted */
static void count_devices(struct worker *worker)
{
	struct shared *shared = worker->shared;
	int64_t now = time(NULL), counted = atomic_load(&shared->counted);
	struct store_count count;

	if (counted && now - counted < COUNT_SECONDS && now >= counted)
		return;
	if (store_device_count(worker->store, &count))
		return;
	atomic_store(&shared->pending, count.pending);
	atomic_store(&shared->active, count.active);
	atomic_store(&shared->revoked, count.revoked);
	atomic_store(&shared->failing, count.failing);
	atomic_store(&shared->counted, now);
}

static void tell_store(FILE *out, struct worker *worker)
{
	struct shared *shared = worker->shared;
	uint64_t sequence;
	bool up = !store_statement_last(worker->store, &sequence);

	gauge(out, "store_up", "Whether the store answers.", up);
	if (!up)
		return;
	gauge(out, "statement_sequence", "Number of the newest statement.",
	      (int64_t)sequence);
	count_devices(worker);
	if (!atomic_load(&shared->counted))
		return;
	family(out, "devices", "gauge", "Devices by state, up to a minute ago.");
	fprintf(out,
		NAME "devices{state=\"pending\"} %llu\n" NAME
		     "devices{state=\"active\"} %llu\n" NAME
		     "devices{state=\"revoked\"} %llu\n",
		(unsigned long long)atomic_load(&shared->pending),
		(unsigned long long)atomic_load(&shared->active),
		(unsigned long long)atomic_load(&shared->revoked));
	gauge(out, "devices_failing", "Devices whose last attestation failed.",
	      (int64_t)atomic_load(&shared->failing));
}

static int64_t end_of(const X509 *certificate)
{
	struct tm tm;

	return certificate && ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &tm) == 1
		       ? timegm(&tm)
		       : 0;
}

static void tell_certificates(FILE *out, struct worker *worker)
{
	static const char name[] = "certificate_expiry_timestamp_seconds";

	family(out, name, "gauge", "When they are over, unix time.");
	fprintf(out, NAME "%s{certificate=\"ca\"} %lld\n", name,
		(long long)end_of(worker->ca->certificate));
	fprintf(out, NAME "%s{certificate=\"server\"} %lld\n", name,
		(long long)end_of(http_certificate(worker)));
}

static void handle_metrics(struct request *req)
{
	struct worker *worker = request_worker(req);
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (!out) {
		reply_error(req, 503, "busy", "out of memory; come again");
		return;
	}
	family(out, "build", "info", "What it is.");
	fprintf(out, NAME "build_info{version=\"" IOTKEY_VERSION_STRING "\"} 1\n");
	tell_gauges(out, worker->shared);
	tell_counters(out, worker->shared);
	tell_answers(out, worker);
	tell_histogram(out, worker->shared, TIME_REQUEST, "request_seconds",
		       "From a request's last byte to its answer, without waiting for "
		       "statements.");
	tell_histogram(out, worker->shared, TIME_STORE, "store_seconds",
		       "A batch of the store, from its begin to the disk.");
	tell_store(out, worker);
	tell_certificates(out, worker);
	fprintf(out, "# EOF\n");
	if (fclose(out))
		reply_error(req, 503, "busy", "out of memory; come again");
	else
		reply(req, 200, TYPE, text, len);
	free(text);
}

const struct route metrics_routes[] = {
	{ .path = "/metrics",
	  .methods = HTTP_GET,
	  .handle = handle_metrics,
	  .where = ON_METRICS },
	{ 0 },
};
