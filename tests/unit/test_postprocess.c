/* A whole build with fake components: post-processor sequences, what is kept and what is destroyed,
 * and the story from build-start to build-end. */
#include "engine_fixture.h"

struct room {
    struct fixture f;
    char *dir;                /* the builder's output lies here; owned */
    char *ledger_path;        /* owned */
    const char *builder_does; /* "ok", "nothing", "fail", "cancel": Ctrl-C and fail, "late": Ctrl-C
                               * and all well, "odd": calls its failure a cancel, "dir": owns the
                               * directory */
};

static char *make_file(struct room *r, const char *name)
{
    char *path = kiln_path_join(r->dir, name);

    assert_true(kiln_fs_write_atomic(path, "x", 1, 0600, NULL));
    return path;
}

static struct kiln_artifact *make_artifact(struct room *r, const char *name)
{
    struct kiln_artifact *a = kiln_artifact_new("fake.id", name, name);
    KILN_AUTO_FREE char *path = make_file(r, name);

    kiln_strv_add(&a->files, path);
    kiln_strv_add(&a->own, path);
    return a;
}

static bool exists(struct room *r, const char *name)
{
    KILN_AUTO_FREE char *path = kiln_path_join(r->dir, name);

    return kiln_fs_exists(path);
}

/* ---- the cast ---- */

static bool build_run(void *cfg, struct kiln_build *b, struct kiln_artifact **ret,
                      struct kiln_err *err)
{
    struct room *r = KILN_CONTAINER_OF(b, struct room, f.b);
    const char *does = r->builder_does;

    (void)cfg;
    kiln_say(b, "building");
    if (strcmp(does, "cancel") == 0 || strcmp(does, "late") == 0)
        kiln_cancel_fire(b->cancel);
    if (strcmp(does, "odd") == 0)
        return kiln_err_set(err, KILN_ERR_CANCELLED, "cancelled");
    if (strcmp(does, "fail") == 0 || strcmp(does, "cancel") == 0)
        return kiln_err_set(err, KILN_ERR_REMOTE, "disk on fire");
    if (strcmp(does, "nothing") != 0)
        *ret = make_artifact(r, "built");
    if (strcmp(does, "dir") == 0)
        kiln_strv_add(&(*ret)->own, r->dir);
    return true;
}

static const struct kiln_schema build_schema = { .name = "fake" };
static const struct kiln_builder_ops builder = { .schema = &build_schema, .run = build_run };

/* cfg: text. "same" hands its input back, "none" nothing, "fail" fails, "^C" cancels and fails, any
 * other text is the name of a new artifact. */
static bool process(void *cfg, struct kiln_build *b, struct kiln_artifact *in,
                    struct kiln_artifact **ret, struct kiln_err *err)
{
    struct room *r = KILN_CONTAINER_OF(b, struct room, f.b);
    const char *does = *(const char **)cfg;

    kiln_say(b, "%s <- %s", does, in->text);
    if (strcmp(does, "^C") == 0) {
        kiln_cancel_fire(b->cancel);
        return kiln_err_set(err, KILN_ERR_CANCELLED, "cancelled");
    }
    if (strcmp(does, "fail") == 0)
        return kiln_err_set(err, KILN_ERR_REMOTE, "cannot %s", in->text);
    if (strcmp(does, "same") == 0)
        *ret = kiln_artifact_ref(in);
    else if (strcmp(does, "none") != 0)
        *ret = make_artifact(r, does);
    return true;
}

static const struct kiln_schema free_schema = { .name = "free" }, keep_schema = { .name = "keep" },
                                force_schema = { .name = "force" };
static const struct kiln_postprocessor_ops ops[] = {
    { .schema = &free_schema, .process = process },
    { .schema = &keep_schema, .process = process, .keep_input = true },
    { .schema = &force_schema, .process = process, .keep_input = true, .keep_input_forced = true },
};

struct role {
    char kind;        /* f(ree) k(eep) F(orce): which ops */
    const char *does; /* NULL ends a sequence */
    enum kiln_tristate keep;
    const char *name; /* NULL: its type */
};

