/* QEMU, QMP and VNC together on a real guest: a boot sector that echoes keys to the screen and,
 * through QEMU's debug port, to QEMU's stdout. */
#include "unit.h"

#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/process.h"
#include "vm/argv.h"
#include "vm/guest_address.h"
#include "vm/qemu.h"
#include "vm/qemu_img.h"
#include "vm/vnc.h"

#define PASSWORD "s3cret"

static const unsigned char echo_guest[] = {
    0xb0, '>',  0xe6, 0xe9,       /*       mov al, '>'; out 0xe9, al */
    0xb0, '\n', 0xe6, 0xe9,       /*       mov al, 10; out 0xe9, al */
    0xb4, 0x00, 0xcd, 0x16,       /* next: mov ah, 0; int 0x16: wait for a key */
    0xe6, 0xe9,                   /*       out 0xe9, al */
    0xb4, 0x0e, 0xbb, 0x07, 0x00, /*       mov ah, 14; mov bx, 7 */
    0xcd, 0x10,                   /*       int 0x10: show it */
    0xeb, 0xf1,                   /*       jmp next */
};

struct fixture {
    char *dir, *qmp, *disk;
    pthread_mutex_t lock;
    struct kiln_str printed; /* by the guest; under the lock */
    int news;                /* eventfd, raised for each line */
    struct kiln_qemu *qemu;
    int vnc_port;
};

static int64_t soon(void)
{
    return kiln_cancel_deadline(NULL, KILN_SECOND(30));
}

static void note_line(void *ud, bool is_stderr, const char *line, size_t len)
{
    struct fixture *f = ud;

    if (is_stderr)
        return;
    (void)pthread_mutex_lock(&f->lock);
    kiln_str_add(&f->printed, line, len);
    kiln_str_addc(&f->printed, '\n');
    (void)pthread_mutex_unlock(&f->lock);
    (void)eventfd_write(f->news, 1);
}

/* Wait until the guest has printed exactly this. */
static void await_print(struct fixture *f, const char *want)
{
    for (;;) {
        KILN_AUTO_ERR err = { 0 };
        bool same;
        eventfd_t n;

        (void)pthread_mutex_lock(&f->lock);
        same = kiln_streq(kiln_str_cstr(&f->printed), want);
        (void)pthread_mutex_unlock(&f->lock);
        if (same)
            return;
        if (kiln_wait_fd(NULL, f->news, POLLIN, soon(), &err) != KILN_WAIT_READY)
            fail_msg("guest printed '%s': %s", kiln_str_cstr(&f->printed), kiln_err_text(&err));
        (void)eventfd_read(f->news, &n);
    }
}

static void write_disk(const char *path)
{
    unsigned char sector[512] = { [510] = 0x55, [511] = 0xaa };

    memcpy(sector, echo_guest, sizeof(echo_guest));
    assert_true(kiln_fs_write_atomic(path, sector, sizeof(sector), 0600, NULL));
}

static bool try_start(struct fixture *f, enum kiln_qemu_failure *why, struct kiln_err *err)
{
    KILN_AUTO_STRV args = { 0 };
    const struct kiln_qemu_config cfg = {
        .binary = "qemu-system-x86_64",
        .args = &args,
        .qmp_path = f->qmp,
        .on_line = note_line,
        .ud = f,
    };

    kiln_strv_split(&args,
                    "-machine pc,accel=tcg -nodefaults -no-user-config -display none "
                    "-vga std -m 16 -debugcon stdio -qmp",
                    ' ');
    kiln_strv_addf(&args, "unix:%s,server=on,wait=off", f->qmp);
    kiln_strv_add(&args, "-vnc");
    kiln_strv_addf(&args, "127.0.0.1:%d,password=on", f->vnc_port - 5900);
    kiln_strv_add(&args, "-drive");
    kiln_strv_addf(&args, "file=%s,format=raw,if=floppy,readonly=on", f->disk);
    return kiln_qemu_start(&f->qemu, &cfg, NULL, soon(), why, err);
}

