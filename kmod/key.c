// SPDX-License-Identifier: GPL-2.0-only
/*
 * Making, loading, saving and showing one key. All of it that is slow or needs
 * the TPM happens in preparse, before the key is seen by anyone.
 */
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "aead.h"
#include "base64.h"
#include "clock.h"
#include "compat.h"
#include "deadline.h"
#include "key.h"
#include "notify.h"
#include "schedule.h"
#include "tss2.h"

static struct kmem_cache *key_cache;

int iot_key_init(void)
{
	key_cache = KMEM_CACHE(iot_key, SLAB_NO_MERGE);
	return key_cache ? 0 : -ENOMEM;
}

void iot_key_exit(void)
{
	kmem_cache_destroy(key_cache);
}

/* Key time in seconds. */
s64 iot_key_now(const struct iot_key *ik)
{
	s64 now = (s64)ktime_get_boottime_ns() +
		  max(ik->offset, iot_clock_floor());

	return now < 0 ? 0 : div_s64(now, NSEC_PER_SEC);
}

/* Is there a secret that a crash would lose, or that waits to be stored? */
bool iot_key_unstored(const struct iot_policy *p, const struct iot_state *s)
{
	return s->stored < (p->mode == IOTKEY_MODE_RANDOM ? s->newest :
							    s->needs);
}

static struct iot_key *alloc_key(void)
{
	struct iot_key *ik = kmem_cache_zalloc(key_cache, GFP_KERNEL);

	if (!ik)
		return NULL;
	mutex_init(&ik->lock);
	seqcount_init(&ik->seq);
	timerqueue_init(&ik->due);
	INIT_LIST_HEAD(&ik->sibling);
	ik->offset = max(iot_clock_wall(), iot_clock_floor());
	return ik;
}

/* @root is a root, whose reference passes to the key, or an error to pass on. */
static struct iot_key *key_with(struct iot_root *root)
{
	struct iot_key *ik;

	if (IS_ERR(root))
		return ERR_CAST(root);
	ik = alloc_key();
	if (!ik) {
		iot_root_put(root);
		return ERR_PTR(-ENOMEM);
	}
	ik->root = root;
	return ik;
}

/* A key under the root of that name in the caller's keyrings. */
static struct iot_key *key_under(const char *root, size_t len, u8 algorithm)
{
	int ret = iot_aead_ready(algorithm);

	return ret ? ERR_PTR(ret) : key_with(iot_root_find(root, len));
}

void iot_key_free(struct iot_key *ik)
{
	if (!ik)
		return;
	iot_aead_forget(ik);
	if (ik->root)
		iot_root_put(ik->root);
	iot_resident_free(ik->resident);
	iot_publish_free(ik);
	kfree(ik->label);
	memzero_explicit(ik, sizeof(*ik));
	kmem_cache_free(key_cache, ik);
}

static struct iot_key *root_key(struct iot_root *root)
{
	struct iot_key *ik = key_with(root);

	if (IS_ERR(ik))
		return ik;
	memcpy(ik->id, root->id, sizeof(ik->id));
	ik->state.created = iot_key_now(ik);
	return ik;
}

/* "a+b" means two roots. */
static bool may_be_root(const char *name)
{
	return !strchr(name, '+');
}

/**
 * iot_key_new_root() - "new root ..."
 * @name: of the key to be
 */
struct iot_key *iot_key_new_root(const struct iot_payload *p, const char *name)
{
	if (!may_be_root(name))
		return ERR_PTR(-EINVAL);
	return root_key(iot_root_create(&p->spec, name));
}

static int set_label(struct iot_key *ik, const char *label, size_t len)
{
	if (ik->policy.mode != IOTKEY_MODE_DERIVE)
		return 0;
	ik->label = kmemdup_nul(label, len, GFP_KERNEL);
	return ik->label ? 0 : -ENOMEM;
}

/* @r passes to the key, or is an error to pass on. */
static struct iot_key *resident_key(struct iot_resident *r, u8 usage)
{
	struct iot_key *ik;

	if (IS_ERR(r))
		return ERR_CAST(r);
	ik = alloc_key();
	if (!ik) {
		iot_resident_free(r);
		return ERR_PTR(-ENOMEM);
	}
	ik->resident = r;
	ik->policy.algorithm = IOTKEY_ALGORITHM_ECDSA_P256;
	ik->policy.usage = usage;
	ik->state.created = iot_key_now(ik);
	/* behind the name's hash algorithm */
	memcpy(ik->id, r->name + 2, sizeof(ik->id));
	return ik;
}

