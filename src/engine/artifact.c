#include "engine/artifact.h"

#include "base/fs.h"
#include "base/mem.h"

struct kiln_artifact *kiln_artifact_new(const char *builder_id, const char *id, const char *text)
{
    struct kiln_artifact *a = kiln_xcalloc(1, sizeof(*a));

    a->refs = 1;
    a->builder_id = kiln_xstrdup(builder_id);
    a->id = kiln_xstrdup(id);
    a->text = kiln_xstrdup(text);
    return a;
}

struct kiln_artifact *kiln_artifact_ref(struct kiln_artifact *a)
{
    a->refs++;
    return a;
}

void kiln_artifact_unref(struct kiln_artifact *a)
{
    if (!a || --a->refs > 0)
        return;
    free(a->builder_id);
    free(a->id);
    free(a->text);
    kiln_strv_done(&a->files);
    kiln_strmap_done(&a->state);
    kiln_strv_done(&a->own);
    free(a);
}

bool kiln_artifact_destroy(struct kiln_artifact *a, struct kiln_err *err)
{
    KILN_STRV_FOREACH (path, &a->own) {
        if (!kiln_fs_remove_tree(path, err))
            return false;
    }
    return true;
}
