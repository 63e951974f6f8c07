// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What OpenSSL itself takes for the server's side of a handshake, by TLS 1.3, in memory: microseconds
 * of CPU, the median of N.  The server asks for a certificate, as the registrar does, and the client
 * has none.
 *
 *	ceiling CERTIFICATE KEY CA N
 */
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void must(int ok, const char *what)
{
	if (ok == 1)
		return;
	fprintf(stderr, "ceiling: %s\n", what);
	ERR_print_errors_fp(stderr);
	exit(1);
}

/* Microseconds of the server */
static double handshake(SSL_CTX *server_ctx, SSL_CTX *client_ctx)
{
	SSL *server = SSL_new(server_ctx), *client = SSL_new(client_ctx);
	BIO *one, *other;
	double took = 0, began;
	int done = 0, i;

	must(BIO_new_bio_pair(&one, 65536, &other, 65536), "a pair");
	SSL_set_bio(server, one, one);
	SSL_set_bio(client, other, other);
	SSL_set_accept_state(server);
	SSL_set_connect_state(client);
	for (i = 0; !done && i < 10; i++) {
		SSL_do_handshake(client);
		began = cpu();
		done = SSL_do_handshake(server) == 1;
		took += cpu() - began;
	}
	must(done, "no handshake");
	SSL_free(client);
	began = cpu();
	SSL_free(server);
	return took + cpu() - began;
}

static int compare(const void *a, const void *b)
{
	double d = *(const double *)a - *(const double *)b;

	return d < 0 ? -1 : d > 0;
}

int main(int argc, char **argv)
{
	SSL_CTX *server = SSL_CTX_new(TLS_server_method());
	SSL_CTX *client = SSL_CTX_new(TLS_client_method());
	double *took;
	int n, i;

	if (argc != 5 || (n = atoi(argv[4])) < 1) {
		fprintf(stderr, "usage: ceiling CERTIFICATE KEY CA N\n");
		return 2;
	}
	must(SSL_CTX_use_certificate_chain_file(server, argv[1]), argv[1]);
	must(SSL_CTX_use_PrivateKey_file(server, argv[2], SSL_FILETYPE_PEM), argv[2]);
	must(SSL_CTX_load_verify_locations(server, argv[3], NULL), argv[3]);
	must(SSL_CTX_load_verify_locations(client, argv[3], NULL), argv[3]);
	must(SSL_CTX_build_cert_chain(server, 0), "the chain");
	SSL_CTX_set_verify(server, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_verify(client, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_session_cache_mode(server, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(server, 0);
	took = calloc((size_t)n, sizeof(*took));
	for (i = 0; i < n; i++)
		took[i] = handshake(server, client);
	qsort(took, (size_t)n, sizeof(*took), compare);
	printf("%.1f\n", took[n / 2]);
	free(took);
	SSL_CTX_free(server);
	SSL_CTX_free(client);
	return 0;
}
