#include "builder/qemu/boot_pace.h"

#include "base/clock.h"
#include "base/mem.h"
#include "bootcmd/keys.h"
#include "builder/qemu/boot_echo.h"
#include "builder/qemu/boot_queue.h"
#include "builder/qemu/screen_text.h"
#include "vm/screen.h"

#define FAST_US      KILN_MS(1) /* after a key event, where the screen shows what is typed */
#define SAFE_US      KILN_MS(20)
#define READ_US      KILN_SECOND(2) /* until the screen's text must be known; else it is a picture */
#define FIRST_US     KILN_MS(600)   /* until the first character of a line must be seen */
#define LOST_US      KILN_MS(700)   /* nothing new for so long: what is under way was lost */
#define QUIET_US     KILN_MS(300) /* … and so long once there were faults: nothing is under way */
#define REACT_US     KILN_SECOND(2) /* for a line that was ended to move the cursor */
#define AFTER_US     KILN_MS(150)   /* a key that was no character has done what it does */
#define ELSEWHERE_US KILN_MS(150)   /* the screen changed, but not where the line is: so long */
#define RESTLESS_US  KILN_SECOND(3) /* a screen that never rests is as it is then */
#define SLOW_US      KILN_SECOND(5) /* nobody waits longer for a slow guest */
#define WINDOW       7u /* key presses under way: QEMU holds 16 bytes of keyboard, a press takes 2 */
#define MAX_ERASE    8u   /* backspaces at one time */
#define MAX_STALLS   8u   /* one behind the other: the guest takes nothing any more */
#define MAX_REPAIRS  400u /* of one line */
#define CERTAIN      3u   /* wrong in one place so often: that is no chance any more */
#define MAX_WRONGS   12u  /* … and never will be right */

enum mode {
    NO_LINE,
    FIRST, /* its first character is under way, and nobody knows yet whether it will be shown */
    SHOWN,
    BLIND,
};

#define OTHER_KEY                                                                                  \
    "the guest shows another character than the one that is typed, every time: has it another "    \
    "keyboard layout (boot_keyboard_layout)?"

struct kiln_pace {
    struct kiln_qemu_state *s;
    struct kiln_build *build;
    struct kiln_vnc *vnc;
    struct kiln_boot_queue *queue;
    bool wants_text; /* the screen reads text for us */
    bool has_looked; /* … and has had the time for it */
    enum mode mode, told;
    struct kiln_text text; /* what was looked at last */
    struct kiln_echo echo;
    struct kiln_echo_look look;
    size_t sent;   /* characters of the line; those behind `good` are under way, or lost */
    size_t window; /* presses that may be under way; fewer for a while after a fault */
    unsigned held; /* keys that <…On> left down */
    bool pressed;  /* something may still come of what was pressed before the line */
    unsigned stalls, repairs;
    size_t wrong_at;     /* behind so many good characters the line was wrong last, */
    uint32_t wrong_code; /* … with this there */
    unsigned wrongs;     /* … so often, one time behind the other */
    int64_t moved_at;    /* when something went out or came last */
    int64_t slowest;     /* character of the line, from then on until it was shown */
    bool faulty;         /* there were repairs: more may be under way than we know */
    bool secret;         /* the line has secrets in it */
    int64_t element;     /* for events */
};

struct kiln_pace *kiln_pace_new(struct kiln_qemu_state *s, struct kiln_build *b,
                                struct kiln_vnc *vnc)
{
    struct kiln_pace *p = kiln_xcalloc(1, sizeof(*p));

    p->s = s;
    p->build = b;
    p->vnc = vnc;
    p->queue = kiln_boot_queue_new(s, b);
    p->window = WINDOW;
    p->wants_text = kiln_screen_want_text(s->screen, true, NULL);
    kiln_screen_look_closely(s->screen, true);
    return p;
}

void kiln_pace_free(struct kiln_pace *p)
{
    if (!p)
        return;
    kiln_screen_look_closely(p->s->screen, false);
    if (p->wants_text)
        (void)kiln_screen_want_text(p->s->screen, false, NULL);
    kiln_boot_queue_free(p->queue);
    kiln_echo_done(&p->echo);
    kiln_text_done(&p->text);
    free(p);
}