#define MAX_SEQUENCES 3
#define MAX_MEMBERS   3

struct stage {
    struct kiln_component decls[MAX_SEQUENCES][MAX_MEMBERS];
    const char *cfgs[MAX_SEQUENCES][MAX_MEMBERS];
    struct kiln_build_postprocessor items[MAX_SEQUENCES][MAX_MEMBERS];
    struct kiln_build_sequence sequences[MAX_SEQUENCES];
};

static void set_up(struct stage *s, struct room *r, const struct role roles[][MAX_MEMBERS])
{
    for (size_t i = 0; i < MAX_SEQUENCES && roles[i][0].does; i++) {
        s->sequences[i].items = s->items[i];
        for (size_t j = 0; j < MAX_MEMBERS && roles[i][j].does; j++) {
            const struct role *role = &roles[i][j];
            const struct kiln_postprocessor_ops *o = &ops[role->kind == 'f'   ? 0
                                                          : role->kind == 'k' ? 1
                                                                              : 2];

            s->cfgs[i][j] = role->does;
            s->decls[i][j] = (struct kiln_component){
                .type = (char *)(uintptr_t)o->schema->name,
                .name = (char *)(uintptr_t)(role->name ? role->name : o->schema->name),
                .keep_input_artifact = role->keep,
            };
            s->items[i][j] = (struct kiln_build_postprocessor){ .ops = o,
                                                                .decl = &s->decls[i][j],
                                                                .cfg = &s->cfgs[i][j] };
            s->sequences[i].n++;
        }
        r->f.b.n_sequences++;
    }
    r->f.b.sequences = s->sequences;
}

static void room_open(struct room *r)
{
    KILN_AUTO_ERR err = { 0 };

    fixture_init(&r->f);
    r->builder_does = "ok";
    r->f.b.ops = &builder;
    unit_ok((r->dir = kiln_fs_temp_dir("kiln-pp", &err)), &err);
    r->ledger_path = kiln_path_join(r->dir, "ledger");
    unit_ok(kiln_ledger_open(&r->f.b.ledger, r->ledger_path, &err), &err);
}

static void room_done(struct room *r)
{
    kiln_ledger_close(r->f.b.ledger);
    (void)kiln_fs_remove_tree(r->dir, NULL);
    free(r->ledger_path);
    free(r->dir);
    fixture_done(&r->f);
}

#define ROOM KILN_CLEANUP(room_done) struct room

struct row {
    const char *name, *builder;
    struct role roles[MAX_SEQUENCES][MAX_MEMBERS];
    const char *story;
    const char *results; /* names, with spaces */
    const char *gone;    /* artifacts whose files are destroyed, with spaces */
    const char *error;
    enum kiln_err_kind kind;
};

static void check_files(struct room *r, const struct row *row)
{
    KILN_AUTO_STRV names = { 0 }, gone = { 0 };

    kiln_strv_split(&names, "built a b c", ' ');
    kiln_strv_split(&gone, row->gone ? row->gone : "", ' ');
    KILN_STRV_FOREACH (name, &names) {
        KILN_AUTO_FREE char *line = kiln_xasprintf("%s <- ", name);
        bool built =
            !row->builder || strcmp(row->builder, "late") == 0 || strcmp(row->builder, "dir") == 0;
        bool made = strcmp(name, "built") == 0 ? built : strstr(row->story, line) != NULL;

        if (made && exists(r, name) == kiln_strv_has(&gone, name))
            fail_msg("row \"%s\": %s", row->name, name);
    }
}

static void check_row(const struct row *row)
{
    struct kiln_results results = { 0 };
    KILN_AUTO_FREE char *story = NULL;
    KILN_AUTO_STR got = { 0 };
    KILN_AUTO_ERR err = { 0 };
    struct stage stage = { 0 };
    ROOM r = { 0 };
    bool ok;

    room_open(&r);
    if (row->builder)
        r.builder_does = row->builder;
    set_up(&stage, &r, row->roles);
    ok = kiln_build_run(&r.f.b, &results, &err);
    for (size_t i = 0; i < results.n; i++)
        kiln_str_addf(&got, "%s%s", i ? " " : "", results.v[i]->text);
    kiln_results_done(&results);
    story = fixture_story(&r.f);
    if (strcmp(story, row->story) != 0)
        print_error("row \"%s\"\n", row->name);
    assert_string_equal(story, row->story);
    assert_string_equal(kiln_str_cstr(&got), row->results);
    assert_string_equal(kiln_err_text(&err), row->error ? row->error : "");
    assert_int_equal(ok, !row->error);
    assert_int_equal(err.kind, row->kind);
    assert_null(r.f.b.target);
    check_files(&r, row);
}

