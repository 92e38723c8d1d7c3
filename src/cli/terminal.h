/*
 * The controlling terminal of the plain client: prompts are asked there, and bytes that a guest or
 * a program printed must not act on it. The supervisor's thread.
 */
#ifndef KILN_CLI_TERMINAL_H
#define KILN_CLI_TERMINAL_H

#include "cli/outlet.h"
#include "cli/quiet.h"
#include "run/supervisor.h"

/** Can a question be asked: /dev/tty opens and we are its foreground process group? */
bool kiln_terminal_available(void);

/** Append text with control bytes replaced by '?'; newline, tab and colours (SGR) pass. */
void kiln_terminal_clean(struct kiln_str *out, const char *text, size_t len);

/** Where the debug log goes: PACKER_LOG_PATH (truncated), else stderr with PACKER_LOG; -1: off. */
int kiln_terminal_log_fd(void);

/* Open questions; the first one is on the screen, the others wait. */
struct kiln_terminal_prompt {
    struct kiln_outlet *out; /* borrowed: questions stand between lines */
    struct kiln_question {
        char *build;
        int64_t id;
        char *text;                /* as it is printed */
        struct kiln_strv commands; /* of a stopped build; empty: a prompt */
        bool secret;               /* what is typed must not be seen */
    } * open;
    size_t n;
    int fd; /* /dev/tty while a question is shown; -1 */
    struct kiln_quiet quiet;
    struct kiln_str line;
};

void kiln_terminal_prompt_init(struct kiln_terminal_prompt *t, struct kiln_outlet *out);
void kiln_terminal_prompt_done(struct kiln_terminal_prompt *t);
bool kiln_terminal_prompt_open(const struct kiln_terminal_prompt *t);
int kiln_terminal_prompt_fd(const struct kiln_terminal_prompt *t);
void kiln_terminal_prompt_add(struct kiln_terminal_prompt *t, const char *build, int64_t id,
                              const char *text, size_t len, bool secret);
/** The same for a build that is stopped: the answer is one of the commands (stops.h). */
#define KILN_TERMINAL_STOP (-1) /* its id */
void kiln_terminal_prompt_stop(struct kiln_terminal_prompt *t, const char *build,
                               const struct kiln_strv *commands, const char *text, size_t len);
void kiln_terminal_prompt_end(struct kiln_terminal_prompt *t, const char *build, int64_t id);
/** All of a build's: it is over, perhaps without having ended them. */
void kiln_terminal_prompt_over(struct kiln_terminal_prompt *t, const char *build);
/** Print the question that is shown again, after other lines. */
void kiln_terminal_prompt_again(const struct kiln_terminal_prompt *t);
/** Take what was typed; a whole line answers the question that is shown. */
void kiln_terminal_prompt_read(struct kiln_terminal_prompt *t, struct kiln_supervisor *s);

#endif
