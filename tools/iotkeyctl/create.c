// SPDX-License-Identifier: GPL-2.0-or-later
#include "iotkeyctl.h"

#include <errno.h>
#include <stdio.h>

/* As say_key_error(), with what the kernel could not say: which value it was */
static int create_error(int err, const char *name, const struct iotkey_spec *spec)
{
	const bool root = spec->given & IOTKEY_OPTION_ROOT;

	if (err == -ENOKEY && root && !iotkey_user_linked())
		say("cannot make '%s': no root '%s' in the session keyring, which does not reach @u; keyctl link @u @s",
		    name, spec->root);
	else if (err == -ENOKEY && root)
		say("cannot make '%s': no root '%s' in your keyrings; load it or link it there",
		    name, spec->root);
	else if (err == -ENOKEY && spec->given & IOTKEY_OPTION_KEY)
		say("cannot make '%s': no key '%s' in your keyrings; add it or link it there",
		    name, spec->key);
	else if (err == -ENXIO)
		say("cannot make '%s': there is no object at 0x%08x; say --mkparent",
		    name, spec->parent);
	else if (err == -EINVAL && spec->given & IOTKEY_OPTION_PARENT)
		say("cannot make '%s': 0x%08x is no storage key, or the TPM has no such PCR bank; choose others",
		    name, spec->parent);
	else
		return say_key_error(err, "cannot make '%s'", name);
	return exit_code(err);
}

static int create_as(struct context *ctx, const char *name,
		     const struct iotkey_spec *spec, const char *keyring,
		     const char *file)
{
	int32_t key, ring;
	int err;

	if (!iotkey_name_ok(name))
		usage_error(
			ctx,
			"NAME '%s': it must be 1 to 255 printable ASCII characters, no spaces",
			name);
	err = find_keyring(keyring, &ring);
	if (err)
		return err;
	err = iotkey_new(name, spec, ring, &key);
	if (err)
		return create_error(err, name, spec);
	if (ctx->json)
		err = print_json(json_pack("{s:i, s:s}", "serial", key, "name", name),
				 false);
	else
		printf("%d\n", key);
	return err || !file ? err : save_key(key, file, NULL);
}

int create_key(struct context *ctx, int argc, char **argv, const struct option *options,
	       uint32_t allowed)
{
	struct iotkey_spec spec = { 0 };
	const char *keyring = "@u", *file = NULL;
	char **args;
	int c, i;

	while ((c = next_option(ctx, argc, argv, "", options, &i)) != -1) {
		if (c == OPT_KEYRING)
			keyring = optarg;
		else if (c == OPT_SAVE)
			file = optarg;
		else
			spec_option(ctx, &spec, "--", options[i].name, optarg);
	}
	args = operands(ctx, argc, argv, 1, 1);
	spec_check(ctx, &spec, allowed, "--");
	return create_as(ctx, args[0], &spec, keyring, file);
}
