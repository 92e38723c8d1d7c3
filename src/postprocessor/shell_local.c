#include "engine/build.h"
#include "postprocessor/postprocessors.h"
#include "provisioner/local_script.h"

/* shell-local after a build. A one-element execute_command is a line for sh, unlike the
 * provisioner's. provision-postprocess.md, section 10. */
static bool prepare(void *cfg, const struct kiln_prepare *p)
{
    struct kiln_local_script *s = cfg;

    if (s->execute_command.n == 1) {
        struct kiln_strv argv = { 0 };

        kiln_strv_add(&argv, "sh");
        kiln_strv_add(&argv, "-c");
        kiln_strv_add_all(&argv, &s->execute_command);
        kiln_strv_done(&s->execute_command);
        s->execute_command = argv;
    }
    return kiln_local_script_prepare(s, p);
}

static bool process(void *cfg, struct kiln_build *b, struct kiln_artifact *in,
                    struct kiln_artifact **ret, struct kiln_err *err)
{
    if (!kiln_local_script_run(cfg, b, b->cancel, err))
        return false;
    *ret = kiln_artifact_ref(in);
    return true;
}

const struct kiln_postprocessor_ops kiln_shell_local_postprocessor = {
    .schema = &kiln_local_script_schema,
    .cfg_size = sizeof(struct kiln_local_script),
    .keep_input = true,
    .keep_input_forced = true,
    .prepare = prepare,
    .process = process,
};