void kiln_pace_forget(struct kiln_pace *p)
{
    p->mode = NO_LINE;
    p->pressed = true; /* what was under way comes first */
}

int64_t kiln_pace_interval_us(const struct kiln_pace *p)
{
    return p->mode == SHOWN || p->mode == FIRST ? FAST_US : SAFE_US;
}

/* ---- what is told ---- */

static void tell(struct kiln_pace *p, const char *name, const char *text)
{
    struct kiln_event ev = {
        .type = KILN_EV_TYPING, .name = name, .text = text, .len = strlen(text), .index = p->element
    };

    kiln_emit(p->build, &ev);
}

static void add_code(struct kiln_str *out, uint32_t code)
{
    kiln_str_add_utf8(out, code ? code : 0xFFFD);
}

/* "abcx" is shown, "abc" is right: …bc"x" */
static void add_wrong(const struct kiln_pace *p, struct kiln_str *out)
{
    size_t from = p->look.good > 8 ? p->look.good - 8 : 0;

    kiln_str_addf(out, "behind %zu characters", p->look.good);
    for (size_t i = from; i < p->look.good; i++) {
        kiln_str_adds(out, i == from ? ", " : "");
        add_code(out, kiln_echo_at(&p->echo, i));
    }
    kiln_str_adds(out, ", there is \"");
    for (size_t i = p->look.good; i < p->look.shown; i++)
        add_code(out, kiln_echo_shown(&p->echo, &p->text, i));
    kiln_str_adds(out, "\", which is taken back; what comes next is \"");
    for (size_t i = p->look.good; i < kiln_echo_length(&p->echo); i++)
        add_code(out, kiln_echo_at(&p->echo, i));
    kiln_str_addc(out, '"');
}

/* Which: with a secret on the line, not even what is shown of it. */
static void tell_repair(struct kiln_pace *p)
{
    KILN_AUTO_STR text = { 0 };

    if (p->look.state == KILN_ECHO_WRONG && !p->secret)
        add_wrong(p, &text);
    else if (p->look.state == KILN_ECHO_WRONG)
        kiln_str_addf(&text, "%zu characters of the line are right, %zu are shown: taken back",
                      p->look.good, p->look.shown);
    else
        kiln_str_addf(&text, "%zu characters of %zu have come: the others are typed again",
                      p->look.good, kiln_echo_length(&p->echo));
    tell(p, "repair", kiln_str_cstr(&text));
}

/* A key that is no character, and one that is pressed with another, is shown nowhere, either. */
static void tell_mode(struct kiln_pace *p)
{
    enum mode mode = p->mode == SHOWN ? SHOWN : BLIND;

    if (mode == p->told)
        return;
    p->told = mode;
    if (mode == SHOWN)
        tell(p, "echo", "the screen shows what is typed: as fast as the guest takes it");
    else
        tell(p, "blind", "the screen does not show what is typed: at a safe pace");
}

static void add_line(struct kiln_str *out, const struct kiln_echo *e)
{
    for (size_t i = 0; i < kiln_echo_length(e); i++)
        kiln_str_add_utf8(out, kiln_echo_at(e, i));
}

static bool cannot(struct kiln_pace *p, const char *why, struct kiln_err *err)
{
    KILN_AUTO_STR line = { 0 }, screen = { 0 };

    if (p->secret)
        return kiln_err_set(err, KILN_ERR_USER, "Error running boot command: %s", why);
    add_line(&line, &p->echo);
    kiln_screen_text_all(p->build, &p->text, &screen);
    return kiln_err_set(err, KILN_ERR_USER,
                        "Error running boot command: %s; typed was \"%s\", the screen shows:\n%s\n"
                        "boot_key_interval types without looking",
                        why, kiln_str_cstr(&line), kiln_str_cstr(&screen));
}

/* ---- looking and waiting ---- */

