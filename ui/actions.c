#include "ui/actions.h"

const struct kiln_action_info kiln_actions[KILN_ACT__N] = {
#define X(ctx, id, word, arg, help) [KILN_ACT_##id] = { KILN_CTX_##ctx, (word), (arg), (help) },
    KILN_ACTIONS(X)
#undef X
};