#define START        "build-start\n[say] building\n"
#define RUN(t)       "[say] Running post-processor: " t "\n"
#define IN(t)        "[say fake.b (" t ")] "
#define ART(i, name) "artifact " i " fake.id " name " \"" name "\" 1 files\n"
#define KEPT         "\n\nThe builder's artifact is kept: built"

static const struct row rows[] = {
    { .name = "no post-processors",
      .story = START ART("0", "built") "build-end 0 \n",
      .results = "built" },
    { .name = "no artifact",
      .builder = "nothing",
      .roles = { { { 'f', "a", KILN_UNSET, NULL } } },
      .story = START "build-end 0 \n",
      .results = "" },
    { .name = "builder fails",
      .builder = "fail",
      .roles = { { { 'f', "a", KILN_UNSET, NULL } } },
      .story = START "build-end 1 disk on fire\n",
      .results = "",
      .error = "disk on fire",
      .kind = KILN_ERR_REMOTE },
    { .name = "builder is cancelled",
      .builder = "cancel",
      .story = START "build-end 2 Build was cancelled.\n",
      .results = "",
      .error = "Build was cancelled.",
      .kind = KILN_ERR_CANCELLED },
    { .name = "a cancel by nobody is a failure",
      .builder = "odd",
      .story = START "build-end 1 cancelled\n",
      .results = "",
      .error = "cancelled",
      .kind = KILN_ERR_SYSTEM },
    { .name = "cancelled before post-processing",
      .builder = "late",
      .roles = { { { 'f', "a", KILN_UNSET, NULL } } },
      .story = START "build-end 2 Build was cancelled.\nThe builder's artifact is kept: built\n",
      .results = "built",
      .error = "Build was cancelled.\nThe builder's artifact is kept: built",
      .kind = KILN_ERR_CANCELLED },

    { .name = "replaced",
      .roles = { { { 'f', "a", KILN_UNSET, NULL } } },
      .story = START RUN("free") IN("free") "a <- built\n" ART("0", "a") "build-end 0 \n",
      .results = "a",
      .gone = "built" },
    { .name = "made inside of what would be destroyed",
      .builder = "dir",
      .roles = { { { 'f', "a", KILN_UNSET, NULL } } },
      .story = START RUN("free") IN("free") "a <- built\n[say] Keeping built: a lies in it\n" ART(
          "0", "built") ART("1", "a") "build-end 0 \n",
      .results = "built a" },
    { .name = "kept",
      .roles = { { { 'k', "a", KILN_UNSET, NULL } } },
      .story = START RUN("keep") IN("keep") "a <- built\n" ART("0", "built")
          ART("1", "a") "build-end 0 \n",
      .results = "built a" },
    { .name = "passed through, listed twice",
      .roles = { { { 'F', "same", KILN_UNSET, NULL } } },
      .story = START RUN("force") IN("force") "same <- built\n" ART("0", "built")
          ART("1", "built") "build-end 0 \n",
      .results = "built built" },
    { .name = "a free one that passes through destroys nothing",
      .roles = { { { 'f', "same", KILN_UNSET, NULL } } },
      .story = START RUN("free") IN("free") "same <- built\n" ART("0", "built")
          ART("1", "built") "build-end 0 \n",
      .results = "built built" },
    { .name = "user says keep",
      .roles = { { { 'f', "a", KILN_YES, NULL } } },
      .story = START RUN("free") IN("free") "a <- built\n" ART("0", "built")
          ART("1", "a") "build-end 0 \n",
      .results = "built a" },
    { .name = "user says no",
      .roles = { { { 'k', "a", KILN_NO, NULL } } },
      .story = START RUN("keep") IN("keep") "a <- built\n" ART("0", "a") "build-end 0 \n",
      .results = "a",
      .gone = "built" },
    { .name = "user says no in vain",
      .roles = { { { 'F', "a", KILN_NO, NULL } } },
      .story = START RUN("force") IN("force") "a <- built\n" ART("0", "built")
          ART("1", "a") "build-end 0 \n",
      .results = "built a" },
    { .name = "with a name",
      .roles = { { { 'f', "a", KILN_UNSET, "zip it" } } },
      .story =
          START RUN("zip it (type free)") IN("free") "a <- built\n" ART("0", "a") "build-end 0 \n",
      .results = "a",
      .gone = "built" },

    { .name = "a sequence frees its middle",
      .roles = { { { 'f', "a", KILN_UNSET, NULL },
                   { 'f', "b", KILN_UNSET, NULL },
                   { 'k', "c", KILN_UNSET, NULL } } },
      .story = START RUN("free") IN("free") "a <- built\n" RUN("free") IN("free") "b <- a\n" RUN(
          "keep") IN("keep") "c <- b\n" ART("0", "b") ART("1", "c") "build-end 0 \n",
      .results = "b c",
      .gone = "built a" },
    { .name = "the example of the reference",
      .roles = { { { 'F', "same", KILN_UNSET, NULL } },
                 { { 'F', "same", KILN_UNSET, NULL }, { 'F', "same", KILN_UNSET, NULL } },
                 { { 'F', "same", KILN_UNSET, NULL } } },
      .story = START RUN("force") IN("force") "same <- built\n" RUN("force")
          IN("force") "same <- built\n" RUN("force") IN("force") "same <- built\n" RUN("force")
              IN("force") "same <- built\n" ART("0", "built") ART("1", "built") ART("2", "built")
                  ART("3", "built") ART("4", "built") "build-end 0 \n",
      .results = "built built built built built" },
    { .name = "nothing more to go on with",
      .roles = { { { 'f', "none", KILN_UNSET, NULL }, { 'f', "a", KILN_UNSET, NULL } } },
      .story = START RUN("free") IN("free") "none <- built\n"
                                            "build-end 0 \n",
      .results = "",
      .gone = "built" },
    { .name = "sequences are independent, one keeper is enough",
      .roles = { { { 'f', "a", KILN_UNSET, NULL } }, { { 'k', "b", KILN_UNSET, NULL } } },
      .story = START RUN("free") IN("free") "a <- built\n" RUN("keep")
          IN("keep") "b <- built\n" ART("0", "built") ART("1", "a") ART("2", "b") "build-end 0 \n",
      .results = "built a b" },

    { .name = "a failure keeps what the builder made",
      .roles = { { { 'f', "fail", KILN_UNSET, NULL } } },
      .story = START RUN("free") IN("free") "fail <- built\n"
                                            "build-end 1 1 error(s) occurred:\n\n* "
                                            "Post-processor failed: cannot built" KEPT "\n",
      .results = "built",
      .error = "1 error(s) occurred:\n\n* Post-processor failed: cannot built" KEPT,
      .kind = KILN_ERR_REMOTE },
    { .name = "a failure in the middle: the others run, nothing is lost",
      .roles = { { { 'f', "a", KILN_UNSET, NULL },
                   { 'f', "fail", KILN_UNSET, NULL },
                   { 'f', "b", KILN_UNSET, NULL } },
                 { { 'f', "fail", KILN_UNSET, NULL } },
                 { { 'f', "c", KILN_UNSET, NULL } } },
      .story = START RUN("free") IN("free") "a <- built\n" RUN("free")
          IN("free") "fail <- a\n" RUN("free") IN("free") "fail <- built\n" RUN("free")
              IN("free") "c <- built\n"
                         "build-end 1 2 error(s) occurred:\n\n* Post-processor failed: cannot a\n"
                         "* Post-processor failed: cannot built" KEPT
                         "\nSo is what was made of it: a\n",
      .results = "built c",
      .error = "2 error(s) occurred:\n\n* Post-processor failed: cannot a\n"
               "* Post-processor failed: cannot built" KEPT "\nSo is what was made of it: a",
      .kind = KILN_ERR_REMOTE },
    { .name = "Ctrl-C in a post-processor",
      .roles = { { { 'f', "^C", KILN_UNSET, NULL } }, { { 'f', "a", KILN_UNSET, NULL } } },
      .story = START RUN("free")
          IN("free") "^C <- built\n"
                     "build-end 2 Build was cancelled.\nThe builder's artifact is kept: built\n",
      .results = "built",
      .error = "Build was cancelled.\nThe builder's artifact is kept: built",
      .kind = KILN_ERR_CANCELLED },
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < KILN_COUNT(rows); i++)
        check_row(&rows[i]);
}

