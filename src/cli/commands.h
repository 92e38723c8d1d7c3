/* The subcommands: one file each, listed in commands.c. Each returns the process's exit code. */
#ifndef KILN_CLI_COMMANDS_H
#define KILN_CLI_COMMANDS_H

#include "cli/flags.h"
#include "run/plan.h"

/* What main() found before the subcommand's own flags. */
struct kiln_cli {
    bool machine; /* -machine-readable stood somewhere on the command line */
    const struct kiln_redactor *redactor; /* for all that is said; borrowed; NULL: no secrets */
};

int kiln_cmd_build(const struct kiln_cli *cli, int argc, char **argv);
int kiln_cmd_validate(const struct kiln_cli *cli, int argc, char **argv);
int kiln_cmd_inspect(const struct kiln_cli *cli, int argc, char **argv);
int kiln_cmd_console(const struct kiln_cli *cli, int argc, char **argv);
int kiln_cmd_fix(const struct kiln_cli *cli, int argc, char **argv);
int kiln_cmd_keys(const struct kiln_cli *cli, int argc, char **argv);
int kiln_cmd_tui(const struct kiln_cli *cli, int argc, char **argv);
int kiln_cmd_attach(const struct kiln_cli *cli, int argc, char **argv);
int kiln_cmd_ps(const struct kiln_cli *cli, int argc, char **argv);
int kiln_cmd_cancel(const struct kiln_cli *cli, int argc, char **argv);
int kiln_cmd_version(const struct kiln_cli *cli, int argc, char **argv);
int kiln_cmd_help(const struct kiln_cli *cli, int argc, char **argv);

/* A row of the list in commands.c. */
struct kiln_command_info {
    const char *name;
    int (*run)(const struct kiln_cli *cli, int argc, char **argv);
    const char *args; /* after the name in a usage line */
    const char *summary;
};
const struct kiln_command_info *kiln_commands(void); /* ended by name NULL */
/** What a word that is none may have meant; NULL: no idea. */
const char *kiln_command_guess(const char *word);

/* ---- shared by the subcommands ---- */

/** Everything for people goes to stdout, errors too, as Packer has it; nothing of it acts on a
 * terminal. What cannot be written (a full disk; not a pipe that nobody reads) is told once, on
 * stderr. */
void kiln_cli_print(const char *text, size_t len);
/** The exit status of a command that has ended with `status`: not 0 if its output is not all there.
 */
int kiln_cli_end(int status);
void kiln_cli_printf(const char *fmt, ...) KILN_PRINTF(1, 2);

/** A line or a block of them; in machine mode a ui record. level: "say" or "error". */
void kiln_cli_say(const struct kiln_cli *cli, const char *level, const char *fmt, ...)
    KILN_PRINTF(3, 4);
/** A record that only machine mode prints. */
void kiln_cli_record(const struct kiln_cli *cli, const char *type, const char *const *fields,
                     size_t n);

/** A redactor for what may not be shown; caller frees. */
bool kiln_cli_redactor(const struct kiln_plan *plan, const struct kiln_plan_options *options,
                       struct kiln_redactor **ret, struct kiln_err *err);

/** Print all diagnostics with the plan's secrets redacted; in machine mode as ui records. */
void kiln_cli_diagnostics(const struct kiln_cli *cli, const struct kiln_plan *plan,
                          const struct kiln_plan_options *options);

/** The same on standard error, for a command whose standard output is for something else. */
void kiln_cli_warn(const struct kiln_plan *plan, const struct kiln_plan_options *options);

/** -only and -except leave nothing: say so, and what there is. Returns 1, the exit code. */
int kiln_cli_no_builds(const struct kiln_cli *cli, const struct kiln_plan *plan);

/** In place of kiln_plan_parse where no template is named: Packer's built-in one. */
bool kiln_cli_empty_plan(struct kiln_plan *plan);

/**
 * Parse the flags of `command` and want exactly one template argument.
 * Returns -1 to go on; else the exit code (help was asked for, or the flags were wrong).
 */
int kiln_cli_parse(const struct kiln_cli *cli, const char *command, const struct kiln_flag *flags,
                   int argc, char **argv, const char **ret_template);

/** As above for a command whose argument need not be there: *ret_argument is NULL then. */
int kiln_cli_parse_optional(const struct kiln_cli *cli, const char *command,
                            const struct kiln_flag *flags, int argc, char **argv,
                            const char **ret_argument);

#endif
