// SPDX-License-Identifier: GPL-2.0-or-later
#include "admin_json.h"

#include <stdlib.h>

#include "field.h"

static const char *const states[] = { "unknown", "pending", "active", "revoked" };
static const char *const results[] = { "never", "pass", "fail" };

const char *admin_state(enum store_state state)
{
	return states[state <= STORE_REVOKED ? state : 0];
}

static const char *how(uint32_t flags)
{
	return flags & STORE_BY_EK	 ? "ek"
	       : flags & STORE_BY_IDEVID ? "idevid"
	       : flags & STORE_BY_TOKEN	 ? "token"
					 : "unknown";
}

static json_t *attestation(const struct store_attestation *att)
{
	json_t *json = json_pack("{s:s, s:I, s:I, s:s, s:I}", "result",
				 results[att->result <= STORE_FAIL ? att->result : 0],
				 "time", (json_int_t)att->time, "passed",
				 (json_int_t)att->passed, "reference", att->reference,
				 "ima_offset", (json_int_t)att->ima_offset);

	if (json && att->finding[0])
		json_object_set_new(
			json, "findings",
			json_loads(att->finding, JSON_DISABLE_EOF_CHECK, NULL));
	return json;
}

json_t *admin_device(const struct store_device *device)
{
	json_t *json =
		json_pack("{s:o, s:s, s:s, s:s, s:b, s:I, s:I, s:I, s:o}", "device",
			  field_json_hex(device->id, STORE_ID), "name", device->name,
			  "state", admin_state(device->state), "by", how(device->flags),
			  "software", !!(device->flags & STORE_SOFTWARE), "created",
			  (json_int_t)device->created, "seen", (json_int_t)device->seen,
			  "revoked", (json_int_t)device->revoked, "attestation",
			  attestation(&device->attestation));

	if (json && device->has_ek)
		json_object_set_new(json, "ek_sha256",
				    field_json_hex(device->ek_sha256, STORE_SHA256));
	if (json && device->has_ak)
		json_object_set_new(json, "ak_name",
				    field_json_hex(device->ak_name, STORE_TPM_NAME));
	if (json && device->has_parent)
		json_object_set_new(json, "parent_name",
				    field_json_hex(device->parent_name, STORE_TPM_NAME));
	return json;
}

json_t *admin_certificate(const struct store_certificate *cert)
{
	return json_pack("{s:o, s:I, s:I, s:I, s:I, s:o}", "serial",
			 field_json_hex(cert->serial, STORE_SERIAL), "issued",
			 (json_int_t)cert->issued, "not_after",
			 (json_int_t)cert->not_after, "revoked",
			 (json_int_t)cert->revoked, "reason", (json_int_t)cert->reason,
			 "spki_sha256", field_json_hex(cert->spki_sha256, STORE_SHA256));
}

json_t *admin_root(const struct store_root *root)
{
	return json_pack("{s:s, s:I, s:I, s:I}", "name", root->name, "version",
			 (json_int_t)root->version, "released",
			 (json_int_t)root->released, "revoked",
			 (json_int_t)root->revoked);
}

json_t *admin_group(const struct store_group *group)
{
	return json_pack("{s:s, s:I, s:I}", "group", group->name, "version",
			 (json_int_t)group->version, "created",
			 (json_int_t)group->created);
}

json_t *admin_token(const struct store_token *token)
{
	return json_pack("{s:o, s:s, s:b, s:I, s:I, s:I}", "device",
			 field_json_hex(token->device, STORE_ID), "name", token->name,
			 "software", (int)token->software, "created",
			 (json_int_t)token->created, "expires",
			 (json_int_t)token->expires, "used", (json_int_t)token->used);
}
