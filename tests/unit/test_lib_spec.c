// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Options of keys and roots: ranges at their edges, what goes together, and
 * the payload text that comes of it.
 *
 * sources: lib/spec.c lib/words.c tests/unit/ktap.c
 */
#include <errno.h>
#include <iotkey.h>
#include <stdio.h>
#include <string.h>

#include "ktap.h"

struct edge {
	const char *option, *value;
	int result;
};

static const struct edge edges[] = {
	{ "rotate", "1", 0 },
	{ "rotate", "0", -EINVAL },
	{ "rotate", "3650d", 0 },
	{ "rotate", "315360001s", -EINVAL },
	{ "rotate", "1x", -EINVAL },
	{ "rotate", "", -EINVAL },
	{ "rotate", "-1", -EINVAL },
	{ "rotate", " 1", -EINVAL },
	{ "rotate", "1ss", -EINVAL },
	{ "rotate", "99999999999999999999999", -EINVAL },
	{ "overlap", "0", 0 },
	{ "ahead", "0s", 0 },
	{ "jitter", "0", 0 },
	{ "lifetime", "36500d", 0 },
	{ "lifetime", "3153600001", -EINVAL },
	{ "lifetime", "0", -EINVAL },
	{ "max-ops", "281474976710656", 0 },
	{ "max-ops", "281474976710657", -EINVAL },
	{ "max-ops", "0", -EINVAL },
	{ "max-ops", "1k", -EINVAL },
	{ "start", "1", 0 },
	{ "start", "1099511627776", 0 },
	{ "start", "1099511627777", -EINVAL },
	{ "start", "0", -EINVAL },
	{ "usage", "encrypt", 0 },
	{ "usage", "encrypt,decrypt,sign,verify", 0 },
	{ "usage", "encrypt,encrypt", -EINVAL },
	{ "usage", "encrypt,", -EINVAL },
	{ "usage", "enc", -EINVAL },
	{ "usage", "", -EINVAL },
	{ "mode", "random", 0 },
	{ "mode", "none", -EINVAL },
	{ "algorithm", "kdf", 0 },
	{ "algorithm", "aes-256-gcmx", -EINVAL },
	{ "parent", "0x81000000", 0 },
	{ "parent", "0x81ffffff", 0 },
	{ "parent", "0x80ffffff", -EINVAL },
	{ "parent", "0x82000000", -EINVAL },
	{ "parent", "0x", -EINVAL },
	{ "parent", "81000001", -EINVAL },
	{ "parent", "0x81000001z", -EINVAL },
	{ "pcrs", "sha256:0,7", 0 },
	{ "pcrs", "sha1:23", 0 },
	{ "pcrs", "sha384:0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23",
	  0 },
	{ "pcrs", "sha256:24", -EINVAL },
	{ "pcrs", "sha256:7,7", -EINVAL },
	{ "pcrs", "sha256:", -EINVAL },
	{ "pcrs", "sha256:7,", -EINVAL },
	{ "pcrs", "sha512:7", -EINVAL },
	{ "pcrs", "7", -EINVAL },
	{ "key", "trusted:kmk", 0 },
	{ "key", "logon:a:b", 0 },
	{ "key", "user:kmk", -EINVAL },
	{ "key", "trusted:", -EINVAL },
	{ "mkparent", "", 0 },
	{ "mkparent", "yes", -EINVAL },
	{ "label", "x", 0 },
	{ "label", "two words", -EINVAL },
	{ "label", "0123456789012345678901234567890123456789012345678901234567890123",
	  0 },
	{ "label", "01234567890123456789012345678901234567890123456789012345678901234",
	  -EINVAL },
	{ "root", "device\nroot", -EINVAL },
	{ "root", "a+b", 0 },
	{ "root", "1+2+3+4+5+6+7+8", 0 },
	{ "root", "1+2+3+4+5+6+7+8+9", -EINVAL },
	{ "root", "a+b+a", -EINVAL },
	{ "root", "a+", -EINVAL },
	{ "root", "+a", -EINVAL },
	{ "root", "a++b", -EINVAL },
	{ "provider", "combined", -EINVAL },
	{ "root", "d\xc3\xa9", -EINVAL },
	{ "hash", "sha256", -EINVAL },
};

