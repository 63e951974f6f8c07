// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The keeper's side of the agent, played on the host for tests of iotkeyd-net: the same requests
 * over the same sockets, and a TPM that is software (device.h).  The device's key is a file, which
 * iotkeyd-net is told by its URI, as it is told that of a kernel's key in life.
 *
 *	keeper [option]... NET URL DIRECTORY
 *
 *	-c FILE		the registrar's CA is known
 *	-f FINGERPRINT	or its fingerprint, "sha256:HEX"; -t: the first one is taken
 *	-k TOKEN	"ID:SECRET"
 *	-n NAME		the device's
 *	-a SECONDS	between attestations
 *	-u UID		as whom NET runs (65534)
 *	-x COMMAND	gets the hash of the EK on its standard input before all else
 *	-s COMMAND	runs whenever a certificate came, before it is taken
 *	-d N, -D N	kill NET when request N arrives; when its answer has left
 *
 * Each request is a line on the standard output: its name, and what is worth telling.  NET is
 * started again when it ends.  In DIRECTORY are: report, the last; pid, of NET; ID.
 * SIGUSR1: DIRECTORY/certificate becomes the current one, and NET is started anew.
 * SIGTERM: the end, when NET has to end by itself.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <iotkey-fleet.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../tools/iotkeyd/request.h"
#include "device.h"
#include "evidence.h"

struct slot {
	EVP_PKEY *key;
	char path[600];
	struct played_key played;
	char *chain;
};

static struct {
	const char *net, *url, *dir, *fingerprint, *token, *name, *allow, *spoil;
	bool tofu;
	uint64_t attest;
	uid_t uid;
	unsigned long kill_before, kill_after, requests;
	char *ca;
	struct played_device device;
	struct made *made;
	char id[40];
	struct slot slot[2];
	int current; /* slot, or -1 */
	struct iotkey_chain chain;
	bool revoked;
	char releases[4096];
	pid_t pid;
	int fd[2]; /* work, statements */
} k = { .current = -1, .attest = 86400, .uid = 65534, .pid = -1, .fd = { -1, -1 } };

static volatile sig_atomic_t replace, stop;
static struct request m;

static void tell(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
}

static const char *at(const char *name)
{
	static char path[600];

	snprintf(path, sizeof(path), "%s/%s", k.dir, name);
	return path;
}

static void save(const char *name, const void *data, size_t len)
{
	char temporary[700];
	FILE *file;

	snprintf(temporary, sizeof(temporary), "%s.new", at(name));
	file = fopen(temporary, "w");
	if (!file || fwrite(data, 1, len, file) != len || fclose(file) ||
	    rename(temporary, at(name)))
		err(2, "%s", name);
}

static char *read_text(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = calloc(1, 1 << 20);

	if (!file || !text || fread(text, 1, (1 << 20) - 1, file) == 0)
		err(2, "%s", path);
	fclose(file);
	return text;
}

static char *field_text(unsigned int i)
{
	const uint8_t *data;
	size_t len;

	if (request_field(&m, i, &data, &len))
		return NULL;
	return strndup((const char *)data, len);
}

static X509 *first_of(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *x = PEM_read_bio_X509(bio, NULL, NULL, NULL);

	BIO_free(bio);
	return x;
}

static void refuse(int error, const char *text)
{
	tell("  refused: %s", text);
	request_error(&m, error, text);
}

/*
 * Requests
 */

static void add_slot(int i)
{
	char uri[640];

	if (i < 0 || !k.slot[i].chain) {
		request_add_text(&m, NULL);
		request_add_text(&m, NULL);
		return;
	}
	snprintf(uri, sizeof(uri), "file:%s", k.slot[i].path);
	request_add_text(&m, k.slot[i].chain);
	request_add_text(&m, uri);
}

static int other(void)
{
	return k.current == 0 ? 1 : 0;
}

static void hello(void)
{
	request_begin(&m, REQUEST_HELLO | REQUEST_ANSWER);
	request_add_text(&m, k.url);
	request_add_text(&m, k.ca);
	request_add_text(&m, k.fingerprint);
	request_add_u64(&m, k.tofu);
	request_add_text(&m, k.current < 0 ? k.token : NULL);
	request_add_text(&m, k.name);
	request_add_text(&m, k.id);
	add_slot(k.current);
	add_slot(other());
	request_add_u64(&m, k.chain.sequence);
	request_add_u64(&m, k.attest);
	request_add_u64(&m, k.revoked);
	request_add_text(&m, k.releases);
}

