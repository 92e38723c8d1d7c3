#include "base/png.h"

#include "base/module.h"

bool kiln_png_make(const struct kiln_image *p, int level, struct kiln_str *out,
                   struct kiln_err *err)
{
    const struct kiln_png_ops *ops = kiln_module_load("png", err);

    return ops && ops->make(p, level, out, err);
}