/**
 * iot_key_new() - "new ALGORITHM ..."
 * @name: of the key to be
 */
struct iot_key *iot_key_new(const struct iot_payload *p, const char *name)
{
	struct iot_key *ik;
	int ret;

	if (p->policy.algorithm == IOTKEY_ALGORITHM_ECDSA_P256)
		return resident_key(iot_resident_create(&p->spec),
				    p->policy.usage);
	ik = key_under(p->root.p, p->root.len, p->policy.algorithm);
	if (IS_ERR(ik))
		return ik;
	get_random_bytes(ik->id, sizeof(ik->id));
	ik->policy = p->policy;
	ik->state.created = iot_key_now(ik);
	if (!ik->policy.start)
		ik->policy.start = max_t(s64, ik->state.created -
					      iot_jitter(&ik->policy), 0);
	if (p->label.len)
		ret = set_label(ik, p->label.p, p->label.len);
	else
		ret = set_label(ik, name, strlen(name));
	if (ret) {
		iot_key_free(ik);
		return ERR_PTR(ret);
	}
	iot_start_versions(ik);
	return ik;
}

/* Bind the blob to the name it is asked for under; "" takes the blob's. */
static int check_name(const struct iot_blob *b, const char *name,
		      char **found_name)
{
	if (!name) {
		*found_name = kmemdup_nul(b->name, b->name_len, GFP_KERNEL);
		return *found_name ? 0 : -ENOMEM;
	}
	return strlen(name) == b->name_len &&
	       !memcmp(name, b->name, b->name_len) ? 0 : -EXDEV;
}

static int resume(struct iot_key *ik, const struct iot_blob *b,
		  const struct iot_table *table)
{
	int ret;

	memcpy(ik->id, b->id, sizeof(ik->id));
	ik->policy = b->policy;
	ik->state = b->state;
	ik->offset = iot_clock_resume(b->instance, b->lead, b->saved);
	if (b->label_len)
		ret = set_label(ik, b->label, b->label_len);
	else
		ret = set_label(ik, b->name, b->name_len);
	if (ret)
		return ret;
	ret = iot_resume_versions(ik, table);
	return ret ?: iot_settle(ik);
}

static struct iot_key *load_key(const struct iot_blob *b, const u8 *head)
{
	struct iot_key *ik = key_under(b->root, b->root_len,
				       b->policy.algorithm);
	struct iot_table table;
	int ret = -EKEYREJECTED;

	if (IS_ERR(ik))
		return ik;
	mutex_lock(&ik->lock);
	if (!memcmp(ik->root->id, b->root_id, sizeof(b->root_id)))
		ret = iot_root_unwrap(ik->root, &table, head,
				      iot_blob_head_size(b), b->body,
				      b->body_len);
	if (!ret)
		ret = resume(ik, b, &table);
	memzero_explicit(&table, sizeof(table));
	mutex_unlock(&ik->lock);
	if (ret) {
		iot_key_free(ik);
		return ERR_PTR(ret);
	}
	return ik;
}

static struct iot_key *load_blob(const u8 *data, size_t len, const char *name,
				 char **found_name)
{
	struct iot_key *ik;
	struct iot_blob b;
	int ret;

	ret = iot_blob_decode(&b, data, len);
	if (!ret)
		ret = check_name(&b, name, found_name);
	if (ret)
		return ERR_PTR(ret);
	if (b.kind == IOT_BLOB_KEY)
		return load_key(&b, data);

	ik = root_key(iot_root_open(&b));
	if (!IS_ERR(ik))
		ik->state.created = b.state.created;
	return ik;
}

#define PEM_BEGIN	"-----BEGIN TSS2 PRIVATE KEY-----"
#define PEM_END		"-----END TSS2 PRIVATE KEY-----"

/* What is inside the armour, if there is one. */
static struct iot_span strip_pem(struct iot_span text)
{
	const char *begin = memchr(text.p, '-', text.len);
	const char *end;

