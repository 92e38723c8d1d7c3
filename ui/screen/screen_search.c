#include "ui/screen/screen_search.h"

#include "base/fs.h"
#include "ui/clipboard.h"

void kiln_screen_search_done(struct kiln_screen_search *s)
{
    kiln_regex_free(s->re);
    *s = (struct kiln_screen_search){ 0 };
}

static void search_on(struct kiln_screen_search *s, struct kiln_console *c,
                      struct kiln_screen_view *view, int from, int step)
{
    int row = -1;

    if (kiln_screen_view_has_text(view))
        row = kiln_text_screen_find(view->text, s->re, from, step);
    if (row < 0) {
        kiln_console_say(c, "\"%s\" is not on the screen", kiln_regex_pattern(s->re));
        return;
    }
    s->row = row;
    kiln_screen_view_show_row(view, row);
}

static void search(struct kiln_screen_search *s, struct kiln_console *c,
                   struct kiln_screen_view *view, const char *pattern)
{
    KILN_AUTO_ERR err = { 0 };
    struct kiln_regex *re;

    if (!*pattern) {
        kiln_console_command_line(c, "search ");
        return;
    }
    if (!kiln_regex_new(&re, pattern, &err)) {
        kiln_console_error(c, "search: %s", kiln_err_text(&err));
        return;
    }
    kiln_regex_free(s->re);
    s->re = view->search = re;
    search_on(s, c, view, view->top, 1);
}

/* To the clipboard, or into a file. */
static void copy(struct kiln_console *c, const struct kiln_screen_view *view, const char *path)
{
    KILN_AUTO_STR text = { 0 };
    KILN_AUTO_ERR err = { 0 };

    for (int y = 0; kiln_screen_view_has_text(view) && y <= view->text->last_row; y++) {
        kiln_text_screen_row(view->text, y, &text);
        kiln_str_addc(&text, '\n');
    }
    if (text.len == 0)
        kiln_console_say(c, "the guest shows no text");
    else if (*path && !kiln_fs_write_atomic(path, text.data, text.len, 0666, &err))
        kiln_console_error(c, "%s", kiln_err_text(&err));
    else if (*path || kiln_clipboard_copy(c, text.data, text.len))
        kiln_console_say(c, "copied the screen's text");
}

bool kiln_screen_search_action(struct kiln_screen_search *s, struct kiln_console *c,
                               struct kiln_screen_view *view, enum kiln_action what,
                               const char *arg)
{
    bool next = what == KILN_ACT_SEARCH_NEXT, previous = what == KILN_ACT_SEARCH_PREVIOUS;

    if (what == KILN_ACT_COPY)
        copy(c, view, arg);
    else if ((next || previous) && s->re)
        search_on(s, c, view, next ? s->row + 1 : s->row - 1, next ? 1 : -1);
    else if (what == KILN_ACT_SEARCH || next || previous)
        search(s, c, view, arg);
    else
        return false;
    kiln_console_dirty(c);
    return true;
}
