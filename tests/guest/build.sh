#!/bin/bash
# Builds the demo guest's installer: OUTDIR/kiln-guest.iso, from Debian packages.
#
#   build.sh OUTDIR
#
# Does nothing when the ISO is up to date. Installs no kernel and no service on
# this machine: packages that are not there are unpacked below OUTDIR/debs.
set -eu
umask 022 # the modes of the files go into the ISO
PATH=$PATH:/usr/sbin:/sbin # modprobe and depmod, for ordinary users too

here=$(cd "$(dirname "$0")" && pwd)
tests=$(dirname "$here")

[ $# = 1 ] || {
    echo "usage: $0 OUTDIR" >&2
    exit 2
}
mkdir -p "$1"
out=$(cd "$1" && pwd)
iso=$out/kiln-guest.iso
debs=$out/debs
work=

# Words that spare an emulated machine work it does not need.
kernel_words="quiet cryptomgr.notests no_timer_check audit=0 apparmor=0 mitigations=off"

# Modules of the installer, and those that the installed system needs too (all).
modules="all:virtio_pci all:virtio_blk all:virtio_net all:button all:evdev
install:ata_piix install:virtio_scsi install:sr_mod install:isofs"

say() { echo "guest: $*"; }

die() {
    echo "guest: $*" >&2
    exit 1
}

installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Unpacks package $1 below OUTDIR/debs.
fetch() {
    [ ! -e "$debs/$1.done" ] || return 0
    say "fetching $1"
    mkdir -p "$debs/dl" "$debs/root"
    (cd "$debs/dl" && rm -f "$1"_*.deb && apt-get -qq download "$1") 2>"$debs/dl/error" || {
        cat "$debs/dl/error" >&2
        return 1
    }
    dpkg-deb -x "$debs/dl/$1"_*.deb "$debs/root"
    rm -f "$debs/dl/$1"_*.deb
    touch "$debs/$1.done"
}

# Prints where file $2 (without the leading /) of package $1 is.
file_of() {
    local root=
    installed "$1" || {
        fetch "$1" >&2 || die "cannot get package $1"
        root=$debs/root
    }
    for dir in "$root" "$root/usr"; do
        [ ! -r "$dir/$2" ] || {
            echo "$dir/$2"
            return 0
        }
    done
    die "package $1 has no $2"
}

