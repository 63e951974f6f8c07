// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Calls of the registrar, over one connection that is kept.
 */
#include "fleet.h"

#include <curl/curl.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BASE	   "/.well-known/iotkey/fleet/"
#define ANSWER_MAX (64u << 20)

static const char *registrar, *dir;

bool fleet_option(int c)
{
	if (c == OPT_REGISTRAR)
		registrar = optarg;
	else if (c == OPT_DIR)
		dir = optarg;
	return c == OPT_REGISTRAR || c == OPT_DIR;
}

struct answer {
	char *data;
	size_t len;
};

static size_t on_data(char *data, size_t size, size_t count, void *arg)
{
	struct answer *answer = arg;
	const size_t len = size * count;
	char *more;

	if (len > ANSWER_MAX - answer->len)
		return 0;
	more = realloc(answer->data, answer->len + len + 1);
	if (!more)
		return 0;
	memcpy(more + answer->len, data, len);
	answer->data = more;
	answer->len += len;
	more[answer->len] = '\0';
	return len;
}

static void set_file(CURL *curl, CURLoption option, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	curl_easy_setopt(curl, option, path);
}

static CURL *connection(void)
{
	static CURL *curl;

	if (curl)
		return curl;
	if (!registrar)
		registrar = getenv("IOTKEY_REGISTRAR");
	if (!dir)
		dir = getenv("IOTKEY_FLEET_DIR");
	if (!dir)
		dir = "/etc/iotkey";
	curl = curl_easy_init();
	if (!curl)
		return NULL;
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 10L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, 120L);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
	set_file(curl, CURLOPT_CAINFO, "ca.crt");
	set_file(curl, CURLOPT_SSLCERT, "admin.crt");
	set_file(curl, CURLOPT_SSLKEY, "admin.key");
	return curl;
}

/* The registrar's sentence, or what else there is to say */
static int refused(long status, const json_t *json, const char *path)
{
	const char *detail = json_string_value(json_object_get(json, "detail"));
	json_t *device;
	size_t i;

	if (detail)
		say("%s", detail);
	else
		say("the registrar answers %ld to %s", status, path);
	json_array_foreach(json_object_get(json, "devices"), i, device)
		say("unknown: %s", json_string_value(device));
	switch (status) {
	case 401:
	case 403:
	case 409:
		return EXIT_REFUSED;
	case 404:
		return EXIT_NO_KEY;
	default:
		return EXIT_FAILED;
	}
}

static int perform(CURL *curl, const char *path, json_t **out)
{
	struct answer answer = { 0 };
	char why[CURL_ERROR_SIZE] = "";
	long status = 0;
	json_t *json;
	CURLcode code;
	int ret = EXIT_OK;

	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
	code = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, NULL);
	json = answer.data ? json_loadb(answer.data, answer.len, 0, NULL) : NULL;
	free(answer.data);
	if (code != CURLE_OK) {
		say("%s: %s", registrar, why[0] ? why : curl_easy_strerror(code));
		ret = EXIT_FAILED;
	} else if (status < 200 || status > 299) {
		ret = refused(status, json, path);
	} else if (!json) {
		say("%s: the answer is no JSON", registrar);
		ret = EXIT_FAILED;
	}
	if (!ret && out)
		*out = json;
	else
		json_decref(json);
	return ret;
}

int call(const char *method, const char *path, const void *body, size_t len,
	 json_t **answer)
{
	CURL *curl = connection();
	char url[2048];

	if (!curl)
		return say_file_error(ENOMEM, "cannot make a call");
	if (!registrar) {
		say("where is the registrar? --registrar or $IOTKEY_REGISTRAR names it");
		return EXIT_USAGE;
	}
	snprintf(url, sizeof(url), "%s%s%s", registrar, BASE, path);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
	if (body) {
		curl_easy_setopt(curl, CURLOPT_POST, 1L);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	}
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	return perform(curl, path, answer);
}

int call_json(const char *method, const char *path, json_t *body, json_t **answer)
{
	char *text = json_dumps(body, JSON_COMPACT);
	int ret;

	json_decref(body);
	if (!text)
		return say_file_error(ENOMEM, "cannot make JSON");
	ret = call(method, path, text, strlen(text), answer);
	free(text);
	return ret;
}

void path_add(char *path, size_t size, const char *key, const char *value)
{
	char *escaped = curl_easy_escape(NULL, value, 0);
	size_t len = strlen(path);

	snprintf(path + len, size - len, "%c%s=%s", strchr(path, '?') ? '&' : '?', key,
		 escaped ? escaped : "");
	curl_free(escaped);
}

int call_pages(const char *path, const char *key,
	       int (*each)(void *arg, const json_t *row), void *arg)
{
	char next[1024];
	json_t *page, *row;
	const char *after;
	bool more;
	size_t i;
	int ret;

	snprintf(next, sizeof(next), "%s", path);
	path_add(next, sizeof(next), "limit", "500");
	do {
		ret = call("GET", next, NULL, 0, &page);
		if (ret)
			return ret;
		json_array_foreach(json_object_get(page, key), i, row) if (!ret) ret =
			each(arg, row);
		after = json_string_value(json_object_get(page, "next"));
		more = after != NULL;
		if (more) {
			snprintf(next, sizeof(next), "%s", path);
			path_add(next, sizeof(next), "limit", "500");
			path_add(next, sizeof(next), "after", after);
		}
		json_decref(page);
	} while (!ret && more);
	return ret;
}
