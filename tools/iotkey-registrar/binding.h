/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _REGISTRAR_BINDING_H
#define _REGISTRAR_BINDING_H

#include <openssl/ssl.h>
#include <stdbool.h>

/*
 * binding_is(): whether @password is what ties a request to this TLS connection: base64 of
 * tls-unique for TLS 1.2 (RFC 7030, 3.5), of tls-exporter (RFC 9266) for TLS 1.3 (RFC 9148, 3).
 */
bool binding_is(SSL *ssl, const char *password);

#endif /* _REGISTRAR_BINDING_H */
