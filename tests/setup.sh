#!/bin/bash
# Installs the Debian packages that building and testing need and that are missing.
#
#   setup.sh [GROUP...]     groups: build guest run test bench; none named: all but bench
#
# Uses apt-get as root or through sudo. Does nothing, quickly, when all is there.
set -eu

declare -A packages
packages[build]="gcc libc6-dev cmake ninja-build pkg-config libjson-c-dev libcurl4-openssl-dev libmicrohttpd-dev
libvncserver-dev libarchive-dev libssh-dev libssl-dev libncurses-dev libpcre2-dev libchafa-dev libglib2.0-dev libpng-dev
libdeflate-dev zlib1g-dev liblz4-dev libxxhash-dev libzstd-dev liblzma-dev libbz2-dev libreadline-dev libexpat1-dev nettle-dev libxkbcommon-dev
libcmocka-dev"
packages[guest]="gcc libc6-dev libcrypt-dev binutils cpio zstd xz-utils xorriso kmod"
packages[screenshots]="xvfb xterm xdotool imagemagick fonts-dejavu-core x11-utils"
packages[run]="xkb-data qemu-system-x86 qemu-utils swtpm openssh-client sshpass xorriso"
packages[bench]="packer python3 curl less openssl openssh-server openssh-client openssh-sftp-server qemu-system-x86 qemu-utils xorriso sshpass
pigz isal lz4 zstd"
packages[test]="mtools clang clang-format libclang-rt-dev llvm python3 openssh-server openssh-sftp-server tmux
openssl lz4 zstd xz-utils bzip2 unzip ovmf isolinux syslinux-common xorriso grub-common grub-pc-bin grub-efi-amd64-bin
console-setup-linux console-data kbd libarchive-tools"

die() {
    echo "setup: $*" >&2
    exit 1
}

# Prints those of the named packages that are not installed.
missing() {
    dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null |
        sed -n 's/^installed //p' | sort -u >"$have"
    printf '%s\n' "$@" | sort -u | comm -23 - "$have"
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "packages are missing and there is no sudo; as root: apt-get install $wanted"
    fi
}

command -v dpkg-query >/dev/null || die "this is not a Debian machine"
[ $# -gt 0 ] || set -- build guest run test
names=
for group in "$@"; do
    [ -n "${packages[$group]:-}" ] || die "unknown group $group"
    names="$names ${packages[$group]}"
done
have=$(mktemp)
trap 'rm -f "$have"' EXIT
# shellcheck disable=SC2086 # package names, one word each
wanted=$(missing $names | tr '\n' ' ')
[ -n "$wanted" ] || exit 0

echo "setup: installing $wanted"
as_root apt-get update -qq
# shellcheck disable=SC2086
as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $wanted
