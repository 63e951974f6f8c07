// SPDX-License-Identifier: GPL-2.0-or-later
#include "iotkeyctl.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void print_line(const struct iotkey_notice *notice)
{
	time_t t = (time_t)(notice->time / 1000000000);
	const struct iotkey_status *key = &notice->key;
	char when[32] = "-";
	struct tm tm;

	if (notice->time && localtime_r(&t, &tm))
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &tm);
	printf("%s  %-9s  %s (%d)", when, iotkey_event_name(notice->event), key->name,
	       key->serial);
	if (!(key->flags & IOTKEY_FLAG_ROOT))
		printf("  v%u", key->version);
	if (notice->error)
		printf("  %s", iotkey_strerror(notice->error));
	putchar('\n');
}

static int print_object(const struct iotkey_notice *notice)
{
	return print_json(
		json_pack("{s:s, s:o, s:I, s:o}", "event",
			  iotkey_event_name(notice->event), "error",
			  notice->error ? json_integer(notice->error) : json_null(),
			  "time_ns", (json_int_t)notice->time, "key",
			  status_json(&notice->key)),
		true);
}

static int print_event(const struct context *ctx, const struct iotkey_notice *notice)
{
	int err = EXIT_OK;

	if (ctx->json)
		err = print_object(notice);
	else
		print_line(notice);
	if (!err && fflush(stdout))
		err = say_file_error(errno, "cannot write to standard output");
	return err;
}

/* Until @count events were printed, 0 for ever */
static int watch(const struct context *ctx, struct iotkey_events *events,
		 unsigned long count)
{
	struct pollfd ready = { .fd = iotkey_events_fd(events), .events = POLLIN };
	struct iotkey_notice notice;
	unsigned long n = 0;
	int err;

	while (!count || n < count) {
		err = iotkey_events_next(events, &notice);
		if (err == 1) {
			err = print_event(ctx, &notice);
			if (err)
				return err;
			n++;
		} else if (err == -ENOBUFS) {
			say("%s", iotkey_strerror(err));
		} else if (err) {
			return say_key_error(err, "cannot read events");
		} else if (poll(&ready, 1, -1) < 0 && errno != EINTR) {
			return say_file_error(errno, "cannot wait for events");
		}
	}
	return EXIT_OK;
}

static unsigned long count_value(struct context *ctx, const char *text)
{
	unsigned long n;
	char *end;

	errno = 0;
	n = strtoul(text, &end, 10);
	if (errno || *end || *text < '0' || *text > '9' || !n)
		usage_error(ctx, "--count '%s': it must be a number from 1", text);
	return n;
}

int cmd_monitor(struct context *ctx, int argc, char **argv)
{
	static const struct option options[] = {
		{ "count", required_argument, NULL, OPT_COUNT }, GLOBAL_OPTIONS
	};
	struct iotkey_events *events;
	unsigned long count = 0;
	int err;

	while (next_option(ctx, argc, argv, "", options, NULL) != -1)
		count = count_value(ctx, optarg);
	operands(ctx, argc, argv, 0, 0);
	err = iotkey_events_open(&events);
	if (err == -EPERM) {
		say("cannot subscribe to events: they tell of every key and need CAP_NET_ADMIN; run it as root");
		return EXIT_REFUSED;
	}
	if (err)
		return say_key_error(err, "cannot subscribe to events");
	err = watch(ctx, events, count);
	iotkey_events_close(events);
	return err;
}
