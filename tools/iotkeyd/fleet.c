// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The process with the net has two sockets, on each of which it asks and waits: one for what takes
 * the TPM, which the worker does meanwhile, and one for statements, which are done at once.
 */
#include "fleet.h"

#include "../common/file.h"
#include "../common/say.h"
#include "child.h"
#include "files.h"
#include "identity.h"
#include "keep.h"
#include "request.h"
#include "revoke.h"
#include "roots.h"
#include "status.h"
#include "trust.h"

#include <errno.h>
#include <inttypes.h>
#include <iotkey.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CA_FILE	   "ca.pem"
#define TOKEN_MAX  512
#define POLICY_MAX 8192
#define PEM_MAX	   16384
#define REPORT_MAX 4096

#define WORKER_LIMIT (120 * 1000) /* ms */
#define NET_FIRST    1000 /* ms from the end of the process with the net to the next one */
#define NET_LAST     (5 * 60 * 1000)

enum { WORK, STATEMENTS, WORKER }; /* entries for poll(2) */

/* Not an error: the worker is on it */
#define LATER 1

static const struct config *config;
static char ca_text[TRUST_CA_MAX + 1];
static struct request asked, said;

static struct child net = { .socket = { -1, -1 } };
static int64_t net_at = INT64_MAX, net_began, net_wait = NET_FIRST;

/* What the worker does; one thing at a time, as the process with the net waits for it */
static struct {
	struct child worker;
	uint8_t type;
	int64_t until;
	struct root root; /* of REQUEST_ROOT */
} job = { .worker.socket = { -1, -1 }, .until = INT64_MAX };

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/*
 * Whom to believe
 */

static bool ca_is_hash(void)
{
	return !strncmp(config->ca, "sha256:", strlen("sha256:"));
}

static int take_ca(const char *pem)
{
	int err;

	if (strlen(pem) > TRUST_CA_MAX)
		return -EFBIG;
	if (trust_ca() && !strcmp(trust_ca(), pem))
		return 0;
	err = files_write(CA_FILE, pem, strlen(pem));
	if (err)
		return err;
	strcpy(ca_text, pem);
	return trust_set(ca_text);
}

static int read_stored_ca(void)
{
	char *text, *chosen = NULL;
	size_t len;
	int err;

	err = files_read(CA_FILE, TRUST_CA_MAX, &text, &len);
	if (err == -ENOENT)
		return 0;
	if (!err) {
		strcpy(ca_text, text);
		free_secret(text, len);
		err = trust_set(ca_text);
	}
	if (!err && ca_is_hash())
		err = trust_choose(ca_text, strlen(ca_text), config->ca, &chosen);
	free(chosen);
	return err;
}

/* It may be renewed, with the same key; another one is another fleet */
static int read_configured_ca(void)
{
	char *text;
	size_t len;
	int err;

	if (!config->ca[0] || ca_is_hash())
		return 0;
	err = read_file(config->ca, TRUST_CA_MAX, &text, &len);
	if (err)
		return say_file_error(err, "cannot read '%s'", config->ca), err;
	err = trust_ca() && !trust_same_key(text) ? -EACCES : take_ca(text);
	free_secret(text, len);
	return err;
}

static int open_trust(void)
{
	int err;

	err = read_stored_ca();
	if (!err)
		err = read_configured_ca();
	if (err == -EACCES) {
		say("'ca' is another fleet's than that of this device: see 'another fleet' in iotkeyd(8)");
		return EXIT_FAILED;
	}
	return err ? say_file_error(err, "cannot read the CA") : EXIT_OK;
}

/*
 * What is asked.  Each puts its answer into .said, or returns -errno, or LATER.
 */

static void add_key(int32_t key)
{
	char text[32];

	snprintf(text, sizeof(text), "iotkey:%d", key);
	request_add_text(&said, key ? text : NULL);
}

/* While there is no certificate, it is what the device has to show */
static void add_token(bool enrolled)
{
	char *text = NULL;
	size_t len = 0;
	int err;

	if (!enrolled && config->token_file[0]) {
		err = read_file(config->token_file, TOKEN_MAX, &text, &len);
		if (err)
			say_file_error(err, "cannot read '%s'", config->token_file);
		else
			text[strcspn(text, "\r\n")] = '\0';
	}
	request_add_text(&said, text);
	free_secret(text, len);
}