# Sets kernel (the image), version and module_root.
find_kernel() {
    local image package
    kernel=
    for image in $(printf '%s\n' /boot/vmlinuz-*-cloud-amd64 | sort -V); do
        version=${image#/boot/vmlinuz-}
        if [ -r "$image" ] && [ -r "/lib/modules/$version/modules.dep" ]; then
            kernel=$image
            module_root=
        fi
    done
    [ -z "$kernel" ] || {
        version=${kernel#/boot/vmlinuz-}
        return 0
    }

    package=$(apt-cache depends linux-image-cloud-amd64 |
        sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
    [ -n "$package" ] || die "apt knows no linux-image-cloud-amd64 (apt-get update?)"
    fetch "$package" || die "cannot get package $package"
    # Newer releases keep the modules in a package of their own.
    for extra in $(apt-cache depends "$package" | sed -n 's/^ *Depends: \(linux-\(modules\|binary\)-.*\)/\1/p'); do
        fetch "$extra" || die "cannot get package $extra"
    done
    version=${package#linux-image-}
    module_root=$debs/root
    for kernel in "$debs/root/boot/vmlinuz-$version" "$debs/root/usr/lib/modules/$version/vmlinuz"; do
        [ ! -r "$kernel" ] || break
    done
    [ -r "$kernel" ] || die "package $package has no kernel image"
    if [ ! -e "$module_root/lib/modules/$version" ]; then
        mkdir -p "$module_root/lib"
        ln -sfn ../../usr/lib/modules/"$version" "$module_root/lib/modules/$version" 2>/dev/null ||
            ln -sfn ../usr/lib/modules "$module_root/lib/modules"
    fi
    [ -r "$module_root/lib/modules/$version/modules.dep" ] || depmod -b "$module_root" "$version"
}

# Everything that decides what the ISO is like, in one sum.
fingerprint() {
    {
        find "$here"/{build.sh,seed.c,sudo.c,initrd,iso,root} -type f -print0 | sort -z | xargs -0 sha256sum
        dpkg-query -W -f '${Package} ${Version} ${db:Status-Status}\n' linux-image-\*-cloud-amd64 \
            busybox-static dropbear-bin openssh-client openssh-sftp-server e2fsprogs isolinux \
            extlinux syslinux-common libc6 libtomcrypt1 2>/dev/null || true
    } | sed "s,$here/,," | sha256sum | cut -c1-64
}

# Copies program $1 to $2 with the libraries it needs, which go to $3.
put_program() {
    install -D -m 755 "$1" "$2"
    put_libraries "$1" "$3"
}

put_libraries() {
    local name path
    for name in $(readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'); do
        [ ! -e "$2/usr/lib/x86_64-linux-gnu/$name" ] || continue
        path=$(library "$name") || die "no library $name for $1"
        install -D -m 755 "$path" "$2/usr/lib/x86_64-linux-gnu/$name"
        put_libraries "$path" "$2"
    done
}

find_library() {
    local dir
    for dir in "$debs/root/usr/lib/x86_64-linux-gnu" "$debs/root/lib/x86_64-linux-gnu" \
        /usr/lib/x86_64-linux-gnu /lib/x86_64-linux-gnu /lib64; do
        [ ! -r "$dir/$1" ] || {
            echo "$dir/$1"
            return 0
        }
    done
    return 1
}

# Debian's rule gives the package: libtomcrypt.so.1 is in libtomcrypt1.
library() {
    local package
    find_library "$1" && return 0
    package=$(echo "${1/.so./}" | tr _ -)
    case $1 in
    libz.so.1) package=zlib1g ;;
    libe2p.so.2) package=libext2fs2 ;;
    esac
    for package in "$package" "${package}t64"; do
        if apt-cache show "$package" >/dev/null 2>&1; then
            fetch "$package" >&2 && find_library "$1"
            return
        fi
    done
    return 1
}

# Prints the module files for module $1 in loading order.
module_files() {
    modprobe -d "$module_root/" -S "$version" --show-depends "$1" 2>/dev/null |
        sed -n 's/^insmod \([^ ]*\).*/\1/p'
}

put_modules() {
    local entry role file name
    mkdir -p "$1/modules"
    : >"$1/modules/list"
    for entry in $modules; do
        role=${entry%%:*}
        for file in $(module_files "${entry#*:}"); do
            name=$(basename "$file")
            name=${name%%.ko*}
            [ ! -e "$1/modules/$name.ko" ] || continue
            case $file in
            *.xz) xz -dc "$file" ;;
            *.zst) zstd -qdc "$file" ;;
            *) cat "$file" ;;
            esac >"$1/modules/$name.ko"
            strip --strip-debug "$1/modules/$name.ko"
            echo "$role $name" >>"$1/modules/list"
        done
    done
    grep -q virtio_net "$1/modules/list" || die "kernel $version has no virtio_net module"
}

build_initrd() {
    local root=$work/initrd
    mkdir -p "$root"/{bin,dev,proc,sys,tmp,sbin,usr/bin,usr/sbin,etc,target,cdrom}
    install -m 755 "$busybox" "$root/bin/busybox"
    install -m 755 "$here/initrd/init" "$here/initrd/install" "$root/"
    install -m 755 "$here/initrd/in-target" "$root/bin/in-target"
    install -m 755 "$here/root/usr/share/udhcpc/default.script" "$root/udhcpc.script"
    put_modules "$root"
    find "$root" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
    (cd "$root" && find . | LC_ALL=C sort | cpio -o -H newc -R 0:0 --reproducible --quiet) |
        zstd -q -19 >"$work/iso/boot/initrd.img"
}

