/*
 * Scripts on this machine: the shell-local provisioner and post-processor.
 * Source: provision-postprocess.md, section 5.
 */
#ifndef KILN_PROVISIONER_LOCAL_SCRIPT_H
#define KILN_PROVISIONER_LOCAL_SCRIPT_H

#include "provisioner/script.h"

struct kiln_local_script {
    struct kiln_script_config script;
    char *command;
    struct kiln_strv execute_command;
    struct kiln_strv only_on;
    char *tempfile_extension;
    bool use_linux_pathing;
};

extern const struct kiln_schema kiln_local_script_schema;

bool kiln_local_script_prepare(struct kiln_local_script *s, const struct kiln_prepare *p);
bool kiln_local_script_run(const struct kiln_local_script *s, struct kiln_build *b,
                           struct kiln_cancel *cancel, struct kiln_err *err);

#endif
