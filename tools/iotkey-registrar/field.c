// SPDX-License-Identifier: GPL-2.0-or-later
#include "field.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../common/hex.h"
#include "base64.h"
#include "store.h"

#define HEX_MAX STORE_PUBLIC_MAX /* bytes */

json_t *field_body(struct request *req)
{
	json_error_t error;
	json_t *body;
	size_t len;
	const void *data = request_body(req, &len);

	body = json_loadb(data, len, JSON_REJECT_DUPLICATES, &error);
	if (json_is_object(body))
		return body;
	reply_error(req, 400, "malformed", "the body is no JSON object: %.80s",
		    body ? "it is another value" : error.text);
	json_decref(body);
	return NULL;
}

static bool missing(struct request *req, const char *name)
{
	reply_error(req, 400, "malformed", "\"%s\" is missing", name);
	return false;
}

bool field_bytes(struct request *req, const json_t *body, const char *name, size_t max,
		 enum field_need need, struct iotkey_bytes *bytes)
{
	const json_t *value = json_object_get(body, name);
	uint8_t *data;
	ssize_t len;

	*bytes = (struct iotkey_bytes){ 0 };
	if (!value || json_is_null(value))
		return need == FIELD_OPTIONAL ? true : missing(req, name);
	if (json_is_string(value) && !json_string_length(value)) {
		/* none, which is something else than not there: a log with nothing new */
		bytes->data = calloc(1, 1);
		return bytes->data ? true : missing(req, name);
	}
	len = json_is_string(value) ? base64_decode(json_string_value(value),
						    json_string_length(value), &data)
				    : -EINVAL;
	if (len < 0) {
		reply_error(req, 400, "malformed", "\"%s\" is not base64", name);
		return false;
	}
	*bytes = (struct iotkey_bytes){ data, (size_t)len };
	if (bytes->len <= max)
		return true;
	field_free(bytes);
	reply_error(req, 413, "too-large", "\"%s\" is longer than %zu bytes", name, max);
	return false;
}

void field_free(struct iotkey_bytes *bytes)
{
	free((void *)bytes->data);
	*bytes = (struct iotkey_bytes){ 0 };
}

bool field_integer(struct request *req, const json_t *body, const char *name,
		   enum field_need need, uint64_t *value)
{
	const json_t *number = json_object_get(body, name);

	if (!number)
		return need == FIELD_OPTIONAL ? true : missing(req, name);
	if (!json_is_integer(number) || json_integer_value(number) < 0) {
		reply_error(req, 400, "malformed", "\"%s\" is no number from 0 on", name);
		return false;
	}
	*value = (uint64_t)json_integer_value(number);
	return true;
}

json_t *field_json_bytes(const void *data, size_t len)
{
	char *text = base64_encode(data, len, 0);
	json_t *json = text ? json_string(text) : NULL;

	free(text);
	return json;
}

json_t *field_json_hex(const uint8_t *data, size_t len)
{
	char text[2 * HEX_MAX + 1];

	return len <= HEX_MAX ? json_string(hex_write(text, data, len)) : NULL;
}
