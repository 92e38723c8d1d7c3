#include "vm/floppy_image.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fs.h"
#include "base/mem.h"
#include "vm/fat_name.h"

/* The image is made in memory. Files are laid down one after the other, so chains only go up. */

#define SECTOR        512
#define SECTORS       2880
#define FATS          2
#define FAT_SECTORS   9
#define ROOT_SLOTS    224
#define ROOT_AT       ((1 + FATS * FAT_SECTORS) * SECTOR)
#define DATA_AT       (ROOT_AT + ROOT_SLOTS * KILN_FAT_SLOT)
#define FIRST_CLUSTER 2
#define END_CLUSTER   (FIRST_CLUSTER + SECTORS - DATA_AT / SECTOR)
#define LAST_OF_CHAIN 0xfff
#define ATTR_LABEL    0x08
#define ATTR_DIR      0x10
#define MAX_ENTRIES   (2 * (END_CLUSTER - FIRST_CLUSTER)) /* so many are empty files */

struct floppy {
    unsigned char *image;
    unsigned next; /* first free cluster */
    time_t now;
    const struct kiln_media *media;
};

static void put_label(unsigned char *to, size_t size, const char *label)
{
    memset(to, ' ', size);
    memcpy(to, label, strlen(label));
}

static void put_boot_sector(unsigned char *b, const char *label)
{
    b[0] = 0xeb, b[1] = 0x3c, b[2] = 0x90; /* a jump that nobody takes: it says "FAT" */
    put_label(b + 3, 8, label);
    kiln_put_le16(b + 11, SECTOR);
    b[13] = 1; /* sectors per cluster */
    kiln_put_le16(b + 14, 1);
    b[16] = FATS;
    kiln_put_le16(b + 17, ROOT_SLOTS);
    kiln_put_le16(b + 19, SECTORS);
    b[21] = 0xf0; /* media: 3.5", 1.44 MB */
    kiln_put_le16(b + 22, FAT_SECTORS);
    kiln_put_le16(b + 24, 18);
    kiln_put_le16(b + 26, 2);
    b[38] = 0x29; /* the three fields that follow are there; the serial number is 0 */
    put_label(b + 43, 11, label);
    memcpy(b + 54, "FAT12   ", 8);
    kiln_put_le16(b + 510, 0xaa55);
}

/* ---- clusters ---- */

static void set_fat(struct floppy *f, unsigned cluster, unsigned value)
{
    for (int i = 0; i < FATS; i++) {
        unsigned char *p = f->image + SECTOR * (1 + i * FAT_SECTORS) + cluster + cluster / 2;

        if (cluster % 2) {
            p[0] = (unsigned char)((p[0] & 0x0f) | (value & 0x0f) << 4);
            p[1] = (unsigned char)(value >> 4);
        } else {
            p[0] = (unsigned char)(value & 0xff);
            p[1] = (unsigned char)((p[1] & 0xf0) | value >> 8);
        }
    }
}

static unsigned char *cluster_data(const struct floppy *f, unsigned cluster)
{
    return f->image + DATA_AT + (size_t)(cluster - FIRST_CLUSTER) * SECTOR;
}

/* A chain for `bytes`, in one piece; cluster 0 is what nothing takes. */
static bool take_clusters(struct floppy *f, size_t bytes, const char *what, unsigned *ret_first,
                          struct kiln_err *err)
{
    size_t n = bytes / SECTOR + (bytes % SECTOR != 0);
    unsigned first = f->next;

    if (n > END_CLUSTER - f->next)
        return kiln_err_set(err, KILN_ERR_USER,
                            "%s : FAT FULL: a floppy holds %d KiB; use cd_files for more", what,
                            (END_CLUSTER - FIRST_CLUSTER) * SECTOR / 1024);
    for (unsigned i = 0; i < n; i++)
        set_fat(f, first + i, i + 1 < n ? first + i + 1 : LAST_OF_CHAIN);
    f->next += (unsigned)n;
    *ret_first = n ? first : 0;
    return true;
}

/* ---- files ---- */

struct placed {
    unsigned cluster;
    size_t size;
    time_t mtime;
};

static bool read_exactly(int fd, const char *source, unsigned char *to, size_t size,
                         struct kiln_err *err)
{
    ssize_t n;

    for (size_t done = 0; done < size; done += (size_t)n) {
        n = kiln_fs_read_some(fd, to + done, size - done);
        if (n < 0)
            return kiln_err_sys(err, errno, "%s", source);
        if (n == 0)
            return kiln_err_set(err, KILN_ERR_SYSTEM, "%s: became shorter meanwhile", source);
    }
    return true;
}

