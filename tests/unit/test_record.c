/* Boot commands made by doing: keys back to text, rows that tell, and whole sessions. */
#include "unit.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/regex.h"
#include "bootcmd/bootcmd.h"
#include "bootcmd/record.h"
#include "bootcmd/spell.h"
#include "bootcmd/telling.h"

/* ---- keys to text ---- */

#define MAX_KEYS 64

static uint32_t keysym_of(const char *word)
{
    static const struct {
        const char *word;
        uint32_t keysym;
    } names[] = { { "S", 0xFFE1 },     { "R", 0xFFE2 },     { "Ctrl", 0xFFE3 },
                  { "Alt", 0xFFE9 },   { "enter", 0xFF0D }, { "bs", 0xFF08 },
                  { "tab", 0xFF09 },   { "esc", 0xFF1B },   { "f10", 0xFFC7 },
                  { "space", 0x20 },   { "down", 0xFF54 },  { "shift-a", 'a' },
                  { "e-acute", 0xE9 }, { "D", 0x01000414 }, { 0 } };

    for (size_t i = 0; names[i].word; i++) {
        if (strcmp(names[i].word, word) == 0)
            return names[i].keysym;
    }
    assert_int_equal(strlen(word), 1);
    return (uint32_t)*word;
}

/* "+S +A -A -S" */
static size_t keys_of(const char *text, struct kiln_bootcmd_stroke keys[MAX_KEYS])
{
    KILN_AUTO_STRV words = { 0 };
    size_t n = 0;

    kiln_strv_split(&words, text, ' ');
    KILN_STRV_FOREACH (word, &words) {
        assert_true(n < MAX_KEYS);
        keys[n++] = (struct kiln_bootcmd_stroke){ keysym_of(word + 1), *word == '+' };
    }
    return n;
}

static const struct {
    const char *keys, *text;
    bool other_shift; /* the text has it elsewhere, which makes no difference */
} spelled[] = {
    { "+a -a", "a", false },
    { "+S +A -A -S +b -b", "Ab", false },
    { "+S +A -A +B -B -S", "AB", true },
    { "+enter -enter +tab -tab +f10 -f10", "<enter><tab><f10>", false },
    { "+Ctrl +c -c -Ctrl", "<leftCtrlOn>c<leftCtrlOff>", false },
    { "+Ctrl +S +A -A -S -Ctrl", "<leftCtrlOn>A<leftCtrlOff>", false },
    { "+S +f10 -f10 -S", "<leftShiftOn><f10><leftShiftOff>", false },
    { "+S +f10 -f10 +A -A +tab -tab -S",
      "<leftShiftOn><f10><leftShiftOff>A<leftShiftOn><tab><leftShiftOff>", true },
    { "+S -S", "<leftShift>", false },
    { "+R -R +R +x -x -R", "<rightShift><rightShiftOn>x<rightShiftOff>", false },
    { "+a +b -a -b", "<aon><bon><aoff><boff>", false },
    { "+a +a -a", "<aon>a", false },
    { "+D -D +e-acute -e-acute", "\xD0\x94\xC3\xA9", true },
    { "+S +< -< -S +space -space +f -f", "< f", false },
    { "+S +< -< -S +e -e +s -s +c -c +S +> -> -S", "<<on><<off>esc>", false },
    { "+S +< -< -S +S +< -< -S +o -o +n -n +S +> -> -S", "<<on><<off><on>", false },
    { "+S +< -< -S +w -w +a -a +i -i +t -t +S +> -> -S", "<<on><<off>wait>", false },
    { "+S +< -< -S +esc -esc", "<<esc>", false },
    { "+S +{ -{ -S +S +{ -{ -S +S +{ -{ -S", "{<{on><{off>{", false },
};

/* Events as "+61 -61", Shift left out if it does not matter. */
static void add_event(struct kiln_str *out, uint32_t keysym, bool down, bool shift)
{
    if (shift || !kiln_bootcmd_is_shift(keysym))
        kiln_str_addf(out, "%c%X ", down ? '+' : '-', (unsigned)keysym);
}