/* Presses of keys that are under way. */
static size_t under_way(const struct kiln_pace *p)
{
    struct kiln_bootcmd_event events[KILN_BOOTCMD_CHAR_EVENTS];
    size_t n = 0;

    for (size_t i = p->look.good; i < p->sent; i++)
        n += kiln_layout_press(&p->s->o->layout, kiln_echo_at(&p->echo, i), events) / 2;
    return n;
}

/* It goes on: what is waited for from now on is the next thing. */
static void touch(struct kiln_pace *p)
{
    p->moved_at = kiln_cancel_now(p->build->cancel);
}

static void look(struct kiln_pace *p)
{
    size_t good = p->look.good;
    int64_t took = kiln_cancel_now(p->build->cancel) - p->moved_at;

    p->look = kiln_echo_look(&p->echo, &p->text, p->sent);
    if (p->sent < p->look.good)
        p->sent = p->look.good;
    if (p->look.good <= good)
        return;
    touch(p);
    p->slowest = took > p->slowest ? took : p->slowest;
    p->stalls = 0;
    p->window += p->window < WINDOW;
}

/* Until the screen is another, at most so long. *ret_news: it is. */
static bool wait_news(struct kiln_pace *p, int64_t us, bool *ret_news, struct kiln_err *err)
{
    struct kiln_cancel *c = p->build->cancel;
    KILN_AUTO_ERR why = { 0 };

    *ret_news = kiln_screen_wait_text(p->s->screen, &p->text, c, kiln_qemu_pidfd(p->s->qemu),
                                      kiln_cancel_deadline(c, us), &why);
    look(p);
    return *ret_news || why.kind == KILN_ERR_TIMEOUT || kiln_err_move(err, &why);
}

/* Until it has come, or for so long. */
static bool wait_until(struct kiln_pace *p, bool (*has_come)(const struct kiln_pace *), int64_t us,
                       struct kiln_err *err)
{
    int64_t end = kiln_cancel_deadline(p->build->cancel, us), left = us;
    bool news;

    while (!has_come(p) && left > 0) {
        if (!wait_news(p, left, &news, err))
            return false;
        left = end - kiln_cancel_now(p->build->cancel);
    }
    return true;
}

/* Until nothing has changed for so long, unless something does all the time. */
static bool wait_quiet(struct kiln_pace *p, int64_t us, struct kiln_err *err)
{
    int64_t end = kiln_cancel_deadline(p->build->cancel, RESTLESS_US);
    bool news = true;

    while (news && kiln_cancel_now(p->build->cancel) < end) {
        if (!wait_news(p, us, &news, err))
            return false;
    }
    return true;
}

/* ---- keys that are not in the boot command ---- */

static bool key(struct kiln_pace *p, uint32_t keysym, uint8_t scancode, bool down,
                struct kiln_err *err)
{
    return kiln_vnc_scancode(p->vnc, keysym, scancode, down, p->build->cancel, err) &&
           kiln_wait_us(p->build->cancel, FAST_US, err);
}

static bool press(struct kiln_pace *p, uint32_t keysym, struct kiln_err *err)
{
    return key(p, keysym, 0, true, err) && key(p, keysym, 0, false, err);
}

static bool press_character(struct kiln_pace *p, uint32_t code, struct kiln_err *err)
{
    struct kiln_bootcmd_event events[KILN_BOOTCMD_CHAR_EVENTS];
    size_t n = kiln_layout_press(&p->s->o->layout, code, events);
    bool ok = true;

    for (size_t i = 0; ok && i < n; i++)
        ok = key(p, events[i].keysym, events[i].scancode, events[i].action == KILN_BOOTCMD_DOWN,
                 err);
    return ok;
}

/* A Shift (or AltGr) whose release was lost makes capitals (or worse) of all that follows. */
static bool let_go(struct kiln_pace *p, struct kiln_err *err)
{
    return key(p, KILN_KEYSYM_LEFT_SHIFT, 0, false, err) &&
           key(p, KILN_KEYSYM_RIGHT_SHIFT, 0, false, err) &&
           (!p->s->o->layout.name[0] || key(p, KILN_KEYSYM_ALTGR, KILN_LAYOUT_ALTGR, false, err));
}