static int setup(void **state)
{
    struct fixture *f = kiln_xcalloc(1, sizeof(*f));
    KILN_AUTO_FREE char *qemu = kiln_process_find("qemu-system-x86_64", NULL);

    f->dir = kiln_fs_temp_dir("kiln-guest", NULL);
    f->qmp = kiln_path_join(f->dir, "qmp");
    f->disk = kiln_path_join(f->dir, "disk");
    (void)pthread_mutex_init(&f->lock, NULL);
    f->news = eventfd(0, EFD_CLOEXEC);
    *state = f;
    if (!qemu)
        return 0;
    write_disk(f->disk);
    for (f->vnc_port = 5930; !f->qemu; f->vnc_port++) {
        KILN_AUTO_ERR err = { 0 };
        enum kiln_qemu_failure why;

        if (!try_start(f, &why, &err) && why != KILN_QEMU_VNC_IN_USE)
            fail_msg("%s", kiln_err_text(&err));
        if (f->qemu)
            break;
    }
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    kiln_qemu_free(f->qemu);
    (void)kiln_fs_remove_tree(f->dir, NULL);
    (void)close(f->news);
    (void)pthread_mutex_destroy(&f->lock);
    kiln_str_done(&f->printed);
    free(f->disk);
    free(f->qmp);
    free(f->dir);
    free(f);
    return 0;
}

static struct kiln_vnc *connect_vnc(struct fixture *f, const char *password, struct kiln_err *err)
{
    struct kiln_vnc *v = NULL;

    (void)kiln_vnc_connect(&v, "127.0.0.1", f->vnc_port, password, NULL, soon(), err);
    return v;
}

static void press(struct kiln_vnc *v, uint32_t keysym)
{
    assert_true(kiln_vnc_key(v, keysym, true, NULL, NULL));
    assert_true(kiln_vnc_key(v, keysym, false, NULL, NULL));
}

/* The screen as far as it was seen. */
struct picture {
    unsigned width, height;
    uint8_t *rgbx; /* owned */
};

static void take_rows(void *ud, const struct kiln_vnc_rows *r)
{
    struct picture *p = ud;
    size_t stride = (size_t)r->width * 4;

    if (p->width != r->width || p->height != r->height) {
        free(p->rgbx);
        *p = (struct picture){ r->width, r->height, kiln_xcalloc(r->height, stride) };
    }
    if (r->rows)
        memcpy(p->rgbx + r->y * stride, r->rgbx, r->rows * stride);
}

static size_t lit_pixels(const struct picture *p)
{
    size_t n = 0;

    for (size_t i = 0; i < (size_t)p->width * p->height; i++)
        n += p->rgbx[4 * i] > 100 && p->rgbx[4 * i + 1] > 100 && p->rgbx[4 * i + 2] > 100;
    return n;
}

/* Frames come until the guest has drawn; a letter M has some 30 pixels. */
static void await_pixels(struct kiln_vnc *v, struct picture *p, size_t more_than)
{
    KILN_AUTO_ERR err = { 0 };

    for (;;) {
        uint64_t frame = kiln_vnc_frames(v);

        kiln_vnc_changes(v, take_rows, p);
        if (frame > 0 && lit_pixels(p) > more_than)
            return;
        unit_ok(kiln_vnc_request_update(v, NULL, &err), &err);
        unit_ok(kiln_vnc_wait_frame(v, frame, NULL, soon(), &err), &err);
    }
}