static void check_spelled(const char *text, const struct kiln_bootcmd_stroke *keys, size_t n,
                          bool shift)
{
    KILN_AUTO_BOOTCMD cmd = { 0 };
    KILN_AUTO_STR want = { 0 }, got = { 0 };
    KILN_AUTO_ERR err = { 0 };

    unit_ok(kiln_bootcmd_parse(text, strlen(text), &cmd, NULL, &err), &err);
    for (size_t i = 0; i < n; i++) {
        uint32_t cp = kiln_bootcmd_char_of(keys[i].keysym);

        add_event(&want, cp ? cp : keys[i].keysym, keys[i].down, shift);
    }
    for (size_t i = 0; i < cmd.n_events; i++)
        add_event(&got, cmd.events[i].keysym, cmd.events[i].action == KILN_BOOTCMD_DOWN, shift);
    assert_string_equal(kiln_str_cstr(&got), kiln_str_cstr(&want));
}

static void test_spell(void **state)
{
    (void)state;
    for (size_t i = 0; i < KILN_COUNT(spelled); i++) {
        struct kiln_bootcmd_stroke keys[MAX_KEYS];
        size_t n = keys_of(spelled[i].keys, keys);
        KILN_AUTO_STR text = { 0 };

        kiln_bootcmd_spell(keys, n, &text);
        assert_string_equal(kiln_str_cstr(&text), spelled[i].text);
        check_spelled(kiln_str_cstr(&text), keys, n, !spelled[i].other_shift);
    }
}

static void test_what_cannot_be_spelled(void **state)
{
    static const uint32_t none[] = { 0,      '\n',  0x7F,       0xFF15,     0xFF61,    0xFFE5,
                                     0xFE20, 0x1B3, 0x0100FF15, 0x0100D800, 0x0111FFFF };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(none); i++)
        assert_false(kiln_bootcmd_can_spell(none[i]));
    assert_true(kiln_bootcmd_can_spell(0xFF0D));
    assert_true(kiln_bootcmd_can_spell(0x01001E9E));
}

/* ---- rows that tell ---- */

#define UNKNOWN "\xEF\xBF\xBD"
#define BAR     "\xE2\x94\x82"

static const struct {
    const char *row;
    bool prompt, counts;
    const char *others; /* '|' between them */
    const char *regex;  /* NULL: none */
} tells[] = {
    { "debian login:", true, false, "", "debian login:$" },
    { "boot:", true, false, "ISOLINUX 6.04|boot: auto", "boot:$" },
    { "root@debian:~#", true, false, "root@debian:~# ls", "root@debian:~#$" },
    { "root@debian:~#", true, false, "root@debian:~#|x", NULL },
    { "~ #", true, false, "~ # ls", "^ *~ #$" },
    { ">", true, false, "", "^ *>$" },
    { "Boot from (hd0,0) ext4  3e8f? [y/n]", false, false, "",
      "Boot from \\(hd0,\\d+\\) ext4 +\\d+e8f\\? \\[y/n\\]" },
    { "[    3.141592] eth0: link up, 1000 Mbit/s", false, false, "", "eth0: link up, \\d+ Mbit/s" },
    { "Step 2 of 3", false, false, "Step 1 of 3", "Step 2 of 3" },
    { "Step 2 of 3", false, true, "Step 1 of 3", NULL },
    { "tty1 ready", false, true, "", "tty\\d+ ready" },
    { "don't {{stop}}", false, false, "", "don\\'t \\{\\{stop\\}\\}" },
    { "C:\\>", true, false, "", "^ *C:\\\\>$" },
    { BAR "   Select a language   " BAR, false, false, "", "Select a language" },
    { BAR " <Back>     <Go on> 45% " BAR, false, false, "", "<Back> +<Go on> \\d+%" },
    { "ab" UNKNOWN "cdefgh" UNKNOWN, false, false, "", "cdefgh" },
    { "login", false, false, "the last LOGIN was", "^ *login$" },
    { "------", false, false, "", NULL },
    { "", false, false, "", NULL },
    { "12:34:56", false, false, "", NULL },
    { "one two three four five six seven eight nine ten eleven twelve thirteen", false, false, "",
      "one two three four five six seven eight nine ten eleven" },
    { "one two three four five six seven eight nine ten eleven twelve thirteen:", true, false, "",
      "four five six seven eight nine ten eleven twelve thirteen:$" },
};