/* ---- is it shown? ---- */

static bool is_shown(const struct kiln_pace *p)
{
    return p->look.state != KILN_ECHO_NONE;
}

/* Wait for a first sign of the line; it may begin with spaces, which are none. */
static bool decide(struct kiln_pace *p, struct kiln_err *err)
{
    look(p);
    if (!wait_until(p, is_shown, FIRST_US, err))
        return false;
    p->mode = is_shown(p) ? SHOWN : BLIND;
    tell_mode(p);
    return true;
}

/* A line that was typed blindly may show itself later. */
static void look_again(struct kiln_pace *p)
{
    kiln_screen_text(p->s->screen, &p->text);
    look(p);
    if (!is_shown(p))
        return;
    p->mode = SHOWN;
    tell_mode(p);
}

/* What becomes of the character that was sent last, in a line that is not, or not yet, shown. */
static bool seen(struct kiln_pace *p, struct kiln_err *err)
{
    if (p->mode == FIRST && p->sent > 0 && kiln_echo_at(&p->echo, p->sent - 1) != ' ')
        return decide(p, err);
    if (p->mode == BLIND)
        look_again(p);
    return true;
}

/* ---- making the line right ---- */

static bool count_repair(struct kiln_pace *p, struct kiln_err *err)
{
    p->faulty = p->echo.faults = true;
    p->window = p->window > 2 ? p->window / 2 : 1;
    p->repairs++;
    tell_repair(p);
    return p->repairs <= MAX_REPAIRS ||
           cannot(p, "the line goes wrong again and again, and cannot be repaired", err);
}

static void look_anew(struct kiln_pace *p)
{
    p->look = (struct kiln_echo_look){ 0 };
    look(p);
    touch(p);
}

/* A text window's margins look as if the next row began with more spaces than were typed; so do
 * spaces that came twice, but not again and again. */
static bool is_window(struct kiln_pace *p)
{
    if ((p->faulty && p->wrongs < CERTAIN) || !kiln_echo_learn_margins(&p->echo, &p->text, p->sent))
        return false;
    look_anew(p);
    return true;
}

/* The same in the same place, and how often. */
static void count_wrong(struct kiln_pace *p)
{
    uint32_t code = kiln_echo_shown(&p->echo, &p->text, p->look.good);
    bool again = p->look.good == p->wrong_at && code == p->wrong_code;

    p->wrongs = again ? p->wrongs + 1 : 1;
    p->wrong_at = p->look.good;
    p->wrong_code = code;
}

/* Take away what is wrong, from its end. */
static bool erase(struct kiln_pace *p, struct kiln_err *err)
{
    struct kiln_echo_look before;
    size_t n, cut;

    if (!wait_quiet(p, QUIET_US, err))
        return false;
    if (p->look.state != KILN_ECHO_WRONG)
        return true;
    count_wrong(p);
    if (is_window(p))
        return true;
    if (p->wrongs > MAX_WRONGS)
        return cannot(p, OTHER_KEY, err);
    if (!count_repair(p, err) || !let_go(p, err))
        return false;
    before = p->look;
    n = kiln_echo_in_last_row(&p->echo, before.good, before.shown);
    kiln_echo_shrinks(&p->echo);
    for (size_t i = 0; i < n && i < MAX_ERASE; i++) {
        if (!press(p, KILN_KEYSYM_BACKSPACE, err))
            return false;
    }
    p->sent = before.good;
    if (!wait_quiet(p, QUIET_US, err))
        return false;
    if (kiln_echo_edge_erased(&p->echo, &p->text, &before, &cut))
        p->sent = 0;
    look(p);
    if (kiln_echo_eaten(&p->echo, &p->text))
        look_anew(p);
    if (p->sent > p->look.good)
        p->sent = p->look.good;
    if (p->look.state != KILN_ECHO_WRONG || p->look.shown < before.shown)
        p->stalls = 0;
    else if (++p->stalls > MAX_STALLS)
        return cannot(p, "backspaces do not take away what is wrong on the line", err);
    return true;
}

