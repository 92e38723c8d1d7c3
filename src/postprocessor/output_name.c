#include "postprocessor/output_name.h"

char *kiln_output_name(struct kiln_build *b, const char *text, const char *checksum_type,
                       struct kiln_err *err)
{
    struct kiln_interp interp = kiln_build_runtime_interp(b);
    KILN_AUTO_STRMAP data = { 0 };
    KILN_AUTO_STR out = { 0 };

    kiln_strmap_copy(&data, &b->data);
    kiln_strmap_set(&data, "BuildName", b->name);
    kiln_strmap_set(&data, "BuilderType", b->type);
    if (checksum_type)
        kiln_strmap_set(&data, "ChecksumType", checksum_type);
    interp.data = &data;
    interp.build = &data;
    interp.build_keys = NULL; /* no pass comes after this one: what is not known is an error */
    if (!kiln_interp_render_stable(&interp, text, &out, err))
        return NULL;
    return kiln_str_steal(&out);
}
