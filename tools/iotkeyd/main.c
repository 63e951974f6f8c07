// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * iotkeyd: the agent of a device.  It keeps the keys of the keyring "iotkey".
 */
#include "../common/say.h"
#include "config.h"
#include "fleet.h"
#include "keep.h"
#include "notify.h"
#include "sandbox.h"
#include "status.h"
#include "store.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SETTLE	    500	 /* ms from an event to a look over all keys */
#define RETRY_FIRST 5000 /* ms after a failure, then twice as long each time, */
#define RETRY_LAST  (5 * 60 * 1000) /* up to this */
#define LOOK_EVERY  (60 * 60 * 1000)

struct keeper {
	struct config config;
	const char *path; /* of the configuration */
	int signals;
	int64_t look_at, checkpoint_at, watchdog_at; /* ms of boot time */
	int64_t retry;
	int watchdog; /* ms, -1 none */
	bool stop;
};

/* Boot time, so that what came due during suspend is done on resume */
static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void sooner(int64_t *at, int64_t then)
{
	if (then < *at)
		*at = then;
}

static void tell_status(const char *state)
{
	struct keep_counts counts = keep_counts();

	notify("%sSTATUS=%u keys kept, %u not loaded, %u not saved", state, counts.kept,
	       counts.missing, counts.unsaved);
	fleet_tell();
}

static void look(struct keeper *keeper, enum keep_depth depth)
{
	bool again = keep_look(depth);
	int64_t now = now_ms();

	if (!again) {
		keeper->retry = RETRY_FIRST;
		keeper->look_at = now + LOOK_EVERY;
		return;
	}
	keeper->look_at = now + keeper->retry;
	keeper->retry = keeper->retry * 2 > RETRY_LAST ? RETRY_LAST : keeper->retry * 2;
}

/* A configuration that is wrong changes nothing */
static void reload(struct keeper *keeper)
{
	struct config config, *now = &keeper->config;

	notify_reloading();
	if (config_read(&config, keeper->path) == EXIT_OK) {
		if (strcmp(config.state, now->state) || strcmp(config.run, now->run) ||
		    config.has_group != now->has_group || config.group != now->group ||
		    !config.registrar[0] != !now->registrar[0] ||
		    config.net_uid != now->net_uid || config.net_gid != now->net_gid)
			say("'state', 'run', 'group', 'net-user', and whether there is a 'registrar', change when the agent is started again");
		else
			*now = config;
		sooner(&keeper->checkpoint_at,
		       now_ms() + (int64_t)now->checkpoint * 1000);
		fleet_reload();
	}
	keeper->retry = RETRY_FIRST;
	look(keeper, KEEP_NEEDED);
	tell_status("READY=1\n");
}

static void take_signal(struct keeper *keeper)
{
	struct signalfd_siginfo info;

	if (read(keeper->signals, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGHUP)
		reload(keeper);
	else if (info.ssi_signo == SIGCHLD)
		fleet_ended();
	else
		keeper->stop = true;
}

static void tick(struct keeper *keeper)
{
	int64_t now = now_ms();

	if (keeper->watchdog >= 0 && now >= keeper->watchdog_at) {
		notify("WATCHDOG=1");
		keeper->watchdog_at = now + keeper->watchdog;
	}
	if (now >= keeper->checkpoint_at) {
		look(keeper, KEEP_CHECKPOINT);
		keeper->checkpoint_at =
			now_ms() + (int64_t)keeper->config.checkpoint * 1000;
		tell_status("");
	} else if (now >= keeper->look_at) {
		look(keeper, KEEP_NEEDED);
		tell_status("");
	}
	fleet_tick(now_ms());
}

static int wait_ms(const struct keeper *keeper)
{
	int64_t at = keeper->look_at, left;

	sooner(&at, keeper->checkpoint_at);
	sooner(&at, fleet_at());
	if (keeper->watchdog >= 0)
		sooner(&at, keeper->watchdog_at);
	left = at - now_ms();
	return left < 0 ? 0 : (int)left;
}

static int run(struct keeper *keeper)
{
	struct pollfd fds[2 + FLEET_FDS];
	int64_t now;
	int err;

	look(keeper, KEEP_NEEDED);
	err = fleet_begin();
	if (err)
		return err;
	now = now_ms();
	keeper->watchdog_at = now;
	keeper->checkpoint_at = now + (int64_t)keeper->config.checkpoint * 1000;
	tell_status("READY=1\n");
	while (!keeper->stop) {
		fds[0] = (struct pollfd){ .fd = keeper->signals, .events = POLLIN };
		fds[1] = (struct pollfd){ .fd = keep_fd(), .events = POLLIN };
		fleet_poll(fds + 2);
		if (poll(fds, 2 + FLEET_FDS, wait_ms(keeper)) < 0) {
			if (errno == EINTR)
				continue;
			return say_file_error(-errno, "cannot wait");
		}
		fleet_ready(fds + 2);
		if (fds[1].revents && keep_events())
			sooner(&keeper->look_at, now_ms() + SETTLE);
		if (fds[0].revents)
			take_signal(keeper);
		tick(keeper);
	}
	notify("STOPPING=1");
	fleet_stop();
	keep_look(KEEP_ALL);
	return EXIT_OK;
}

static int start(struct keeper *keeper)
{
	sigset_t mask;
	int err;

	umask(077);
	sigemptyset(&mask);
	sigaddset(&mask, SIGHUP);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGCHLD);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	keeper->signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	if (keeper->signals < 0)
		return say_file_error(-errno, "cannot wait for signals");
	err = iotkey_present();
	if (err)
		return say_key_error(err, "cannot begin");
	err = store_open(keeper->config.state);
	if (!err)
		err = fleet_open(&keeper->config);
	if (!err)
		status_open(&keeper->config);
	if (!err)
		err = sandbox_keeper(&keeper->config);
	if (!err)
		err = keep_open(&keeper->config);
	if (err)
		return err;
	keeper->watchdog = notify_watchdog();
	keeper->retry = RETRY_FIRST;
	return run(keeper);
}

static int usage(FILE *to, int code)
{
	fprintf(to, "usage: iotkeyd [--config FILE] [--check]\n"
		    "       iotkeyd [--config FILE] status [--json]\n"
		    "       iotkeyd --help | --version\n");
	return code;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "check", no_argument, NULL, 'k' },
		{ "config", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ "json", no_argument, NULL, 'j' },
		{ "version", no_argument, NULL, 'v' },
		{ NULL, 0, NULL, 0 },
	};
	struct keeper keeper = { .path = CONFIG_FILE };
	bool check = false, json = false, status;
	int c, err;

	while ((c = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		switch (c) {
		case 'k':
			check = true;
			break;
		case 'c':
			keeper.path = optarg;
			break;
		case 'h':
			return usage(stdout, EXIT_OK);
		case 'j':
			json = true;
			break;
		case 'v':
			printf("iotkeyd %s\n", IOTKEY_VERSION_STRING);
			return EXIT_OK;
		default:
			return usage(stderr, EXIT_USAGE);
		}
	}
	status = optind + 1 == argc && !strcmp(argv[optind], "status") && !check;
	if ((optind < argc || json) && !status)
		return usage(stderr, EXIT_USAGE);
	err = config_read(&keeper.config, keeper.path);
	if (err || check)
		return err;
	if (status)
		return status_print(&keeper.config, json);
	return start(&keeper);
}