build_system() {
    local root=$work/iso/system
    mkdir -p "$root"/{dev,etc,home,mnt,proc,root,run,sys,tmp,usr,var/lib,var/log,var/tmp,etc/dropbear}
    mkdir -p "$root"/usr/{bin,sbin,lib,lib64,local/bin}
    for dir in bin sbin lib lib64; do
        ln -s usr/$dir "$root/$dir"
    done
    cp -r "$here/root/." "$root/"
    find "$root/etc" "$root/usr" -type f -exec chmod 644 {} +
    chmod 755 "$root"/usr/{bin,sbin}/* "$root/etc/init.d/rcS" "$root/etc/acpi/PWRF/00000080" \
        "$root/usr/share/udhcpc/default.script"
    for name in shutdown poweroff halt reboot; do
        ln -s power "$root/usr/sbin/$name"
    done
    install -m 755 "$busybox" "$root/usr/bin/busybox"
    put_program "$(file_of dropbear-bin usr/sbin/dropbear)" "$root/usr/sbin/dropbear" "$root"
    put_program "$(file_of dropbear-bin usr/bin/dropbearkey)" "$root/usr/bin/dropbearkey" "$root"
    put_program "$(file_of openssh-client usr/bin/scp)" "$root/usr/bin/scp" "$root"
    put_program "$(file_of openssh-sftp-server usr/lib/openssh/sftp-server)" "$root/usr/lib/sftp-server" "$root"
    put_program "$(file_of e2fsprogs sbin/mke2fs)" "$root/usr/sbin/mke2fs" "$root"
    put_program "$(file_of extlinux usr/bin/extlinux)" "$root/usr/sbin/extlinux" "$root"
    install -D -m 644 "$(file_of extlinux usr/lib/EXTLINUX/mbr.bin)" "$root/usr/lib/EXTLINUX/mbr.bin"
    for name in sudo seed; do
        cc -std=gnu17 -O2 -Wall -Wextra -Wl,--as-needed -o "$work/$name" "$here/$name.c" -lcrypt
    done
    put_program "$work/sudo" "$root/usr/bin/sudo" "$root"
    put_program "$work/seed" "$root/usr/sbin/seed" "$root"
    install -m 755 "$(find_library ld-linux-x86-64.so.2)" "$root/usr/lib64/ld-linux-x86-64.so.2"
}

build_iso() {
    local name dir=$work/iso/isolinux
    mkdir -p "$dir"
    install -m 644 "$(file_of isolinux usr/lib/ISOLINUX/isolinux.bin)" "$dir/"
    for name in ldlinux menu libutil; do
        install -m 644 "$(file_of syslinux-common usr/lib/syslinux/modules/bios/$name.c32)" "$dir/"
    done
    sed "s,@KERNEL_WORDS@,$kernel_words," "$here/iso/isolinux.cfg" >"$dir/isolinux.cfg"
    sed "s,@KERNEL_WORDS@,$kernel_words," "$here/iso/extlinux.conf" >"$work/iso/boot/extlinux.conf"
    install -m 644 "$kernel" "$work/iso/boot/vmlinuz"
    find "$work/iso" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
    xorriso -as mkisofs -quiet -R -uid 0 -gid 0 -V KILN_GUEST -o "$work/kiln-guest.iso" \
        -b isolinux/isolinux.bin -c isolinux/boot.cat -no-emul-boot -boot-load-size 4 \
        -boot-info-table "$work/iso" 2>"$work/log" || {
        cat "$work/log" >&2
        die "xorriso failed"
    }
}

cleanup() { [ -z "$work" ] || rm -rf "$work"; }

build() {
    # The same packages give the same ISO, byte for byte.
    export SOURCE_DATE_EPOCH=1700000000
    say "building $iso"
    work=$(mktemp -d "$out/build.XXXXXX")
    trap cleanup EXIT
    trap 'exit 130' INT TERM HUP
    mkdir -p "$work/iso/boot"
    find_kernel
    busybox=$(file_of busybox-static bin/busybox)
    build_initrd
    build_system
    build_iso
    (cd "$work" && sha256sum kiln-guest.iso >kiln-guest.iso.sha256)
    mv "$work/kiln-guest.iso" "$work/kiln-guest.iso.sha256" "$out/"
    echo "$sum" >"$out/kiln-guest.stamp"
    say "kernel $version, $(stat -c %s "$iso" | awk '{ printf "%.1f MiB", $1 / 1048576 }')"
}

[ "$(dpkg --print-architecture)" = amd64 ] || die "only amd64 machines can build the guest"
"$tests/setup.sh" guest
exec 9>"$out/kiln-guest.lock"
flock 9 # a second build waits, and then finds the work done
sum=$(fingerprint)
if [ -s "$iso" ] && [ "$(cat "$out/kiln-guest.stamp" 2>/dev/null)" = "$sum" ]; then
    say "$iso is up to date"
else
    build
fi
