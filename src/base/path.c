/* The path half of fs.h: names only, and where temporary things and the cache go. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/random.h"

char *kiln_path_join(const char *a, const char *b)
{
    size_t n = strlen(a);

    while (n > 1 && a[n - 1] == '/')
        n--;
    while (*b == '/')
        b++;
    if (n == 0)
        return kiln_xstrdup(b);
    return kiln_xasprintf("%.*s%s%s", (int)n, a, a[n - 1] == '/' ? "" : "/", b);
}

/* ".." behind the elements in out, of which the first `fixed` bytes are nothing but that. */
static void go_up(struct kiln_str *out, bool rooted, size_t *fixed)
{
    if (out->len > *fixed) {
        const char *slash = memrchr(out->data, '/', out->len);

        kiln_str_truncate(out, slash ? (size_t)(slash - out->data) : 0);
    } else if (!rooted) {
        kiln_str_adds(out, out->len > 0 ? "/.." : "..");
        *fixed = out->len;
    }
}

char *kiln_path_clean(const char *path)
{
    KILN_AUTO_STR out = { 0 };
    bool rooted = *path == '/';
    size_t fixed = 0;

    for (const char *p = path + strspn(path, "/"); *p; p += strspn(p, "/")) {
        size_t n = strcspn(p, "/");

        if (n == 2 && memcmp(p, "..", 2) == 0)
            go_up(&out, rooted, &fixed);
        else if (!(n == 1 && *p == '.'))
            kiln_str_addf(&out, "%s%.*s", out.len > 0 ? "/" : "", (int)n, p);
        p += n;
    }
    if (rooted)
        return kiln_xasprintf("/%s", kiln_str_cstr(&out));
    return kiln_xstrdup(out.len > 0 ? out.data : ".");
}

char *kiln_path_abs(const char *path)
{
    /* $PWD when it is true: the name the user knows the directory by. */
    KILN_AUTO_FREE char *cwd = *path == '/' ? NULL : get_current_dir_name();
    KILN_AUTO_FREE char *whole = kiln_xasprintf("%s/%s", cwd ? cwd : "", path);

    return kiln_path_clean(whole);
}

const char *kiln_path_base(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

char *kiln_path_dir(const char *path)
{
    const char *base = kiln_path_base(path);

    if (base == path)
        return kiln_xstrdup(".");
    while (base > path + 1 && base[-1] == '/')
        base--;
    return kiln_xstrndup(path, (size_t)(base - path));
}

const char *kiln_path_ext(const char *path)
{
    const char *base = kiln_path_base(path);
    const char *dot = strrchr(base, '.');

    return dot ? dot : base + strlen(base);
}

const char *kiln_path_tmp(void)
{
    const char *dir = getenv("TMPDIR");

    return dir && *dir ? dir : "/tmp";
}

char *kiln_path_temp(const char *prefix, const char *suffix)
{
    static const char alphabet[] = "0123456789"; /* as Packer names them */
    KILN_AUTO_FREE char *name = NULL;
    char random[11] = "";

    for (size_t i = 0; i + 1 < sizeof(random); i++)
        random[i] = alphabet[kiln_random_below(sizeof(alphabet) - 1)];
    name = kiln_xasprintf("%s%s%s", prefix, random, suffix);
    return kiln_path_join(kiln_path_tmp(), name);
}

int kiln_fs_temp_file(const char *prefix, const char *suffix, char **ret_path, struct kiln_err *err)
{
    KILN_AUTO_FREE char *name = kiln_xasprintf("%sXXXXXX%s", prefix, suffix);
    char *path = kiln_path_join(kiln_path_tmp(), name);
    int fd = mkostemps(path, (int)strlen(suffix), O_CLOEXEC);

    if (fd < 0) {
        (void)kiln_err_sys(err, errno, "create temporary file %s", path);
        free(path);
        return -1;
    }
    *ret_path = path;
    return fd;
}

char *kiln_fs_temp_dir(const char *prefix, struct kiln_err *err)
{
    KILN_AUTO_FREE char *name = kiln_xasprintf("%sXXXXXX", prefix);
    char *path = kiln_path_join(kiln_path_tmp(), name);

    if (!mkdtemp(path)) {
        (void)kiln_err_sys(err, errno, "create temporary directory %s", path);
        free(path);
        return NULL;
    }
    return path;
}

char *kiln_fs_cache_dir(void)
{
    const char *own = getenv("PACKER_CACHE_DIR");
    const char *xdg = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    KILN_AUTO_FREE char *dir = NULL;

    if (own && *own)
        return kiln_path_abs(own);
    if (xdg && *xdg)
        dir = kiln_path_join(xdg, "packer");
    else if (home && *home)
        dir = kiln_path_join(home, ".cache/packer");
    return kiln_path_abs(dir ? dir : "packer_cache");
}
