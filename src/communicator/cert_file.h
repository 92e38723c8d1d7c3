/* OpenSSH certificates, looked at without any cryptography: `validate` must not load libssh. */
#ifndef KILN_COMMUNICATOR_CERT_FILE_H
#define KILN_COMMUNICATOR_CERT_FILE_H

#include <stdint.h>

#include "base/err.h"

/**
 * The text of an id_*-cert.pub is a certificate, and valid at `now` (seconds since 1970). Packer's
 * errors: `ssh: cert has expired` … Source: OpenSSH's PROTOCOL.certkeys; qemu-builder.md, 9.1.
 */
bool kiln_cert_check(const char *text, int64_t now, struct kiln_err *err);
/** The same of a file, now; ~ is expanded. */
bool kiln_cert_file_check(const char *path, struct kiln_err *err);

#endif
