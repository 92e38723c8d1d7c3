/* Any bytes as an event log. */
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#include "base/fs.h"
#include "run/bundle_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    KILN_AUTO_FD fd = memfd_create("events", MFD_CLOEXEC);
    struct kiln_bundle_log log;

    if (fd < 0 || !kiln_fs_write_all(fd, data, size, NULL))
        return 0;
    if (kiln_bundle_log_read(&log, fd, "qemu", NULL))
        kiln_bundle_log_done(&log);
    return 0;
}
