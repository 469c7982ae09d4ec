/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "exec.h"

#define SCRIPTS_DEEP 4

/* "#! /path argument": the kernel takes the path up to the first blank, a carriage return included. */
static bool script(int fd, char name[PATH_MAX])
{
	char line[258];
	ssize_t size = pread(fd, line, sizeof line - 1, 0);
	size_t start, length;

	if (size < 3 || line[0] != '#' || line[1] != '!')
		return false;
	line[size] = 0;
	start = 2 + strspn(line + 2, " \t");
	length = strcspn(line + start, " \t\n");
	memcpy(name, line + start, length);
	name[length] = 0;
	return length > 0;
}

/* Where the program header number `index` says that the interpreter's path is. Both classes are little endian here. */
static bool locate(int fd, const unsigned char *head, unsigned int index, off_t *offset, size_t *size)
{
	if (head[EI_CLASS] == ELFCLASS64) {
		const Elf64_Ehdr *file = (const Elf64_Ehdr *)head;
		Elf64_Phdr part;

		if (index >= file->e_phnum ||
		    pread(fd, &part, sizeof part, (off_t)(file->e_phoff + index * sizeof part)) != (ssize_t)sizeof part)
			return false;
		*offset = (off_t)part.p_offset;
		*size = part.p_type == PT_INTERP ? part.p_filesz : 0;
	} else {
		const Elf32_Ehdr *file = (const Elf32_Ehdr *)head;
		Elf32_Phdr part;

		if (index >= file->e_phnum ||
		    pread(fd, &part, sizeof part, (off_t)(file->e_phoff + index * sizeof part)) != (ssize_t)sizeof part)
			return false;
		*offset = (off_t)part.p_offset;
		*size = part.p_type == PT_INTERP ? part.p_filesz : 0;
	}
	return true;
}

static bool program(int fd, char name[PATH_MAX])
{
	_Alignas(Elf64_Ehdr) unsigned char head[sizeof(Elf64_Ehdr)];
	size_t size = 0;
	off_t offset;
	ssize_t got;

	if (pread(fd, head, sizeof head, 0) != (ssize_t)sizeof head || memcmp(head, ELFMAG, SELFMAG) != 0)
		return false;
	for (unsigned int i = 0; size == 0 && i < 64; i++) {
		if (!locate(fd, head, i, &offset, &size))
			return false;
	}
	if (size == 0 || size >= PATH_MAX)
		return false;
	got = pread(fd, name, size, offset);
	if (got <= 0)
		return false;
	name[got] = 0;
	return *name != 0;
}

/* A script's interpreter may be there while the interpreter of that one is missing. */
bool exec_find_interpreter(const char *file, struct failure *failure)
{
	char current[PATH_MAX], next[PATH_MAX];
	size_t size = strlen(file);

	if (size >= sizeof current || access(file, F_OK) < 0)
		return false;
	memcpy(current, file, size + 1);
	for (int depth = 0; depth < SCRIPTS_DEEP; depth++) {
		cleanup_close int fd = open(current, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

		if (fd < 0 || !(script(fd, next) || program(fd, next)))
			break;
		if (access(next, F_OK) < 0) {
			fail(failure, ENOENT, "interpreter", "%.120s: %.120s", current, next);
			return true;
		}
		strcpy(current, next);
	}
	fail(failure, ENOENT, "interpreter", "%s: unknown", file);
	return true;
}
