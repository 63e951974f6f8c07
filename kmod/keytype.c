// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hooks of the key type, and what the core promises each:
 *
 *   preparse     may sleep and hold no lock: all slow work, all TPM work
 *   instantiate  under key_construction_mutex: attaches what preparse made
 *   update       key->sem held for writing
 *   read         key->sem held for reading
 *   revoke       key->sem held for writing; once; maybe on an empty key
 *   destroy      from the gc worker after the last reference went
 *   describe     under RCU: does not sleep
 *
 * Invalidation and expiry by "keyctl timeout" call no hook: the core refuses the
 * key, and destroy follows when it is collected.
 */
#include <linux/key-type.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include "deadline.h"
#include "key.h"
#include "keytype.h"
#include "notify.h"
#include "payload.h"

/* What preparse hands to instantiate or update. */
struct prepared {
	struct iot_payload payload;
	struct iot_key *ik;	/* of "new" and "load" */
};

static int vet_description(const char *description)
{
	return iot_name_ok(description, strlen(description)) ? 0 : -EINVAL;
}

static int make_key(struct prepared *p, struct key_preparsed_payload *prep)
{
	const char *name = prep->orig_description;
	struct iot_key *ik;

	if (name && vet_description(name))
		return -EINVAL;
	switch (p->payload.verb) {
	case IOT_VERB_NEW_ROOT:
		ik = name ? iot_key_new_root(&p->payload, name) :
			    ERR_PTR(-EINVAL);
		break;
	case IOT_VERB_NEW_KEY:
		ik = name ? iot_key_new(&p->payload, name) : ERR_PTR(-EINVAL);
		break;
	case IOT_VERB_LOAD:
		ik = iot_key_load(&p->payload, name, &prep->description);
		break;
	default:
		return 0;
	}
	if (IS_ERR(ik))
		return PTR_ERR(ik);
	p->ik = ik;
	return 0;
}

static int preparse(struct key_preparsed_payload *prep)
{
	struct prepared *p;
	size_t where;
	int ret;

	p = kzalloc(sizeof(*p), GFP_KERNEL);
	if (!p)
		return -ENOMEM;
	prep->payload.data[0] = p;
	ret = iot_payload_parse(&p->payload, prep->data, prep->datalen, &where);
	if (ret)
		return iot_refuse_text(where, ret);
	ret = make_key(p, prep);
	return ret ? iot_refuse(0, ret) : 0;
}

static void free_preparse(struct key_preparsed_payload *prep)
{
	struct prepared *p = prep->payload.data[0];

	if (p)
		iot_key_free(p->ik);
	kfree_sensitive(p);
	kfree(prep->description);
}

static int attach(struct key *key, struct prepared *p)
{
	struct iot_key *ik = p->ik;
	int ret;

	if (!ik)	/* an "update" of what does not exist */
		return -EINVAL;
	if (!try_module_get(THIS_MODULE))	/* as a moment later: no such type */
		return -ENODEV;
	ret = key_payload_reserve(key, sizeof(*ik));
	if (ret)
		goto err_module;
	/* complete before others can find it; what fails last is add_child */
	ik->key = key;
	key->payload.data[0] = ik;
	ret = iot_registry_add(ik);
	if (ret)
		goto err_quota;
	if (iot_key_is_child(ik)) {
		ret = iot_root_add_child(ik->root, ik);
		if (ret)
			goto err_registry;
	}

	p->ik = NULL;
	mutex_lock(&ik->lock);
	if (iot_key_is_child(ik))
		iot_deadline_arm(ik);
	iot_notify(ik, p->payload.verb == IOT_VERB_LOAD ?
		   IOTKEY_EVENT_LOADED : IOTKEY_EVENT_CREATED, 0);
	mutex_unlock(&ik->lock);
	return 0;

err_registry:
	iot_registry_del(ik);
err_quota:
	key->payload.data[0] = NULL;
	ik->key = NULL;
	key_payload_reserve(key, 0);
err_module:
	module_put(THIS_MODULE);
	return ret;
}

static int instantiate(struct key *key, struct key_preparsed_payload *prep)
{
	int ret = attach(key, prep->payload.data[0]);

	return ret ? iot_refuse(key->serial, ret) : 0;
}

