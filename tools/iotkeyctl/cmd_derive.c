// SPDX-License-Identifier: GPL-2.0-or-later
#include "iotkeyctl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_DEFAULT 32
#define SIZE_MIN     16
#define SIZE_LIMIT   64

enum {
	OPT_SIZE = OPT_COUNT + 1,
	OPT_EPOCH,
	OPT_PINNED,
};

/* What is asked for. */
struct wish {
	const char *name, *keyring;
	unsigned int size;
	bool pinned;   /* to the present epoch, or to */
	int64_t epoch; /* this one, if it is not negative */
};

static uint32_t number(struct context *ctx, const char *option, const char *text,
		       uint32_t min, uint32_t max)
{
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || errno || n < min || n > max)
		usage_error(ctx, "--%s '%s': it must be a number from %u to %u", option,
			    text, min, max);
	return (uint32_t)n;
}

static int print(const struct context *ctx, const struct wish *w, int32_t key)
{
	json_t *o;

	if (!ctx->json) {
		printf("%d\n", key);
		return EXIT_OK;
	}
	o = json_pack("{s:i, s:s, s:i}", "serial", key, "name", w->name, "size",
		      (int)w->size);
	json_object_set_new(o, "epoch",
			    w->epoch < 0 ? json_null() : json_integer(w->epoch));
	return print_json(o, false);
}

static int derive(const struct context *ctx, const char *from, struct wish *w)
{
	struct iotkey_status status;
	int32_t key, published, ring = 0;
	uint32_t epoch;
	int err;

	err = find_key(from, &key);
	if (!err && w->keyring)
		err = find_keyring(w->keyring, &ring);
	if (!err && w->pinned)
		err = get_status(from, &status);
	if (err)
		return err;
	if (w->pinned)
		w->epoch = status.epoch;
	epoch = (uint32_t)w->epoch;
	err = iotkey_publish(key, w->name, w->size, w->epoch < 0 ? NULL : &epoch, ring,
			     &published);
	if (err)
		return say_key_error(err, "cannot publish '%s' from key '%s'", w->name,
				     from);
	return print(ctx, w, published);
}

int cmd_derive(struct context *ctx, int argc, char **argv)
{
	static const struct option options[] = {
		{ "size", required_argument, NULL, OPT_SIZE },
		{ "epoch", required_argument, NULL, OPT_EPOCH },
		{ "pinned", no_argument, NULL, OPT_PINNED },
		{ "keyring", required_argument, NULL, OPT_KEYRING },
		GLOBAL_OPTIONS
	};
	struct wish wish = { .size = SIZE_DEFAULT, .epoch = -1 };
	char **args, *colon;
	int c;

	while ((c = next_option(ctx, argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case OPT_SIZE:
			wish.size = number(ctx, "size", optarg, SIZE_MIN, SIZE_LIMIT);
			break;
		case OPT_EPOCH:
			wish.epoch = number(ctx, "epoch", optarg, 0, UINT32_MAX - 16);
			break;
		case OPT_PINNED:
			wish.pinned = true;
			break;
		default:
			wish.keyring = optarg;
		}
	}
	if (wish.pinned && wish.epoch >= 0)
		usage_error(ctx, "--pinned is the present epoch: leave out --epoch");
	args = operands(ctx, argc, argv, 2, 2);
	wish.name = args[1];
	colon = strchr(wish.name, ':');
	if (!iotkey_name_ok(wish.name) || !colon || colon == wish.name || !colon[1])
		usage_error(ctx, "'%s': a logon key is called PREFIX:NAME", wish.name);
	return derive(ctx, args[0], &wish);
}
