// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A fleet of devices against one registrar: how many a second it serves.
 *
 *	load [option]... HOST PORT CA WORK DEVICES CONNECTIONS
 *
 * WORK is enrol (join and activate unmeasured, then simpleenroll with evidence) or est
 * (simpleenroll without, as any EST server takes it).
 * Each request that is measured has a connection and a handshake of its own, as a device
 * that wakes up has.
 *
 *	-u USER:PASSWORD   HTTP Basic, for est
 *	-t PASSWORD        HTTP Basic, each device's id as the user
 *	-p PID             the server: says what of its CPU a request took
 *	-b N               devices whose nonces are drawn together (2000)
 *	-f PORT            what is not answered, or by 503, is asked again, there and here in turns;
 *	                   whose nonce was used by an answer that got lost draws another
 *	-o FILE            gets a line DEVICE SERIAL for each certificate, as it comes
 *	-x COMMAND         gets SHA-256 of each EK's SubjectPublicKeyInfo in hex, a line each, on
 *	                   its standard input, before any device joins
 *
 * Prints one line of JSON.  Exits with 1 if any answer was not the one that is due.
 *
 * sources: tests/host/device.c
 */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <getopt.h>
#include <jansson.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>

#include "../../host/device.h"

struct item {
	struct played_device device;
	char *body;		 /* of the next request */
	const struct step *step; /* that is another than the load's; or NULL */
	unsigned int tries, port;
	char serial[2 * 20 + 1]; /* of the certificate, in hex; or empty */
	json_int_t time;
	uint8_t nonce[64], secret[32];
	size_t nonce_len;
};

struct step {
	const char *path, *type;
	int status;
	/* what the answer means for the device; false: it is wrong */
	bool (*answer)(struct item *item, const char *body, size_t len);
};

struct load {
	struct event_base *base;
	SSL_CTX *tls;
	const char *host, *user, *password, *allow; /* NULL: none */
	uint16_t ports[2];
	bool again;
	FILE *accepted;
	struct item *items;
	unsigned int count, next, running;
	const struct step *step;
	unsigned int good, bad;
	unsigned int lost, busy, redone; /* of those that were asked again */
	double *latency;		 /* of the good ones, seconds */
	clockid_t cpu;			 /* of the server */
	bool has_cpu;
	char complaint[256];
};

struct slot {
	struct load *load;
	struct item *item;
	const struct step *step;
	struct evhttp_connection *connection;
	double began;
};

