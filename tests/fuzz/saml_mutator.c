/* Mutation of SAML inputs: recipes change by whole edits, documents as libFuzzer likes. */
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/saml_edit.h"

static uint64_t
next_random(uint64_t *state)
{
	*state += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */
	uint64_t z = *state;
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static void
fill(uint8_t *at, uint64_t *random)
{
	uint64_t bits = next_random(random);
	memcpy(at, &bits, SAML_EDIT_BYTES);
}

static size_t
insert_edit(uint8_t *data, size_t size, size_t at, uint64_t *random)
{
	memmove(data + at + SAML_EDIT_BYTES, data + at, size - at);
	fill(data + at, random);
	return size + SAML_EDIT_BYTES;
}

static size_t
remove_edit(uint8_t *data, size_t size, size_t at)
{
	memmove(data + at, data + at + SAML_EDIT_BYTES, size - at - SAML_EDIT_BYTES);
	return size - SAML_EDIT_BYTES;
}

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	uint64_t random = seed;
	if (size > 0 && data[0] == '<')
		return LLVMFuzzerMutate(data, size, max_size);
	if (size == 0)
		data[size++] = 0;
	size_t edits = (size - 1) / SAML_EDIT_BYTES;
	size_t at = 1 + (edits ? next_random(&random) % edits : 0) * SAML_EDIT_BYTES;
	size = 1 + edits * SAML_EDIT_BYTES;
	switch (next_random(&random) % 6) {
	case 0:
		data[0] = (uint8_t)next_random(&random);
		return data[0] == '<' ? size - 1 : size;
	case 1:
		return edits > 1 ? remove_edit(data, size, at) : size;
	case 2:
		if (edits > 0)
			data[at + next_random(&random) % SAML_EDIT_BYTES] =
			    (uint8_t)next_random(&random);
		return size;
	case 3:
		if (edits > 0)
			fill(data + at, &random);
		return size;
	default:
		return size + SAML_EDIT_BYTES <= max_size ? insert_edit(data, size, at, &random)
							  : size;
	}
}
