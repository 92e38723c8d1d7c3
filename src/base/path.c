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

/* Append the elements of path to out, which holds an absolute path without a trailing slash. */
static void add_elements(struct kiln_str *out, const char *path)
{
    while (*path) {
        size_t n = strcspn(path, "/");

        if (n == 2 && memcmp(path, "..", 2) == 0) {
            const char *slash = out->len ? memrchr(out->data, '/', out->len) : NULL;

            kiln_str_truncate(out, slash ? (size_t)(slash - out->data) : 0);
        } else if (n > 0 && !(n == 1 && *path == '.')) {
            kiln_str_addc(out, '/');
            kiln_str_add(out, path, n);
        }
        path += n;
        path += strspn(path, "/");
    }
}

char *kiln_path_abs(const char *path)
{
    struct kiln_str out = { 0 };

    if (*path != '/') {
        /* $PWD when it is true: the name the user knows the directory by. */
        KILN_AUTO_FREE char *cwd = get_current_dir_name();

        add_elements(&out, cwd ? cwd : "");
    }
    add_elements(&out, path);
    if (out.len == 0)
        kiln_str_addc(&out, '/');
    return kiln_str_steal(&out);
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
