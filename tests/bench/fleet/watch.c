// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Devices that wait for a statement, each with a TLS connection of its own: how long until the last of
 * them has it.
 *
 *	watch PORT CA AFTER DEVICES PROCESSES COMMAND
 *
 * All ask the registrar on 127.0.0.1 for what comes after statement AFTER.  When the last of them
 * waits, COMMAND is run; the clock runs from then on.  Each process has an address of its own
 * (127.0.0.2 and so on), for there are fewer ports than devices.  The first answer of a process
 * is parsed and verified as a device does it; the others have to be the same.
 *
 * Prints one line of JSON.  Exits with 1 unless all got it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <iotkey-fleet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define AT_ONCE	   64 /* handshakes */
#define ANSWER_MAX (1 << 20)
#define PATIENCE   120 /* seconds without anything */
#define PROCESSES  64

enum state { CONNECTING, SHAKING, WAITING, DONE };

struct device {
	SSL *ssl;
	int fd;
	enum state state;
	char *answer; /* what has come so far, if that is not all */
	size_t len;
};

/* Of one process, in shared memory */
struct result {
	unsigned int waiting, got, failed;
	double first, last; /* when */
	char complaint[200];
};

static uint16_t port;
static const char *after;
static SSL_CTX *tls;
static EVP_PKEY *ca_key;
static struct result *result; /* this process's */
static struct device *devices;
static unsigned int count, started, shaking;
static int epoll;
static struct in_addr source;
static char *body; /* that was verified */
static size_t body_len;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void wait_for(struct device *device, uint32_t events, int how)
{
	struct epoll_event event = { .events = events, .data.ptr = device };

	epoll_ctl(epoll, how, device->fd, &event);
}

static void end(struct device *device, const char *complaint)
{
	if (device->state < WAITING)
		shaking--;
	device->state = DONE;
	SSL_free(device->ssl);
	close(device->fd);
	free(device->answer);
	if (!complaint)
		return;
	result->failed++;
	if (!result->complaint[0])
		snprintf(result->complaint, sizeof(result->complaint), "%s (%s)",
			 complaint, strerror(errno));
}

static bool verifies(const char *data, size_t len)
{
	struct iotkey_statement statement;
	struct iotkey_attest *attest = iotkey_attest_new();
	bool ok = !iotkey_statement_parse(data, len, &statement) &&
		  !iotkey_statement_verify(attest, &statement, ca_key);

	iotkey_attest_free(attest);
	return ok;
}

/* The whole answer is there */
static void judge(struct device *device, const char *data, size_t len)
{
	if (!body && verifies(data, len)) {
		body = malloc(len);
		memcpy(body, data, len);
		body_len = len;
	}
	if (!body || len != body_len || memcmp(data, body, len)) {
		end(device, "it is no statement, or another");
		return;
	}
	result->last = now();
	if (!result->got++)
		result->first = result->last;
	end(device, NULL);
}

static void take(struct device *device, const char *data, size_t len)
{
	const char *head, *length;
	size_t size;

	device->answer = realloc(device->answer, device->len + len + 1);
	memcpy(device->answer + device->len, data, len);
	device->len += len;
	device->answer[device->len] = '\0';
	head = strstr(device->answer, "\r\n\r\n");
	if (!head)
		return;
	length = strcasestr(device->answer, "\r\ncontent-length:");
	if (strncmp(device->answer, "HTTP/1.1 200", 12) || !length || length > head) {
		end(device, "not answered by 200");
		return;
	}
	size = strtoul(length + 17, NULL, 10);
	head += 4;
	if (size <= ANSWER_MAX && device->len - (size_t)(head - device->answer) == size)
		judge(device, head, size);
}

static void read_answer(struct device *device)
{
	char data[16384];
	int n;

	while (device->state == WAITING &&
	       (n = SSL_read(device->ssl, data, sizeof(data))) > 0)
		take(device, data, (size_t)n);
	if (device->state == WAITING &&
	    SSL_get_error(device->ssl, n) != SSL_ERROR_WANT_READ)
		end(device, "a connection is closed");
	ERR_clear_error();
}

static void shake(struct device *device)
{
	char request[200];
	int n = SSL_connect(device->ssl), len;

	if (n != 1) {
		n = SSL_get_error(device->ssl, n);
		if (n == SSL_ERROR_WANT_READ || n == SSL_ERROR_WANT_WRITE)
			wait_for(device, n == SSL_ERROR_WANT_READ ? EPOLLIN : EPOLLOUT,
				 EPOLL_CTL_MOD);
		else
			end(device, "no handshake");
		ERR_clear_error();
		return;
	}
	len = snprintf(request, sizeof(request),
		       "GET /.well-known/iotkey/statements?after=%s&wait=300 HTTP/1.1\r\n"
		       "Host: localhost\r\n\r\n",
		       after);
	if (SSL_write(device->ssl, request, len) != len) {
		end(device, "it cannot ask");
		return;
	}
	device->state = WAITING;
	shaking--;
	result->waiting++;
	wait_for(device, EPOLLIN, EPOLL_CTL_MOD);
}

