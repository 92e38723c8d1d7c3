/* What kiln-font.so gives to fonts.c: unpacking. Internal. Any thread. */
#ifndef KILN_VM_FONT_OPS_H
#define KILN_VM_FONT_OPS_H

#include "base/str.h"

struct kiln_font_ops {
    /* A whole gzip file; appended to out, which has a maximum. False: it is none, or larger. */
    bool (*gunzip)(const void *data, size_t len, struct kiln_str *out);
    /* An .lzma file (as in UEFI firmware), which may be followed by anything. The same. */
    bool (*unlzma)(const void *data, size_t len, struct kiln_str *out);
};

#endif