static int handle_hello(void)
{
	static char lines[ROOTS_MAX * 64];
	char *current = identity_certificate(IDENTITY_CURRENT);
	char *next = identity_certificate(IDENTITY_NEXT);

	roots_text(lines, sizeof(lines));
	request_add_text(&said, config->registrar);
	request_add_text(&said, trust_ca());
	request_add_text(&said, ca_is_hash() ? config->ca : NULL);
	request_add_u64(&said, config->first_use);
	add_token(current);
	request_add_text(&said, config->name);
	request_add_text(&said, identity_device());
	request_add_text(&said, current);
	add_key(current ? identity_key(IDENTITY_CURRENT) : 0);
	request_add_text(&said, next);
	add_key(next ? identity_key(IDENTITY_NEXT) : 0);
	request_add_u64(&said, revoke_sequence());
	request_add_u64(&said, config->attest);
	request_add_u64(&said, revoke_device());
	request_add_text(&said, lines);
	free(current);
	free(next);
	return 0;
}

static int handle_trust(void)
{
	char *chosen = NULL;
	const uint8_t *pem;
	size_t len;
	int err;

	if (request_field(&asked, 0, &pem, &len))
		return -EBADMSG;
	if (!trust_ca() && !ca_is_hash() && !config->first_use)
		return -EACCES;
	err = trust_choose((const char *)pem, len, ca_is_hash() ? config->ca : NULL,
			   &chosen);
	if (!err)
		err = trust_ca() && !trust_same_key(chosen) ? -EACCES : take_ca(chosen);
	free(chosen);
	return err;
}

static int handle_device(void)
{
	char id[IDENTITY_DEVICE + 1];
	int err;

	err = request_text(&asked, 0, id, sizeof(id));
	return err ? err : identity_set_device(id);
}

static int handle_certificate(void)
{
	const uint8_t *pem;
	size_t len;

	if (request_field(&asked, 0, &pem, &len))
		return -EBADMSG;
	return identity_set_certificate((const char *)pem, len);
}

static int handle_promote(void)
{
	int err = identity_promote();

	if (!err)
		say("the certificate is accepted, and in use from now on");
	return err;
}

static int handle_statement(int file)
{
	bool before = revoke_device();
	uint8_t *data;
	size_t len;
	int err;

	if (file < 0)
		return -EBADMSG;
	err = request_read_file(file, IOTKEY_STATEMENT_MAX, &data, &len);
	if (err)
		return err;
	err = revoke_statement(data, len);
	free(data);
	if (!err)
		say("statement %" PRIu64 "%s", revoke_sequence(),
		    revoke_device() && !before ? ": this device is revoked" : "");
	request_add_u64(&said, revoke_sequence());
	return err;
}

static int handle_report(void)
{
	char text[REPORT_MAX + 1];
	int err;

	err = request_text(&asked, 0, text, sizeof(text));
	if (!err)
		status_write("report", text);
	return err;
}

/*
 * What the worker is asked
 */

static void begin_job(uint8_t type)
{
	request_begin(&said, type);
	request_add_u64(&said, config->parent);
	request_add_u64(&said, (uint64_t)keep_ring());
}

static void pass_on(unsigned int i)
{
	const uint8_t *data = NULL;
	size_t len = 0;

	request_field(&asked, i, &data, &len);
	request_add(&said, data, len);
}

static int start_job(uint8_t type)
{
	int err;

	err = child_worker(&job.worker);
	if (!err)
		err = request_send(job.worker.socket[0], &said, NULL, 0);
	request_wipe(&said);
	if (err) {
		child_kill(&job.worker);
		return -EAGAIN;
	}
	job.type = type;
	job.until = now_ms() + WORKER_LIMIT;
	return LATER;
}

static int ask_worker(unsigned int fields)
{
	uint8_t type = request_type(&asked);
	unsigned int i;

	if (asked.count != fields)
		return -EBADMSG;
	begin_job(type);
	for (i = 0; i < fields; i++)
		pass_on(i);
	return start_job(type);
}

static int handle_identity(void)
{
	return ask_worker(0);
}

static int handle_nonce(void)
{
	return ask_worker(1); /* or a credential */
}

static int handle_key(void)
{
	int err;

	if (asked.count != 1)
		return -EBADMSG;
	err = identity_prepare();
	if (err)
		return err;
	begin_job(REQUEST_KEY);
	pass_on(0);
	request_add_text(&said, identity_key_name(IDENTITY_NEXT));
	return start_job(REQUEST_KEY);
}

