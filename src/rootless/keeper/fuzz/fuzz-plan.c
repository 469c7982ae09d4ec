/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <string.h>

#include "../plan.h"
#include "../user.h"

/*
 * libFuzzer target for what the keeper decodes from bytes that nobody vouches for: plans, fields, and the image's /etc/passwd and
 * /etc/group. In this directory:
 *   clang -g -fsanitize=fuzzer,address,undefined -o /tmp/fuzz-plan fuzz-plan.c ../plan.c ../wire.c ../error.c ../user.c
 */

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static volatile size_t seen;

/* Reads all that a decoded list points to, so that a text that ends too late is noticed. */
static void read_texts(const struct field *field)
{
	for (char **text = field->list; text && *text; text++)
		seen += strlen(*text);
}

static void fuzz_plan(const uint8_t *bytes, size_t size)
{
	struct failure failure = { 0 };
	struct plan plan;

	if (plan_decode(bytes, size, &plan, &failure) < 0)
		return;
	for (size_t i = 0; i < plan.count; i++) {
		seen += strlen(op_name(plan.steps[i].op));
		for (size_t j = 0; j < sizeof plan.steps[i].args / sizeof plan.steps[i].args[0]; j++)
			read_texts(&plan.steps[i].args[j]);
	}
	plan_release(&plan);
}

static void fuzz_fields(const uint8_t *bytes, size_t size)
{
	static const char *const signatures[] = { "", "u", "s", "b", "v", "suuuuuussbssb", "vvsvubsv", "uvssvu" };
	struct field fields[FIELDS_MAX];

	for (size_t i = 0; i < sizeof signatures / sizeof *signatures; i++) {
		if (wire_decode(signatures[i], bytes, size, fields) < 0)
			continue;
		for (size_t j = 0; signatures[i][j]; j++) {
			if (signatures[i][j] == 's' && strlen(fields[j].text) != fields[j].size)
				__builtin_trap();
			read_texts(&fields[j]);
		}
		wire_release(signatures[i], fields);
	}
}

static void fuzz_users(const uint8_t *bytes, size_t size)
{
	static struct identity identity;
	struct piece file = { (const char *)bytes, size };
	struct account account;
	uint32_t number;
	gid_t gid;

	identity.count = 0;
	seen += user_number(file, &number);
	seen += user_find_group(file, "app", &gid);
	seen += (size_t)user_memberships(file, (struct piece){ "app", 3 }, &identity);
	if (user_find(file, "app", 0, &account) || user_find(file, NULL, 1000, &account)) {
		if (account.uid == UINT32_MAX || account.gid == UINT32_MAX || account.name.size == 0)
			__builtin_trap();
		for (size_t i = 0; i < account.home.size; i++)
			seen += (unsigned char)account.home.at[i];
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	fuzz_plan(bytes, size);
	fuzz_fields(bytes, size);
	fuzz_users(bytes, size);
	return 0;
}
