#include "postprocessor/codec.h"

#include "base/module.h"

static const struct {
    const char *codec, *module;
} modules[] = {
    { "gzip", "deflate" }, { "bgzf", "deflate" }, { "deflate", "deflate" }, { "lz4", "lz4" },
    { "xz", "xz" },        { "bzip2", "bzip2" },  { "zstd", "zstd" },
};

bool kiln_codec_find(const struct kiln_codec **ret, const char *name, struct kiln_err *err)
{
    for (size_t i = 0; i < KILN_COUNT(modules); i++) {
        const struct kiln_codec *const *list;

        if (strcmp(modules[i].codec, name) != 0)
            continue;
        list = kiln_module_load(modules[i].module, err);
        for (; list && *list; list++) {
            if (strcmp((*list)->name, name) == 0) {
                *ret = *list;
                return true;
            }
        }
        return false;
    }
    return kiln_err_set(err, KILN_ERR_USER, "no such compression: %s", name);
}
