#include "engine/build.h"
#include "provisioner/provisioners.h"

/* breakpoint: stops the build until somebody answers. provision-postprocess.md, section 7. */
struct breakpoint {
    char *note;
    bool disable;
};

static const struct kiln_field fields[] = {
    { "note", KILN_STRING, offsetof(struct breakpoint, note), .help = "Shown when it stops." },
    { "disable", KILN_BOOL, offsetof(struct breakpoint, disable), .help = "Do not stop." },
    { 0 },
};

static const struct kiln_schema schema = { "breakpoint", "stops the build until you go on", fields,
                                           NULL };

static bool provision(void *cfg, struct kiln_build *b, struct kiln_communicator *comm,
                      struct kiln_cancel *cancel, struct kiln_err *err)
{
    const struct breakpoint *bp = cfg;
    const struct kiln_prompt q = { .about = bp->note && bp->note[0] ? bp->note : NULL,
                                   .text = "Press enter to continue." };
    KILN_AUTO_STR note = { 0 };
    char *answer = NULL;

    (void)comm;
    (void)cancel; /* asking has its own way to be cancelled */
    if (bp->note && bp->note[0])
        kiln_str_addf(&note, " with note \"%s\"", bp->note);
    if (bp->disable) {
        kiln_say(b, "Breakpoint provisioner%s disabled; continuing...", kiln_str_cstr(&note));
        return true;
    }
    kiln_say(b, "Pausing at breakpoint provisioner%s.", kiln_str_cstr(&note));
    if (!kiln_ask(b, &q, &answer, err))
        return false;
    free(answer);
    return true;
}

const struct kiln_provisioner_ops kiln_breakpoint_provisioner = {
    .schema = &schema,
    .cfg_size = sizeof(struct breakpoint),
    .provision = provision,
};