static void trust(void)
{
	char *pem = field_text(0), hex[80] = "sha256:";
	X509 *ca = pem ? first_of(pem) : NULL;
	uint8_t digest[32];
	int i;

	if (!ca || X509_digest(ca, EVP_sha256(), digest, NULL) != 1) {
		refuse(EBADMSG, "no certificate");
	} else {
		for (i = 0; i < 32; i++)
			sprintf(hex + 7 + 2 * i, "%02x", digest[i]);
		if (k.tofu || (k.fingerprint && !strcmp(hex, k.fingerprint))) {
			k.ca = pem;
			pem = NULL;
			request_begin(&m, REQUEST_TRUST | REQUEST_ANSWER);
		} else {
			refuse(EACCES, "another fingerprint");
		}
	}
	X509_free(ca);
	free(pem);
}

static void identity(void)
{
	request_begin(&m, REQUEST_IDENTITY | REQUEST_ANSWER);
	request_add(&m, k.device.ek.area, k.device.ek.area_len);
	request_add(&m, NULL, 0);
	request_add(&m, k.device.ak.area, k.device.ak.area_len);
}

static void activate(void)
{
	const uint8_t *data;
	uint8_t secret[32];
	size_t len;
	int n = -1;

	if (!request_field(&m, 0, &data, &len))
		n = device_activate(&k.device, data, len, secret);
	if (n < 0) {
		refuse(EBADMSG, "the credential is not for this TPM");
		return;
	}
	request_begin(&m, REQUEST_ACTIVATE | REQUEST_ANSWER);
	request_add(&m, secret, (size_t)n);
}

static void device(void)
{
	char *id = field_text(0);

	tell("  %s", id);
	if (k.id[0] && strcmp(k.id, id)) {
		refuse(EEXIST, "another device");
	} else {
		snprintf(k.id, sizeof(k.id), "%s", id);
		save("id", k.id, strlen(k.id));
		request_begin(&m, REQUEST_DEVICE | REQUEST_ANSWER);
	}
	free(id);
}

static void make_key(struct slot *slot, int i)
{
	FILE *file;
	char name[8];

	if (slot->key)
		return; /* one waits there */
	device_key(&k.device);
	slot->played = k.device.key;
	slot->key = k.device.key.pkey;
	k.device.key.pkey = NULL;
	snprintf(name, sizeof(name), "key-%c", 'a' + i);
	snprintf(slot->path, sizeof(slot->path), "%s", at(name));
	file = fopen(slot->path, "w");
	if (!file || !PEM_write_PrivateKey(file, slot->key, NULL, NULL, 0, NULL, NULL) ||
	    (!geteuid() && fchown(fileno(file), k.uid, (gid_t)-1)) ||
	    fchmod(fileno(file), 0400) || fclose(file))
		err(2, "%s", slot->path);
}

static void key(void)
{
	struct slot *slot = &k.slot[other()];
	struct played_attest attest;
	const uint8_t *nonce;
	char uri[640];
	size_t len;

	if (request_field(&m, 0, &nonce, &len) || len > 64) {
		refuse(EPROTO, "no nonce");
		return;
	}
	make_key(slot, other());
	snprintf(uri, sizeof(uri), "file:%s", slot->path);
	if (len)
		device_certify(&k.device, &slot->played, nonce, len, &attest);
	request_begin(&m, REQUEST_KEY | REQUEST_ANSWER);
	request_add_text(&m, uri);
	request_add(&m, slot->played.area + 2, slot->played.area_len - 2);
	request_add(&m, attest.attest, len ? attest.attest_len : 0);
	request_add(&m, attest.signature, len ? sizeof(attest.signature) : 0);
}

