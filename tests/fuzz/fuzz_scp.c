/* What a guest's scp sends: into one file, and into a directory, which it must not leave. */
#include <fcntl.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "communicator/scp_sink.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void feed(struct kiln_scp_sink *s, const uint8_t *data, size_t size)
{
    size_t half = size / 2;

    kiln_scp_sink_feed(s, (const char *)data, half);
    kiln_scp_sink_feed(s, (const char *)data + half, size - half);
    (void)kiln_scp_sink_complete(s);
    kiln_scp_sink_done(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    KILN_AUTO_FD null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    KILN_AUTO_FREE char *outer = kiln_fs_temp_dir("kiln-fuzz", NULL);
    KILN_AUTO_FREE char *inner = outer ? kiln_path_join(outer, "in/side") : NULL;
    KILN_AUTO_STRV files = { 0 };
    struct kiln_scp_sink s;

    if (!inner || null < 0 || !kiln_fs_mkdirs(inner, 0700, NULL))
        abort();
    kiln_scp_sink_init(&s, null, NULL);
    feed(&s, data, size);
    kiln_scp_sink_init(&s, -1, inner);
    feed(&s, data, size);
    if (!kiln_fs_walk(outer, &files, NULL))
        abort();
    KILN_STRV_FOREACH (file, &files) {
        if (!kiln_has_prefix(file, inner))
            abort(); /* it got out */
    }
    (void)kiln_fs_remove_tree(outer, NULL);
    return 0;
}