	if (begin)	/* base64 has none: a blob is not searched for the line */
		begin = strnstr(text.p, PEM_BEGIN, text.len);
	if (!begin)
		return text;
	begin += strlen(PEM_BEGIN);
	text.len -= begin - text.p;
	text.p = begin;
	end = strnstr(text.p, PEM_END, text.len);
	if (end)
		text.len = end - text.p;
	return text;
}

/**
 * iot_key_load() - "load BLOB"
 * @name: the name asked for, or NULL to take the blob's
 * @found_name: that name, to be freed by the caller
 */
struct iot_key *iot_key_load(const struct iot_payload *p, const char *name,
			     char **found_name)
{
	struct iot_span text = strip_pem(p->blob);
	struct iot_key *ik;
	u8 *data;
	int len;

	data = kmalloc(IOT_BLOB_MAX, GFP_KERNEL);
	if (!data)
		return ERR_PTR(-ENOMEM);
	len = iot_base64_decode(data, IOT_BLOB_MAX, text.p, text.len);
	if (len < 1)
		ik = ERR_PTR(-EBADMSG);
	else if (data[0] != 0x30)	/* DER SEQUENCE */
		ik = load_blob(data, len, name, found_name);
	else if (!name)
		ik = ERR_PTR(-EINVAL);
	else if (tss2_is_ecc(data, len))
		ik = resident_key(iot_resident_load(data, len),
				  IOT_USAGE_SIGN | IOT_USAGE_VERIFY);
	else if (may_be_root(name))
		ik = root_key(iot_root_adopt(data, len, name));
	else
		ik = ERR_PTR(-EINVAL);
	kfree_sensitive(data);
	return ik;
}

/**
 * iot_key_approve() - "policy APPROVALS": they take the place of those that a root has
 *
 * key->sem is held, so nobody else changes the root's part.  The next read saves them.
 */
int iot_key_approve(struct iot_key *ik, const struct iot_payload *p)
{
	struct iot_bytes part = {};
	int len, ret = -EBADMSG;
	u8 *der;

	if (!iot_key_is_root(ik))
		return -EOPNOTSUPP;
	der = kmalloc(TSS2_MAX, GFP_KERNEL);
	if (!der)
		return -ENOMEM;
	len = iot_base64_decode(der, TSS2_MAX, p->blob.p, p->blob.len);
	if (len > 0)
		ret = iot_root_approve(ik->root, der, len, &part);
	kfree(der);
	if (ret)
		return ret;
	mutex_lock(&ik->lock);
	swap(ik->root->part, part);
	mutex_unlock(&ik->lock);
	iot_bytes_free(&part);
	return 0;
}

static void fill_blob(const struct iot_key *ik, struct iot_blob *b)
{
	memset(b, 0, sizeof(*b));
	b->name = ik->key->description;
	b->name_len = strlen(b->name);
	memcpy(b->id, ik->id, sizeof(b->id));
	memcpy(b->root_id, ik->root->id, sizeof(b->root_id));
	b->policy = ik->policy;
	b->state = ik->state;
	b->saved = iot_key_now(ik);
	b->instance = iot_clock_instance();
	b->lead = ik->offset;
	if (iot_key_is_root(ik)) {
		b->kind = IOT_BLOB_ROOT;
		b->provider = ik->root->ops->provider;
		return;
	}
	b->kind = IOT_BLOB_KEY;
	b->root = ik->root->name;
	b->root_len = strlen(b->root);
	if (ik->label && strcmp(ik->label, b->name)) {
		b->label = ik->label;
		b->label_len = strlen(b->label);
	}
}

static size_t save_root(const struct iot_root *root, struct iot_blob *b,
			u8 *out)
{
	size_t len;

	b->body_len = root->part.len + IOT_BLOB_MAC;
	len = iot_blob_encode(b, out);
	memcpy(out + len, root->part.data, root->part.len);
	len += root->part.len;
	iot_root_mac(root, out, len, out + len);
	return len + IOT_BLOB_MAC;
}

static size_t save_key(const struct iot_key *ik, struct iot_blob *b, u8 *out)
{
	struct iot_table table;
	size_t len;

	iot_save_versions(ik, &table);
	b->body_len = IOT_BLOB_NONCE + iot_table_size(&table) + IOT_BLOB_TAG;
	len = iot_blob_encode(b, out);
	iot_root_wrap(ik->root, &table, out, len, out + len);
	memzero_explicit(&table, sizeof(table));
	return len + b->body_len;
}

