/* What the files of decode share. Nobody else includes it. All functions that decode return as
 * decode_entry() does. */
#ifndef TORNWRITE_DECODE_PRIVATE_H
#define TORNWRITE_DECODE_PRIVATE_H

#include "harness/decode.h"

/* Begins an operation. Returns 0. */
int decode_point(enum point_id point, struct op *op);

/* The object behind an inode, or UINT32_MAX. Numbers are used again: a device under the number of a
 * file that is gone, or a file elsewhere, is none of ours. */
uint32_t decode_object(const struct task *task, const struct stat *st);

/* As task_look_at(), with decode_object() applied. */
int decode_look_at(const struct task *task, int fd, struct descriptor *descriptor);

/* Fills in the object behind a descriptor. */
int decode_descriptor(const struct task *task, int fd, struct op *op);

/* Take over where a name is. Return 1 or -ENOMEM. */
int decode_set_name(struct op *op, const struct place *place);
int decode_set_new_name(struct op *op, const struct place *place);

/* Blocks that a range would have to allocate; 0 for one that no file can have. */
uint64_t decode_new_blocks(const struct task *task, const struct op *op);

/* Calls on names (decode_name.c). */
int decode_open_call(const struct task *task, const struct call *call, struct op *op);
int decode_name_call(const struct task *task, const struct call *call, struct op *op);
/* Binds what such a call made, and lets go of what lost its last name. Returns 0 or -errno. */
int decode_name_exit(const struct task *task, const struct call *call, struct op *op);

/* read, write and their relatives (decode_data.c). */
int decode_io(const struct task *task, const struct call *call, struct op *op);
int decode_io_exit(const struct task *task, const struct call *call, struct op *op);

/* sendfile, splice, copy_file_range (decode_copy.c). */
int decode_copy(const struct task *task, const struct call *call, struct op *op);
int decode_copy_exit(const struct task *task, const struct call *call, struct op *op);

/* chmod, chown, utime, xattr and their relatives (decode_attribute.c). */
int decode_attribute(const struct task *task, const struct call *call, struct op *op);
int decode_attribute_exit(const struct task *task, const struct call *call, struct op *op);

/* Closes (decode_close.c): dup2, dup3. */
int decode_dup(const struct task *task, const struct call *call, struct op *op);

/* msync (decode_map.c). */
int decode_msync(const struct task *task, const struct call *call, struct op *op);
/* Whether a process has the file mapped. */
bool decode_is_mapped(pid_t pid, const struct stat *st);

#endif
