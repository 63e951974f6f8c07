// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Certificates of endorsement keys (TCG EK Credential Profile for TPM Family 2.0).
 */
#include "fleet_private.h"

#include <dirent.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define OID_EK_CERTIFICATE "2.23.133.8.1" /* tcg-kp-EKCertificate */

#define FILE_MAX (4L << 20)

struct iotkey_makers {
	X509_STORE *store;
};

/*
 * Whom to believe
 */

static int add(struct iotkey_makers *makers, X509 *cert)
{
	int ok = X509_STORE_add_cert(makers->store, cert); /* twice is no error */

	X509_free(cert);
	return ok ? 0 : -ENOMEM;
}

/* All that is in a file: DER of one, or PEM of some */
static int add_bytes(struct iotkey_makers *makers, const uint8_t *data, size_t len)
{
	const uint8_t *p = data;
	unsigned int count = 0;
	X509 *cert = d2i_X509(NULL, &p, (long)len);
	BIO *bio;
	int err = 0;

	if (cert)
		return add(makers, cert);
	bio = BIO_new_mem_buf(data, (int)len);
	if (!bio)
		return -ENOMEM;
	while (!err && (cert = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
		err = add(makers, cert);
		count++;
	}
	/* it ended there, and not in the midst of something else */
	if (!err &&
	    (!count || ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE))
		err = -EBADMSG;
	BIO_free(bio);
	return err;
}

static int add_open_file(struct iotkey_makers *makers, int fd)
{
	FILE *file = fdopen(fd, "re");
	struct stat st;
	uint8_t *data;
	size_t len;
	int err = -EBADMSG;

	if (!file) {
		err = -errno;
		close(fd);
		return err;
	}
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size <= FILE_MAX) {
		data = malloc((size_t)st.st_size + 1);
		len = data ? fread(data, 1, (size_t)st.st_size, file) : 0;
		err = data ? add_bytes(makers, data, len) : -ENOMEM;
		free(data);
	}
	fclose(file);
	return err;
}

static int add_at(struct iotkey_makers *makers, int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : add_open_file(makers, fd);
}

static int add_directory(struct iotkey_makers *makers, const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	unsigned int count = 0;
	int err = 0;

	if (!dir)
		return -errno;
	while (!err && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		err = add_at(makers, dirfd(dir), entry->d_name);
		count++;
	}
	closedir(dir);
	return err ? err : count ? 0 : -ENODATA;
}

int iotkey_makers_load(const char *path, struct iotkey_makers **out)
{
	struct iotkey_makers *makers = calloc(1, sizeof(*makers));
	struct stat st;
	int err;

	if (makers)
		makers->store = X509_STORE_new();
	if (!makers || !makers->store) {
		iotkey_makers_free(makers);
		return -ENOMEM;
	}
	ERR_set_mark(); /* what fails is not left to the caller's error queue */
	if (stat(path, &st))
		err = -errno;
	else
		err = S_ISDIR(st.st_mode) ? add_directory(makers, path)
					  : add_at(makers, AT_FDCWD, path);
	ERR_pop_to_mark();
	if (err) {
		iotkey_makers_free(makers);
		return err;
	}
	*out = makers;
	return 0;
}

void iotkey_makers_free(struct iotkey_makers *makers)
{
	if (!makers)
		return;
	X509_STORE_free(makers->store);
	free(makers);
}

/*
 * The certificate itself
 */

/*
 * Some makers write the algorithm as RSAES-OAEP, which OpenSSL takes for no key; the bits
 * are the same.
 */
static bool same_key(const X509 *cert, EVP_PKEY *ek)
{
	EVP_PKEY *pkey = X509_get0_pubkey(cert);
	const ASN1_BIT_STRING *bits = X509_get0_pubkey_bitstr(cert);
	ASN1_OBJECT *algorithm;
	uint8_t *own = NULL;
	bool same;
	int len;

	if (pkey)
		return EVP_PKEY_eq(pkey, ek) == 1;
	if (!X509_PUBKEY_get0_param(&algorithm, NULL, NULL, NULL,
				    X509_get_X509_PUBKEY(cert)) ||
	    OBJ_obj2nid(algorithm) != NID_rsaesOaep ||
	    EVP_PKEY_get_base_id(ek) != EVP_PKEY_RSA)
		return false;
	len = i2d_PublicKey(ek, &own);
	same = len > 0 && bits && len == ASN1_STRING_length(bits) &&
	       !memcmp(own, ASN1_STRING_get0_data(bits), (size_t)len);
	OPENSSL_free(own);
	return same;
}

/* No purpose is told, or that of an EK among others */
static bool is_for_eks(X509 *cert)
{
	EXTENDED_KEY_USAGE *usages;
	bool found = false;
	char oid[64];
	int i, critical;

	usages = X509_get_ext_d2i(cert, NID_ext_key_usage, &critical, NULL);
	if (!usages)
		return critical == -1;
	for (i = 0; i < sk_ASN1_OBJECT_num(usages) && !found; i++)
		found = OBJ_obj2txt(oid, sizeof(oid), sk_ASN1_OBJECT_value(usages, i),
				    1) > 0 &&
			!strcmp(oid, OID_EK_CERTIFICATE);
	EXTENDED_KEY_USAGE_free(usages);
	return found;
}

