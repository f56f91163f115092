#include "fas/agent/spare.h"

void
spare_init(struct spare *spare)
{
	spare->key = NULL;
	(void)pthread_mutex_init(&spare->lock, NULL);
}

void
spare_done(struct spare *spare)
{
	EVP_PKEY_free(spare->key);
	(void)pthread_mutex_destroy(&spare->lock);
}

static EVP_PKEY *
swap(struct spare *spare, EVP_PKEY *new)
{
	(void)pthread_mutex_lock(&spare->lock);
	EVP_PKEY *old = spare->key;
	spare->key = new;
	(void)pthread_mutex_unlock(&spare->lock);
	return old;
}

bool
spare_is_there(struct spare *spare)
{
	(void)pthread_mutex_lock(&spare->lock);
	bool there = spare->key != NULL;
	(void)pthread_mutex_unlock(&spare->lock);
	return there;
}

enum fas_code
spare_fill(struct spare *spare, struct fas_err *e)
{
	EVP_PKEY *made = NULL;
	if (spare_is_there(spare))
		return FAS_OK;
	enum fas_code rc = key_new_user(&made, e);
	if (rc == FAS_OK)
		EVP_PKEY_free(swap(spare, made));
	return rc;
}

enum fas_code
spare_take(struct spare *spare, EVP_PKEY **out, struct fas_err *e)
{
	*out = swap(spare, NULL);
	return *out ? FAS_OK : key_new_user(out, e);
}