static int apply(struct iot_key *ik, const struct iot_payload *p)
{
	if (p->verb == IOT_VERB_NEW_ROOT || p->verb == IOT_VERB_NEW_KEY ||
	    p->verb == IOT_VERB_LOAD)
		return -EEXIST;
	if (!iot_key_is_child(ik))
		return p->verb == IOT_VERB_STORED ? 0 : -EOPNOTSUPP;

	switch (p->verb) {
	case IOT_VERB_ROTATE:
		return iot_rotate_by_hand(ik);
	case IOT_VERB_STORED:
		return iot_stored(ik, p->number);
	case IOT_VERB_MIX:
		return iot_mix(ik, p->mix, p->mix_len);
	case IOT_VERB_EPOCH:
		return iot_epoch(ik, p->number);
	case IOT_VERB_SET:
		return iot_set(ik, p);
	default:
		return -EINVAL;
	}
}

static int update(struct key *key, struct key_preparsed_payload *prep)
{
	struct prepared *p = prep->payload.data[0];
	struct iot_key *ik = iot_key_of(key);
	int ret;

	if (!ik)	/* negative until now */
		return instantiate(key, prep);
	if (p->payload.verb == IOT_VERB_PUBLISH) {
		ret = iot_publish(ik, &p->payload);
	} else if (p->payload.verb == IOT_VERB_POLICY) {
		ret = iot_key_approve(ik, &p->payload);
	} else {
		mutex_lock(&ik->lock);
		ret = apply(ik, &p->payload);
		mutex_unlock(&ik->lock);
	}
	return ret ? iot_refuse(key->serial, ret) : 0;
}

static void revoke(struct key *key)
{
	struct iot_key *ik = iot_key_of(key);

	if (!ik)
		return;
	mutex_lock(&ik->lock);
	ik->bits |= BIT(IOT_KEY_REVOKED);
	iot_erase(ik);
	iot_deadline_arm(ik);
	iot_notify(ik, IOTKEY_EVENT_REVOKED, 0);
	mutex_unlock(&ik->lock);
	iot_publish_retire(ik);
	if (iot_key_is_root(ik))
		iot_root_revoke(ik->root);
	if (ik->resident)
		iot_resident_die(ik->resident);
}

/* key->type is already another's, and an instantiation may have failed. */
static void destroy(struct key *key)
{
	struct iot_key *ik = iot_key_of(key);

	if (!ik)
		return;
	iot_deadline_cancel(ik);
	iot_publish_retire(ik);
	if (iot_key_is_child(ik))
		iot_root_del_child(ik->root, ik);
	iot_registry_del(ik);
	iot_notify(ik, IOTKEY_EVENT_DESTROYED, 0);
	key->payload.data[0] = NULL;
	iot_key_free(ik);
	module_put(THIS_MODULE);
}

static long read(const struct key *key, char *buffer, size_t size)
{
	long ret = iot_key_read(iot_key_of(key), buffer, size);

	return ret < 0 ? iot_refuse(key->serial, ret) : ret;
}

static void describe_key(const struct iot_snapshot *snap, bool unsafe,
			 struct seq_file *m)
{
	s64 next = iot_schedule_rotates(&snap->policy, &snap->state);

	seq_printf(m, ": %s %s%s %s v%u ",
		   iot_algorithm_name(snap->policy.algorithm),
		   iot_mode_name(snap->policy.mode), unsafe ? " unsafe" : "",
		   iot_state_name(snap->moment.state), snap->state.version);
	if (next == IOT_NEVER || snap->moment.state == IOTKEY_STATE_EXPIRED ||
	    snap->moment.state == IOTKEY_STATE_REVOKED)
		seq_puts(m, "-");
	else
		seq_printf(m, "%llds", max_t(s64, next - snap->now, 0));
}

static void describe(const struct key *key, struct seq_file *m)
{
	struct iot_key *ik = iot_key_of(key);
	struct iot_snapshot snap;
	bool unsafe;

	seq_puts(m, key->description);
	if (!key_is_positive(key) || !ik)
		return;
	unsafe = iot_key_unsafe(ik);
	iot_key_snapshot(ik, &snap);
	if (iot_key_is_root(ik))
		seq_printf(m, ": root %s%s %s", ik->root->ops->name,
			   unsafe ? " unsafe" : "",
			   iot_state_name(snap.moment.state));
	else if (ik->resident)
		seq_printf(m, ": %s tpm%s %s",
			   iot_algorithm_name(snap.policy.algorithm),
			   ik->resident->restricted ? " restricted" : "",
			   iot_state_name(snap.moment.state));
	else
		describe_key(&snap, unsafe, m);
}

struct key_type iot_key_type = {
	.name = "iot",
	.vet_description = vet_description,
	.preparse = preparse,
	.free_preparse = free_preparse,
	.instantiate = instantiate,
	.update = update,
	.revoke = revoke,
	.destroy = destroy,
	.describe = describe,
	.read = read,
	.asym_query = iot_use_query,
	.asym_eds_op = iot_use_eds,
	.asym_verify_signature = iot_use_verify,
};
