/* Files and directories. Paths are UTF-8 bytes as the kernel takes them. No threads, no state. */
#ifndef KILN_BASE_FS_H
#define KILN_BASE_FS_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"
#include "base/strv.h"

#define KILN_AUTO_FD KILN_CLEANUP(kiln_fd_closep) int
void kiln_fd_closep(int *fd); /* closes if >= 0 and sets -1 */
/** The same of a file that was written: NFS says only here that there was no room. SYSTEM. */
bool kiln_fd_close_written(int *fd, const char *path, struct kiln_err *err);

struct stat;

/**
 * Open a regular file for reading; close-on-exec. What would hang or never end instead (a FIFO, a
 * device) is refused, and so is a directory: USER. -1 with err, which names the file.
 */
int kiln_fs_open_regular(const char *path, struct stat *ret_stat, struct kiln_err *err);
/** As read(2), again when a signal came. */
ssize_t kiln_fs_read_some(int fd, void *buf, size_t len);
/**
 * Append the whole file to out (which needs no maximum of its own); over max bytes is an error.
 * `path` "-" reads stdin.
 */
bool kiln_fs_read(const char *path, size_t max, struct kiln_str *out, struct kiln_err *err);
/**
 * Write to a temporary neighbour and rename over path: readers see old or new, never half. `mode`
 * is subject to the umask. A symlink at path is replaced, not followed.
 */
bool kiln_fs_write_atomic(const char *path, const void *data, size_t len, mode_t mode,
                          struct kiln_err *err);
/** As kiln_fs_write_atomic, but never replaces anything: SYSTEM with os_errno EEXIST. */
bool kiln_fs_write_new(const char *path, const void *data, size_t len, mode_t mode,
                       struct kiln_err *err);
/** As kiln_fs_write_atomic over a regular file that is there, whose mode and owner the new one
 * gets.
 */
bool kiln_fs_replace(const char *path, const void *data, size_t len, struct kiln_err *err);
/** Give the open file the mode and owner of the file at path. */
bool kiln_fs_copy_owner(const char *path, int fd, struct kiln_err *err);
/** All of it; blocks as long as that takes, also where fd is non-blocking. */
bool kiln_fs_write_all(int fd, const void *data, size_t len, struct kiln_err *err);
bool kiln_fs_mkdirs(const char *path, mode_t mode, struct kiln_err *err); /* as mkdir -p */
/** Remove a file or a tree without following symlinks; a missing one is fine. */
bool kiln_fs_remove_tree(const char *path, struct kiln_err *err);
/** What a write to path goes to: the name behind symlinks, whether it is there or not. Caller
 * frees.
 */
char *kiln_fs_follow(const char *path);
bool kiln_fs_exists(const char *path);
bool kiln_fs_is_dir(const char *path);
/** Copy a regular file (reflink or copy_file_range where the kernel can; holes stay holes). */
bool kiln_fs_copy(const char *from, const char *to, mode_t mode, struct kiln_err *err);
/** The same of a large one: step is called after every piece of it, with the bytes that are behind
 *  it; false ends the copy (CANCELLED). */
bool kiln_fs_copy_watched(const char *from, const char *to, mode_t mode,
                          bool (*step)(void *ud, uint64_t done), void *ud, struct kiln_err *err);
/** Append the names in a directory but "." and "..", in bytewise order. SYSTEM. */
bool kiln_fs_list(const char *dir, struct kiln_strv *names, struct kiln_err *err);
/**
 * Every regular file below dir, as dir/… paths, each directory's entries in bytewise order (a/z
 * comes before a-b). Symlinks and special files are left out.
 */
bool kiln_fs_walk(const char *dir, struct kiln_strv *ret_files, struct kiln_err *err);

char *kiln_path_join(const char *a, const char *b); /* one slash between; caller frees */
/** The shortest name of the same, by its text alone: no ".", no "a/..", "//" or slash at its end;
 * "." for nothing. As Go's filepath.Clean. Caller frees. */
char *kiln_path_clean(const char *path);
char *kiln_path_abs(const char *path);        /* against the cwd; lexical, no symlinks */
const char *kiln_path_base(const char *path); /* what follows the last slash, in path */
char *kiln_path_dir(const char *path);        /* "." if none; caller frees */
const char *kiln_path_ext(const char *path);  /* ".iso" of the last element, or ""; in path */
/** $TMPDIR or /tmp. Borrowed. */
const char *kiln_path_tmp(void);
/** $TMPDIR/PREFIX + random + SUFFIX: a name that nothing has, most likely. Caller frees. */
char *kiln_path_temp(const char *prefix, const char *suffix);
/**
 * Make a private file (0600) named $TMPDIR/PREFIX + random + SUFFIX; *ret_path: caller frees.
 * Returns a close-on-exec fd open for reading and writing, or -1.
 */
int kiln_fs_temp_file(const char *prefix, const char *suffix, char **ret_path,
                      struct kiln_err *err);
/** Make a private directory (0700) in kiln_path_tmp(). Caller frees the path; NULL on failure. */
char *kiln_fs_temp_dir(const char *prefix, struct kiln_err *err);
/**
 * The cache: $PACKER_CACHE_DIR, else $XDG_CACHE_HOME/packer, else ~/.cache/packer; absolute; caller
 * frees. Not created here. Without a home: packer_cache in the cwd, as Packer once did.
 */
char *kiln_fs_cache_dir(void);

#endif