static void certificate(void)
{
	struct slot *slot = &k.slot[other()];
	char *chain = field_text(0);
	X509 *leaf = chain ? first_of(chain) : NULL;

	if (k.spoil && chain) {
		save("spoiled", chain, strlen(chain));
		if (system(k.spoil))
			tell("  the command failed");
	}
	if (!leaf || !slot->key || EVP_PKEY_eq(X509_get0_pubkey(leaf), slot->key) != 1) {
		refuse(EBADMSG, "the certificate is for another key");
		free(chain);
	} else {
		free(slot->chain);
		slot->chain = chain;
		request_begin(&m, REQUEST_CERTIFICATE | REQUEST_ANSWER);
	}
	X509_free(leaf);
}

static void promote(void)
{
	int now = other(), old = k.current;

	if (!k.slot[now].chain) {
		refuse(ENOENT, "nothing waits");
		return;
	}
	k.current = now;
	if (old >= 0) {
		unlink(k.slot[old].path);
		EVP_PKEY_free(k.slot[old].key);
		free(k.slot[old].chain);
		memset(&k.slot[old], 0, sizeof(k.slot[old]));
	}
	save("current", k.slot[now].chain, strlen(k.slot[now].chain));
	request_begin(&m, REQUEST_PROMOTE | REQUEST_ANSWER);
}

static unsigned int evidence(int files[2])
{
	const uint8_t *nonce;
	uint64_t offset;
	size_t len;

	if (request_field(&m, 0, &nonce, &len) || request_u64(&m, 1, &offset) ||
	    offset > k.made->ima.len) {
		refuse(EPROTO, "no nonce, or no such place in the log");
		return 0;
	}
	tell("  from %llu", (unsigned long long)offset);
	if (!access(at("tamper"), F_OK)) {
		unlink(at("tamper"));
		made_file(k.made, "/usr/bin/intruder", "intruder");
		made_seal(k.made);
	}
	k.made->given = (struct iotkey_bytes){ nonce, len };
	made_quote(k.made);
	files[0] = request_file(k.made->eventlog.data, k.made->eventlog.len);
	files[1] = request_file(k.made->ima.data + offset, k.made->ima.len - offset);
	request_begin(&m, REQUEST_EVIDENCE | REQUEST_ANSWER);
	request_add(&m, k.made->quote, k.made->quote_len);
	request_add(&m, k.made->signature, k.made->signature_len);
	request_add(&m, k.made->pcrs, k.made->pcrs_len);
	request_add_u64(&m, 7);
	request_add_u64(&m, 1);
	return 2;
}

static void parent(void)
{
	struct played_attest attest;
	const uint8_t *nonce;
	size_t len;

	if (request_field(&m, 0, &nonce, &len) || !len || len > 64) {
		refuse(EPROTO, "no nonce");
		return;
	}
	device_certify(&k.device, &k.device.parent, nonce, len, &attest);
	request_begin(&m, REQUEST_PARENT | REQUEST_ANSWER);
	request_add(&m, k.device.parent.area, k.device.parent.area_len);
	request_add(&m, attest.attest, attest.attest_len);
	request_add(&m, attest.signature, sizeof(attest.signature));
}

static void root(void)
{
	char *name = field_text(0), *pem = field_text(2), *policy = field_text(3);
	char line[400], *old;
	uint64_t version = 0;

	request_u64(&m, 1, &version);
	tell("  %s %llu%s", name, (unsigned long long)version,
	     policy && *policy ? " approvals" : "");
	if (pem && !*pem && policy && *policy) {
		request_begin(&m, REQUEST_ROOT | REQUEST_ANSWER);
	} else if (!pem || strncmp(pem, "-----BEGIN TSS2 PRIVATE KEY-----", 32)) {
		refuse(EBADMSG, "no TSS2 PRIVATE KEY");
	} else {
		snprintf(line, sizeof(line), "%s ", name);
		old = strstr(k.releases, line);
		if (old)
			memmove(old, strchr(old, '\n') + 1, strlen(strchr(old, '\n')));
		snprintf(k.releases + strlen(k.releases),
			 sizeof(k.releases) - strlen(k.releases), "%s %llu\n", name,
			 (unsigned long long)version);
		request_begin(&m, REQUEST_ROOT | REQUEST_ANSWER);
	}
	free(name);
	free(pem);
	free(policy);
}

