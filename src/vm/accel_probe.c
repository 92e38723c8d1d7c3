#include "vm/accel_probe.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/process.h"
#include "vm/qemu_failure.h"

#define HOPELESS        3            /* times slower than tcg, and… */
#define HOPELESS_MIN_US KILN_MS(500) /* …at least this long: kvm is given up */
#define GUEST_DONE      85           /* 2 * EXIT_VALUE of probe_guest.S + 1 */

static const unsigned char guest[] = {
#include "vm/probe_guest.inc"
};

/* The best run of one accelerator so far. */
struct result {
    bool done;       /* the guest came to its end */
    int64_t us;      /* how long that took, or how long we waited */
    char *complaint; /* owned; NULL unless QEMU ended in another way */
};

static void result_done(struct result *r)
{
    free(r->complaint);
}

/* The boot sector as a file that vanishes with this process; -1 with err. */
static int open_guest(struct kiln_err *err)
{
    int fd = memfd_create("kiln-probe", MFD_CLOEXEC);

    if (fd < 0) {
        (void)kiln_err_sys(err, errno, "memfd_create");
        return -1;
    }
    if (!kiln_fs_write_all(fd, guest, sizeof(guest), err))
        kiln_fd_closep(&fd);
    return fd;
}

static void probe_argv(const struct kiln_accel_probe *probe, const char *accel, int guest_fd,
                       struct kiln_strv *argv)
{
    kiln_strv_add(argv, probe->binary);
    kiln_strv_add(argv, "-machine");
    kiln_strv_addf(argv, "pc,accel=%s", accel);
    kiln_strv_split(argv,
                    "-nodefaults -no-user-config -display none -serial none -monitor none -m 16 "
                    "-device isa-debug-exit,iobase=0xf4,iosize=4 -drive",
                    ' ');
    kiln_strv_addf(argv, "file=/proc/%d/fd/%d,format=raw,if=floppy,readonly=on", (int)getpid(),
                   guest_fd);
}

/* Keep the better of what is known and a new run. */
static void keep_best(struct result *best, bool done, int64_t us, char *complaint)
{
    if (best->done && (!done || us >= best->us)) {
        free(complaint);
        return;
    }
    free(best->complaint);
    *best = (struct result){ .done = done, .us = us, .complaint = complaint };
}

/* Run the guest once, for at most limit_us. False: cancelled, or it cannot be started. */
static bool run_once(const struct kiln_accel_probe *probe, const char *accel, int guest_fd,
                     int64_t limit_us, struct result *best, struct kiln_err *err)
{
    KILN_AUTO_STRV argv = { 0 };
    KILN_AUTO_STR said = { 0 };
    KILN_AUTO_ERR why = { 0 };
    struct kiln_spawn how = { .on_pid = probe->on_pid, .ud = probe->ud };
    int64_t begin = kiln_clock_mono_us();
    enum kiln_qemu_failure ignored;
    int code = 0;

    probe_argv(probe, accel, guest_fd, &argv);
    how.argv = (const char *const *)argv.v;
    if (kiln_process_capture(&how, probe->cancel, kiln_cancel_deadline(probe->cancel, limit_us),
                             NULL, &said, &code, &why)) {
        bool done = code == GUEST_DONE;

        keep_best(best, done, kiln_clock_mono_us() - begin,
                  done ? NULL : kiln_qemu_obituary(code << 8, kiln_str_cstr(&said), &ignored));
        return true;
    }
    if (why.kind != KILN_ERR_TIMEOUT)
        return kiln_err_move(err, &why);
    keep_best(best, false, kiln_clock_mono_us() - begin, NULL);
    return true;
}

static void describe(struct kiln_str *out, const struct result *r, const char *done_words)
{
    double seconds = (double)r->us / 1e6;

    if (r->complaint)
        kiln_str_addf(out, "%s", r->complaint);
    else if (r->done)
        kiln_str_addf(out, "%s%.2f s", done_words, seconds);
    else
        kiln_str_addf(out, "not done after %.2f s", seconds);
}

/* How long kvm may try: until it has lost beyond doubt. */
static int64_t kvm_limit(const struct result *tcg, int64_t most)
{
    int64_t limit = HOPELESS * tcg->us;

    if (!tcg->done || limit > most)
        return most;
    return limit > HOPELESS_MIN_US ? limit : HOPELESS_MIN_US;
}

/*
 * One after the other, so that they do not share the CPU. Twice where kvm has a chance, and the
 * best run counts: the first QEMU after a boot is read from disk, and other builds may get in
 * between.
 */
static bool run_rounds(const struct kiln_accel_probe *probe, int guest_fd, struct result *tcg,
                       struct result *kvm, struct kiln_err *err)
{
    for (int round = 0; round < 2; round++) {
        if (!run_once(probe, "tcg", guest_fd, probe->limit_us, tcg, err) ||
            !run_once(probe, "kvm", guest_fd, kvm_limit(tcg, probe->limit_us), kvm, err))
            return false;
        if (!kvm->done)
            break;
    }
    return true;
}

bool kiln_accel_measure(const struct kiln_accel_probe *probe,
                        struct kiln_accel_verdict *ret_verdict, struct kiln_err *err)
{
    KILN_CLEANUP(result_done) struct result tcg = { 0 }, kvm = { 0 };
    KILN_AUTO_FD guest_fd = open_guest(err);
    KILN_AUTO_STR reason = { 0 };

    if (guest_fd < 0)
        return false;
    if (!run_rounds(probe, guest_fd, &tcg, &kvm, err))
        return kiln_err_wrap(err, "probe the accelerators");
    kiln_str_adds(&reason, "kvm: probe guest ");
    describe(&reason, &kvm, "took ");
    kiln_str_adds(&reason, ", tcg: ");
    describe(&reason, &tcg, "");
    ret_verdict->kvm = kvm.done && (!tcg.done || kvm.us < tcg.us);
    ret_verdict->reason = kiln_str_steal(&reason);
    ret_verdict->passing = kvm.complaint || (!kvm.done && !tcg.done);
    return true;
}
