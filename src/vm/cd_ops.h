/* What cd_image.c calls in the module. */
#ifndef KILN_VM_CD_OPS_H
#define KILN_VM_CD_OPS_H

#include "vm/cd_image.h"

struct kiln_cd_ops {
    bool (*write)(const char *path, const char *label, const struct kiln_media *m,
                  struct kiln_cancel *cancel, struct kiln_err *err);
};

#endif