/* It is dead from now on if it says so */
static void obey(struct iotkey_statement *statement)
{
	struct iotkey_revocation revocation;
	char hex[40];
	int i;

	while (iotkey_statement_next(statement, &revocation) > 0) {
		for (i = 0; i < 16; i++)
			sprintf(hex + 2 * i, "%02x", revocation.id[i]);
		if (revocation.type == IOTKEY_REVOKED_DEVICE && !strcmp(hex, k.id))
			k.revoked = true;
	}
}

static void statement(int file)
{
	struct iotkey_attest *attest = iotkey_attest_new();
	struct iotkey_statement statement;
	struct timespec now;
	uint8_t *beside = NULL;
	X509 *ca = k.ca ? first_of(k.ca) : NULL;
	size_t len;
	int error = request_read_file(file, IOTKEY_STATEMENT_MAX, &beside, &len);

	if (!error)
		error = iotkey_statement_parse(beside, len, &statement);
	if (!error)
		error = iotkey_statement_verify(attest, &statement, X509_get0_pubkey(ca));
	if (!error)
		error = iotkey_statement_follow(attest, &k.chain, &statement);
	if (!error)
		obey(&statement);
	clock_gettime(CLOCK_REALTIME, &now);
	if (error) {
		refuse(error, "the statement does not hold");
	} else {
		tell("  %llu at %lld%03ld", (unsigned long long)k.chain.sequence,
		     (long long)now.tv_sec, now.tv_nsec / 1000000);
		request_begin(&m, REQUEST_STATEMENT | REQUEST_ANSWER);
		request_add_u64(&m, k.chain.sequence);
	}
	free(beside);
	X509_free(ca);
	iotkey_attest_free(attest);
}

static void report(void)
{
	const uint8_t *data;
	size_t len;

	if (!request_field(&m, 0, &data, &len)) {
		save("report", data, len);
		tell("  %.*s", (int)len, (const char *)data);
	}
	request_begin(&m, REQUEST_REPORT | REQUEST_ANSWER);
}

static const char *const names[] = { "",	  "HELLO",    "TRUST",	"IDENTITY",
				     "ACTIVATE",  "DEVICE",   "KEY",	"CERTIFICATE",
				     "PROMOTE",	  "EVIDENCE", "PARENT", "ROOT",
				     "STATEMENT", "REPORT" };

static void kill_net(void)
{
	kill(k.pid, SIGKILL);
}

/* One request from either socket; false: it was closed */
static bool serve(int fd)
{
	int files[2] = { -1, -1 }, taken[1];
	unsigned int nfiles = 0, i;
	uint8_t type;

	if (request_receive(fd, &m, taken, 1))
		return false;
	type = request_type(&m);
	k.requests++;
	tell("%s%s", fd == k.fd[1] ? "statements: " : "",
	     type < sizeof(names) / sizeof(names[0]) ? names[type] : "?");
	if (k.requests == k.kill_before) {
		tell("  killed before the answer");
		kill_net();
		return false;
	}
	switch (type) {
	case REQUEST_HELLO:
		hello();
		break;
	case REQUEST_TRUST:
		trust();
		break;
	case REQUEST_IDENTITY:
		identity();
		break;
	case REQUEST_ACTIVATE:
		activate();
		break;
	case REQUEST_DEVICE:
		device();
		break;
	case REQUEST_KEY:
		key();
		break;
	case REQUEST_CERTIFICATE:
		certificate();
		break;
	case REQUEST_PROMOTE:
		promote();
		break;
	case REQUEST_EVIDENCE:
		nfiles = evidence(files);
		break;
	case REQUEST_PARENT:
		parent();
		break;
	case REQUEST_ROOT:
		root();
		break;
	case REQUEST_STATEMENT:
		statement(taken[0]);
		break;
	case REQUEST_REPORT:
		report();
		break;
	default:
		refuse(EPROTO, "what?");
	}
	request_send(fd, &m, files, nfiles);
	for (i = 0; i < nfiles; i++)
		close(files[i]);
	if (taken[0] >= 0)
		close(taken[0]);
	if (k.requests == k.kill_after) {
		tell("  killed after the answer");
		kill_net();
	}
	return true;
}

/*
 * The process
 */