/* What comes may be elsewhere than expected. */
static bool goes_on_elsewhere(struct kiln_pace *p)
{
    size_t cut = 0;

    if (!kiln_echo_learn_margins(&p->echo, &p->text, p->sent) &&
        !kiln_echo_resume(&p->echo, &p->text, p->sent, &cut))
        return false;
    p->sent -= cut;
    look_anew(p);
    return true;
}

/* Something else is written where the line was, or between its characters: they are taken for
 * right, and what comes next begins a line of its own. Not if keys were lost or doubled: it may
 * have been one of those. */
static bool lose_sight(struct kiln_pace *p, struct kiln_err *err)
{
    if (goes_on_elsewhere(p))
        return true;
    if (p->faulty)
        return cannot(p, "keys were lost or doubled, and the line has gone out of sight", err);
    tell(p, "moved", "something else is written where the line was: it goes on behind that");
    kiln_echo_restart(&p->echo, &p->text, p->sent);
    p->look = (struct kiln_echo_look){ 0 };
    p->sent = 0;
    p->mode = FIRST;
    return true;
}

/* The line is not where it was; a picture that was half drawn does not count. */
static bool vanished(struct kiln_pace *p, struct kiln_err *err)
{
    if (!wait_quiet(p, QUIET_US, err))
        return false;
    return p->look.state != KILN_ECHO_NONE || lose_sight(p, err);
}

/* Where no backspace was sent, what was seen has come: something else is written over it. Linux'
 * console does that in the last column, to the next character, once the cursor was somewhere else.
 */
static bool is_overwritten(const struct kiln_pace *p)
{
    return p->look.state == KILN_ECHO_WRONG && !p->faulty &&
           p->look.good < kiln_echo_seen(&p->echo);
}

static bool overwritten(struct kiln_pace *p, struct kiln_err *err)
{
    if (goes_on_elsewhere(p))
        return true;
    return wait_quiet(p, QUIET_US, err) && (!is_overwritten(p) || lose_sight(p, err));
}

/* Nothing has come for long: type again what is not there. That the cursor is elsewhere may be for
 * a row that ends there, if what would show it was lost. */
static bool stalled(struct kiln_pace *p, struct kiln_err *err)
{
    if (goes_on_elsewhere(p))
        return true;
    if (!p->faulty && kiln_echo_cursor_left(&p->echo, &p->text, p->look.good, p->sent))
        return lose_sight(p, err);
    if (++p->stalls > MAX_STALLS)
        return cannot(p, "the guest takes no characters any more", err);
    p->sent = p->look.good;
    touch(p);
    return count_repair(p, err) && let_go(p, err);
}

static bool send_next(struct kiln_pace *p, struct kiln_err *err)
{
    touch(p);
    return press_character(p, kiln_echo_at(&p->echo, p->sent++), err);
}

/* What goes wrong at the end of a row must not be in the next one before it is seen: a console may
 * be unable to take it back then. Spaces are not seen but by what follows them. */
static size_t window_at(const struct kiln_pace *p, size_t i)
{
    size_t first = i;

    while (first > 0 && kiln_echo_at(&p->echo, first - 1) == ' ')
        first--;
    for (first -= first < 2 ? first : 2; first <= i + 1; first++) {
        if (kiln_echo_at_edge(&p->echo, first))
            return 1;
    }
    return p->window;
}

/* How long the guest may take for the next character. */
static int64_t patience(const struct kiln_pace *p)
{
    int64_t us = p->slowest * 3 > LOST_US ? p->slowest * 3 : LOST_US;

    return us < SLOW_US ? us : SLOW_US;
}

