/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whom the device believes: the CA of its fleet, and what that signed.
 */
#ifndef _IOTKEYD_TRUST_H
#define _IOTKEYD_TRUST_H

#include <iotkey-fleet.h>

#define TRUST_CA_MAX	      16384 /* bytes of PEM */
#define TRUST_CERTIFICATE_MAX 16384

/*
 * trust_choose(): of the CA certificates in @pem the one with this fingerprint ("sha256:HEX"), or
 * without (NULL) the first that signed itself; as PEM, to be freed with free(3).
 * Errors: -EBADMSG, it holds something else; -EACCES, there is no such CA.
 */
int trust_choose(const char *pem, size_t len, const char *fingerprint, char **chosen);

/* trust_set(): the CA from now on; zero-terminated PEM, which must live on.  NULL: none. */
int trust_set(const char *pem);

/* trust_ca(): its PEM; NULL, there is none */
const char *trust_ca(void);

/* trust_same_key(): whether this CA certificate has the key of the one that is set */
bool trust_same_key(const char *pem);

/*
 * trust_certificate(): whether @pem, its own first, is a certificate for the key @spki (DER), by
 * the CA, and its serialNumber is @device.  The time is not looked at: the device's clock may
 * be wrong.
 * Errors: -EBADMSG, it is none, or for another key or device; -EKEYREJECTED, it is not the CA's.
 */
int trust_certificate(const char *pem, size_t len, const uint8_t *spki, size_t spki_len,
		      const char *device);

/*
 * trust_statement(): whether the CA signed it for its fleet, and it is the next after @chain,
 * which then goes on to it.
 * Errors: -EBADMSG, it is none; -EXDEV, -EKEYREJECTED, -EALREADY, -ERANGE: as
 * iotkey_statement_verify() and iotkey_statement_follow().
 */
int trust_statement(const uint8_t *data, size_t len, struct iotkey_chain *chain,
		    struct iotkey_statement *statement);

#endif /* _IOTKEYD_TRUST_H */
