#include <glob.h>

#include "base/mem.h"
#include "engine/build.h"
#include "postprocessor/postprocessors.h"

/*
 * artifice: from here on the artifact is a list of files that something else made.
 * Source: provision-postprocess.md, section 10.
 */
struct artifice {
    struct kiln_strv files;
};

static const struct kiln_field fields[] = {
    { "files", KILN_STRINGS, offsetof(struct artifice, files),
      .help = "The files, as patterns (* ? [...]); one that matches nothing adds nothing. "
              "Required." },
    { 0 },
};

static const struct kiln_schema schema = {
    "artifice", "replaces the artifact by files that the build left on this machine", fields, NULL
};

static bool prepare(void *cfg, const struct kiln_prepare *p)
{
    const struct artifice *a = cfg;

    return a->files.n > 0 ||
           kiln_config_error(p, "files", "No files specified in artifice configuration");
}

/* Every [ has its ], a \ something behind it: what Go's patterns ask for and glob() does not. */
static bool well_formed(const char *pattern)
{
    for (const char *p = pattern; *p; p++) {
        if (*p == '[') {
            p += p[1] == '^' || p[1] == '!' ? 2 : 1;
            if (*p == ']')
                return false;
            while (*p && *p != ']')
                p += *p == '\\' && p[1] ? 2 : 1;
            if (!*p)
                return false;
        } else if (*p == '\\' && !*++p) {
            return false;
        }
    }
    return true;
}

static bool is_dots(const char *path)
{
    const char *base = strrchr(path, '/');

    base = base ? base + 1 : path;
    return strcmp(base, ".") == 0 || strcmp(base, "..") == 0;
}

static bool expand(const char *pattern, struct kiln_strv *ret, struct kiln_err *err)
{
    KILN_AUTO_STRV found = { 0 };
    glob_t g;
    int got;

    if (!well_formed(pattern))
        return kiln_err_set(err, KILN_ERR_USER, "files: syntax error in pattern '%s'", pattern);
    got = glob(pattern, GLOB_NOSORT | GLOB_PERIOD, NULL, &g);
    if (got != 0 && got != GLOB_NOMATCH)
        return kiln_err_set(err, KILN_ERR_SYSTEM, "files: cannot search for '%s'", pattern);
    for (size_t i = 0; got == 0 && i < g.gl_pathc; i++) {
        /* Patterns match hidden files, as Go's do, but never the directory itself. */
        if (!is_dots(g.gl_pathv[i]) || strcmp(g.gl_pathv[i], pattern) == 0)
            kiln_strv_add(&found, g.gl_pathv[i]);
    }
    if (got == 0)
        globfree(&g);
    kiln_strv_sort(&found);
    kiln_strv_add_all(ret, &found);
    return true;
}

static bool process(void *cfg, struct kiln_build *b, struct kiln_artifact *in,
                    struct kiln_artifact **ret, struct kiln_err *err)
{
    const struct artifice *a = cfg;
    KILN_AUTO_STRV files = { 0 };
    KILN_AUTO_FREE char *old = kiln_strv_join(&in->files, ", ");
    KILN_AUTO_FREE char *joined = NULL;
    struct kiln_artifact *art;

    if (in->files.n > 0)
        kiln_say(b, "Discarding files from artifact: %s", old);
    KILN_STRV_FOREACH (pattern, &a->files) {
        if (!expand(pattern, &files, err))
            return false;
    }
    joined = kiln_strv_join(&files, ", ");
    kiln_say(b, "Using these artifact files: %s", joined);
    art = kiln_artifact_new("packer.post-processor.artifice", "", NULL);
    art->text = kiln_xasprintf("Created artifact from files: %s", joined);
    kiln_strv_add_all(&art->files, &files);
    kiln_strv_add_all(&art->own, &files);
    *ret = art;
    return true;
}

const struct kiln_postprocessor_ops kiln_artifice_postprocessor = {
    .schema = &schema,
    .cfg_size = sizeof(struct artifice),
    .keep_input = true,
    .prepare = prepare,
    .process = process,
};