static int handle_evidence(void)
{
	if (asked.count != 2)
		return -EBADMSG;
	begin_job(REQUEST_EVIDENCE);
	pass_on(0);
	pass_on(1);
	request_add_text(&said, config->pcrs);
	return start_job(REQUEST_EVIDENCE);
}

/* May this version come?  @old: the root that it takes the place of; 0, none.  0 or -errno. */
static int admit_root(const struct root *root, int32_t *old)
{
	const struct root *known = roots_find(root->name);
	int32_t key;
	bool live = !keep_find(root->name, &key);

	*old = 0;
	if (!strncmp(root->name, KEEP_OWN, strlen(KEEP_OWN)))
		return -EEXIST;
	if (!known)
		return live ? -EEXIST : 0;
	if (known->state == ROOT_REVOKED) {
		if (root->version <= known->version)
			return -EKEYREVOKED;
		return live ? -EEXIST : 0;
	}
	if (known->group != root->group)
		return -EEXIST;
	/* one that never came is none */
	if (known->state == ROOT_COMING && !live)
		return 0;
	if (root->version < known->version)
		return -EKEYREVOKED;
	if (root->version == known->version)
		return 0;
	/* a newer one: only a statement makes room for it */
	if (known->state != ROOT_OLD && live)
		return -EAGAIN;
	*old = live ? key : 0;
	return 0;
}

static int read_root(struct root *root)
{
	uint64_t version, group;

	memset(root, 0, sizeof(*root));
	if (asked.count != 5 || request_text(&asked, 0, root->name, sizeof(root->name)) ||
	    !iotkey_name_ok(root->name) || request_u64(&asked, 1, &version) ||
	    version > UINT32_MAX || request_u64(&asked, 4, &group) || group > 1)
		return -EBADMSG;
	root->version = (uint32_t)version;
	root->group = group;
	return 0;
}

static int handle_root(void)
{
	const struct root *known;
	const uint8_t *pem, *policy;
	size_t pem_len, policy_len;
	int32_t old, key;
	bool same, here;
	int err;

	err = read_root(&job.root);
	if (!err &&
	    (request_field(&asked, 2, &pem, &pem_len) || pem_len > PEM_MAX ||
	     request_field(&asked, 3, &policy, &policy_len) || policy_len > POLICY_MAX))
		err = -EBADMSG;
	if (!err)
		err = admit_root(&job.root, &old);
	if (err)
		return err;
	known = roots_find(job.root.name);
	same = known && known->version == job.root.version &&
	       known->state != ROOT_REVOKED;
	here = same && !keep_find(job.root.name, &key);
	if (!here && !pem_len)
		return -ENOENT; /* approvals for a root that is not here */
	/* from here on, a key of this name in the kernel is the fleet's */
	if (!old && !(same && known->state != ROOT_COMING)) {
		job.root.state = ROOT_COMING;
		if (known)
			memcpy(job.root.id, known->id, sizeof(job.root.id));
		err = roots_set(&job.root);
		if (err)
			return err;
	}
	begin_job(REQUEST_ROOT);
	request_add_text(&said, job.root.name);
	request_add(&said, pem, here ? 0 : pem_len);
	request_add(&said, policy, policy_len);
	request_add_u64(&said, (uint64_t)old);
	return start_job(REQUEST_ROOT);
}

/*
 * What the worker answered
 */

static int refuse_root(int err)
{
	keep_revoke(job.root.name);
	keep_forget(job.root.name);
	return err;
}

static int finish_root(int err)
{
	const struct root *known = roots_find(job.root.name);
	static const uint8_t none[IOTKEY_ID_SIZE];
	struct iotkey_status status;
	struct root root = job.root;
	int32_t key;

	/* EEXIST: it was loaded before, and the agent ended before it could note that */
	if (err && err != -EEXIST)
		return err;
	if (keep_find(root.name, &key) || iotkey_status_get(key, &status))
		return err ? err : -EAGAIN;
	/* a statement may have come meanwhile; and no version comes back as another one */
	if (revoke_device() ||
	    (known && known->state == ROOT_REVOKED && known->version >= root.version))
		return refuse_root(-EKEYREVOKED);
	/* no version comes back as another one */
	if (known && (known->version != root.version || known->state == ROOT_COMING) &&
	    memcmp(known->id, none, sizeof(none)) &&
	    !memcmp(known->id, status.id, sizeof(status.id)))
		return refuse_root(-EKEYREJECTED);
	err = keep_save(root.name);
	if (err)
		return err;
	root.state = ROOT_HERE;
	if (known && known->state == ROOT_OLD && known->version == root.version)
		root.state = ROOT_OLD;
	memcpy(root.id, status.id, sizeof(root.id));
	err = roots_set(&root);
	if (!err)
		say("root '%s', version %u, is here", root.name, root.version);
	return err;
}

