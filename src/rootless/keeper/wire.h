/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AIRPLANT_WIRE_H
#define AIRPLANT_WIRE_H

#include <stddef.h>
#include <stdint.h>

/* Fields of docs/protocol.md, read from bytes that nobody vouches for. */

#define FRAME_MAX (16u << 20)
#define FIELDS_MAX 16

struct field {
	uint64_t number;  /* u: the value; v: the count */
	const char *text; /* s: NUL-terminated, in place; b: the bytes, in place */
	size_t size;	  /* s, b: bytes */
	char **list;	  /* v: NULL-terminated, allocated */
};

/* Decodes exactly the fields of the signature from all of the bytes. 0, or -1 with nothing left allocated. */
int wire_decode(const char *signature, const uint8_t *bytes, size_t size, struct field *fields);
void wire_release(const char *signature, struct field *fields);

#endif
