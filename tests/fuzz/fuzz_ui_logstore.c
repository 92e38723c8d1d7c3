/*
 * A hostile log file, growing: the bytes come in two parts, in one of eight runs the last part
 * again and again until the file has several blocks. Store, index, filter, walks both ways and
 * search must agree on what is there. The first byte says how the rest is cut.
 */
#include <assert.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/fs.h"
#include "ui/log/logview.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_FILE (3 * (size_t)KILN_LOG_BLOCK)

static size_t append(int fd, const void *data, size_t len)
{
    if (!kiln_fs_write_all(fd, data, len, NULL))
        abort();
    return len;
}

static uint64_t walk_all(struct kiln_logview *v, bool forward)
{
    struct kiln_logpos at = { 0 };
    struct kiln_logline line;
    uint64_t n = 0;

    if (!forward)
        at = (struct kiln_logpos){ UINT32_MAX, UINT32_MAX };
    while (kiln_logview_walk(v, at, forward, n == 0, KILN_NEVER, &at) == KILN_LOG_FOUND) {
        if (!kiln_logview_line(v, at, &line))
            abort();
        for (size_t i = 0; i < line.len; i++) { /* nothing that a terminal acts on */
            unsigned char c = (unsigned char)line.text[i];

            if ((c < 0x20 && c != '\t') || c == 0x7f)
                abort();
        }
        n++;
    }
    return n;
}

static void check(struct kiln_logstore *s, struct kiln_logview *v)
{
    struct kiln_logsearch search = { .forward = true };
    struct kiln_regex *re = NULL;
    struct kiln_logpos hit;
    uint64_t n, total;
    bool changed;

    while (kiln_logstore_work(s, 0))
        ;
    while (kiln_logview_work(v, 0, &changed))
        ;
    n = walk_all(v, true);
    if (walk_all(v, false) != n || !kiln_logview_total(v, &total))
        abort();
    if (kiln_logview_filter(v) && total != n) /* without one it is the index's count: a guess */
        abort();
    if (!kiln_regex_new(&re, "e[^r]*.?", NULL))
        abort();
    while (kiln_logview_search(v, &search, re, 0, &hit) == KILN_LOG_LATER)
        ;
    kiln_regex_free(re);
}

static void run(int fd, const uint8_t *data, size_t size, const char *spec)
{
    size_t first = size > 1 ? 1 + data[0] % (size - 1) : size, len = 0;
    struct kiln_logstore *s = kiln_logstore_new(fd);
    struct kiln_logview *v = kiln_logview_new(s);
    struct kiln_logfilter *filter;

    if (!kiln_logfilter_parse(&filter, spec, NULL))
        abort();
    kiln_logview_set_filter(v, filter);
    len += append(fd, data, first);
    kiln_logstore_grown(s, len);
    check(s, v);
    do {
        len += append(fd, data + first, size - first);
    } while (data[0] % 8 == 7 && size > first && len < MAX_FILE);
    kiln_logstore_grown(s, len + data[0] % 2); /* a byte that is not there */
    check(s, v);
    kiln_logview_free(v);
    kiln_logstore_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const specs[] = { "", "level=say,error text=[a-m]", "step=run build=*" };

    for (size_t i = 0; size > 0 && i < KILN_COUNT(specs); i++) {
        KILN_AUTO_FD fd = memfd_create("log", MFD_CLOEXEC);

        assert(fd >= 0);
        run(fd, data, size, specs[i]);
    }
    return 0;
}
