/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>

#include "files.h"

#define IN_SIZE (FILES_FRAME_MAX + 5)

typedef int (*files_request)(struct files *files, const struct files_frame *frame);

static const files_request requests[] = {
	[FILES_BEGIN] = files_apply,   [FILES_READ] = files_read,   [FILES_STAT] = files_stat,
	[FILES_REMOVE] = files_remove, [FILES_USAGE] = files_usage,
};

/* A frame whose fields do not fit is an error like any other; the stream itself is still in step. */
static void answer_error(struct files *files)
{
	files_begin(files, FILES_ERROR);
	files_put_u(files, (uint64_t)files->failure.err);
	files_put_s(files, files->failure.what);
	files_put_s(files, files->path);
	files_put_s(files, files->failure.detail);
	files_end(files);
}

/* What is still on the way of an apply that has failed is not answered: the failure was the answer. */
static int dispatch(struct files *files, const struct files_frame *frame)
{
	size_t count = sizeof requests / sizeof *requests;

	if (frame->type >= FILES_ENTRY_FRAME && frame->type <= FILES_FINISH)
		return 0;
	if (frame->type >= count || !requests[frame->type])
		return files_fail(files, EPROTO, "protocol", "", "frame of type %u", frame->type);
	return requests[frame->type](files, frame);
}

void files_serve(int socket, int root)
{
	struct files files = { .socket = socket, .root = root };
	struct files_frame frame;

	files.in = malloc(IN_SIZE);
	while (files.in && files_receive(&files, &frame) > 0) {
		if (dispatch(&files, &frame) < 0)
			answer_error(&files);
		if (files_flush(&files) < 0)
			break;
	}
	free(files.in);
	free(files.out);
	close(socket);
}
