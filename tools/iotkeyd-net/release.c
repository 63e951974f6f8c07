// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "registrar.h"
#include "work.h"

/* Has the keeper this version?  @releases has lines "NAME VERSION" */
static bool is_there(const char *releases, const struct released_root *root)
{
	size_t len = strlen(root->name);
	const char *line = releases;

	while (line && *line) {
		if (!strncmp(line, root->name, len) && line[len] == ' ')
			return strtoull(line + len + 1, NULL, 10) == root->version;
		line = strchr(line, '\n');
		if (line)
			line++;
	}
	return false;
}

/* One that cannot be loaded does not keep the others away; the fault is that of the last one */
static bool load(struct work *work, const json_t *roots, struct fault *f)
{
	struct released_root root;
	bool good = true;
	size_t i;

	for (i = 0; i < json_array_size(roots); i++) {
		if (!registrar_root(roots, i, &root))
			good = fault(f, FAULT_ANSWER, "root %zu of the release is none",
				     i);
		else if (!is_there(work->hello.releases, &root) || root.policy)
			good &= keeper_root(work->keeper, root.name, root.version,
					    root.pem, root.policy, f);
	}
	return good;
}

bool release(struct work *work, struct fault *f)
{
	struct keeper_parent parent;
	struct iotkey_bytes bytes;
	struct nonce nonce;
	json_t *roots;
	bool good;

	if (!registrar_nonce(work->http, "release", &nonce, f))
		return false;
	bytes = (struct iotkey_bytes){ nonce.data, nonce.len };
	if (!keeper_parent(work->keeper, bytes, &parent, f) ||
	    !registrar_release(work->http, &nonce, &parent, &roots, f))
		return false;
	good = load(work, roots, f);
	json_decref(roots);
	return good;
}