/* For the next character, or until it must be thought lost. */
static bool await(struct kiln_pace *p, struct kiln_err *err)
{
    struct kiln_cancel *c = p->build->cancel;
    bool stirred = kiln_echo_stirred(&p->echo, &p->text), news;
    int64_t lost = p->moved_at + patience(p), now = kiln_cancel_now(c);
    int64_t due = stirred && now < p->moved_at + ELSEWHERE_US ? p->moved_at + ELSEWHERE_US : lost;

    if (!wait_news(p, due > now ? due - now : 0, &news, err))
        return false;
    if (p->look.state != KILN_ECHO_PART)
        return true;
    now = kiln_cancel_now(c);
    if (now >= p->moved_at + patience(p))
        return stalled(p, err);
    if (now >= p->moved_at + ELSEWHERE_US && kiln_echo_stirred(&p->echo, &p->text))
        (void)goes_on_elsewhere(p);
    return true;
}

/* One thing to bring the line, which is shown, nearer to what it is to be. */
static bool advance(struct kiln_pace *p, struct kiln_err *err)
{
    if (p->look.state == KILN_ECHO_NONE)
        return vanished(p, err);
    if (is_overwritten(p))
        return overwritten(p, err);
    if (p->look.state == KILN_ECHO_WRONG)
        return erase(p, err);
    if (p->sent < kiln_echo_length(&p->echo) && under_way(p) < window_at(p, p->sent))
        return send_next(p, err);
    return await(p, err);
}

/* Until all of the line is sent and, if it is shown, no more than so many presses are under way. */
static bool catch_up(struct kiln_pace *p, size_t most, struct kiln_err *err)
{
    bool ok = true;

    look(p);
    while (ok) {
        size_t n = kiln_echo_length(&p->echo);
        bool all = p->sent == n; /* of nothing, too, where what is right was cut off (erase) */
        bool shown = n == 0 || p->look.state == KILN_ECHO_PART || p->look.state == KILN_ECHO_ALL;

        if (all && (p->mode != SHOWN || (shown && under_way(p) <= most)))
            return true;
        if (p->mode == SHOWN)
            ok = advance(p, err);
        else
            ok = send_next(p, err) && kiln_wait_us(p->build->cancel, SAFE_US, err) && seen(p, err);
    }
    return ok;
}

/* The whole line is there, and will stay as it is. */
static bool settle(struct kiln_pace *p, struct kiln_err *err)
{
    unsigned repairs;

    if (!catch_up(p, 0, err))
        return false;
    do {
        repairs = p->repairs;
        if (p->faulty && (!wait_quiet(p, QUIET_US * 2, err) || !catch_up(p, 0, err)))
            return false;
    } while (p->repairs != repairs);
    return true;
}

/* ---- lines ---- */

/* The keysym of the element's own key, not that of a Shift or AltGr beside it; 0: a wait. */
static uint32_t own_key(const struct kiln_boot_element *el)
{
    for (size_t i = 0; i < el->n_events; i++) {
        uint32_t keysym = el->events[i].keysym;

        if (el->n_events == 1 || el->kind == KILN_BOOTCMD_SPECIAL ||
            (keysym != KILN_KEYSYM_LEFT_SHIFT && keysym != KILN_KEYSYM_ALTGR))
            return keysym;
    }
    return 0;
}

/* The character that an element types, <<on> does it, too; 0: none. */
static uint32_t character(const struct kiln_boot_element *el)
{
    uint32_t key = own_key(el);

    return el->kind != KILN_BOOTCMD_OFF && key >= KILN_KEYSYM_SPACE && key < 0x7F ? key : 0;
}

/* It types nothing, and ends no line: the release of a character's key. */
static bool is_release(const struct kiln_boot_element *el)
{
    uint32_t key = own_key(el);

    return el->kind == KILN_BOOTCMD_OFF && key >= KILN_KEYSYM_SPACE && key < 0x7F;
}

static bool has_text(const struct kiln_pace *p)
{
    return p->text.columns > 0;
}

/* The screen is read from the first key on: what it shows is not known at once. */
static bool first_look(struct kiln_pace *p, struct kiln_err *err)
{
    p->has_looked = true;
    kiln_screen_text(p->s->screen, &p->text);
    return wait_until(p, has_text, READ_US, err);
}

