/* What a guest's SFTP server sends while we download a file from it, and upload one. */
#include <sys/mman.h>
#include <unistd.h>

#include "base/fs.h"
#include "communicator/sftp.h"
#include "parrot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct kiln_sftp_watch sizes = { .sizes = true };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    KILN_AUTO_FD fd = memfd_create("fuzz", MFD_CLOEXEC);
    struct parrot p;

    if (size == 0 || fd < 0)
        return 0;
    p = parrot(data, size);
    (void)kiln_sftp_get(&p.base, "x", fd, NULL, NULL, NULL);
    p = parrot(data, size);
    (void)kiln_sftp_put(&p.base, "/etc/hostname", "x", 0600, NULL, sizes, NULL, NULL);
    p = parrot(data, size);
    (void)kiln_sftp_put_dir(&p.base, "/etc/apt", "x", NULL, sizes, NULL, NULL);
    return 0;
}