static void test_edges(void)
{
	struct iotkey_problem why;
	struct iotkey_spec spec;
	size_t i;
	int ret;

	for (i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
		memset(&spec, 0, sizeof(spec));
		ret = iotkey_spec_set(&spec, edges[i].option, edges[i].value, &why);
		ktap_ok(ret == edges[i].result && !ret == !!spec.given, "option %zu: %s",
			i, edges[i].option);
	}
}

/* Reads words such as "rotate=1d" into a spec; those before ';' only */
static int read_words(struct iotkey_spec *spec, const char *words)
{
	char copy[256], *word, *save = NULL, *value;
	int err;

	memset(spec, 0, sizeof(*spec));
	snprintf(copy, sizeof(copy), "%s", words);
	for (word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		value = strchr(word, '=');
		if (value)
			*value++ = '\0';
		err = iotkey_spec_set(spec, word, value ? value : "", NULL);
		if (err)
			return err;
	}
	return 0;
}

static const struct {
	uint32_t allowed;
	const char *words;
	const char *text; /* NULL: refused */
} texts[] = {
	{ IOTKEY_OPTIONS_KEY, "algorithm=aes-256-gcm root=r", "new aes-256-gcm root=r" },
	{ IOTKEY_OPTIONS_KEY,
	  "algorithm=hmac-sha256 root=r mode=random rotate=1d overlap=1h ahead=1m lifetime=4w max-ops=5 jitter=10s start=7 usage=verify,sign",
	  "new hmac-sha256 root=r mode=random start=7 rotate=86400s overlap=3600s ahead=60s lifetime=2419200s max-ops=5 jitter=10s usage=sign,verify" },
	{ IOTKEY_OPTIONS_KEY, "algorithm=kdf root=r mode=derive label=l",
	  "new kdf root=r mode=derive label=l" },
	{ IOTKEY_OPTIONS_KEY, "algorithm=ecdsa-p256 parent=0x81000001",
	  "new ecdsa-p256 parent=0x81000001" },
	{ IOTKEY_OPTIONS_KEY,
	  "algorithm=ecdsa-p256 restricted mkparent parent=0x81000001 usage=sign",
	  "new ecdsa-p256 parent=0x81000001 mkparent restricted usage=sign" },
	{ IOTKEY_OPTIONS_KEY, "algorithm=ecdsa-p256", NULL },
	{ IOTKEY_OPTIONS_KEY, "algorithm=ecdsa-p256 parent=0x81000001 root=r", NULL },
	{ IOTKEY_OPTIONS_KEY, "algorithm=ecdsa-p256 parent=0x81000001 rotate=1d", NULL },
	{ IOTKEY_OPTIONS_KEY, "algorithm=ecdsa-p256 parent=0x81000001 usage=encrypt",
	  NULL },
	{ IOTKEY_OPTIONS_KEY, "algorithm=kdf root=r parent=0x81000001", NULL },
	{ IOTKEY_OPTIONS_KEY, "algorithm=kdf root=r restricted", NULL },
	{ IOTKEY_OPTIONS_ROOT, "provider=tpm parent=0x81000001 restricted", NULL },
	{ IOTKEY_OPTIONS_KEY, "algorithm=kdf root=r label=l", NULL },
	{ IOTKEY_OPTIONS_KEY, "algorithm=kdf root=r mode=ratchet label=l", NULL },
	{ IOTKEY_OPTIONS_KEY, "root=r", NULL },
	{ IOTKEY_OPTIONS_KEY, "algorithm=kdf", NULL },
	{ IOTKEY_OPTIONS_KEY, "algorithm=kdf root=r usage=sign", NULL },
	{ IOTKEY_OPTIONS_KEY, "algorithm=aes-128-cmac root=r usage=encrypt", NULL },
	{ IOTKEY_OPTIONS_KEY, "algorithm=kdf root=r overlap=1s",
	  "new kdf root=r overlap=1s" },
	{ IOTKEY_OPTIONS_KEY, "algorithm=kdf root=r ahead=1s", NULL },
	{ IOTKEY_OPTIONS_KEY, "algorithm=kdf root=r jitter=1s", NULL },
	{ IOTKEY_OPTIONS_KEY, "algorithm=kdf root=r rotate=1s overlap=2s", NULL },
	{ IOTKEY_OPTIONS_KEY, "algorithm=kdf root=r rotate=1s ahead=1s",
	  "new kdf root=r rotate=1s ahead=1s" },
	{ IOTKEY_OPTIONS_KEY, "algorithm=kdf root=r mode=derive rotate=9s jitter=1s",
	  NULL },
	{ IOTKEY_OPTIONS_KEY, "algorithm=kdf root=r provider=soft", NULL },
	{ IOTKEY_OPTIONS_ROOT, "provider=soft", "new root provider=soft" },
	{ IOTKEY_OPTIONS_ROOT, "provider=soft lifetime=1h", NULL },
	{ IOTKEY_OPTIONS_ROOT, "provider=tpm parent=0x81000001 mkparent pcrs=sha256:0,7",
	  "new root provider=tpm parent=0x81000001 mkparent pcrs=sha256:0,7" },
	{ IOTKEY_OPTIONS_ROOT, "provider=tpm", NULL },
	{ IOTKEY_OPTIONS_ROOT, "provider=key", NULL },
	{ IOTKEY_OPTIONS_ROOT, "provider=key key=trusted:kmk",
	  "new root provider=key key=trusted:kmk" },
	{ IOTKEY_OPTIONS_ROOT, "provider=soft parent=0x81000001", NULL },
	{ IOTKEY_OPTIONS_ROOT, "provider=tpm parent=0x81000001 rotate=1d", NULL },
	{ IOTKEY_OPTIONS_ROOT, "parent=0x81000001", NULL },
	{ IOTKEY_OPTIONS_SET, "overlap=1h usage=decrypt",
	  "set overlap=3600s usage=decrypt" },
	{ IOTKEY_OPTIONS_SET, "rotate=1h overlap=2h", NULL },
	{ IOTKEY_OPTIONS_SET, "", NULL },
	{ IOTKEY_OPTIONS_SET, "start=5", NULL },
};

