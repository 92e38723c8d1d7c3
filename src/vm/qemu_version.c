#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/process.h"
#include "vm/qemu.h"

void kiln_qemu_version_done(struct kiln_qemu_version *v)
{
    free(v->text);
    free(v->path);
    *v = (struct kiln_qemu_version){ 0 };
}

/* The first run of digits and dots that begins with a digit; caller frees; NULL: none. */
static char *find_version(const char *text)
{
    const char *start = strpbrk(text, "0123456789");

    return start ? kiln_xstrndup(start, strspn(start, "0123456789.")) : NULL;
}

static int number(const char *digits)
{
    long n = strtol(digits, NULL, 10);

    return n > 0 && n < 1000 ? (int)n : 0;
}

/* Run it with -version; fills text, major, minor. */
static bool ask(const char *path, struct kiln_cancel *c, int64_t deadline,
                struct kiln_qemu_version *v, struct kiln_err *err)
{
    const char *const argv[] = { path, "-version", NULL };
    const struct kiln_spawn how = { .argv = argv };
    KILN_AUTO_STR out = { 0 };
    const char *dot;
    int code;

    if (!kiln_process_capture(&how, c, deadline, &out, NULL, &code, err))
        return false;
    if (code != 0)
        return kiln_err_set(err, KILN_ERR_REMOTE, "exit status %d", code);
    while (out.len > 0 && out.data[out.len - 1] == '\n')
        kiln_str_truncate(&out, out.len - 1);
    v->text = find_version(kiln_str_cstr(&out));
    if (!v->text)
        return kiln_err_set(err, KILN_ERR_REMOTE, "No version found: %s", kiln_str_cstr(&out));
    dot = strchr(v->text, '.');
    v->major = number(v->text);
    v->minor = dot ? number(dot + 1) : 0;
    return true;
}

bool kiln_qemu_version_probe(struct kiln_qemu_version *v, const char *binary, struct kiln_cancel *c,
                             int64_t deadline, struct kiln_err *err)
{
    struct kiln_qemu_version fresh = { .path = kiln_process_find(binary, err) };
    struct stat st;

    if (!fresh.path)
        return false;
    if (stat(fresh.path, &st) == 0) {
        fresh.mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
        fresh.size = (int64_t)st.st_size;
    }
    if (kiln_streq(v->path, fresh.path) && v->mtime_ns == fresh.mtime_ns && v->size == fresh.size) {
        kiln_qemu_version_done(&fresh);
        return true;
    }
    if (!ask(fresh.path, c, deadline, &fresh, err)) {
        kiln_qemu_version_done(&fresh);
        return false;
    }
    kiln_qemu_version_done(v);
    *v = fresh;
    return true;
}