static bool begin(struct kiln_pace *p, struct kiln_err *err)
{
    if (!p->has_looked && !first_look(p, err))
        return false;
    if (p->text.columns && p->pressed && !wait_quiet(p, AFTER_US, err))
        return false; /* what the key before did comes first */
    kiln_screen_text(p->s->screen, &p->text);
    kiln_echo_begin(&p->echo, &p->text);
    p->look = (struct kiln_echo_look){ 0 };
    p->sent = 0;
    p->stalls = p->repairs = p->wrongs = 0;
    p->faulty = p->secret = false;
    p->slowest = 0;
    p->mode = p->text.columns ? FIRST : BLIND;
    if (p->mode == BLIND)
        tell_mode(p);
    return true;
}

static bool end_line(struct kiln_pace *p, struct kiln_err *err)
{
    return p->mode != SHOWN || settle(p, err);
}

static bool make_room(struct kiln_pace *p, struct kiln_err *err)
{
    size_t window = window_at(p, kiln_echo_length(&p->echo));

    return catch_up(p, window > 2 ? window - 2 : 0, err);
}

/* Nothing shows what has come: not more than the guest has read. */
static bool await_read(struct kiln_pace *p, struct kiln_err *err)
{
    bool gave_up;

    if (!kiln_boot_queue_await(p->queue, &gave_up, err))
        return false;
    if (gave_up)
        tell(p, "unread", "the guest does not read its keyboard: keys may be lost from here on");
    return true;
}

bool kiln_pace_before(struct kiln_pace *p, const struct kiln_boot_element *el, struct kiln_err *err)
{
    uint32_t code = character(el);

    p->element = el->index;
    if (is_release(el))
        return true;
    if (p->mode != SHOWN && own_key(el) && !await_read(p, err))
        return false;
    if (p->mode == NO_LINE && own_key(el) && (!code || p->held))
        tell_mode(p);
    if (!code || p->held)
        return end_line(p, err);
    if (p->mode == NO_LINE && !begin(p, err))
        return false;
    if (p->mode == SHOWN && !make_room(p, err))
        return false; /* it may be another mode now */
    kiln_echo_add(&p->echo, code);
    touch(p);
    p->sent++;
    p->secret |= el->masked;
    return true;
}

/* The cursor is not where the line ends any more. */
static bool has_moved(const struct kiln_pace *p)
{
    return p->look.state != KILN_ECHO_ALL ||
           !kiln_echo_cursor_behind(&p->echo, &p->text, kiln_echo_length(&p->echo));
}

/* Lost on its way? Only where keys were lost before: one that was not would answer the guest's next
 * question. */
static bool ended_line(struct kiln_pace *p, const struct kiln_boot_element *el,
                       struct kiln_err *err)
{
    if (el->kind != KILN_BOOTCMD_SPECIAL || el->events[0].keysym != KILN_KEYSYM_ENTER)
        return true;
    if (!wait_until(p, has_moved, REACT_US, err)) /* some guests take their time */
        return false;
    for (unsigned i = 0; p->echo.faults && !has_moved(p) && i < MAX_STALLS; i++) {
        tell(p, "repair", "the line has not ended: its last key is pressed again");
        if (!press(p, KILN_KEYSYM_ENTER, err) || !wait_until(p, has_moved, REACT_US, err))
            return false;
    }
    return true;
}

bool kiln_pace_after(struct kiln_pace *p, const struct kiln_boot_element *el, struct kiln_err *err)
{
    bool ok = true;

    kiln_boot_queue_sent(p->queue, el);
    if (is_release(el))
        return true;
    if (!character(el)) {
        p->held += el->kind == KILN_BOOTCMD_ON;
        p->held -= el->kind == KILN_BOOTCMD_OFF && p->held;
        p->pressed = own_key(el) != 0 || p->echo.faults; /* a wait ends: but that key came twice */
    } else if (!p->held) {
        return seen(p, err);
    }
    if (p->mode == SHOWN)
        ok = ended_line(p, el, err);
    p->mode = NO_LINE;
    return ok;
}