/* No usage is told, or one of a key that decrypts; RSA and ECC have different words for it */
static bool may_decrypt(X509 *cert)
{
	return X509_get_key_usage(cert) &
	       (KU_KEY_ENCIPHERMENT | KU_DATA_ENCIPHERMENT | KU_KEY_AGREEMENT);
}

/*
 * The profile lets attributes of the TPM stand in an extension that OpenSSL does not know;
 * they matter to nobody here.
 */
static bool critical_is_known(X509 *cert)
{
	X509_EXTENSION *extension;
	int i;

	for (i = 0; i < X509_get_ext_count(cert); i++) {
		extension = X509_get_ext(cert, i);
		if (X509_EXTENSION_get_critical(extension) &&
		    !X509_supported_extension(extension) &&
		    OBJ_obj2nid(X509_EXTENSION_get_object(extension)) !=
			    NID_subject_directory_attributes)
			return false;
	}
	return true;
}

static int on_verify(int ok, X509_STORE_CTX *ctx)
{
	if (!ok &&
	    X509_STORE_CTX_get_error(ctx) == X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION &&
	    X509_STORE_CTX_get_error_depth(ctx) == 0 &&
	    critical_is_known(X509_STORE_CTX_get_current_cert(ctx))) {
		X509_STORE_CTX_set_error(ctx, X509_V_OK);
		return 1;
	}
	return ok;
}

static int verify_error(int error)
{
	switch (error) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return -EKEYEXPIRED;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_CERT_UNTRUSTED:
		return -ENOKEY;
	case X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION:
		return -EPROTOTYPE;
	case X509_V_ERR_OUT_OF_MEM:
		return -ENOMEM;
	default:
		return -EKEYREJECTED;
	}
}

static int verify_chain(const struct iotkey_makers *makers, X509 *leaf,
			STACK_OF(X509) * others, int64_t now)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509_VERIFY_PARAM *param;
	int err = -ENOMEM;

	if (ctx && X509_STORE_CTX_init(ctx, makers->store, leaf, others)) {
		param = X509_STORE_CTX_get0_param(ctx);
		X509_VERIFY_PARAM_set_time(param, (time_t)now);
		X509_VERIFY_PARAM_set_depth(param, IOTKEY_EK_CERTIFICATES_MAX);
		X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
		X509_STORE_CTX_set_verify_cb(ctx, on_verify);
		err = X509_verify_cert(ctx) == 1
			      ? 0
			      : verify_error(X509_STORE_CTX_get_error(ctx));
	}
	X509_STORE_CTX_free(ctx);
	return err;
}

static int check_leaf(X509 *leaf, const struct iotkey_area *ek)
{
	EVP_PKEY *pkey;
	int err = iotkey_area_pkey(ek, &pkey);

	if (err)
		return err;
	err = same_key(leaf, pkey) ? 0 : -EXDEV;
	EVP_PKEY_free(pkey);
	if (!err && (X509_check_ca(leaf) == 1 || !is_for_eks(leaf) || !may_decrypt(leaf)))
		err = -EPROTOTYPE;
	return err;
}

/* Each of them is one certificate and nothing else */
static int parse_all(STACK_OF(X509) * all, const struct iotkey_bytes *certs, size_t count)
{
	const uint8_t *p;
	X509 *cert;
	size_t i;

	for (i = 0; i < count; i++) {
		p = certs[i].data;
		cert = certs[i].len <= FILE_MAX ? d2i_X509(NULL, &p, (long)certs[i].len)
						: NULL;
		if (!cert || p != certs[i].data + certs[i].len) {
			X509_free(cert);
			return -EBADMSG;
		}
		if (sk_X509_push(all, cert) <= 0) {
			X509_free(cert);
			return -ENOMEM;
		}
	}
	return 0;
}

int iotkey_ek_check(const struct iotkey_makers *makers, const struct iotkey_bytes *certs,
		    size_t count, const struct iotkey_area *ek, int64_t now)
{
	STACK_OF(X509) * all;
	int err;

	if (!count)
		return -ENODATA;
	if (count > IOTKEY_EK_CERTIFICATES_MAX)
		return -E2BIG;
	all = sk_X509_new_null();
	if (!all)
		return -ENOMEM;
	ERR_set_mark(); /* what fails is not left to the caller's error queue */
	err = parse_all(all, certs, count);
	if (!err)
		err = check_leaf(sk_X509_value(all, 0), ek);
	if (!err)
		err = verify_chain(makers, sk_X509_value(all, 0), all, now);
	ERR_pop_to_mark();
	sk_X509_pop_free(all, X509_free);
	return err;
}
