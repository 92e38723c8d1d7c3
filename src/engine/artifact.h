/*
 * What a builder or post-processor leaves. Reference-counted: a post-processor may hand back the
 * artifact that it got. Worker's main thread only. Source: packer-core.md, section 10.
 */
#ifndef KILN_ENGINE_ARTIFACT_H
#define KILN_ENGINE_ARTIFACT_H

#include "base/strv.h"

struct kiln_artifact {
    unsigned refs;
    char *builder_id;         /* owned; "transcend.qemu" */
    char *id;                 /* owned; "VM" */
    char *text;               /* owned; "VM files in directory: output-qemu" */
    struct kiln_strv files;   /* paths as configured */
    struct kiln_strmap state; /* "diskName" … */
    struct kiln_strv own;     /* what destroying removes: files or directory trees */
};

struct kiln_artifact *kiln_artifact_new(const char *builder_id, const char *id, const char *text);
struct kiln_artifact *kiln_artifact_ref(struct kiln_artifact *a);
void kiln_artifact_unref(struct kiln_artifact *a); /* NULL is fine; files stay */
/** Remove everything in `own`. */
bool kiln_artifact_destroy(struct kiln_artifact *a, struct kiln_err *err);

#endif