static bool place_source(struct floppy *f, const char *source, struct placed *ret,
                         struct kiln_err *err)
{
    struct stat st;
    KILN_AUTO_FD fd = kiln_fs_open_regular(source, &st, err);

    if (fd < 0)
        return false;
    ret->size = (size_t)st.st_size;
    ret->mtime = st.st_mtime;
    return take_clusters(f, ret->size, source, &ret->cluster, err) &&
           (ret->size == 0 ||
            read_exactly(fd, source, cluster_data(f, ret->cluster), ret->size, err));
}

static bool place_content(struct floppy *f, const struct kiln_media_entry *e, struct placed *ret,
                          struct kiln_err *err)
{
    ret->size = strlen(e->content);
    ret->mtime = f->now;
    if (!take_clusters(f, ret->size, e->name, &ret->cluster, err))
        return false;
    if (ret->size)
        memcpy(cluster_data(f, ret->cluster), e->content, ret->size);
    return true;
}

/* ---- directories ---- */

/* UTC, 1980 to 2107; FAT counts in steps of two seconds. */
static void put_time(unsigned char *slot, time_t t)
{
    struct tm tm;

    if (!gmtime_r(&t, &tm) || tm.tm_year < 80 || tm.tm_year > 207)
        return;
    kiln_put_le16(slot + 22, (uint16_t)(tm.tm_hour << 11 | tm.tm_min << 5 | tm.tm_sec / 2));
    kiln_put_le16(slot + 24,
                  (uint16_t)((tm.tm_year - 80) << 9 | (tm.tm_mon + 1) << 5 | tm.tm_mday));
}

static void put_slot(unsigned char *slot, const void *plain, unsigned char attr,
                     const struct placed *at)
{
    memcpy(slot, plain, 11);
    slot[11] = attr;
    put_time(slot, at->mtime);
    kiln_put_le16(slot + 26, (uint16_t)at->cluster);
    kiln_put_le32(slot + 28, (uint32_t)at->size);
}

struct child {
    const struct kiln_media_entry *entry;
    struct kiln_fat_name name;
};

struct children {
    struct child *v; /* owned */
    size_t n;
};

static void children_done(struct children *c)
{
    free(c->v);
}

/* The part of an entry's name below the directory, if it is right below; else NULL. */
static const char *name_in(const struct kiln_media_entry *e, const char *dir)
{
    size_t len = strlen(dir);
    const char *rest = e->name;

    if (len > 0) {
        if (strncmp(e->name, dir, len) != 0 || e->name[len] != '/')
            return NULL;
        rest += len + 1;
    }
    return strchr(rest, '/') ? NULL : rest;
}

static bool is_taken(const struct children *c, const struct child *candidate)
{
    for (size_t i = 0; i < c->n; i++) {
        if (&c->v[i] != candidate && memcmp(c->v[i].name.plain, candidate->name.plain, 11) == 0)
            return true;
    }
    return false;
}

static bool check_unique(const struct children *c, size_t i, struct kiln_err *err)
{
    for (size_t k = 0; k < i; k++) {
        if (strcasecmp(c->v[k].name.text, c->v[i].name.text) == 0)
            return kiln_err_set(err, KILN_ERR_USER,
                                "name already exists: %s (and %s: case does not count)",
                                c->v[k].entry->name, c->v[i].entry->name);
    }
    return true;
}

/* After all real 8.3 names, which have the right of way. */
static void number_names(struct children *c)
{
    for (size_t i = 0; i < c->n; i++) {
        struct kiln_fat_name *name = &c->v[i].name;

        for (unsigned number = 1; name->numbered && number < 1000000; number++) {
            kiln_fat_name_number(name, number);
            if (!is_taken(c, &c->v[i]))
                break;
        }
    }
}

/* The entries of a directory, with all their names. */
static bool find_children(const struct floppy *f, const char *dir, struct children *c,
                          struct kiln_err *err)
{
    const struct kiln_media *m = f->media;

    for (size_t i = 0; i < m->n; i++)
        c->n += name_in(m->v[i], dir) != NULL;
    c->v = kiln_xcalloc(c->n + 1, sizeof(*c->v));
    c->n = 0;
    for (size_t i = 0; i < m->n; i++) {
        const char *name = name_in(m->v[i], dir);

        if (!name)
            continue;
        c->v[c->n].entry = m->v[i];
        if (!kiln_fat_name_init(&c->v[c->n].name, name, err) || !check_unique(c, c->n, err))
            return false;
        c->n++;
    }
    number_names(c);
    return true;
}

