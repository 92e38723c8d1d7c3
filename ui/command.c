#include "ui/command.h"

#include "base/mem.h"
#include "ui/console_priv.h"

static void tell_unknown(struct kiln_console *c, const char *word)
{
    const char *best = NULL;
    unsigned distance = 0;

    for (int i = KILN_ACT_NONE + 1; i < KILN_ACT__N; i++) {
        unsigned d = kiln_edit_distance(word, kiln_actions[i].word);

        if (d <= (strlen(word) + 1) / 3 && (!best || d < distance)) {
            best = kiln_actions[i].word;
            distance = d;
        }
    }
    if (best)
        kiln_console_error(c, "no command is called \"%s\"; did you mean \"%s\"?", word, best);
    else
        kiln_console_error(c, "no command is called \"%s\"", word);
}

/* "q", "qui": the only command that begins like this. */
static enum kiln_action abbreviated(const char *word)
{
    enum kiln_action found = KILN_ACT_NONE;

    for (int i = KILN_ACT_NONE + 1; i < KILN_ACT__N; i++) {
        if (!kiln_has_prefix(kiln_actions[i].word, word))
            continue;
        if (found != KILN_ACT_NONE)
            return KILN_ACT_NONE;
        found = (enum kiln_action)i;
    }
    return found;
}

/* Actions of a pane work from anywhere: the pane that has them gets the focus. */
static void focus_owner(struct kiln_console *c, enum kiln_action action)
{
    enum kiln_context context = kiln_actions[action].context;

    if (context == KILN_CTX_GLOBAL || context == KILN_CTX_LIST)
        return;
    if (c->focus == KILN_PANE_SCREEN && (action == KILN_ACT_COPY || action == KILN_ACT_SEARCH))
        return; /* it has these, too */
    for (int i = 0; i < KILN_PANE__N; i++)
        if (kiln_pane_ops_of((enum kiln_pane_id)i)->context == context)
            kiln_console_focus(c, (enum kiln_pane_id)i);
}

void kiln_command_run(struct kiln_console *c, const char *line)
{
    const char *begin = line + strspn(line, " "), *arg;
    size_t len = strcspn(begin, " ");
    KILN_AUTO_FREE char *word = kiln_xstrndup(begin, len);
    KILN_AUTO_FREE char *rest = NULL;
    enum kiln_action action;
    size_t n;

    if (len == 0)
        return;
    action = kiln_streq(word, "q") ? KILN_ACT_QUIT : kiln_action_find(word);
    if (action == KILN_ACT_NONE)
        action = abbreviated(word);
    if (action == KILN_ACT_NONE) {
        tell_unknown(c, word);
        return;
    }
    arg = begin + len + strspn(begin + len, " ");
    n = strlen(arg);
    while (n > 0 && arg[n - 1] == ' ')
        n--;
    rest = kiln_xstrndup(arg, n);
    if (n > 0 && !kiln_actions[action].arg[0]) {
        kiln_console_error(c, "%s takes no argument", kiln_actions[action].word);
        return;
    }
    focus_owner(c, action);
    kiln_console_action(c, action, rest);
}

/* ---- completion ---- */

static void offer(struct kiln_strv *offers, const char *word, const char *prefix)
{
    if (kiln_has_prefix(word, prefix) && !kiln_strv_has(offers, word))
        kiln_strv_add(offers, word);
}

static void offer_actions(struct kiln_strv *offers, const char *prefix)
{
    for (int i = KILN_ACT_NONE + 1; i < KILN_ACT__N; i++)
        offer(offers, kiln_actions[i].word, prefix);
}

static void offer_panes(struct kiln_strv *offers, const char *prefix)
{
    for (int i = 0; i < KILN_PANE__N; i++)
        offer(offers, kiln_pane_ops_of((enum kiln_pane_id)i)->name, prefix);
}

static void offer_settings(struct kiln_strv *offers, const char *prefix)
{
    static const char *const names[] = { "keymap", "max-bps", "mouse", "wrap" };

    for (size_t i = 0; i < KILN_COUNT(names); i++)
        offer(offers, names[i], prefix);
}

/* Names of the shown build's steps, after before: and after: too. */
static void offer_places(struct kiln_console *c, struct kiln_strv *offers, const char *prefix)
{
    static const char *const forms[] = { "", "before:", "after:" };
    const struct kiln_model_build *b = kiln_model_find(&c->model, c->build);

    for (size_t f = 0; b && f < KILN_COUNT(forms); f++) {
        if (f > 0 && !kiln_has_prefix(prefix, forms[f]))
            continue;
        for (int list = 0; list < KILN_PLACES__N; list++) {
            for (size_t i = 0; i < b->lists[list].n; i++) {
                KILN_AUTO_FREE char *place =
                    kiln_xasprintf("%s%s", forms[f], b->lists[list].v[i].name);

                if (b->lists[list].v[i].name)
                    offer(offers, place, prefix);
            }
        }
    }
    offer(offers, "before:", prefix);
    offer(offers, "after:", prefix);
    offer(offers, "boot:end", prefix);
}

static void offer_arguments(struct kiln_console *c, enum kiln_action action,
                            struct kiln_strv *offers, const char *prefix)
{
    const char *arg = action == KILN_ACT_NONE ? "" : kiln_actions[action].arg;

    if (kiln_streq(arg, "PANE"))
        offer_panes(offers, prefix);
    else if (kiln_streq(arg, "PLACE"))
        offer_places(c, offers, prefix);
    else if (kiln_has_prefix(arg, "NAME"))
        offer_settings(offers, prefix);
}

void kiln_command_complete(struct kiln_console *c, bool backwards)
{
    struct kiln_cmdline *l = &c->cmdline;
    const char *text = kiln_str_cstr(&l->text);
    KILN_AUTO_FREE char *prefix = NULL, *word = NULL;

    if (l->offers.n == 0) {
        l->word_at = l->at;
        while (l->word_at > 0 && text[l->word_at - 1] != ' ')
            l->word_at--;
        prefix = kiln_xstrndup(text + l->word_at, l->at - l->word_at);
        word = kiln_xstrndup(text, strcspn(text, " "));
        if (l->word_at == 0)
            offer_actions(&l->offers, prefix);
        else
            offer_arguments(c, kiln_action_find(word), &l->offers, prefix);
        l->offer = l->offers.n;
    }
    kiln_cmdline_offer(l, backwards);
}
