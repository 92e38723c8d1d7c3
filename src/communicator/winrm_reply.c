#include "communicator/winrm_reply.h"

#include "base/limits.h"
#include "base/module.h"

void kiln_winrm_reply_done(struct kiln_winrm_reply *reply)
{
    free(reply->shell_id);
    free(reply->command_id);
    free(reply->pieces);
    free(reply->fault);
    kiln_str_done(&reply->data);
    *reply = (struct kiln_winrm_reply){ 0 };
}

bool kiln_winrm_reply_parse(struct kiln_winrm_reply *ret, const char *xml, size_t len,
                            struct kiln_err *err)
{
    const struct kiln_winrm_ops *ops = kiln_module_load("winrm", err);

    *ret = (struct kiln_winrm_reply){ 0 };
    if (!ops)
        return false;
    if (len > KILN_MAX_WINRM_REPLY)
        return kiln_err_set(err, KILN_ERR_REMOTE, "an answer of more than %u bytes",
                            KILN_MAX_WINRM_REPLY);
    if (ops->parse(ret, xml, len, err))
        return true;
    kiln_winrm_reply_done(ret);
    return false;
}