/* The answer is rewritten into .asked: the key's number as a name */
static int finish_key(void)
{
	char text[32];
	const uint8_t *data;
	uint64_t serial;
	unsigned int i;
	size_t len;
	int err;

	if (said.count != 4 || request_u64(&said, 0, &serial))
		return -EBADMSG;
	err = keep_save(identity_key_name(IDENTITY_NEXT));
	if (!err && !request_field(&said, 2, &data, &len) && len)
		err = keep_save(KEEP_AK);
	if (err)
		return err;
	snprintf(text, sizeof(text), "iotkey:%" PRIu64, serial);
	request_begin(&asked, request_type(&said));
	request_add_text(&asked, text);
	for (i = 1; i < said.count; i++)
		if (!request_field(&said, i, &data, &len))
			request_add(&asked, data, len);
	return 0;
}

static void end_net(const char *why);

static void send_work(const struct request *answer, const int *fds, unsigned int nfds)
{
	/* it may have ended meanwhile */
	if (net.socket[0] >= 0 && request_send(net.socket[0], answer, fds, nfds))
		end_net("does not listen");
}

static void send_error(int err)
{
	request_error(&said, err, NULL);
	send_work(&said, NULL, 0);
}

static void finish_job(int err, const int *files)
{
	const struct request *answer = &said;

	job.until = INT64_MAX;
	if (!err)
		err = request_answered(&said, job.type);
	if (revoke_device()) {
		revoke_all();
		err = -EKEYREVOKED;
	}
	if (job.type == REQUEST_ROOT) {
		err = finish_root(err);
		request_begin(&said, REQUEST_ROOT | REQUEST_ANSWER);
	} else if (!err && job.type == REQUEST_IDENTITY) {
		err = keep_save(KEEP_AK);
	} else if (!err && job.type == REQUEST_KEY) {
		err = finish_key();
		answer = &asked;
	}
	if (err)
		send_error(err);
	else
		send_work(answer, files, files[0] >= 0 && files[1] >= 0 ? 2 : 0);
	request_wipe(&said);
	request_wipe(&asked);
	fleet_tell();
}

static void worker_ready(void)
{
	int files[REQUEST_FILES_MAX], i, err;

	err = request_receive(job.worker.socket[0], &said, files, REQUEST_FILES_MAX);
	if (err == -EAGAIN)
		return;
	/* it has nothing more to do, and is waited for in fleet_ended() */
	child_close(&job.worker);
	finish_job(err == -EPIPE ? -EAGAIN : err, files);
	for (i = 0; i < REQUEST_FILES_MAX; i++)
		if (files[i] >= 0)
			close(files[i]);
}

/*
 * The process with the net
 */

static void net_later(void)
{
	int64_t now = now_ms();

	if (now - net_began > NET_LAST)
		net_wait = NET_FIRST;
	net_at = now + net_wait;
	net_wait = net_wait * 2 > NET_LAST ? NET_LAST : net_wait * 2;
}

static void end_net(const char *why)
{
	say("the process with the net %s", why);
	child_kill(&net);
	net_later();
}

static void start_net(void)
{
	net_at = INT64_MAX;
	net_began = now_ms();
	if (child_net(&net, config))
		net_later();
}

static const struct {
	uint8_t type;
	bool always; /* even if the device is revoked */
	int (*handle)(void);
} handlers[] = {
	{ REQUEST_HELLO, true, handle_hello },
	{ REQUEST_TRUST, false, handle_trust },
	{ REQUEST_IDENTITY, false, handle_identity },
	{ REQUEST_ACTIVATE, false, handle_nonce },
	{ REQUEST_DEVICE, false, handle_device },
	{ REQUEST_KEY, false, handle_key },
	{ REQUEST_CERTIFICATE, false, handle_certificate },
	{ REQUEST_PROMOTE, false, handle_promote },
	{ REQUEST_EVIDENCE, false, handle_evidence },
	{ REQUEST_PARENT, false, handle_nonce },
	{ REQUEST_ROOT, false, handle_root },
	{ REQUEST_REPORT, true, handle_report },
};

