/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What stands in the JSON of a request.  Whatever is wrong there is answered by 400
 * "malformed", with the field's name.
 */
#ifndef _REGISTRAR_FIELD_H
#define _REGISTRAR_FIELD_H

#include <iotkey-fleet.h>

#include "http.h"

/* field_body(): the body, an object, to be released with json_decref(); NULL: it has answered */
json_t *field_body(struct request *req);

/*
 * Bytes, in base64, that were allocated: to be freed with field_free().  An optional one
 * that is not there has .data NULL.
 */
enum field_need { FIELD_OPTIONAL, FIELD_NEEDED };

/* field_bytes(): at most @max of them.  False: it has answered. */
bool field_bytes(struct request *req, const json_t *body, const char *name, size_t max,
		 enum field_need need, struct iotkey_bytes *bytes);
void field_free(struct iotkey_bytes *bytes);

/* field_integer(): from 0 on; @value stays when it is optional and not there */
bool field_integer(struct request *req, const json_t *body, const char *name,
		   enum field_need need, uint64_t *value);

/* field_json_bytes(): for an answer: base64; NULL without memory */
json_t *field_json_bytes(const void *data, size_t len);

/* field_json_hex(): in hex, at most STORE_PUBLIC_MAX bytes; NULL for more, or without memory */
json_t *field_json_hex(const uint8_t *data, size_t len);

#endif /* _REGISTRAR_FIELD_H */