static void test_texts(void)
{
	struct iotkey_spec spec;
	char text[1024];
	size_t i;
	int ret;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		ret = read_words(&spec, texts[i].words);
		if (!ktap_ok(!ret, "text %zu: the words are good", i))
			continue;
		ret = iotkey_spec_text(&spec, texts[i].allowed, text, sizeof(text));
		if (texts[i].text)
			ktap_ok(ret == (int)strlen(texts[i].text) &&
					!strcmp(text, texts[i].text),
				"text %zu: %s", i, texts[i].text);
		else
			ktap_ok(ret == -EINVAL, "text %zu: refused", i);
	}
}

static void test_limits(void)
{
	struct iotkey_problem why;
	struct iotkey_spec spec;
	char text[1024];
	uint64_t n;

	read_words(&spec, "provider=soft");
	ktap_ok(iotkey_spec_text(&spec, IOTKEY_OPTIONS_ROOT, text, 22) == -ENOSPC,
		"a buffer without room for the final zero");
	ktap_ok(iotkey_spec_text(&spec, IOTKEY_OPTIONS_ROOT, text, 23) == 22,
		"a buffer that just fits");
	ktap_ok(iotkey_spec_set(&spec, "provider", "tpm", &why) == -EEXIST,
		"an option twice");
	iotkey_spec_set(&spec, "rotate", "\033[31mred", &why);
	ktap_ok(!strcmp(why.value, "?[31mred") && !strcmp(why.option, "rotate"),
		"a problem may be printed");
	ktap_ok(!iotkey_duration("1w", &n) && n == 604800, "a week");
	ktap_ok(iotkey_duration("18446744073709551615w", &n) == -ERANGE,
		"a duration that overflows");
	ktap_ok(!iotkey_name_ok(""), "an empty name");
	memset(text, 'n', 256);
	text[256] = '\0';
	ktap_ok(!iotkey_name_ok(text), "a name of 256");
	text[255] = '\0';
	ktap_ok(iotkey_name_ok(text), "a name of 255");
}

static void test_words(void)
{
	unsigned int i;

	for (i = 1; strcmp(iotkey_algorithm_name(i), "?"); i++)
		ktap_ok(iotkey_algorithm_value(iotkey_algorithm_name(i)) == (int)i,
			"algorithm %s", iotkey_algorithm_name(i));
	ktap_ok(i == IOTKEY_ALGORITHM_ECDSA_P256 + 1, "every algorithm has a word");
	ktap_ok(iotkey_mode_value("none") == -EINVAL, "none is no mode");
	ktap_ok(!strcmp(iotkey_strerror(-ENOKEY), iotkey_strerror(ENOKEY)),
		"errors of either sign");
}

int main(void)
{
	test_edges();
	test_texts();
	test_limits();
	test_words();
	return ktap_done();
}