/* The worker may die while a post-processor runs; what is finished by then must stay. */
static bool process_and_look(void *cfg, struct kiln_build *b, struct kiln_artifact *in,
                             struct kiln_artifact **ret, struct kiln_err *err)
{
    struct room *r = KILN_CONTAINER_OF(b, struct room, f.b);
    KILN_AUTO_FREE char *copy = kiln_path_join(r->dir, "ledger copy");

    (void)cfg;
    unit_ok(kiln_fs_copy(r->ledger_path, copy, 0600, err), err);
    unit_ok(kiln_ledger_clean(copy, false, NULL, err), err);
    assert_true(kiln_fs_exists(in->own.v[0]));
    *ret = kiln_artifact_ref(in);
    return true;
}

static void test_finished_output_leaves_the_ledger(void **state)
{
    static const struct kiln_postprocessor_ops look = { .schema = &keep_schema,
                                                        .process = process_and_look,
                                                        .keep_input = true };
    struct kiln_component decl = { .type = (char[]){ "keep" }, .name = (char[]){ "keep" } };
    struct kiln_build_postprocessor item = { .ops = &look, .decl = &decl };
    struct kiln_build_sequence sequence = { .items = &item, .n = 1 };
    struct kiln_results results = { 0 };
    KILN_AUTO_FREE char *output = NULL;
    KILN_AUTO_ERR err = { 0 };
    ROOM r = { 0 };

    (void)state;
    room_open(&r);
    r.f.b.sequences = &sequence;
    r.f.b.n_sequences = 1;
    output = kiln_path_join(r.dir, "built");
    unit_ok(kiln_ledger_add(r.f.b.ledger, KILN_OWNED_OUTPUT, output, &err), &err);
    unit_ok(kiln_build_run(&r.f.b, &results, &err), &err);
    kiln_results_done(&results);
}

