#include "cli/readline.h"

#include <stdio.h> /* before readline's header, which needs it */

#include <readline/history.h>
#include <readline/readline.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/str.h"

#define CTRL_C 3

extern const struct kiln_readline_ops kiln_readline_ops;

/* readline's callbacks carry no user data, and it has one terminal only. */
static struct asking {
    bool (*line)(void *ud, const char *line, size_t len);
    void *ud;
    bool ended;
} asking;

static void end(void)
{
    asking.ended = true;
    rl_callback_handler_remove();
}

static void on_line(char *line)
{
    if (!line) { /* Ctrl-D */
        printf("exit\n");
        (void)fflush(stdout);
        end();
        return;
    }
    if (*line)
        add_history(line);
    if (!asking.line(asking.ud, line, strlen(line)))
        end();
    free(line);
}

static int on_ctrl_c(int count, int key)
{
    bool empty = rl_end == 0;

    (void)count;
    (void)key;
    rl_point = rl_end;
    rl_redisplay();
    if (empty)
        end();
    fprintf(rl_outstream, "^C\n");
    (void)fflush(rl_outstream);
    if (empty)
        return 0;
    rl_replace_line("", 0);
    (void)rl_on_new_line();
    rl_redisplay();
    return 0;
}

/* Ctrl-C is a key here: as a signal it would end the program. */
static void prepare_terminal(int meta)
{
    struct termios t;

    rl_prep_terminal(meta);
    if (tcgetattr(STDIN_FILENO, &t) < 0)
        return;
    t.c_cc[VINTR] = _POSIX_VDISABLE;
    (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &t);
}

static bool run(const char *prompt, bool (*line)(void *ud, const char *line, size_t len), void *ud,
                struct kiln_err *err)
{
    KILN_CLEANUP(kiln_cancel_freep) struct kiln_cancel *c = kiln_cancel_new();
    bool ok = true;

    asking = (struct asking){ line, ud, false };
    rl_readline_name = "kiln";
    rl_prep_term_function = prepare_terminal;
    rl_inhibit_completion = 1;
    (void)rl_variable_bind("enable-bracketed-paste", "off"); /* it would end one line only */
    rl_callback_handler_install(prompt, on_line);
    (void)rl_bind_key(CTRL_C, on_ctrl_c);
    while (ok && !asking.ended) {
        ok = kiln_wait_fd(c, STDIN_FILENO, POLLIN, KILN_NEVER, err) == KILN_WAIT_READY;
        if (ok)
            rl_callback_read_char();
    }
    if (!asking.ended)
        end();
    clear_history();
    return ok;
}

const struct kiln_readline_ops kiln_readline_ops = { .run = run };
