// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Roots that are new, and approvals for those that are there (Documentation/fleet.rst, "Wrapped
 * roots").
 */
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
static bool load(struct work *work, const json_t *roots, bool approved, struct fault *f)
{
	struct released_root root;
	bool good = true;
	size_t i;

	for (i = 0; i < json_array_size(roots); i++) {
		if (!registrar_root(roots, i, &root))
			good = fault(f, FAULT_ANSWER, "root %zu of the release is none",
				     i);
		else if (!is_there(work->hello.releases, &root))
			good &= keeper_root(work->keeper, root.name, root.version,
					    root.group, root.pem, NULL, f);
		else if (approved)
			good &= keeper_root(work->keeper, root.name, root.version,
					    root.group, NULL, work->approvals, f);
	}
	return good;
}

/* *@fresh: they are others than last time */
static bool get_approvals(struct work *work, bool *fresh, struct fault *f)
{
	char *approvals;

	if (!registrar_approvals(work->http, &approvals, f))
		return false;
	*fresh = approvals && (!work->approvals || strcmp(approvals, work->approvals));
	free(work->approvals);
	work->approvals = approvals;
	return true;
}

bool release(struct work *work, struct fault *f)
{
	struct keeper_parent parent;
	struct iotkey_bytes bytes;
	bool good, fresh = false;
	struct nonce nonce;
	json_t *roots;

	if (!registrar_nonce(work->http, "release", &nonce, f))
		return false;
	bytes = (struct iotkey_bytes){ nonce.data, nonce.len };
	if (!keeper_parent(work->keeper, bytes, &parent, f) ||
	    !registrar_release(work->http, &nonce, &parent, &roots, f))
		return false;
	good = get_approvals(work, &fresh, f) && load(work, roots, fresh, f);
	if (!good) {
		/* they are given again */
		free(work->approvals);
		work->approvals = NULL;
	}
	json_decref(roots);
	return good;
}