static void start(void)
{
	char *environment[] = { (char *)"PATH=/usr/bin:/bin", (char *)"LC_ALL=C", NULL,
				NULL, NULL };
	int work[2], statements[2], fd;
	const char *library = getenv("LD_LIBRARY_PATH"), *asan = getenv("ASAN_OPTIONS");
	char **env = environment, text[32];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, work) ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, statements))
		err(2, "socketpair");
	if (library && asprintf(&env[2], "LD_LIBRARY_PATH=%s", library) < 0)
		err(2, "memory");
	if (asan && asprintf(&env[3], "ASAN_OPTIONS=%s", asan) < 0)
		err(2, "memory");
	k.pid = fork();
	if (k.pid < 0)
		err(2, "fork");
	if (!k.pid) {
		fd = fcntl(statements[1], F_DUPFD, 10);
		if (dup2(work[1], 3) < 0 || dup2(fd, 4) < 0)
			err(2, "dup2");
		close(fd);
		if (!geteuid() && (setgid(k.uid) || setuid(k.uid)))
			err(2, "setuid");
		execle(k.net, "iotkeyd-net", NULL, env);
		err(2, "%s", k.net);
	}
	close(work[1]);
	close(statements[1]);
	k.fd[0] = work[0];
	k.fd[1] = statements[0];
	snprintf(text, sizeof(text), "%d\n", k.pid);
	save("pid", text, strlen(text));
}

static int end(void)
{
	int status = 0;

	close(k.fd[0]);
	close(k.fd[1]);
	waitpid(k.pid, &status, 0);
	tell("ended: %s %d", WIFSIGNALED(status) ? "signal" : "status",
	     WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	return status;
}

static void on_signal(int number)
{
	if (number == SIGUSR1)
		replace = 1;
	else
		stop = 1;
}

static void run(void)
{
	struct pollfd fds[2] = { { .events = POLLIN }, { .events = POLLIN } };
	int i;

	while (!stop) {
		start();
		for (i = 0; !stop && i < 2;) {
			fds[0].fd = k.fd[0];
			fds[1].fd = k.fd[1];
			if (replace) {
				replace = 0;
				k.slot[k.current].chain = read_text(at("certificate"));
				break;
			}
			if (poll(fds, 2, -1) < 0)
				continue;
			for (i = 0; i < 2; i++)
				if (fds[i].revents && !serve(k.fd[i]))
					break;
			if (i == 2)
				i = 0;
			else
				break;
		}
		end();
		if (!stop)
			usleep(200000);
	}
}

static void allow(void)
{
	FILE *to = popen(k.allow, "w");

	if (!to || fprintf(to, "%s\n", k.device.ek_sha256) < 0 || pclose(to))
		errx(2, "'%s' failed", k.allow);
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_signal };
	int c;

	while ((c = getopt(argc, argv, "c:f:tk:n:a:u:x:s:d:D:")) != -1) {
		switch (c) {
		case 'c':
			k.ca = read_text(optarg);
			break;
		case 'f':
			k.fingerprint = optarg;
			break;
		case 't':
			k.tofu = true;
			break;
		case 'k':
			k.token = optarg;
			break;
		case 'n':
			k.name = optarg;
			break;
		case 'a':
			k.attest = strtoull(optarg, NULL, 10);
			break;
		case 'u':
			k.uid = (uid_t)strtoul(optarg, NULL, 10);
			break;
		case 'x':
			k.allow = optarg;
			break;
		case 's':
			k.spoil = optarg;
			break;
		case 'd':
			k.kill_before = strtoul(optarg, NULL, 10);
			break;
		case 'D':
			k.kill_after = strtoul(optarg, NULL, 10);
			break;
		default:
			return 2;
		}
	}
	if (argc - optind != 3)
		errx(2, "usage: keeper [option]... NET URL DIRECTORY");
	k.net = argv[optind];
	k.url = argv[optind + 1];
	k.dir = argv[optind + 2];
	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	device_make(&k.device);
	k.made = made_boot("sha256:0,1,2,3,4,5,6,7,8,9,10");
	EVP_PKEY_free(k.made->key);
	k.made->key = k.device.ak.pkey;
	if (k.allow)
		allow();
	run();
	return 0;
}