static double seconds_of(clockid_t clock)
{
	struct timespec t = { 0 };

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double now(void)
{
	return seconds_of(CLOCK_MONOTONIC);
}

static double server_now(const struct load *load)
{
	return load->has_cpu ? seconds_of(load->cpu) : 0;
}

static char *base64(const void *data, size_t len)
{
	char *text = malloc((len + 2) / 3 * 4 + 1);

	EVP_EncodeBlock((uint8_t *)text, data, (int)len);
	return text;
}

/* In lines, as some servers want it */
static char *lines64(const void *data, size_t len)
{
	EVP_ENCODE_CTX *ctx = EVP_ENCODE_CTX_new();
	char *text = malloc(len / 48 * 65 + 80);
	int n, last;

	EVP_EncodeInit(ctx);
	EVP_EncodeUpdate(ctx, (uint8_t *)text, &n, data, (int)len);
	EVP_EncodeFinal(ctx, (uint8_t *)text + n, &last);
	EVP_ENCODE_CTX_free(ctx);
	return text;
}

/* At most @size bytes of a string in @json; 0: it is none */
static size_t unbase64(json_t *json, const char *name, uint8_t *out, size_t size)
{
	const char *text = json_string_value(json_object_get(json, name));
	size_t len = text ? strlen(text) : 0;
	uint8_t *all;
	int n;

	if (!len || len % 4 || len / 4 * 3 > size + 2)
		return 0;
	all = malloc(len);
	n = EVP_DecodeBlock(all, (const uint8_t *)text, (int)len);
	if (n > 0)
		n -= (text[len - 1] == '=') + (text[len - 2] == '=');
	if (n <= 0 || (size_t)n > size)
		n = 0;
	memcpy(out, all, (size_t)n);
	free(all);
	return (size_t)n;
}

static json_t *who(const struct item *item)
{
	char *ek = base64(item->device.ek.area, item->device.ek.area_len);
	char *ak = base64(item->device.ak.area, item->device.ak.area_len);
	json_t *json =
		json_pack("{s:s, s:[], s:s}", "ek", ek, "ek_certificates", "ak", ak);

	free(ek);
	free(ak);
	return json;
}

static void make_join(struct item *item)
{
	json_t *json = who(item);

	item->body = json_dumps(json, JSON_COMPACT);
	json_decref(json);
}

static void make_activate(struct item *item)
{
	char *secret = base64(item->secret, sizeof(item->secret));
	json_t *json = who(item);

	json_object_set_new(json, "time", json_integer(item->time));
	json_object_set_new(json, "secret", json_string(secret));
	item->body = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	free(secret);
}

static void make_csr(struct item *item, bool evidence)
{
	struct played_attest attest;
	uint8_t *der;
	int n;

	if (evidence)
		device_certify(&item->device, &item->device.key, item->nonce,
			       item->nonce_len, &attest);
	n = device_csr(&item->device, evidence ? &attest : NULL, &der);
	item->body = lines64(der, (size_t)n);
	OPENSSL_free(der);
}

static bool joined(struct item *item, const char *body, size_t len)
{
	json_t *json = json_loadb(body, len, 0, NULL);
	uint8_t credential[512];
	size_t n = unbase64(json, "credential", credential, sizeof(credential));
	bool ok;

	item->time = json_integer_value(json_object_get(json, "time"));
	ok = n && device_activate(&item->device, credential, n, item->secret) == 32;
	json_decref(json);
	return ok;
}

static bool activated(struct item *item, const char *body, size_t len)
{
	json_t *json = json_loadb(body, len, 0, NULL);
	const char *state = json_string_value(json_object_get(json, "state"));
	const char *id = json_string_value(json_object_get(json, "device"));
	bool ok;

	item->nonce_len = unbase64(json, "nonce", item->nonce, sizeof(item->nonce));
	ok = item->nonce_len && state && !strcmp(state, "active") && id &&
	     !strcmp(id, item->device.id);
	json_decref(json);
	return ok;
}

static void write_serial(struct item *item, const ASN1_INTEGER *serial)
{
	BIGNUM *number = ASN1_INTEGER_to_BN(serial, NULL);
	uint8_t bytes[20];
	size_t i;

	if (number && BN_bn2binpad(number, bytes, sizeof(bytes)) == sizeof(bytes))
		for (i = 0; i < sizeof(bytes); i++)
			snprintf(item->serial + 2 * i, 3, "%02x", bytes[i]);
	BN_free(number);
}

/* A certificate that is for the key */
static bool enrolled(struct item *item, const char *body, size_t len)
{
	uint8_t *der = malloc(len + 1);
	BIO *text = BIO_new_mem_buf(body, (int)len), *decoder = BIO_new(BIO_f_base64());
	const uint8_t *p = der;
	PKCS7 *p7;
	X509 *cert = NULL;
	bool ok;
	int n;

	if (!memchr(body, '\n', len))
		BIO_set_flags(decoder, BIO_FLAGS_BASE64_NO_NL);
	BIO_push(decoder, text);
	n = BIO_read(decoder, der, (int)len);
	BIO_free_all(decoder);
	p7 = n > 0 ? d2i_PKCS7(NULL, &p, n) : NULL;
	if (p7 && PKCS7_type_is_signed(p7) && sk_X509_num(p7->d.sign->cert) > 0)
		cert = sk_X509_value(p7->d.sign->cert, 0);
	ok = cert && EVP_PKEY_eq(X509_get0_pubkey(cert), item->device.key.pkey) == 1;
	if (ok)
		write_serial(item, X509_get0_serialNumber(cert));
	PKCS7_free(p7);
	free(der);
	return ok;
}

#define TRIES 200 /* 100 ms apart */

static const struct step join_step = { "/.well-known/iotkey/join", "application/json",
				       200, joined };
static const struct step activate_step = { "/.well-known/iotkey/activate",
					   "application/json", 200, activated };
static const struct step enrol_step = { "/.well-known/est/simpleenroll",
					"application/pkcs10", 200, enrolled };

static void start(struct load *load);

static void complain(struct slot *slot, const char *what, int status, const char *body,
		     size_t len)
{
	struct load *load = slot->load;

	load->bad++;
	if (!load->complaint[0])
		snprintf(load->complaint, sizeof(load->complaint), "%s: %s %d: %.*s",
			 slot->step->path, what, status, (int)(len > 120 ? 120 : len),
			 body);
}

static void finish(struct slot *slot)
{
	struct load *load = slot->load;

	evhttp_connection_free(slot->connection);
	free(slot);
	load->running--;
	start(load);
}

static void deferred_finish(evutil_socket_t fd, short events, void *arg)
{
	(void)fd;
	(void)events;
	finish(arg);
}

static void begin(struct load *load, struct item *item);

static void deferred_again(evutil_socket_t fd, short events, void *arg)
{
	struct slot *slot = arg;

	(void)fd;
	(void)events;
	evhttp_connection_free(slot->connection);
	slot->load->running--;
	begin(slot->load, slot->item);
	free(slot);
}

static void next_step(struct item *item, const struct step *step)
{
	free(item->body);
	item->step = step;
	if (step == &activate_step)
		make_activate(item);
	else
		make_csr(item, true);
}

/* Whether that is no end yet: a registrar that is gone, or its store; or what came of it */
static bool goes_on(struct slot *slot, int status, const char *body, size_t len)
{
	struct load *load = slot->load;
	struct item *item = slot->item;

	if (!load->again || item->tries++ >= TRIES)
		return false;
	if (!status || status == 503) {
		load->lost += !status;
		load->busy += status == 503;
		item->port = !item->port;
		return true;
	}
	if (status == 403 && memmem(body, len, "nonce-used", 10)) {
		load->redone++;
		next_step(item, &activate_step);
		return true;
	}
	if (slot->step == item->step && slot->step == &activate_step && status == 200 &&
	    activated(item, body, len)) {
		next_step(item, &enrol_step);
		return true;
	}
	return false;
}

static void succeeded(struct slot *slot)
{
	struct load *load = slot->load;
	struct item *item = slot->item;

	load->latency[load->good++] = now() - slot->began;
	if (load->accepted && item->serial[0]) {
		fprintf(load->accepted, "%s %s\n", item->device.id, item->serial);
		fflush(load->accepted);
	}
	item->serial[0] = '\0';
}

static void answered(struct evhttp_request *request, void *arg)
{
	static const struct timeval at_once, pause = { .tv_usec = 100000 };
	struct slot *slot = arg;
	struct load *load = slot->load;
	struct evbuffer *in;
	size_t len;
	char *body;
	int status;

	status = request ? evhttp_request_get_response_code(request) : 0;
	in = status ? evhttp_request_get_input_buffer(request) : NULL;
	len = in ? evbuffer_get_length(in) : 0;
	body = len ? (char *)evbuffer_pullup(in, -1) : (char *)"";
	if (goes_on(slot, status, body, len)) {
		event_base_once(load->base, -1, EV_TIMEOUT, deferred_again, slot, &pause);
		return;
	}
	if (status != slot->step->status)
		complain(slot, status ? "status" : "no answer", status, body, len);
	else if (!slot->step->answer(slot->item, body, len))
		complain(slot, "a wrong answer", status, body, len);
	else
		succeeded(slot);
	/* not from within the connection's own callback */
	event_base_once(load->base, -1, EV_TIMEOUT, deferred_finish, slot, &at_once);
}

static void authorize(const struct load *load, const struct item *item,
		      struct evkeyvalq *headers)
{
	char plain[256], text[512], *encoded;

	if (load->user)
		snprintf(plain, sizeof(plain), "%s", load->user);
	else
		snprintf(plain, sizeof(plain), "%s:%s", item->device.id, load->password);
	encoded = base64(plain, strlen(plain));
	snprintf(text, sizeof(text), "Basic %s", encoded);
	evhttp_add_header(headers, "Authorization", text);
	free(encoded);
}

static void begin(struct load *load, struct item *item)
{
	struct slot *slot = calloc(1, sizeof(*slot));
	struct evhttp_request *request;
	struct evkeyvalq *headers;
	struct bufferevent *bev;
	SSL *ssl = SSL_new(load->tls);

	slot->load = load;
	slot->item = item;
	slot->step = item->step ? item->step : load->step;
	slot->began = now();
	SSL_set_tlsext_host_name(ssl, load->host);
	bev = bufferevent_openssl_socket_new(
		load->base, -1, ssl, BUFFEREVENT_SSL_CONNECTING, BEV_OPT_CLOSE_ON_FREE);
	bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
	slot->connection = evhttp_connection_base_bufferevent_new(
		load->base, NULL, bev, load->host, load->ports[item->port]);
	evhttp_connection_set_timeout(slot->connection, 30);
	request = evhttp_request_new(answered, slot);
	headers = evhttp_request_get_output_headers(request);
	evhttp_add_header(headers, "Host", load->host);
	evhttp_add_header(headers, "Connection", "close");
	evhttp_add_header(headers, "Content-Type", slot->step->type);
	if (!strcmp(slot->step->type, "application/pkcs10"))
		evhttp_add_header(headers, "Content-Transfer-Encoding", "base64");
	if (load->user || load->password)
		authorize(load, item, headers);
	evbuffer_add(evhttp_request_get_output_buffer(request), item->body,
		     strlen(item->body));
	load->running++;
	evhttp_make_request(slot->connection, request, EVHTTP_REQ_POST, slot->step->path);
}

static void start(struct load *load)
{
	if (load->next < load->count)
		begin(load, &load->items[load->next++]);
	else if (!load->running)
		event_base_loopbreak(load->base);
}

/* What was measured, in seconds */
struct took {
	double wall, cpu;     /* the step that counts */
	double cpu_all_steps; /* and those before it */
};

/* One step for all devices from @first on; adds what it took */
static void run_step(struct load *load, const struct step *step, unsigned int first,
		     unsigned int count, unsigned int connections, struct took *took)
{
	double began = now(), cpu_began = server_now(load);
	unsigned int i;

	load->step = step;
	load->next = first;
	load->count = first + count;
	for (i = 0; i < connections && load->next < load->count; i++)
		start(load);
	event_base_dispatch(load->base);
	for (i = first; i < first + count; i++) {
		free(load->items[i].body);
		load->items[i].body = NULL;
		load->items[i].step = NULL;
		load->items[i].tries = 0;
	}
	took->wall += now() - began;
	took->cpu += server_now(load) - cpu_began;
}

static int compare(const void *a, const void *b)
{
	double d = *(const double *)a - *(const double *)b;

	return d < 0 ? -1 : d > 0;
}

/* What leads to the step that counts */
static bool unmeasured(struct load *load, const struct step *step, unsigned int first,
		       unsigned int count, unsigned int connections, struct took *took)
{
	unsigned int good = load->good, bad = load->bad;
	struct took this = { 0 };

	run_step(load, step, first, count, connections, &this);
	took->cpu_all_steps += this.cpu;
	load->good = good;
	return load->bad == bad;
}

static bool allow_all(struct load *load, unsigned int devices)
{
	FILE *to = popen(load->allow, "w");
	unsigned int i;

	for (i = 0; to && i < devices; i++)
		fprintf(to, "%s\n", load->items[i].device.ek_sha256);
	if (to && !pclose(to))
		return true;
	load->bad++;
	snprintf(load->complaint, sizeof(load->complaint), "'%s' failed", load->allow);
	return false;
}

static void run_work(struct load *load, const char *work, unsigned int devices,
		     unsigned int batch, unsigned int connections, struct took *took)
{
	bool evidence = !strcmp(work, "enrol");
	unsigned int first, count, i;

	for (i = 0; i < devices; i++)
		device_make(&load->items[i].device);
	if (load->allow && !allow_all(load, devices))
		return;
	for (first = 0; first < devices; first += count) {
		count = devices - first < batch ? devices - first : batch;
		if (evidence) {
			for (i = first; i < first + count; i++)
				make_join(&load->items[i]);
			if (!unmeasured(load, &join_step, first, count, connections,
					took))
				break;
			for (i = first; i < first + count; i++)
				make_activate(&load->items[i]);
			if (!unmeasured(load, &activate_step, first, count, connections,
					took))
				break;
		}
		for (i = first; i < first + count; i++)
			make_csr(&load->items[i], evidence);
		run_step(load, &enrol_step, first, count, connections, took);
		for (i = first; i < first + count; i++)
			device_free(&load->items[i].device);
		if (load->bad)
			break;
	}
	took->cpu_all_steps += took->cpu;
}

static unsigned int number(const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (!*text || *end || !n || n > 1000000) {
		fprintf(stderr, "load: '%s' is not a number from 1 to 1000000\n", text);
		exit(2);
	}
	return (unsigned int)n;
}

int main(int argc, char **argv)
{
	unsigned int devices, connections, batch = 2000;
	struct load load = { 0 };
	struct took took = { 0 };
	int c;

	while ((c = getopt(argc, argv, "u:t:p:b:f:o:x:")) != -1) {
		if (c == 'u') {
			load.user = optarg;
		} else if (c == 't') {
			load.password = optarg;
		} else if (c == 'p') {
			load.has_cpu =
				!clock_getcpuclockid((pid_t)number(optarg), &load.cpu);
		} else if (c == 'x') {
			load.allow = optarg;
		} else if (c == 'b') {
			batch = number(optarg);
		} else if (c == 'f') {
			load.again = true;
			load.ports[1] = (uint16_t)number(optarg);
		} else if (c == 'o') {
			load.accepted = fopen(optarg, "w");
			if (!load.accepted) {
				perror(optarg);
				return 1;
			}
		} else {
			return 2;
		}
	}
	if (argc - optind != 6) {
		fprintf(stderr,
			"usage: load [-u USER:PASSWORD] [-t PASSWORD] [-p PID] [-b BATCH] "
			"[-f PORT] [-o FILE] [-x COMMAND] HOST PORT CA "
			"enrol|est DEVICES CONNECTIONS\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN); /* a registrar that is killed */
	argv += optind;
	load.host = argv[0];
	load.ports[0] = (uint16_t)number(argv[1]);
	devices = number(argv[4]);
	connections = number(argv[5]);
	load.tls = SSL_CTX_new(TLS_client_method());
	if (!SSL_CTX_load_verify_locations(load.tls, argv[2], NULL)) {
		fprintf(stderr, "load: cannot read '%s'\n", argv[2]);
		return 2;
	}
	SSL_CTX_set_verify(load.tls, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_session_cache_mode(load.tls, SSL_SESS_CACHE_OFF);
	load.base = event_base_new();
	load.items = calloc(devices, sizeof(*load.items));
	load.latency = calloc(devices * 3, sizeof(*load.latency));
	run_work(&load, argv[3], devices, batch, connections, &took);
	qsort(load.latency, load.good, sizeof(*load.latency), compare);
	printf("{\"work\": \"%s\", \"devices\": %u, \"good\": %u, \"bad\": %u, "
	       "\"seconds\": %.3f, \"per_second\": %.1f, \"cpu_us\": %.1f, "
	       "\"cpu_all_us\": %.1f, \"p50_ms\": %.2f, \"p99_ms\": %.2f}\n",
	       argv[3], devices, load.good, load.bad, took.wall,
	       took.wall > 0 ? load.good / took.wall : 0,
	       load.good ? took.cpu * 1e6 / load.good : 0,
	       load.good ? took.cpu_all_steps * 1e6 / load.good : 0,
	       load.good ? load.latency[load.good / 2] * 1e3 : 0,
	       load.good ? load.latency[load.good * 99 / 100] * 1e3 : 0);
	if (load.again)
		fprintf(stderr, "load: %u not answered, %u by 503, %u enrolled again\n",
			load.lost, load.busy, load.redone);
	if (load.bad)
		fprintf(stderr, "load: %u went wrong; the first: %s\n", load.bad,
			load.complaint);
	free(load.items);
	free(load.latency);
	if (load.accepted)
		fclose(load.accepted);
	event_base_free(load.base);
	SSL_CTX_free(load.tls);
	return load.bad ? 1 : 0;
}