static bool finds(const char *regex, const char *row)
{
    struct kiln_regex *re = NULL;
    KILN_AUTO_ERR err = { 0 };
    size_t start, end;
    bool found;

    unit_ok(kiln_regex_new(&re, regex, &err), &err);
    found = kiln_regex_find(re, row, strlen(row), 0, &start, &end);
    kiln_regex_free(re);
    return found;
}

static void test_telling(void **state)
{
    (void)state;
    for (size_t i = 0; i < KILN_COUNT(tells); i++) {
        const struct kiln_telling t = { tells[i].row, tells[i].prompt, tells[i].counts };
        KILN_AUTO_STRV others = { 0 };
        KILN_AUTO_STR regex = { 0 };

        if (tells[i].others[0])
            kiln_strv_split(&others, tells[i].others, '|');
        if (!tells[i].regex) {
            if (kiln_telling_regex(&t, &others, &regex))
                fail_msg("%s: %s", tells[i].row, kiln_str_cstr(&regex));
            continue;
        }
        assert_true(kiln_telling_regex(&t, &others, &regex));
        assert_string_equal(kiln_str_cstr(&regex), tells[i].regex);
        assert_true(finds(kiln_str_cstr(&regex), tells[i].row));
        KILN_STRV_FOREACH (row, &others)
            assert_false(finds(kiln_str_cstr(&regex), row));
    }
}

/* ---- whole sessions ---- */

/* What happens, one thing a string:
 *   "= row|row|row"   the screen; the cursor is behind the last row that has text
 *   "~"               it is a picture
 *   "T 12.5"          time passes, seconds
 *   "K +S +A -A -S"   keys
 *   anything else     is typed, character by character, $ is Enter */
struct session {
    const char *name;
    const char *const *what;
    const char *const *elements;
};

#define LIST(...)                                                                                  \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }

static const struct session sessions[] = {
    { "a login",
      LIST("= Debian 12 tty1||debian login:", "T 2", "root", "= Debian 12 tty1||debian login: root",
           "$", "T 1", "= Debian 12 tty1||debian login: root|Password:", "T 1", "hunter2", "$",
           "T 2", "= debian login: root|Password:|Linux 6.1.0|root@debian:~#", "T 3", "ls",
           "= Password:|Linux 6.1.0|root@debian:~# ls", "$", "T 1",
           "= Linux 6.1.0|root@debian:~# ls|a  b|root@debian:~#", "T 1", "reboot$", "T 0.1",
           "= Linux 6.1.0|root@debian:~# ls|a  b|root@debian:~# reboot"),
      LIST("<wait 'debian login:$'>root<enter>", "<wait 'Password:$'><sensitive><enter>",
           "<wait 'root@debian:~#$'>ls<enter>", "<wait 'root@debian:~#$'>reboot<enter>") },
    { "a password that the screen says later",
      LIST("= kiln login:", "vagrant$", "= kiln login: vagrant|Password:", "vagrant$",
           "= kiln login: vagrant|Password:|vagrant@kiln:~$", "T 1", "id"),
      LIST("<wait 'kiln login:$'>vagrant<enter>", "<wait 'Password:$'><sensitive><enter>",
           "<wait 'vagrant@kiln:~\\$$'>id") },
    { "stars are no echo",
      LIST("= Your name:", "Bob", "= Your name: Bob", "$", "= Your name: Bob|Your PIN:", "12", "34",
           "= Your name: Bob|Your PIN: ****", "$"),
      LIST("<wait 'Your name:$'>Bob<enter>", "<wait 'Your PIN:$'><sensitive><enter>") },
    { "the value of a variable, and a known secret",
      LIST("= Password:", "correct horse$", "= Password:|token:", "s3cr<et$",
           "= Password:|token: s3cr<et|disk:", "hd", "= Password:|token: s3cr<et|disk: hd", "$",
           "= disk: hd|again:", "s3cr<et1", "= disk: hd|again: s3cr<et1", "$"),
      LIST("<wait 'Password:$'>{{user `root_pw`}}<enter>",
           "<wait 'token:$'>{{user `token`}}<enter>", "<wait 'disk:$'>hd<enter>",
           "<wait 'again:$'><sensitive><enter>") },
    { "an echo that comes late, and lines that are typed ahead",
      LIST("= boot:", "live quiet$", "= boot: live q", "= boot: live quiet|name:", "T 1", "Bob$",
           "Smith$", "= boot: live quiet|name: Bob|name: Smith"),
      LIST("<wait 'boot:$'>live quiet<enter>", "<wait 'name:$'>Bob<enter>Smith<enter>") },
    { "noise while a line is typed, and a slip",
      LIST("= # ", "echo ", "= # echo", "T 1", "= # echo|[    9.1] random: crng init done", "T 1",
           "hoo", "= # echo hoo|[    9.1] random: crng init done", "K +bs -bs +bs -bs", "i$",
           "= # echo hi|[    9.1] random: crng init done|hi|#"),
      LIST("<wait '^ *#$'>echo hoo<bs><bs>i<enter>") },
    { "noise while a password is typed",
      LIST("= Password:", "hun", "= Password:|usb 1-1: new device", "T 1", "ter2$"),
      LIST("<wait 'Password:$'><sensitive><enter>") },
    { "a menu with a countdown, and keys that it does not show",
      LIST("= GNU GRUB|*Linux|Booting in 5 s", "T 1", "= GNU GRUB|*Linux|Booting in 4 s", "T 1",
           "= GNU GRUB|*Linux|Booting in 3 s", "T 1", "K +down -down",
           "= GNU GRUB|*Linux|Booting in 3 s", "T 2", "e",
           "= GNU GRUB|setparams Linux|linux /vmlinuz|F10 boots", "T 2",
           "K +down -down +Ctrl +e -e -Ctrl", " quiet",
           "= GNU GRUB|setparams Linux|linux /vmlinuz quiet|F10 boots", "K +f10 -f10"),
      LIST("<wait 'Booting in \\d+ s$'><down>e",
           "<wait 'F10 boots$'><down><leftCtrlOn>e<leftCtrlOff> quiet<f10>") },
    { "one question after the other",
      LIST("= Page 1 of 3", "T 1", "$", "= Page 2 of 3", "T 1", "$", "= Page 3 of 3", "T 1", "$"),
      LIST("<wait 'Page \\d+ of \\d+$'><enter>", "<wait 'Page 2 of 3$'><enter>",
           "<wait 'Page 3 of 3$'><enter>") },
    { "a long wait", LIST("= ready?", "y", "$", "T 200", "= ready? y|done?", "T 9", "y"),
      LIST("<wait 'ready\\?$'>y<enter>", "<wait 'done\\?$' 601s>y") },
    { "nothing that tells", LIST("= go?", "y", "= go? y", "$", "= go? y|12", "T 1", "n"),
      LIST("<wait 'go\\?$'>y<enter>", "<waitStable 2s>n") },
    { "who types fast", LIST("= $", "K +l +s -l +S -s +X -S -X +a +a +a -a", "= $ lsXaaa", "$"),
      LIST("<wait '^ *\\$$'>lsXaaa<enter>") },
    { "an address that is another one next time",
      LIST("= boot:", "u=http://10.0.2.2:8042/a", "= boot: u=http://10.0.2.2:8042/a", "$"),
      LIST("<wait 'boot:$'>u=http://{{ .HTTPIP }}:{{ .HTTPPort }}/a<enter>") },
    { "a chord that is held at the end", LIST("K +Ctrl +Alt +f10"),
      LIST("<leftCtrlOn><leftAltOn><f10><leftAltOff><leftCtrlOff>") },
    { "what a template would read", LIST("= >", "{{a}} <wait>", "= > {{a}} <wait>", "$"),
      LIST("<wait '^ *>$'>{<{on><{off>a}} <<on><<off>wait><enter>") },
    { "a picture", LIST("~", "T 9", "ab$", "T 2.1", "c", "T 0.5", "d", "= login:", "T 1", "e"),
      LIST("ab<enter>", "<wait3s>cd", "<wait 'login:$'>e") },
};