/* Octets in a line of PEM, which is that many and a third. */
#define PEM_LINE	48

/* What tpm2-tools and OpenSSL's providers read: the key as it was made or loaded. */
static long read_pem(const struct iot_bytes *der, char *buffer, size_t size)
{
	size_t len = IOT_BASE64_LEN(der->len) + DIV_ROUND_UP(der->len, PEM_LINE) +
		     strlen(PEM_BEGIN "\n") + strlen(PEM_END "\n");
	size_t at, n;

	if (!buffer || size < len)
		return len;
	buffer += sprintf(buffer, "%s", PEM_BEGIN "\n");
	for (at = 0; at < der->len; at += n) {
		n = min_t(size_t, der->len - at, PEM_LINE);
		buffer += iot_base64_encode(buffer, der->data + at, n);
		*buffer++ = '\n';
	}
	memcpy(buffer, PEM_END "\n", strlen(PEM_END "\n"));
	return len;
}

/**
 * iot_key_read() - the wrapped blob as text, or a resident key's PEM
 * @buffer: where to, or NULL to learn the length only
 *
 * Return: length of the text, or -EKEYREVOKED, -EKEYEXPIRED, -ENOMEM.
 */
long iot_key_read(struct iot_key *ik, char *buffer, size_t size)
{
	struct iot_blob b;
	size_t len = 0;
	long ret;
	u8 *out;

	if (ik->resident) {
		mutex_lock(&ik->lock);
		ret = iot_settle(ik);
		mutex_unlock(&ik->lock);
		return ret ?: read_pem(&ik->resident->der, buffer, size);
	}
	out = kmalloc(IOT_BLOB_MAX, GFP_KERNEL);
	if (!out)
		return -ENOMEM;
	mutex_lock(&ik->lock);
	ret = iot_settle(ik);
	if (!ret) {
		fill_blob(ik, &b);
		len = iot_key_is_root(ik) ? save_root(ik->root, &b, out) :
					    save_key(ik, &b, out);
	}
	mutex_unlock(&ik->lock);
	if (!ret) {
		ret = IOT_BASE64_LEN(len);
		if (buffer && size >= ret)
			iot_base64_encode(buffer, out, len);
	}
	kfree_sensitive(out);
	return ret;
}

/* What may be shown of a key right now; takes no lock and does not sleep. */
void iot_key_snapshot(struct iot_key *ik, struct iot_snapshot *snap)
{
	unsigned int seq;

	do {
		seq = read_seqcount_begin(&ik->seq);
		snap->policy = ik->policy;
		snap->state = ik->state;
		snap->bits = ik->bits;
		snap->now = iot_key_now(ik);
	} while (read_seqcount_retry(&ik->seq, seq));

	iot_schedule_at(&snap->policy, &snap->state, snap->now, &snap->moment);
	if (snap->policy.algorithm == IOTKEY_ALGORITHM_NONE)
		snap->moment.state = IOTKEY_STATE_ACTIVE;
	if (snap->bits & BIT(IOT_KEY_REVOKED) || iot_key_root_revoked(ik)) {
		snap->moment.state = IOTKEY_STATE_REVOKED;
	} else if (snap->moment.rotate &&
		   snap->moment.state != IOTKEY_STATE_EXPIRED &&
		   snap->policy.mode != IOTKEY_MODE_RANDOM) {
		snap->state.epoch = snap->moment.epoch;
		snap->state.version = snap->moment.epoch + 1;
	}
}

/* Bits of enum iotkey_flags. */
u32 iot_key_flags(const struct iot_key *ik, const struct iot_snapshot *snap)
{
	u32 flags = 0;

	if (iot_key_is_root(ik))
		flags |= IOTKEY_FLAG_ROOT | ik->root->policy;
	if (iot_key_unsafe(ik))
		flags |= IOTKEY_FLAG_UNSAFE;
	if (ik->resident && ik->resident->restricted)
		flags |= IOTKEY_FLAG_RESTRICTED;
	if (iot_key_unstored(&snap->policy, &snap->state))
		flags |= IOTKEY_FLAG_UNSTORED;
	if (snap->state.overdue)
		flags |= IOTKEY_FLAG_OVERDUE;
	if (iot_clock_trusted())
		flags |= IOTKEY_FLAG_CLOCK_TRUSTED;
	return flags;
}
