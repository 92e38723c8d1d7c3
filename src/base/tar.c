#include "base/tar.h"

#include <grp.h>
#include <pwd.h>

#define MAX_LOOKUP 4096 /* bytes of one line of the user or group list */

struct header {
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8];
    char type, link[100], magic[8], user[32], group[32], major[8], minor[8], rest[167];
};
_Static_assert(sizeof(struct header) == KILN_TAR_BLOCK, "a header is one block");

static void put_text(char *field, size_t size, const char *text)
{
    size_t len = strlen(text);

    memcpy(field, text, len < size ? len : size);
}

/* Octal with a NUL behind it; what is too large for that is binary, marked by the first bit. */
static void put_number(char *field, size_t size, uint64_t value)
{
    bool binary = size < 12 && value >> (3 * (size - 1));
    unsigned shift = 3;

    binary = binary || (size == 12 && value >> 33);
    if (binary)
        shift = 8;
    else
        field[--size] = '\0';
    for (size_t i = size; i-- > 0; value = value >> shift)
        field[i] = (char)(binary ? value & 0xff : '0' + (value & 7));
    if (binary)
        field[0] = (char)0x80;
}

static void put_owner(struct header *h, const struct stat *st)
{
    char memory[MAX_LOOKUP];
    struct passwd user, *got_user = NULL;
    struct group group, *got_group = NULL;

    put_number(h->uid, sizeof(h->uid), st->st_uid);
    put_number(h->gid, sizeof(h->gid), st->st_gid);
    if (getpwuid_r(st->st_uid, &user, memory, sizeof(memory), &got_user) == 0 && got_user)
        put_text(h->user, sizeof(h->user) - 1, got_user->pw_name);
    if (getgrgid_r(st->st_gid, &group, memory, sizeof(memory), &got_group) == 0 && got_group)
        put_text(h->group, sizeof(h->group) - 1, got_group->gr_name);
}

static void add(struct kiln_str *out, struct header *h, char type, uint64_t size)
{
    const unsigned char *p = (const unsigned char *)h;
    uint64_t sum = 0;

    put_number(h->size, sizeof(h->size), size);
    put_number(h->mtime, sizeof(h->mtime), 0);
    put_number(h->major, sizeof(h->major), 0);
    put_number(h->minor, sizeof(h->minor), 0);
    h->type = type;
    memcpy(h->magic, "ustar  ", sizeof(h->magic));
    memset(h->checksum, ' ', sizeof(h->checksum));
    for (size_t i = 0; i < sizeof(*h); i++)
        sum += p[i];
    put_number(h->checksum, sizeof(h->checksum) - 1, sum); /* the last byte stays a blank */
    kiln_str_add(out, h, sizeof(*h));
}

static void put_nobody(struct header *h, mode_t mode)
{
    put_number(h->mode, sizeof(h->mode), mode & 07777);
    put_number(h->uid, sizeof(h->uid), 0);
    put_number(h->gid, sizeof(h->gid), 0);
}

/* A name that has no room in the header is the data of a record before it. */
static void put_name(struct kiln_str *out, struct header *ret, const char *name)
{
    static const char zeros[KILN_TAR_BLOCK];
    struct header h = { .name = "././@LongLink" };
    size_t size = strlen(name) + 1;

    put_text(ret->name, sizeof(ret->name), name);
    if (size - 1 <= sizeof(ret->name))
        return;
    put_nobody(&h, 0);
    add(out, &h, 'L', size);
    kiln_str_add(out, name, size);
    kiln_str_add(out, zeros, kiln_tar_padding(size));
}

void kiln_tar_header(struct kiln_str *out, const char *name, const struct stat *st)
{
    struct header h = { 0 };

    put_name(out, &h, name);
    put_number(h.mode, sizeof(h.mode), st->st_mode & 07777);
    put_owner(&h, st);
    add(out, &h, '0', (uint64_t)st->st_size);
}

void kiln_tar_entry(struct kiln_str *out, bool is_dir, const char *name, mode_t mode, uint64_t size)
{
    struct header h = { 0 };

    put_name(out, &h, name);
    put_nobody(&h, mode);
    add(out, &h, is_dir ? '5' : '0', size);
}

size_t kiln_tar_padding(uint64_t size)
{
    return (size_t)((KILN_TAR_BLOCK - size % KILN_TAR_BLOCK) % KILN_TAR_BLOCK);
}