#undef LIST

static void see(struct kiln_record *r, const char *rows, int64_t now_us)
{
    KILN_AUTO_STRV v = { 0 };
    struct kiln_record_screen screen = { &v, -1, -1 };

    if (rows)
        kiln_strv_split(&v, rows, '|');
    for (size_t i = 0; i < v.n; i++) {
        if (!v.v[i][0])
            continue;
        screen.cursor_row = (int)i;
        screen.cursor_column = (int)strlen(v.v[i]) + 1;
    }
    kiln_record_see(r, &screen, now_us);
}

static void type(struct kiln_record *r, const char *text, int64_t now_us)
{
    for (; *text; text++) {
        uint32_t keysym = *text == '$' ? 0xFF0Du : (uint32_t)*text;

        assert_null(kiln_record_key(r, keysym, true, now_us));
        assert_null(kiln_record_key(r, keysym, false, now_us));
    }
}

static void press(struct kiln_record *r, const char *text, int64_t now_us)
{
    struct kiln_bootcmd_stroke keys[MAX_KEYS];
    size_t n = keys_of(text, keys);

    for (size_t i = 0; i < n; i++)
        assert_null(kiln_record_key(r, keys[i].keysym, keys[i].down, now_us));
}

static void run(const struct session *s)
{
    KILN_AUTO_STRV secrets = { 0 };
    KILN_AUTO_STRMAP variables = { 0 };
    struct kiln_record *r;
    int64_t now = KILN_SECOND(100);
    KILN_AUTO_FREE char *got = NULL;
    KILN_AUTO_STR want = { 0 };

    kiln_strv_add(&secrets, "s3cr<et");
    kiln_strmap_set(&variables, "root_pw", "correct horse");
    kiln_strmap_set(&variables, "disk", "hd");
    kiln_strmap_set(&variables, "token", "s3cr<et");
    r = kiln_record_new(&secrets, &variables, now);
    kiln_record_name(r, "10.0.2.2:8042", "{{ .HTTPIP }}:{{ .HTTPPort }}");
    for (size_t i = 0; s->what[i]; i++) {
        const char *what = s->what[i];

        now += KILN_MS(10);
        if (kiln_has_prefix(what, "T "))
            now += (int64_t)(strtod(what + 2, NULL) * 1e6);
        else if (kiln_has_prefix(what, "= "))
            see(r, what + 2, now);
        else if (kiln_has_prefix(what, "K "))
            press(r, what + 2, now);
        else if (strcmp(what, "~") == 0)
            see(r, NULL, now);
        else
            type(r, what, now);
    }
    kiln_record_end(r, now);
    got = kiln_strv_join(kiln_record_elements(r), "\n");
    for (size_t i = 0; s->elements[i]; i++)
        kiln_str_addf(&want, "%s%s", i ? "\n" : "", s->elements[i]);
    if (strcmp(got, kiln_str_cstr(&want)) != 0)
        fail_msg("%s:\n%s\n-- but wanted --\n%s", s->name, got, kiln_str_cstr(&want));
    kiln_record_free(r);
}

static void test_sessions(void **state)
{
    (void)state;
    for (size_t i = 0; i < KILN_COUNT(sessions); i++)
        run(&sessions[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spell),
        cmocka_unit_test(test_what_cannot_be_spelled),
        cmocka_unit_test(test_telling),
        cmocka_unit_test(test_sessions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
