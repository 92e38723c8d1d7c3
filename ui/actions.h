/*
 * Everything that a key can do. One table: key maps name actions by their word, help shows their
 * text, the command line (:) takes them as commands. An action belongs to a context: it is tried in
 * the focused pane's context first, then in GLOBAL.
 */
#ifndef KILN_UI_ACTIONS_H
#define KILN_UI_ACTIONS_H

/* context, id, word, argument ("" none), help */
#define KILN_ACTIONS(X)                                                                            \
    X(GLOBAL, QUIT, "quit", "", "leave the console; the build goes on")                            \
    X(GLOBAL, HELP, "help", "", "what the keys do")                                                \
    X(GLOBAL, COMMAND_LINE, "command-line", "", "type a command")                                  \
    X(GLOBAL, FOCUS_NEXT, "focus-next", "", "go to the next pane")                                 \
    X(GLOBAL, FOCUS_PREVIOUS, "focus-previous", "", "go to the previous pane")                     \
    X(GLOBAL, FOCUS, "focus", "PANE", "go to a pane: builds, boot, screen, log, prompt")           \
    X(GLOBAL, ZOOM, "zoom", "", "the pane fills the screen, or does no longer")                    \
    X(GLOBAL, REDRAW, "redraw", "", "draw everything anew")                                        \
    X(GLOBAL, SUSPEND, "suspend", "", "suspend the console (fg brings it back)")                   \
    X(GLOBAL, BUILD_NEXT, "build-next", "", "show the next build")                                 \
    X(GLOBAL, BUILD_PREVIOUS, "build-previous", "", "show the previous build")                     \
    X(GLOBAL, CONTROL, "control", "", "take the controls of the run, or give them back")           \
    X(GLOBAL, PAUSE, "pause", "", "stop the build where it is, guest and clocks, or go on")        \
    X(GLOBAL, CONTINUE, "continue", "", "go on")                                                   \
    X(GLOBAL, NEXT, "next", "", "go on to the next step or provisioner")                           \
    X(GLOBAL, NEXT_ELEMENT, "next-element", "", "type the next element of the boot command")       \
    X(GLOBAL, NEXT_KEY, "next-key", "", "send exactly the next key event")                         \
    X(GLOBAL, RUN_TO, "run-to", "PLACE", "go on to a place, once")                                 \
    X(GLOBAL, BREAK, "break", "PLACE", "set or remove a breakpoint")                               \
    X(GLOBAL, RETRY, "retry", "", "run the failed step again")                                     \
    X(GLOBAL, RETYPE, "retype", "",                                                                \
      "go back to before typing, and type the boot command, edited or not")                        \
    X(GLOBAL, SKIP, "skip", "", "leave this provisioner out")                                      \
    X(GLOBAL, FREEZE, "freeze", "", "halt or free the guest's CPUs while the build stands")        \
    X(GLOBAL, SHELL, "shell", "", "open a shell in the guest")                                     \
    X(GLOBAL, CANCEL, "cancel", "", "end the run: cancel its builds and clean up (asks)")          \
    X(GLOBAL, MOUSE, "mouse", "", "the mouse for kiln, or back to the terminal")                   \
    X(GLOBAL, SET, "set", "NAME VALUE", "change a setting: keymap, max-bps, mouse, wrap")          \
    X(LIST, UP, "up", "", "one up")                                                                \
    X(LIST, DOWN, "down", "", "one down")                                                          \
    X(LIST, PAGE_UP, "page-up", "", "a page up")                                                   \
    X(LIST, PAGE_DOWN, "page-down", "", "a page down")                                             \
    X(LIST, TOP, "top", "", "to the beginning")                                                    \
    X(LIST, BOTTOM, "bottom", "", "to the end")                                                    \
    X(LIST, LEFT, "left", "", "to the left")                                                       \
    X(LIST, RIGHT, "right", "", "to the right")                                                    \
    X(BUILDS, BREAK_HERE, "break-here", "", "set or remove a breakpoint before this step")         \
    X(BUILDS, BREAK_AFTER, "break-after", "", "the same after this step")                          \
    X(BUILDS, RUN_HERE, "run-here", "", "go on to this step")                                      \
    X(LOG, FOLLOW, "follow", "", "keep the newest line in sight, or not")                          \
    X(LOG, SEARCH, "search", "REGEX", "search log or guest's screen; matches are marked")          \
    X(LOG, SEARCH_NEXT, "search-next", "", "next match")                                           \
    X(LOG, SEARCH_PREVIOUS, "search-previous", "", "previous match")                               \
    X(LOG, FILTER, "filter", "WHAT",                                                               \
      "show only: build=NAME step=NAME level=error text=REGEX; off")                               \
    X(LOG, WRAP, "wrap", "[on|off]", "wrap long lines, or not")                                    \
    X(LOG, MARK, "mark", "", "begin or end a selection of lines")                                  \
    X(LOG, COPY, "copy", "[FILE]", "copy the selection or line to the clipboard, or to a file")    \
    X(LOG, SAVE, "save", "FILE", "write the lines that are shown to a file")                       \
    X(SCREEN, KEYBOARD, "keyboard", "", "give the keyboard to the guest (the way out: Ctrl-] )")   \
    X(SCREEN, RECORD, "record", "",                                                                \
      "drive the guest by hand, for a boot command that does the same; again: end that")           \
    X(SCREEN, CHORD, "chord", "KEYS", "send a chord such as ctrl-alt-F2 (no name: a menu)")        \
    X(SCREEN, TEXT, "text", "", "show what is written on it as text, or as it looks")              \
    X(SCREEN, PICTURE, "picture", "FILE", "save the screen as PNG")                                \
    X(BOOT, EDIT, "edit", "", "edit the boot command (esc ends, ctrl-u undo, ctrl-r redo)")        \
    X(BOOT, APPLY, "apply", "", "the edit replaces what is still to be typed")                     \
    X(BOOT, REVERT, "revert", "", "throw the edit away")                                           \
    X(BOOT, WRITE, "write", "", "save the boot command into the template")                         \
    X(BOOT, RUN_CURSOR, "run-cursor", "", "type up to the cursor")                                 \
    X(BOOT, BREAK_CURSOR, "break-cursor", "", "set or remove a breakpoint at the cursor")          \
    X(PROMPT, CHOOSE, "choose", "", "answer with the choice under the cursor")

enum kiln_context {
    KILN_CTX_GLOBAL,
    KILN_CTX_LIST, /* moving about; every pane */
    KILN_CTX_BUILDS,
    KILN_CTX_LOG,
    KILN_CTX_SCREEN,
    KILN_CTX_BOOT,
    KILN_CTX_PROMPT,
    KILN_CTX__N
};

enum kiln_action {
    KILN_ACT_NONE,
#define X(ctx, id, word, arg, help) KILN_ACT_##id,
    KILN_ACTIONS(X)
#undef X
        KILN_ACT__N
};

struct kiln_action_info {
    enum kiln_context context;
    const char *word, *arg, *help;
};
extern const struct kiln_action_info kiln_actions[KILN_ACT__N]; /* [0] is empty */
enum kiln_action kiln_action_find(const char *word);            /* NONE: no such action */
extern const char *const kiln_context_words[KILN_CTX__N];       /* "global", "list", "builds" … */

#endif