/* What kiln_vm_argv makes is what QEMU understands: paths with commas, both QMP sockets, a port. */
static void takes_our_arguments(void **state)
{
    struct fixture *f = *state;
    KILN_AUTO_FREE char *dir = kiln_path_join(f->dir, "a,b"),
                        *user = kiln_path_join(dir, "mon,itor");
    KILN_AUTO_FREE char *disk = kiln_path_join(dir, "disk,1"), *qmp = kiln_path_join(dir, "qmp");
    KILN_AUTO_STRV disks = { 0 }, args = { 0 };
    const struct kiln_qemu_img img = { 0 };
    KILN_AUTO_ERR err = { 0 };
    struct kiln_vm_config vm = {
        .name = "a,b",
        .machine_type = "pc",
        .accelerator = "tcg",
        .memory_mib = 16,
        .sockets = 1,
        .cores = 2,
        .disks = &disks,
        .disk_interface = "virtio-scsi",
        .disk_cache = "writeback",
        .disk_discard = "unmap",
        .disk_detect_zeroes = "unmap",
        .disk_format = "qcow2",
        .floppy = f->disk,
        .net_device = "virtio-net",
        .forward_guest_port = 22,
        .vnc_address = "127.0.0.1",
        .headless = true,
        .qmp_path = qmp,
        .user_qmp_path = user,
    };
    struct kiln_qemu_config cfg = { .binary = "qemu-system-x86_64",
                                    .args = &args,
                                    .qmp_path = qmp };
    struct kiln_qemu *q = NULL;
    KILN_AUTO_FREE char *mac = NULL;

    if (!f->qemu)
        skip();
    kiln_qemu_kill(f->qemu); /* it holds the floppy's lock */
    unit_ok(kiln_fs_mkdirs(dir, 0700, &err), &err);
    unit_ok(kiln_qemu_img_create(
                &img,
                &(struct kiln_qemu_img_create){ .format = "qcow2", .path = disk, .size = "1M" },
                &err),
            &err);
    kiln_strv_add(&disks, disk);
    for (int port = 5950; !q; port++) {
        enum kiln_qemu_failure why;

        vm.vnc_port = port;
        vm.forward_host_port = port + 10000;
        kiln_strv_done(&args);
        kiln_vm_argv(&vm, &args);
        if (!kiln_qemu_start(&q, &cfg, NULL, soon(), &why, &err) && why == KILN_QEMU_FAILED)
            fail_msg("%s", kiln_err_text(&err));
    }
    assert_true(kiln_fs_exists(user));
    unit_ok(kiln_guest_mac(kiln_qemu_qmp(q), NULL, soon(), &mac, &err), &err);
    assert_string_equal(mac, "52:54:00:12:34:56");
    kiln_qemu_stop(q, KILN_SECOND(10));
    assert_int_equal(kiln_qemu_exit_code(q), 0);
    kiln_qemu_free(q);
}

static void types_into_a_guest(void **state)
{
    struct fixture *f = *state;
    struct picture p = { 0 };
    size_t before;
    KILN_AUTO_ERR err = { 0 };
    struct kiln_vnc *v;

    if (!f->qemu)
        skip();
    assert_null(connect_vnc(f, PASSWORD, &err)); /* none is set yet */
    assert_true(kiln_has_prefix(err.msg, "Error handshaking with VNC: "));
    kiln_err_clear(&err);
    unit_ok(kiln_qmp_set_vnc_password(kiln_qemu_qmp(f->qemu), PASSWORD, NULL, soon(), &err), &err);
    assert_null(connect_vnc(f, "wrong", &err));
    assert_int_equal(err.kind, KILN_ERR_REMOTE);
    kiln_err_clear(&err);
    v = connect_vnc(f, PASSWORD, &err);
    if (!v)
        fail_msg("%s", kiln_err_text(&err));

    await_print(f, ">\n");
    await_pixels(v, &p, 100); /* what the BIOS left */
    before = lit_pixels(&p);
    press(v, 'k');
    assert_true(kiln_vnc_key(v, 0xffe1, true, NULL, NULL)); /* Shift */
    press(v, 'M');
    assert_true(kiln_vnc_key(v, 0xffe1, false, NULL, NULL));
    assert_true(kiln_vnc_key(v, 0xffe3, true, NULL, NULL)); /* Ctrl+J is a newline */
    press(v, 'j');
    assert_true(kiln_vnc_key(v, 0xffe3, false, NULL, NULL));
    await_print(f, ">\nkM\n");
    await_pixels(v, &p, before + 20);

    kiln_qemu_kill(f->qemu);
    while (kiln_vnc_wait_frame(v, kiln_vnc_frames(v), NULL, soon(), &err))
        ;
    assert_int_equal(err.kind, KILN_ERR_REMOTE);
    assert_false(kiln_vnc_key(v, 'x', true, NULL, NULL));
    free(p.rgbx);
    kiln_vnc_free(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(types_into_a_guest, setup, teardown),
        cmocka_unit_test_setup_teardown(takes_our_arguments, setup, teardown),
    };

    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
