/* Any bytes as any kind of archive: one file comes out of it, or none. The first byte says which.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/limits.h"
#include "net/unpack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {
        "x.tar.gz", "x.tar.bz2", "x.tar.xz", "x.tar.zst", "x.tar",
        "x.zip",    "x.gz",      "x.bz2",    "x.xz",      "x.zst"
    };
    KILN_AUTO_FD from = memfd_create("from", MFD_CLOEXEC), to = memfd_create("to", MFD_CLOEXEC);
    KILN_AUTO_ERR err = { 0 };
    char from_path[32], to_path[32];
    struct stat st;
    bool ok;

    if (size == 0 || from < 0 || to < 0 || !kiln_fs_write_all(from, data + 1, size - 1, NULL))
        return 0;
    (void)snprintf(from_path, sizeof(from_path), "/proc/self/fd/%d", from);
    (void)snprintf(to_path, sizeof(to_path), "/proc/self/fd/%d", to);
    ok = kiln_unpack(kiln_packing_of(names[data[0] % KILN_COUNT(names)]), from_path, to_path, NULL,
                     NULL, &err);
    assert(ok == (err.kind == KILN_ERR_NONE));
    assert(fstat(to, &st) == 0 && (uint64_t)st.st_size <= KILN_MAX_UNPACKED);
    return 0;
}
