/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

#include "files-apply.h"

/* Extended attributes of an archive: most are harmless, some would be taken for a layer's own marks. */

#define LONGEST (255 + 1)

struct attribute {
	const char *name;
	const void *value;
	uint32_t size;
};

void apply_warn(struct apply *apply, const char *format, ...)
{
	char *text = NULL;
	va_list args;

	if (apply->warnings.count >= WARNINGS_MOST)
		return;
	va_start(args, format);
	if (vasprintf(&text, format, args) >= 0)
		apply->warnings.list[apply->warnings.count++] = text;
	va_end(args);
}

static uint32_t number_at(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

/* Takes one from the bytes. 1, 0 at their end, -1 when they are malformed. */
static int next_attribute(const uint8_t **bytes, size_t *left, struct attribute *attribute)
{
	size_t name, whole;

	if (*left == 0)
		return 0;
	if (*left < 9)
		return -1;
	name = number_at(*bytes);
	if (name > *left - 9 || (*bytes)[4 + name] != 0 || memchr(*bytes + 4, 0, name))
		return -1;
	attribute->name = (const char *)*bytes + 4;
	attribute->size = number_at(*bytes + 5 + name);
	if (attribute->size > *left - 9 - name)
		return -1;
	attribute->value = *bytes + 9 + name;
	whole = 9 + name + attribute->size;
	*bytes += whole;
	*left -= whole;
	return 1;
}

static bool begins(const char *name, const char *with)
{
	return strncmp(name, with, strlen(with)) == 0;
}

/* Labels belong to the machine that the archive came from; a store's own marks may come from no archive. */
static bool is_dropped(const char *name)
{
	static const char *const dropped[] = { "security.selinux", "security.ima", "security.evm", "system.nfs4_acl" };

	for (size_t i = 0; i < sizeof dropped / sizeof *dropped; i++)
		if (strcmp(name, dropped[i]) == 0)
			return true;
	return begins(name, "user.fuseoverlayfs.") || begins(name, "user.containers.");
}

/* The form in which overlayfs shows it by the name that it had. */
static const char *escaped(const char *name, char buffer[LONGEST])
{
	const char *rest = strstr(name, ".overlay.");

	if (!begins(name, "user.overlay.") && !begins(name, "trusted.overlay."))
		return name;
	snprintf(buffer, LONGEST, "user.overlay.overlay.%s", rest + strlen(".overlay."));
	return buffer;
}

/* Default ACLs would change the modes of all that is made in the directory. */
static bool is_late(const char *name)
{
	return begins(name, "system.posix_acl_");
}

bool apply_has_later_xattrs(const uint8_t *bytes, size_t size)
{
	struct attribute attribute;

	while (next_attribute(&bytes, &size, &attribute) > 0)
		if (is_late(attribute.name))
			return true;
	return false;
}

static int set(struct apply *apply, const char *path, int fd, const struct attribute *attribute)
{
	char buffer[LONGEST];
	const char *name = escaped(attribute->name, buffer);

	if (is_dropped(name) || (!apply->layer && name == buffer))
		return 0;
	if (fsetxattr(fd, name, attribute->value, attribute->size, 0) == 0)
		return 0;
	/* What is wrong with an attribute alone does not stop an image: ACLs with foreign IDs, names of other systems. */
	if (errno == ENOSPC || errno == EDQUOT || errno == EIO)
		return files_fail(apply->files, errno, "xattr", path, "%.100s", name);
	if (!apply->warned_attribute)
		apply_warn(apply, "Extended attribute \"%.100s\" of \"%.300s\" was not kept: %s (there may be others)",
			   name, path, strerror(errno));
	apply->warned_attribute = true;
	return 0;
}

int apply_xattrs(struct apply *apply, const char *path, const uint8_t *bytes, size_t size, int fd, bool is_directory,
		 bool later)
{
	struct attribute attribute;
	int result;

	while ((result = next_attribute(&bytes, &size, &attribute)) > 0) {
		if (is_directory && is_late(attribute.name) != later)
			continue;
		if (set(apply, path, fd, &attribute) < 0)
			return -1;
	}
	return result < 0 ? files_fail(apply->files, EPROTO, "protocol", path, "%s", "malformed attributes") : 0;
}
