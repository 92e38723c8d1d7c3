/* `kiln ps`: the runs that are kept. */
#include "base/clock.h"
#include "base/encode.h"
#include "base/mem.h"
#include "cli/commands.h"
#include "cli/terminal.h"
#include "run/rundir.h"
#include "run/runs.h"

static const char *state_word(const struct kiln_run_info *info)
{
    switch (info->state) {
    case KILN_RUN_GOING:
        return "going";
    case KILN_RUN_ENDED:
        return kiln_run_result(info);
    case KILN_RUN_DEAD:
        return "dead";
    }
    return "";
}

/* How one of its builds ended; "" if that is not known. */
static const char *result(const struct kiln_run_info *info, size_t i)
{
    return i < info->results.n ? info->results.v[i] : "";
}

/* ---- for people ---- */

/* A run that goes on without anybody, but not while it waits for somebody. */
static const char *shown_state(const struct kiln_run_info *info)
{
    return kiln_strv_has(&info->results, KILN_RUN_WAITS) ? KILN_RUN_WAITS : state_word(info);
}

/* "2 minutes", "0 seconds": the largest unit. */
static void add_rough(struct kiln_str *out, int64_t us)
{
    KILN_AUTO_STR words = { 0 };
    const char *space;

    kiln_duration_words(&words, us < 1000000 ? 0 : us / 1000000 * 1000000000);
    space = strchr(kiln_str_cstr(&words), ' ');
    space = space ? strchr(space + 1, ' ') : NULL;
    kiln_str_add(out, words.data, space ? (size_t)(space - words.data) : words.len);
}

/* "12m3s" */
static void add_exact(struct kiln_str *out, int64_t us)
{
    kiln_duration_format(out, us < 1000000 ? 0 : us / 1000000 * 1000000000);
}

static void add_builds(struct kiln_str *out, const struct kiln_run_info *info)
{
    for (size_t i = 0; i < info->builds.n; i++) {
        kiln_str_addf(out, "%s%s", i > 0 ? ", " : "", info->builds.v[i]);
        if (info->builds.n > 1 && result(info, i)[0])
            kiln_str_addf(out, " %s", result(info, i));
    }
}

enum { COLUMNS = 6 };

static void fill_row(struct kiln_str row[COLUMNS], const struct kiln_run_info *info, int64_t now)
{
    char id[KILN_RUN_SHORT];

    kiln_str_adds(&row[0], kiln_run_short(info, id));
    kiln_str_adds(&row[1], shown_state(info));
    add_rough(&row[2], now - info->start_us);
    if (info->state != KILN_RUN_DEAD)
        add_exact(&row[3], (info->end_us ? info->end_us : now) - info->start_us);
    add_builds(&row[4], info);
    kiln_str_adds(&row[5], info->tpl);
}

static void print_rows(struct kiln_str (*rows)[COLUMNS], size_t n)
{
    size_t width[COLUMNS] = { 0 };

    for (size_t i = 0; i < n * COLUMNS; i++) {
        if (rows[i / COLUMNS][i % COLUMNS].len > width[i % COLUMNS])
            width[i % COLUMNS] = rows[i / COLUMNS][i % COLUMNS].len;
    }
    for (size_t i = 0; i < n; i++) {
        KILN_AUTO_STR line = { 0 }, clean = { 0 };

        for (size_t k = 0; k + 1 < COLUMNS; k++)
            kiln_str_addf(&line, "%-*s  ", (int)width[k], kiln_str_cstr(&rows[i][k]));
        kiln_str_adds(&line, kiln_str_cstr(&rows[i][COLUMNS - 1]));
        kiln_terminal_clean(&clean, line.data, line.len);
        kiln_cli_printf("%s\n", clean.data);
    }
}

static void print_table(const struct kiln_runs *runs)
{
    static const char *const head[COLUMNS] = {
        "RUN", "STATE", "AGE", "TOOK", "BUILDS", "TEMPLATE"
    };
    struct kiln_str(*rows)[COLUMNS] = kiln_xcalloc(runs->n + 1, sizeof(*rows));

    for (size_t k = 0; k < COLUMNS; k++)
        kiln_str_adds(&rows[0][k], head[k]);
    for (size_t i = 0; i < runs->n; i++)
        fill_row(rows[i + 1], &runs->v[i], kiln_clock_wall_us());
    print_rows(rows, runs->n + 1);
    for (size_t i = 0; i < (runs->n + 1) * COLUMNS; i++)
        kiln_str_done(&rows[i / COLUMNS][i % COLUMNS]);
    free(rows);
}

/* ---- for programs ---- */

static void add_member(struct kiln_str *out, const char *key, const char *value)
{
    kiln_str_addf(out, "\"%s\":", key);
    kiln_json_adds(out, value);
    kiln_str_addc(out, ',');
}

static void print_json(const struct kiln_run_info *info)
{
    KILN_AUTO_STR out = { 0 };

    kiln_str_addc(&out, '{');
    add_member(&out, "run", info->id);
    add_member(&out, "state", state_word(info));
    add_member(&out, "directory", info->dir);
    add_member(&out, "template", info->tpl);
    kiln_str_addf(&out, "\"start\":%lld,", (long long)(info->start_us / 1000000));
    if (info->end_us)
        kiln_str_addf(&out, "\"end\":%lld,", (long long)(info->end_us / 1000000));
    kiln_str_adds(&out, "\"builds\":[");
    for (size_t i = 0; i < info->builds.n; i++) {
        kiln_str_adds(&out, i > 0 ? ",{" : "{");
        add_member(&out, "result", result(info, i));
        kiln_str_adds(&out, "\"build\":");
        kiln_json_adds(&out, info->builds.v[i]);
        kiln_str_addc(&out, '}');
    }
    kiln_cli_printf("%s]}\n", kiln_str_cstr(&out));
}

/* ---- the command ---- */

/* The exit code. */
static int clean(const struct kiln_cli *cli, const struct kiln_runs *runs)
{
    int rc = 0;

    for (size_t i = 0; i < runs->n; i++) {
        const struct kiln_run_info *run = &runs->v[i];
        char id[KILN_RUN_SHORT];

        if (run->state != KILN_RUN_DEAD)
            continue;
        kiln_rundir_recover(run->dir);
        if (kiln_rundir_is_clean(run->dir)) {
            kiln_cli_say(cli, "say", "Cleaned up after %s", kiln_run_short(run, id));
            continue;
        }
        rc = 1;
        kiln_cli_say(cli, "error", "Not all that %s left could be removed: the .ledger files in %s",
                     kiln_run_short(run, id), run->dir);
    }
    return rc;
}

int kiln_cmd_ps(const struct kiln_cli *cli, int argc, char **argv)
{
    bool want_clean = false, json = false;
    const struct kiln_flag flags[] = {
        { "clean", KILN_FLAG_BOOL, &want_clean, NULL,
          "remove what runs left whose supervisor was killed", NULL },
        { "json", KILN_FLAG_BOOL, &json, NULL, "one JSON object a run", NULL },
        { 0 },
    };
    struct kiln_runs runs;
    const char *none;
    int rc = kiln_cli_parse_optional(cli, "ps", flags, argc, argv, &none);

    if (rc >= 0)
        return rc;
    rc = 0;
    kiln_runs_list(&runs);
    if (want_clean)
        rc = clean(cli, &runs);
    else if (!json)
        print_table(&runs);
    for (size_t i = 0; i < runs.n && json; i++)
        print_json(&runs.v[i]);
    kiln_runs_done(&runs);
    return rc;
}
