#include "communicator/scp_end.h"

#include "base/mem.h"
#include "communicator/scp.h"

/* Blanks and what else nobody means as shell syntax in a path; not ~ $ * ? [ ]. */
static bool needs_escape(char c)
{
    return strchr(" \t'\"()<>;&|`#!", c) != NULL;
}

void kiln_scp_add_path(struct kiln_str *out, const char *path)
{
    kiln_str_adds(out, path[0] == '-' ? "./" : "");
    for (const char *p = path; *p; p++) {
        if (*p == '\\' && p[1] != '\0') { /* escaped by whoever wrote the template */
            kiln_str_addc(out, *p++);
        } else if (needs_escape(*p)) {
            kiln_str_addc(out, '\\');
        }
        kiln_str_addc(out, *p);
    }
}

char *kiln_scp_command(const char *flags, const char *path)
{
    KILN_AUTO_STR out = { 0 };

    kiln_str_addf(&out, "scp %s ", flags);
    kiln_scp_add_path(&out, path);
    return kiln_str_steal(&out);
}

bool kiln_scp_ended(const struct kiln_channel *ch, const struct kiln_last_words *words,
                    struct kiln_err *err)
{
    KILN_AUTO_FREE char *text = kiln_last_words_line(words);

    if (ch->lost)
        return kiln_err_set(err, KILN_ERR_REMOTE, "the connection to the guest was lost");
    if (ch->status == 127)
        return kiln_err_set(err, KILN_ERR_REMOTE,
                            "SCP failed to start. This usually means that SCP is not\n"
                            "properly installed on the remote system.");
    return kiln_err_set(err, KILN_ERR_REMOTE, "scp in the guest ended with status %d%s%s",
                        ch->status, *text ? ": " : "", text);
}

bool kiln_scp_finish(struct kiln_channel *ch, const struct kiln_last_words *words,
                     struct kiln_cancel *c, struct kiln_err *err)
{
    if (!kiln_channel_finish(ch, c, err))
        return false;
    return ch->status == 0 || kiln_scp_ended(ch, words, err);
}