static int handle(int which, int file)
{
	uint8_t type = request_type(&asked);
	size_t i;

	request_begin(&said, type | REQUEST_ANSWER);
	if (which == STATEMENTS && type == REQUEST_STATEMENT)
		return handle_statement(file);
	if (which == STATEMENTS && type != REQUEST_HELLO)
		return -EPROTO;
	for (i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++)
		if (handlers[i].type == type)
			return revoke_device() && !handlers[i].always
				       ? -EKEYREVOKED
				       : handlers[i].handle();
	return -EPROTO;
}

static void net_ready(int which)
{
	int file, err;

	err = request_receive(net.socket[which], &asked, &file, 1);
	if (err == -EAGAIN)
		return;
	if (err) {
		end_net(err == -EPIPE ? "has ended" : "says what nobody understands");
		return;
	}
	err = handle(which, file);
	if (file >= 0)
		close(file);
	if (err == LATER)
		return;
	if (err)
		request_error(&said, err, NULL);
	if (request_send(net.socket[which], &said, NULL, 0))
		end_net("does not listen");
	request_wipe(&said);
	request_wipe(&asked);
	fleet_tell();
}

/*
 * For the loop of the keeper
 */

int fleet_open(const struct config *settings)
{
	int err;

	config = settings;
	if (!config->registrar[0])
		return EXIT_OK;
	err = files_open(config->state);
	if (!err)
		err = revoke_open();
	if (!err)
		err = roots_open();
	if (!err)
		err = open_trust();
	if (!err && revoke_device())
		say("this device is revoked");
	return err;
}

int fleet_begin(void)
{
	int err;

	if (!config->registrar[0])
		return EXIT_OK;
	err = identity_open();
	if (err)
		return err;
	if (revoke_device())
		revoke_all();
	else
		identity_begin();
	start_net();
	return EXIT_OK;
}

void fleet_poll(struct pollfd *fds)
{
	bool busy = job.until != INT64_MAX;

	fds[WORK] = (struct pollfd){ .fd = busy ? -1 : net.socket[0], .events = POLLIN };
	fds[STATEMENTS] = (struct pollfd){ .fd = net.socket[1], .events = POLLIN };
	fds[WORKER] = (struct pollfd){ .fd = job.worker.socket[0], .events = POLLIN };
}

void fleet_ready(const struct pollfd *fds)
{
	/* statements first: what they revoke nobody gets any more */
	if (fds[STATEMENTS].revents && net.socket[1] >= 0)
		net_ready(STATEMENTS);
	if (fds[WORKER].revents && job.worker.socket[0] >= 0)
		worker_ready();
	if (fds[WORK].revents && net.socket[0] >= 0)
		net_ready(WORK);
}

int64_t fleet_at(void)
{
	return net_at < job.until ? net_at : job.until;
}

void fleet_tick(int64_t now)
{
	static const int none[] = { -1, -1 };

	if (now >= job.until) {
		say("the TPM takes too long");
		child_kill(&job.worker);
		finish_job(-EAGAIN, none);
	}
	if (now >= net_at)
		start_net();
}

void fleet_ended(void)
{
	pid_t pid;

	/* a worker that has answered may have a successor already */
	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {
		if (pid == job.worker.pid) {
			job.worker.pid = 0;
			/* its answer may still be there */
			if (job.worker.socket[0] >= 0)
				worker_ready();
		} else if (pid == net.pid) {
			net.pid = 0;
			end_net("has ended");
		}
	}
}

void fleet_reload(void)
{
	child_kill(&net);
	net_wait = NET_FIRST;
	if (config->registrar[0])
		start_net();
}

void fleet_tell(void)
{
	struct keep_counts counts = keep_counts();
	char text[1024];

	if (!config->registrar[0]) {
		snprintf(text, sizeof(text),
			 "{\"keys\":%u,\"not_loaded\":%u,\"not_saved\":%u}\n",
			 counts.kept, counts.missing, counts.unsaved);
	} else {
		snprintf(text, sizeof(text),
			 "{\"keys\":%u,\"not_loaded\":%u,\"not_saved\":%u,"
			 "\"registrar\":\"%s\",\"device\":\"%s\",\"enrolled\":%s,"
			 "\"revoked\":%s,\"statement\":%" PRIu64 "}\n",
			 counts.kept, counts.missing, counts.unsaved, config->registrar,
			 identity_device(),
			 identity_key_name(IDENTITY_CURRENT) ? "true" : "false",
			 revoke_device() ? "true" : "false", revoke_sequence());
	}
	status_write("status", text);
}

void fleet_stop(void)
{
	child_kill(&net);
	child_kill(&job.worker);
}
