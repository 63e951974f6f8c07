/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who is asking.
 */
#ifndef _REGISTRAR_DEVICE_H
#define _REGISTRAR_DEVICE_H

#include <stdbool.h>

#include <iotkey-fleet.h>

#include "http.h"
#include "store.h"

/*
 * device_of(): the active device whose LDevID the client has shown: of this CA, not expired, not
 * revoked, known to the store.  False: it has answered why not.
 */
bool device_of(struct request *req, struct store_device *device);

/*
 * device_refused(): whether @device is pending or revoked, and then that is the answer.
 */
bool device_refused(struct request *req, const struct store_device *device);

/* device_waits(): the answer while an operator has not approved it: 202, to come again */
void device_waits(struct request *req, const struct store_device *device);

/* device_current(): the client's certificate is within its time.  False: it has answered. */
bool device_current(struct request *req);

/* device_issued(): the client has shown a certificate, and this CA signed it, whatever its time */
bool device_issued(struct request *req);

/*
 * device_nonce(): whether @nonce was given to the device for @purpose, not long ago (that it comes
 * once, the store says).  False: it has answered.
 */
bool device_nonce(struct request *req, const struct store_device *device,
		  enum store_purpose purpose, struct iotkey_bytes nonce);

/* device_has_ak(): it can attest.  False: it has answered. */
bool device_has_ak(struct request *req, const struct store_device *device);

#endif /* _REGISTRAR_DEVICE_H */
