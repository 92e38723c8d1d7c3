#include "base/glob.h"
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
        if (!kiln_glob(pattern, &files, err))
            return kiln_err_wrap(err, "files: %s", pattern);
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
