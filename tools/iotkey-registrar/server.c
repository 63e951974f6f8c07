// SPDX-License-Identifier: GPL-2.0-or-later
#include "server.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/util.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../common/say.h"
#include "routes.h"
#include "shared.h"
#include "statement.h"
#include "worker.h"

#define WORKERS_MAX  256
#define BACKLOG	     1024
#define CANNOT_START 78 /* exit status of a worker: it lacks what it needs */

/* One of the places that workers take; each has sockets of its own (SO_REUSEPORT) */
struct slot {
	int listeners[HTTP_PORTS]; /* -1: none */
	pid_t pid;		   /* 0: none */
	time_t started;
};

static struct slot slots[WORKERS_MAX];
static unsigned int slot_count;
static struct config config;
static const char *config_path;
static struct shared *shared;

/* ---- a worker ---- */

static struct event *drain_watch;

static void on_watch(evutil_socket_t fd, short what, void *arg)
{
	static int64_t begun;
	struct worker *worker = arg;
	struct timespec now;

	(void)fd;
	(void)what;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (!begun)
		begun = now.tv_sec;
	if (!http_connections(worker) ||
	    now.tv_sec - begun >= (int64_t)worker->config->drain_seconds)
		event_base_loopbreak(worker->base);
}

static void on_term(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval often = { .tv_usec = 20000 };
	struct worker *worker = arg;

	(void)fd;
	(void)what;
	if (drain_watch)
		return;
	http_drain(worker);
	drain_watch = event_new(worker->base, -1, EV_PERSIST, on_watch, worker);
	if (!drain_watch)
		_exit(EXIT_FAILED);
	event_add(drain_watch, &often);
}

static int run_worker(const struct slot *slot, unsigned int number,
		      struct shared_place *place)
{
	struct worker worker;
	struct event *term = NULL;
	int status = CANNOT_START;

	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a file too long is an error of writing */
	if (!worker_open(&worker, &config)) {
		worker.number = number;
		worker.shared = shared;
		worker.place = place;
		worker.base = event_base_new();
		worker.http = http_new();
		if (worker.base)
			term = evsignal_new(worker.base, SIGTERM, on_term, &worker);
		if (worker.http && term && !event_add(term, NULL)) {
			routes_add(&worker);
			if (!statement_start(&worker) &&
			    !http_start(&worker, slot->listeners)) {
				atomic_store(&shared->served, 1);
				event_base_dispatch(worker.base);
				status = EXIT_OK;
			}
		}
	}
	http_stop(&worker);
	statement_stop(&worker);
	if (term)
		event_free(term);
	if (drain_watch)
		event_free(drain_watch);
	if (worker.base)
		event_base_free(worker.base);
	worker_close(&worker);
	return status;
}

static bool start_worker(unsigned int number)
{
	struct slot *slot = &slots[number];
	struct shared_place *place = shared_take(shared);
	pid_t parent = getpid(), pid;
	sigset_t none;

	pid = fork();
	if (pid < 0) {
		say_file_error(errno, "cannot start a worker");
		return false;
	}
	if (!pid) {
		signal(SIGTERM, SIG_DFL);
		signal(SIGINT, SIG_IGN); /* the parent's: ^C is for the whole group */
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (getppid() != parent)
			_exit(EXIT_FAILED);
		exit(run_worker(slot, number, place));
	}
	place->pid = pid;
	slot->pid = pid;
	slot->started = time(NULL);
	return true;
}

/* ---- the parent ---- */

