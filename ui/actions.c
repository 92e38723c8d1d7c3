#include "ui/actions.h"

#include "base/str.h"

const struct kiln_action_info kiln_actions[KILN_ACT__N] = {
#define X(ctx, id, word, arg, help) [KILN_ACT_##id] = { KILN_CTX_##ctx, (word), (arg), (help) },
    KILN_ACTIONS(X)
#undef X
};

const char *const kiln_context_words[KILN_CTX__N] = {
    [KILN_CTX_GLOBAL] = "global", [KILN_CTX_LIST] = "list",     [KILN_CTX_BUILDS] = "builds",
    [KILN_CTX_LOG] = "log",       [KILN_CTX_SCREEN] = "screen", [KILN_CTX_BOOT] = "boot",
    [KILN_CTX_PROMPT] = "prompt",
};

enum kiln_action kiln_action_find(const char *word)
{
    for (int i = KILN_ACT_NONE + 1; i < KILN_ACT__N; i++)
        if (kiln_streq(kiln_actions[i].word, word))
            return (enum kiln_action)i;
    return KILN_ACT_NONE;
}
