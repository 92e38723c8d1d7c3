/* What kiln-layout.so gives to layout.c: layouts, by libxkbcommon. Internal. */
#ifndef KILN_BOOTCMD_LAYOUT_OPS_H
#define KILN_BOOTCMD_LAYOUT_OPS_H

#include "bootcmd/layout.h"

struct kiln_layout_ops {
    /* Fills keys and n. variant: "" for none. False: xkb has no such layout, or no such variant. */
    bool (*load)(const char *layout, const char *variant, struct kiln_layout *layout_out);
    /* The names of all layouts, added. */
    void (*names)(struct kiln_strv *out);
};

#endif
