// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * References: reading them, and finding what they say.
 */
#include "reference.h"

#include <openssl/crypto.h>
#include <stdlib.h>

/* Where the parser is */
struct parser {
	struct iotkey_reference *ref;
	char *p; /* the rest of the line, zero-terminated */
	struct iotkey_reference_mistake *why;
	bool no_memory;
};

static void *list_add(struct parser *parser, struct list *list, size_t size)
{
	size_t room = list->room ? list->room * 2 : 16;
	void *items;

	if (list->count == list->room) {
		items = reallocarray(list->items, room, size);
		if (!items) {
			parser->no_memory = true;
			return NULL;
		}
		list->items = items;
		list->room = room;
	}
	return (char *)list->items + size * list->count++;
}

/* What is wrong with @word */
static bool mistake(struct parser *parser, const char *word, const char *mend)
{
	size_t i;

	parser->why->mend = mend;
	for (i = 0; word && word[i] && i + 1 < sizeof(parser->why->word); i++)
		parser->why->word[i] = word[i] >= ' ' && word[i] <= '~' ? word[i] : '?';
	parser->why->word[i] = '\0';
	return false;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static char *next_word(struct parser *parser)
{
	char *word;

	while (is_blank(*parser->p))
		parser->p++;
	word = parser->p;
	while (*parser->p && !is_blank(*parser->p))
		parser->p++;
	if (*parser->p)
		*parser->p++ = '\0';
	return word;
}

static int hex_digit(char c)
{
	return OPENSSL_hexchar2int((unsigned char)c);
}

/* The rest of the line, less its escapes and the blanks around it */
static bool rest(struct parser *parser, char **name, size_t *len)
{
	char *in, *out, *end;
	int high, low;

	while (is_blank(*parser->p))
		parser->p++;
	end = parser->p + strlen(parser->p);
	while (end > parser->p && is_blank(end[-1]))
		*--end = '\0';
	for (in = out = parser->p; *in;) {
		if (*in != '\\') {
			*out++ = *in++;
		} else if (in[1] == '\\') {
			*out++ = '\\';
			in += 2;
		} else {
			high = in[1] == 'x' ? hex_digit(in[2]) : -1;
			low = high >= 0 ? hex_digit(in[3]) : -1;
			if (low < 0 || high + low == 0)
				return mistake(
					parser, in,
					"after \\ stands another one, or x and two hex digits, not 00");
			*out++ = (char)(high << 4 | low);
			in += 4;
		}
	}
	*out = '\0';
	*name = parser->p;
	*len = (size_t)(out - parser->p);
	return true;
}

static bool parse_hex(struct parser *parser, const char *text, size_t len,
		      unsigned int hash, struct ref_digest *digest)
{
	size_t i, size = iotkey_hash_size(hash);

	if (len != 2 * size)
		return mistake(
			parser, text,
			"the digest needs two hex digits for each byte of its hash");
	memset(digest, 0, sizeof(*digest));
	digest->hash = (uint16_t)hash;
	for (i = 0; i < size; i++) {
		if (hex_digit(text[2 * i]) < 0 || hex_digit(text[2 * i + 1]) < 0)
			return mistake(parser, text, "a digest has only hex digits");
		digest->value[i] = (uint8_t)(hex_digit(text[2 * i]) << 4 |
					     hex_digit(text[2 * i + 1]));
	}
	return true;
}

/* "any", or digests with a | in between; each names its hash unless @hash does */
static bool parse_digests(struct parser *parser, unsigned int hash,
			  struct ref_digests *digests)
{
	char *word = next_word(parser), *end, *colon;
	struct ref_digest *digest;
	int own;

	digests->first = parser->ref->digests.count;
	digests->count = 0;
	if (!strcmp(word, "any"))
		return true;
	for (;; word = end + 1) {
		end = strchrnul(word, '|');
		own = (int)hash;
		if (!hash) {
			colon = memchr(word, ':', (size_t)(end - word));
			own = colon ? iotkey_hash_value(word, (size_t)(colon - word))
				    : -EINVAL;
			if (own < 0)
				return mistake(
					parser, word,
					"here stands any, or HASH:HEX, where HASH is sha1, sha256, sha384, sha512 or sm3");
			word = colon + 1;
		}
		digest = list_add(parser, &parser->ref->digests, sizeof(*digest));
		if (!digest)
			return false;
		if (!parse_hex(parser, word, (size_t)(end - word), (unsigned int)own,
			       digest))
			return false;
		digests->count++;
		if (!*end)
			return true;
	}
}

static bool parse_pcr_number(struct parser *parser, const char *word, unsigned int *pcr)
{
	char *end;
	unsigned long n = strtoul(word, &end, 10);

	if (*word < '0' || *word > '9' || *end || n >= IOTKEY_PCRS)
		return mistake(parser, word, "a PCR is a number from 0 to 23");
	*pcr = (unsigned int)n;
	return true;
}

static bool parse_pcr(struct parser *parser)
{
	char *word = next_word(parser), *colon = strchr(word, ':'), *name;
	struct ref_pcr pcr, *item;
	size_t len, i;
	int hash;

	hash = colon ? iotkey_hash_value(word, (size_t)(colon - word)) : -EINVAL;
	if (hash < 0)
		return mistake(parser, word, "a PCR is named as sha256:7");
	pcr.hash = (uint16_t)hash;
	if (!parse_pcr_number(parser, colon + 1, &pcr.pcr))
		return false;
	for (i = 0; i < parser->ref->pcrs.count; i++)
		if (ref_pcr(parser->ref, i)->hash == pcr.hash &&
		    ref_pcr(parser->ref, i)->pcr == pcr.pcr)
			return mistake(
				parser, word,
				"the PCR was named before: put both values on one line, with | in between");
	if (!parse_digests(parser, pcr.hash, &pcr.digests) || !rest(parser, &name, &len))
		return false;
	pcr.name = name;
	item = list_add(parser, &parser->ref->pcrs, sizeof(*item));
	if (item)
		*item = pcr;
	return item;
}

static bool parse_event(struct parser *parser, bool optional)
{
	struct ref_event event = { .optional = optional }, *item;
	char *name, *word;
	size_t len;

	if (!parse_pcr_number(parser, next_word(parser), &event.pcr))
		return false;
	word = next_word(parser);
	if (iotkey_log_type_value(word, &event.type))
		return mistake(parser, word,
			       "a type is a name such as EV_SEPARATOR, or a number");
	if (!parse_digests(parser, 0, &event.digests) || !rest(parser, &name, &len))
		return false;
	event.name = name;
	item = list_add(parser, &parser->ref->events, sizeof(*item));
	if (item)
		*item = event;
	return item;
}

/* As it is written: one that ends a name is \\x2a */
static bool ends_with_star(const char *line)
{
	size_t len = strlen(line);

	while (len && is_blank(line[len - 1]))
		len--;
	return len && line[len - 1] == '*';
}

static bool parse_ima(struct parser *parser)
{
	struct ref_ima ima, *item;
	struct list *list = &parser->ref->imas;
	char *name;
	bool star;

	if (!parse_digests(parser, 0, &ima.digests))
		return false;
	star = ends_with_star(parser->p);
	if (!rest(parser, &name, &ima.len))
		return false;
	if (!ima.len)
		return mistake(parser, "", "the path is missing");
	if (ima.digests.count > 1)
		return mistake(parser, name,
			       "each digest of a file has a line of its own");
	if (!ima.digests.count && star) {
		ima.len--;
		list = &parser->ref->prefixes;
	}
	ima.name = name;
	item = list_add(parser, list, sizeof(*item));
	if (item)
		*item = ima;
	return item;
}

static bool parse_line(struct parser *parser)
{
	char *word = next_word(parser);

	if (!*word || *word == '#')
		return true;
	if (!strcmp(word, "pcr"))
		return parse_pcr(parser);
	if (!strcmp(word, "event"))
		return parse_event(parser, false);
	if (!strcmp(word, "optional-event"))
		return parse_event(parser, true);
	if (!strcmp(word, "ima"))
		return parse_ima(parser);
	return mistake(parser, word,
		       "a line begins with pcr, event, optional-event, ima or #");
}

static bool parse_lines(struct parser *parser, char *text, size_t len)
{
	char *end = text + len, *newline;

	for (; text < end; text = newline + 1) {
		parser->why->line++;
		newline = memchr(text, '\n', (size_t)(end - text));
		if (!newline)
			newline = end;
		if (memchr(text, 0, (size_t)(newline - text)))
			return mistake(parser, "",
				       "the line has a byte of zero: this is no text");
		*newline = '\0';
		if (newline > text && newline[-1] == '\r')
			newline[-1] = '\0';
		parser->p = text;
		if (!parse_line(parser))
			return false;
	}
	return true;
}

/* By PCR, otherwise as they came: digests of an event only grow */
static int compare_events(const void *a, const void *b)
{
	const struct ref_event *x = a, *y = b;

	if (x->pcr != y->pcr)
		return x->pcr < y->pcr ? -1 : 1;
	return x->name < y->name ? -1 : x->name > y->name;
}

static int compare_names(const char *a, size_t a_len, const char *b, size_t b_len)
{
	int order = memcmp(a, b, a_len < b_len ? a_len : b_len);

	if (order || a_len == b_len)
		return order;
	return a_len < b_len ? -1 : 1;
}

static int compare_imas(const void *a, const void *b)
{
	const struct ref_ima *x = a, *y = b;

	return compare_names(x->name, x->len, y->name, y->len);
}

static void sort(struct iotkey_reference *ref)
{
	unsigned int pcr;
	size_t i = 0;

	if (ref->events.count)
		qsort(ref->events.items, ref->events.count, sizeof(struct ref_event),
		      compare_events);
	for (pcr = 0; pcr <= IOTKEY_PCRS; pcr++) {
		while (i < ref->events.count && ref_event(ref, i)->pcr < pcr)
			i++;
		ref->event_first[pcr] = i;
	}
	if (ref->imas.count)
		qsort(ref->imas.items, ref->imas.count, sizeof(struct ref_ima),
		      compare_imas);
}

int iotkey_reference_parse(const char *text, size_t len, struct iotkey_reference **out,
			   struct iotkey_reference_mistake *why)
{
	struct iotkey_reference_mistake unwanted;
	struct parser parser = { .why = why ? why : &unwanted };
	bool ok;

	memset(parser.why, 0, sizeof(*parser.why));
	parser.ref = calloc(1, sizeof(*parser.ref));
	if (!parser.ref)
		return -ENOMEM;
	parser.ref->text = malloc(len + 1);
	if (!parser.ref->text) {
		iotkey_reference_free(parser.ref);
		return -ENOMEM;
	}
	memcpy(parser.ref->text, text, len);
	ok = parse_lines(&parser, parser.ref->text, len);
	if (!ok) {
		iotkey_reference_free(parser.ref);
		return parser.no_memory ? -ENOMEM : -EINVAL;
	}
	sort(parser.ref);
	*out = parser.ref;
	return 0;
}

void iotkey_reference_free(struct iotkey_reference *ref)
{
	if (!ref)
		return;
	free(ref->digests.items);
	free(ref->pcrs.items);
	free(ref->events.items);
	free(ref->imas.items);
	free(ref->prefixes.items);
	free(ref->text);
	free(ref);
}

bool ref_allows(const struct iotkey_reference *ref, struct ref_digests digests,
		unsigned int hash, const uint8_t *value)
{
	const struct ref_digest *digest;
	size_t i;

	if (!digests.count)
		return true;
	for (i = 0; i < digests.count; i++) {
		digest = ref_digest(ref, digests.first + i);
		if (digest->hash == hash &&
		    !memcmp(digest->value, value, iotkey_hash_size(hash)))
			return true;
	}
	return false;
}

const struct ref_ima *ref_find_ima(const struct iotkey_reference *ref,
				   struct iotkey_bytes name, size_t *count)
{
	const struct ref_ima *imas = ref->imas.items;
	struct ref_ima key = { .name = (const char *)name.data, .len = name.len };
	size_t low = 0, high = ref->imas.count, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (compare_imas(&imas[middle], &key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (high = low; high < ref->imas.count && !compare_imas(&imas[high], &key);
	     high++)
		;
	*count = high - low;
	return high > low ? &imas[low] : NULL;
}

bool ref_any_ima(const struct iotkey_reference *ref, struct iotkey_bytes name)
{
	const struct ref_ima *prefixes = ref->prefixes.items, *found;
	size_t i, count;

	for (i = 0; i < ref->prefixes.count; i++)
		if (name.len >= prefixes[i].len &&
		    !memcmp(name.data, prefixes[i].name, prefixes[i].len))
			return true;
	found = ref_find_ima(ref, name, &count);
	for (i = 0; i < count; i++)
		if (!found[i].digests.count)
			return true;
	return false;
}

/* The digests of the line about a PCR; NULL: there is none */
static const struct ref_pcr *find_pcr(const struct iotkey_reference *ref,
				      unsigned int bank, unsigned int pcr)
{
	size_t i;

	for (i = 0; i < ref->pcrs.count; i++)
		if (ref_pcr(ref, i)->hash == bank && ref_pcr(ref, i)->pcr == pcr)
			return ref_pcr(ref, i);
	return NULL;
}

int iotkey_reference_values(const struct iotkey_reference *ref,
			    const struct iotkey_pcr_selection *selection,
			    struct iotkey_pcr_values *values, unsigned int *bank,
			    unsigned int *pcr)
{
	const struct ref_pcr *line;
	unsigned int i;

	values->count = selection->count;
	for (i = 0; i < selection->count; i++) {
		*bank = selection->bank[i].hash;
		iotkey_pcrs_init(&values->bank[i], *bank);
		for (*pcr = 0; *pcr < IOTKEY_PCRS; ++*pcr) {
			if (!(selection->bank[i].pcrs >> *pcr & 1))
				continue;
			line = find_pcr(ref, *bank, *pcr);
			if (!line || !line->digests.count)
				return -ENODATA;
			if (line->digests.count > 1)
				return -ENOTUNIQ;
			memcpy(values->bank[i].value[*pcr],
			       ref_digest(ref, line->digests.first)->value,
			       IOTKEY_DIGEST_MAX);
			values->bank[i].set |= 1u << *pcr;
		}
	}
	return 0;
}
