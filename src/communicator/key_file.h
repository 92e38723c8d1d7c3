/* Private key files, looked at without any cryptography: `validate` must not load libssh. */
#ifndef KILN_COMMUNICATOR_KEY_FILE_H
#define KILN_COMMUNICATOR_KEY_FILE_H

#include "base/err.h"

/** `~` and `~/…` against $HOME, all else as it is; caller frees. NULL: another user's (~bob). */
char *kiln_key_path(const char *path, struct kiln_err *err);

/**
 * A private key that can be used without a passphrase, as far as its wrapping tells. Packer's
 * texts: `stat P: no such file or directory`, `Error setting up SSH config: Failed to read key 'P':
 * no key found` … `ssh: this private key is passphrase protected`. Source: qemu-builder.md,
 * section 9.1.
 */
bool kiln_key_file_check(const char *path, struct kiln_err *err);

#endif