static void start(struct device *device)
{
	struct sockaddr_in from = { .sin_family = AF_INET, .sin_addr = source };
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				  .sin_port = htons(port) };
	int on = 1;

	shaking++;
	device->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	device->ssl = SSL_new(tls);
	setsockopt(device->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	if (device->fd < 0 || bind(device->fd, (struct sockaddr *)&from, sizeof(from)) ||
	    (connect(device->fd, (struct sockaddr *)&to, sizeof(to)) &&
	     errno != EINPROGRESS) ||
	    !SSL_set_fd(device->ssl, device->fd)) {
		end(device, "no connection");
		return;
	}
	wait_for(device, EPOLLOUT, EPOLL_CTL_ADD);
}

static void go_on(struct device *device)
{
	if (device->state == CONNECTING)
		device->state = SHAKING;
	if (device->state == SHAKING)
		shake(device);
	else if (device->state == WAITING)
		read_answer(device);
}

static void run(void)
{
	struct epoll_event events[256];
	int n, i;

	devices = calloc(count, sizeof(*devices));
	epoll = epoll_create1(0);
	while (result->got + result->failed < count) {
		while (started < count && shaking < AT_ONCE)
			start(&devices[started++]);
		n = epoll_wait(epoll, events, 256, PATIENCE * 1000);
		if (!n) {
			snprintf(result->complaint, sizeof(result->complaint),
				 "nothing for %d seconds", PATIENCE);
			break;
		}
		for (i = 0; i < n; i++)
			go_on(events[i].data.ptr);
	}
	free(devices);
	free(body);
}

static void read_ca(const char *path)
{
	FILE *file = fopen(path, "r");
	X509 *ca = file ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;

	tls = SSL_CTX_new(TLS_client_method());
	if (!ca || !SSL_CTX_load_verify_locations(tls, path, NULL)) {
		fprintf(stderr, "watch: cannot read '%s'\n", path);
		exit(2);
	}
	fclose(file);
	ca_key = X509_get_pubkey(ca);
	X509_free(ca);
	SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS);
}

/* Whether all wait; false, too, when one has ended */
static bool all_wait(const struct result *results, unsigned int processes,
		     unsigned int total)
{
	unsigned int waiting, i;

	for (;;) {
		for (waiting = i = 0; i < processes; i++) {
			waiting += results[i].waiting;
			if (results[i].failed)
				return false;
		}
		if (waiting == total)
			return true;
		if (waitpid(-1, NULL, WNOHANG) > 0)
			return false;
		usleep(10000);
	}
}

static int report(const struct result *results, unsigned int processes,
		  unsigned int total, double began, double command)
{
	unsigned int got = 0, i;
	double first = 0, last = 0;

	for (i = 0; i < processes; i++) {
		got += results[i].got;
		if (results[i].complaint[0])
			fprintf(stderr, "watch: %s\n", results[i].complaint);
		if (results[i].got && (!first || results[i].first < first))
			first = results[i].first;
		if (results[i].last > last)
			last = results[i].last;
	}
	printf("{\"devices\": %u, \"got\": %u, \"command\": %.3f, \"first\": %.3f, "
	       "\"last\": %.3f}\n",
	       total, got, command, first - began, last - began);
	return got == total ? 0 : 1;
}

int main(int argc, char **argv)
{
	unsigned int processes, total, i;
	struct result *results;
	double began, command;
	struct rlimit files;

	if (argc != 7 || (total = (unsigned int)atoi(argv[4])) < 1 ||
	    (processes = (unsigned int)atoi(argv[5])) < 1 || processes > PROCESSES ||
	    processes > total) {
		fprintf(stderr, "usage: watch PORT CA AFTER DEVICES PROCESSES COMMAND\n");
		return 2;
	}
	port = (uint16_t)atoi(argv[1]);
	read_ca(argv[2]);
	after = argv[3];
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	results = mmap(NULL, PROCESSES * sizeof(*results), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (i = 0; i < processes; i++) {
		if (fork())
			continue;
		result = &results[i];
		source.s_addr = htonl(INADDR_LOOPBACK + 1 + i);
		count = total / processes + (i < total % processes);
		run();
		_exit(0);
	}
	began = now();
	if (!all_wait(results, processes, total)) {
		report(results, processes, total, began, 0);
		kill(0, SIGTERM);
		return 1;
	}
	fprintf(stderr, "watch: %u devices wait, after %.1f s\n", total, now() - began);
	began = now();
	if (system(argv[6]))
		fprintf(stderr, "watch: '%s' failed\n", argv[6]);
	command = now() - began;
	while (wait(NULL) > 0)
		;
	return report(results, processes, total, began, command);
}