static int open_socket(const char *address)
{
	struct sockaddr_storage where;
	int size = sizeof(where), on = 1;
	int fd;

	if (evutil_parse_sockaddr_port(address, (struct sockaddr *)&where, &size)) {
		say("'%s' is not ADDRESS:PORT", address);
		return -1;
	}
	fd = socket(where.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) ||
	    bind(fd, (struct sockaddr *)&where, (socklen_t)size) || listen(fd, BACKLOG)) {
		say_file_error(errno, "cannot listen on %s", address);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

static bool open_slots(void)
{
	const char *const addresses[HTTP_PORTS] = {
		[HTTP_TLS] = config.listen,
		[HTTP_PLAIN] = config.http_listen,
		[HTTP_METRICS] = config.metrics_listen,
	};
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned int i, port;

	slot_count = config.workers	  ? config.workers
		     : cpus < 1		  ? 1
		     : cpus > WORKERS_MAX ? WORKERS_MAX
					  : (unsigned int)cpus;
	for (i = 0; i < slot_count; i++) {
		for (port = 0; port < HTTP_PORTS; port++) {
			slots[i].listeners[port] = -1;
			if (!addresses[port])
				continue;
			slots[i].listeners[port] = open_socket(addresses[port]);
			if (slots[i].listeners[port] < 0)
				return false;
		}
	}
	return true;
}

static int read_config(struct config *into)
{
	int err = config_read(into, config_path);

	if (err)
		config_free(into);
	return err;
}

/* In a process of its own: tokens and databases do not survive a fork() */
static bool try_config(void)
{
	struct worker worker;
	int status = 0;
	pid_t pid = fork();

	if (!pid) {
		status = worker_open(&worker, &config) ? EXIT_FAILED : EXIT_OK;
		worker_close(&worker);
		exit(status);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	       WEXITSTATUS(status) == EXIT_OK;
}

static void reload(void)
{
	struct config old = config;
	unsigned int i;
	pid_t before;

	if (read_config(&config)) {
		config = old;
		say("the configuration stays as it was");
		return;
	}
	if (!try_config()) {
		config_free(&config);
		config = old;
		say("the configuration stays as it was");
		return;
	}
	config_free(&old);
	for (i = 0; i < slot_count; i++) {
		before = slots[i].pid;
		if (start_worker(i) && before)
			kill(before, SIGTERM);
	}
	say("the configuration was read anew");
}

/* @pid ended; whether to go on */
static bool ended(pid_t pid, int status)
{
	unsigned int i;

	shared_leave(shared, pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != EXIT_OK)
		shared_count(shared, COUNT_WORKERS_LOST, 1);
	for (i = 0; i < slot_count && slots[i].pid != pid; i++)
		;
	if (i == slot_count)
		return true; /* one before a reload */
	slots[i].pid = 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == CANNOT_START) {
		say("worker %u cannot start", i);
		/* what has worked may work again: the store's server is down, perhaps */
		if (!atomic_load(&shared->served))
			return false;
	} else if (WIFSIGNALED(status))
		say("worker %u was ended by signal %d", i, WTERMSIG(status));
	else
		say("worker %u ended with status %d", i, WEXITSTATUS(status));
	/* not faster than it can be watched */
	if (time(NULL) - slots[i].started < 1)
		usleep(500000);
	return start_worker(i);
}

static int supervise(const sigset_t *signals)
{
	int number, status, code = EXIT_OK;
	bool stopping = false;
	unsigned int i;
	pid_t pid;

	for (;;) {
		while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
			if (stopping || ended(pid, status))
				continue;
			code = EXIT_FAILED;
			stopping = true;
			for (i = 0; i < slot_count; i++)
				if (slots[i].pid)
					kill(slots[i].pid, SIGTERM);
		}
		if (pid < 0 && stopping)
			return code;
		if (sigwait(signals, &number))
			return EXIT_FAILED;
		if (number == SIGHUP && !stopping)
			reload();
		if (number != SIGTERM && number != SIGINT)
			continue;
		stopping = true;
		for (i = 0; i < slot_count; i++)
			if (slots[i].pid)
				kill(slots[i].pid, SIGTERM);
	}
}

static void on_signal(int number)
{
	(void)number;
}

int server_run(const char *path)
{
	struct rlimit files;
	sigset_t signals;
	unsigned int i;
	bool ok;

	config_path = path;
	if (read_config(&config))
		return EXIT_FAILED;
	shared = shared_open();
	if (!shared) {
		say_file_error(errno, "no memory to share");
		return EXIT_FAILED;
	}
	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	sigemptyset(&signals);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGCHLD);
	/* SIGCHLD is ignored, and so not waited for, unless there is a handler */
	signal(SIGCHLD, on_signal);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	ok = open_slots();
	for (i = 0; ok && i < slot_count; i++)
		ok = start_worker(i);
	if (ok)
		say("%u workers on %s", slot_count, config.listen);
	else
		raise(SIGTERM);
	i = (unsigned int)supervise(&signals);
	config_free(&config);
	return ok ? (int)i : EXIT_FAILED;
}

int server_check(const char *path)
{
	bool ok;

	config_path = path;
	if (read_config(&config))
		return EXIT_FAILED;
	ok = try_config();
	config_free(&config);
	if (ok)
		puts("ok");
	return ok ? EXIT_OK : EXIT_FAILED;
}
