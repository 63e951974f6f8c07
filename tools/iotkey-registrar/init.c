// SPDX-License-Identifier: GPL-2.0-or-later
#include "init.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../common/file.h"
#include "../common/hex.h"
#include "../common/say.h"
#include "ca.h"
#include "master.h"

#define CA_DAYS	   (20 * 365)
#define OTHER_DAYS (5 * 365)
#define SAN_MAX	   1024

/* Everything is written to the working directory, which is the new one */
struct made {
	char directory[PATH_MAX];
	const char *ca_uri; /* NULL: make a key in a file */
	char san[SAN_MAX];
	EVP_PKEY *ca_key;
	X509 *ca;
};

static bool put(const char *name, BIO *text, mode_t mode)
{
	char *data;
	long len = BIO_get_mem_data(text, &data);
	int err = write_file(name, data, (size_t)len, mode);

	if (err)
		say_file_error(err, "cannot write %s", name);
	return !err;
}

static bool put_key(const char *name, EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_secmem());
	bool ok = bio &&
		  PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) &&
		  put(name, bio, 0600);

	BIO_free(bio);
	return ok;
}

static bool put_certificate(const char *name, X509 *certificate)
{
	BIO *bio = BIO_new(BIO_s_mem());
	bool ok = bio && PEM_write_bio_X509(bio, certificate) && put(name, bio, 0644);

	BIO_free(bio);
	return ok;
}

static bool make_ca(struct made *made)
{
	if (made->ca_uri)
		made->ca_key = ca_key_load(made->ca_uri);
	else
		made->ca_key = EVP_EC_gen("P-256");
	if (!made->ca_key)
		return false;
	made->ca = ca_self(made->ca_key, "iotkey fleet", CA_DAYS);
	return made->ca && (made->ca_uri || put_key("ca.key", made->ca_key)) &&
	       put_certificate("ca.crt", made->ca);
}

static X509 *make_certificate(struct made *made, const char *name,
			      enum ca_purpose purpose)
{
	struct ca ca = { .certificate = made->ca, .key = made->ca_key };
	struct ca_subject subject = {
		.common_name = name,
		.san = purpose == CA_SERVER ? made->san : NULL,
		.purpose = purpose,
		.not_after = time(NULL) + OTHER_DAYS * 86400ll,
	};
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509_PUBKEY *encoded = NULL;
	char path[128];
	X509 *x = key && X509_PUBKEY_set(&encoded, key) == 1
			  ? ca_issue(&ca, encoded, &subject)
			  : NULL;

	snprintf(path, sizeof(path), "%s.key", name);
	if (x && !put_key(path, key)) {
		X509_free(x);
		x = NULL;
	}
	snprintf(path, sizeof(path), "%s.crt", name);
	if (x && !put_certificate(path, x)) {
		X509_free(x);
		x = NULL;
	}
	X509_PUBKEY_free(encoded);
	EVP_PKEY_free(key);
	return x;
}

static bool make_server(struct made *made)
{
	X509 *x = make_certificate(made, "server", CA_SERVER);

	X509_free(x);
	return x;
}

static bool make_admin(struct made *made)
{
	X509 *x = make_certificate(made, "admin", CA_CLIENT);
	uint8_t digest[32];
	char hex[65], line[128];
	unsigned int len = sizeof(digest);
	int n, err;

	if (!x || !X509_digest(x, EVP_sha256(), digest, &len)) {
		X509_free(x);
		return false;
	}
	X509_free(x);
	n = snprintf(line, sizeof(line), "admin %s admin\n",
		     hex_write(hex, digest, sizeof(digest)));
	err = write_file("admins", line, (size_t)n, 0644);
	if (err)
		say_file_error(err, "cannot write admins");
	return !err;
}

static bool make_master(void)
{
	uint8_t master[MASTER_SIZE];
	int err = RAND_priv_bytes(master, sizeof(master)) == 1 ? 0 : -EIO;

	if (!err)
		err = write_file("master", master, sizeof(master), 0600);
	OPENSSL_cleanse(master, sizeof(master));
	if (err)
		say_file_error(err, "cannot write master");
	return !err;
}

static bool make_config(const struct made *made)
{
	const char *dir = made->directory;
	BIO *bio = BIO_new(BIO_s_mem());
	bool ok;

	if (!bio)
		return false;
	BIO_printf(bio, "# iotkey-registrar(8) explains every key\n");
	BIO_printf(bio, "listen = 0.0.0.0:8443\n");
	BIO_printf(bio, "server-certificate = %s/server.crt\n", dir);
	BIO_printf(bio, "server-key = %s/server.key\n", dir);
	BIO_printf(bio, "ca-certificate = %s/ca.crt\n", dir);
	if (made->ca_uri)
		BIO_printf(bio, "ca-key = %s\n", made->ca_uri);
	else
		BIO_printf(bio, "ca-key = %s/ca.key\n", dir);
	BIO_printf(bio, "master = %s/master\n", dir);
	BIO_printf(bio, "store = sqlite:%s/store.db\n", dir);
	BIO_printf(bio, "audit = %s/audit.log\n", dir);
	BIO_printf(bio, "admins = %s/admins\n", dir);
	ok = put("registrar.conf", bio, 0644);
	BIO_free(bio);
	return ok;
}

/* A certificate's name is an address or a name of the DNS */
static bool add_name(struct made *made, const char *name)
{
	size_t len = strlen(made->san);
	unsigned char address[16];
	bool is_ip = inet_pton(AF_INET, name, address) == 1 ||
		     inet_pton(AF_INET6, name, address) == 1;
	const char *p;

	for (p = name; *p; p++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-*:",
			    *p))
			return false;
	return *name &&
	       (size_t)snprintf(made->san + len, SAN_MAX - len, "%s%s:%s", len ? "," : "",
				is_ip ? "IP" : "DNS", name) < SAN_MAX - len;
}

static bool enter(struct made *made, const char *directory)
{
	if (mkdir(directory, 0700) && errno != EEXIST) {
		say_file_error(errno, "cannot make %s", directory);
		return false;
	}
	if (chdir(directory) || !getcwd(made->directory, sizeof(made->directory))) {
		say_file_error(errno, "cannot go to %s", directory);
		return false;
	}
	if (!access("ca.crt", F_OK) || !access("registrar.conf", F_OK)) {
		say("%s: there is a registrar already", directory);
		return false;
	}
	return true;
}

int init_command(int argc, char **argv)
{
	static const struct option options[] = {
		{ "name", required_argument, NULL, 'n' },
		{ "ca-key", required_argument, NULL, 'k' },
		{ NULL, 0, NULL, 0 },
	};
	struct made made = { .ca_uri = NULL };
	bool ok;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'k')
			made.ca_uri = optarg;
		if (c == 'n' && !add_name(&made, optarg)) {
			say("'%s' is no name of a host, or there are too many", optarg);
			return EXIT_USAGE;
		}
		if (c == '?')
			return EXIT_USAGE;
	}
	if (argc - optind != 1) {
		say("init takes one directory");
		return EXIT_USAGE;
	}
	if (!made.san[0])
		add_name(&made, "localhost");
	ok = enter(&made, argv[optind]) && make_ca(&made) && make_server(&made) &&
	     make_admin(&made) && make_master() && make_config(&made);
	X509_free(made.ca);
	EVP_PKEY_free(made.ca_key);
	if (ok)
		printf("iotkey-registrar run --config %s/registrar.conf\n",
		       made.directory);
	return ok ? EXIT_OK : EXIT_FAILED;
}
