#include "engine/build.h"
#include "engine/debugger.h"

bool kiln_can_ask(const struct kiln_build *b)
{
    return b->prompter && (b->options->interactive || (b->audience && *b->audience));
}

bool kiln_ask(struct kiln_build *b, const struct kiln_prompt *q, char **ret_answer,
              struct kiln_err *err)
{
    bool ok;

    if (!kiln_can_ask(b))
        return kiln_err_set(err, KILN_ERR_USER, KILN_NOBODY_TO_ASK);
    if (kiln_cancel_fired(b->cancel))
        return kiln_err_set(err, KILN_ERR_CANCELLED, "cancelled");
    kiln_debugger_hold(b, q->about ? q->about : q->text);
    ok = b->prompter->ask(b->prompter, b, q, ret_answer, err);
    if (ok && kiln_streq(q->wants, KILN_WANTS_SECRET))
        kiln_build_add_secret(b, *ret_answer);
    kiln_debugger_release(b);
    return ok;
}