static size_t count_slots(const struct children *c)
{
    size_t n = 0;

    for (size_t i = 0; i < c->n; i++)
        n += kiln_fat_name_slots(&c->v[i].name);
    return n;
}

static bool place_dir(struct floppy *f, const struct kiln_media_entry *e, unsigned parent,
                      struct placed *ret, struct kiln_err *err);

/* Entries into the slots, which are enough. `self`: the directory's cluster, 0 for the root. */
static bool put_children(struct floppy *f, const struct children *c, unsigned self,
                         unsigned char *slots, struct kiln_err *err)
{
    for (size_t i = 0; i < c->n; i++) {
        const struct kiln_media_entry *e = c->v[i].entry;
        struct placed at = { 0 };
        bool ok = e->source    ? place_source(f, e->source, &at, err)
                  : e->content ? place_content(f, e, &at, err)
                               : place_dir(f, e, self, &at, err);

        if (!ok)
            return false;
        slots = kiln_fat_name_put(&c->v[i].name, slots);
        put_slot(slots, c->v[i].name.plain, kiln_media_is_dir(e) ? ATTR_DIR : 0, &at);
        slots[12] = c->v[i].name.nt_case;
        slots += KILN_FAT_SLOT;
    }
    return true;
}

static bool place_dir(struct floppy *f, const struct kiln_media_entry *e, unsigned parent,
                      struct placed *ret, struct kiln_err *err)
{
    KILN_CLEANUP(children_done) struct children c = { 0 };
    const struct placed up = { .cluster = parent, .mtime = f->now };
    unsigned char *slots;

    ret->mtime = f->now;
    if (!find_children(f, e->name, &c, err) ||
        !take_clusters(f, (2 + count_slots(&c)) * KILN_FAT_SLOT, e->name, &ret->cluster, err))
        return false;
    slots = cluster_data(f, ret->cluster);
    put_slot(slots, ".          ", ATTR_DIR, ret);
    put_slot(slots + KILN_FAT_SLOT, "..         ", ATTR_DIR, &up);
    return put_children(f, &c, ret->cluster, slots + (size_t)2 * KILN_FAT_SLOT, err);
}

static bool place_root(struct floppy *f, const char *label, struct kiln_err *err)
{
    KILN_CLEANUP(children_done) struct children c = { 0 };
    const struct placed nowhere = { .mtime = f->now };
    unsigned char volume[11];

    if (!find_children(f, "", &c, err))
        return false;
    if (1 + count_slots(&c) > ROOT_SLOTS)
        return kiln_err_set(err, KILN_ERR_USER,
                            "FAT FULL: the root directory of a floppy has %d places, these names "
                            "take %zu; use floppy_dirs",
                            ROOT_SLOTS - 1, count_slots(&c));
    put_label(volume, sizeof(volume), label);
    put_slot(f->image + ROOT_AT, volume, ATTR_LABEL, &nowhere);
    return put_children(f, &c, 0, f->image + ROOT_AT + KILN_FAT_SLOT, err);
}

bool kiln_floppy_write(const char *path, const char *label, const struct kiln_media *m,
                       struct kiln_err *err)
{
    KILN_AUTO_FREE char *image = kiln_xcalloc(1, KILN_FLOPPY_SIZE);
    KILN_AUTO_FD fd = open(path, O_WRONLY | O_CLOEXEC);
    struct floppy f = {
        .image = (unsigned char *)image, .next = FIRST_CLUSTER, .now = time(NULL), .media = m
    };

    assert(strlen(label) <= KILN_FLOPPY_LABEL_MAX);
    if (fd < 0)
        return kiln_err_sys(err, errno, "%s", path);
    if (m->n > MAX_ENTRIES)
        return kiln_err_set(err, KILN_ERR_USER, "FAT FULL: %zu files", m->n);
    put_boot_sector(f.image, label);
    set_fat(&f, 0, 0xff0);
    set_fat(&f, 1, LAST_OF_CHAIN);
    if (!place_root(&f, label, err))
        return false;
    if (!kiln_fs_write_all(fd, image, KILN_FLOPPY_SIZE, err))
        return kiln_err_wrap(err, "%s", path);
    return true;
}