static void test_cannot_destroy(void **state)
{
    struct kiln_artifact *a = kiln_artifact_new("x", NULL, "t");
    KILN_AUTO_ERR err = { 0 };

    (void)state;
    kiln_strv_add(&a->own, "/proc/self/stat");
    assert_false(kiln_artifact_destroy(a, &err));
    assert_non_null(strstr(kiln_err_text(&err), "/proc/self/stat"));
    kiln_artifact_unref(a);
    kiln_artifact_unref(NULL);
}

/* Secrets of the build are known to the bus before its first line. */
static void test_secrets_come_first(void **state)
{
    struct kiln_results results = { 0 };
    KILN_AUTO_FREE char *story = NULL;
    KILN_AUTO_ERR err = { 0 };
    ROOM r = { 0 };

    (void)state;
    room_open(&r);
    kiln_strv_add(&r.f.b.secrets, "building");
    unit_ok(kiln_build_run(&r.f.b, &results, &err), &err);
    kiln_build_add_secret(&r.f.b, "new");
    kiln_say(&r.f.b, "brand new");
    story = fixture_story(&r.f);
    assert_non_null(strstr(story, "[say] <sensitive>\n"));
    assert_non_null(strstr(story, "[say] brand <sensitive>\n"));
    kiln_results_done(&results);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_finished_output_leaves_the_ledger),
        cmocka_unit_test(test_cannot_destroy),
        cmocka_unit_test(test_secrets_come_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
