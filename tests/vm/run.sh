#!/usr/bin/env bash
# Runs the tests of a build under Debian's cloud kernel in a virtual machine, where all controllers are in one unified
# cgroup hierarchy.
#
#     run.sh BUILD [TESTS]      TESTS: names or tags as Catch2 takes them, [limits] by default
#
# The machine is emulated in software, so that it runs everywhere. It is ended after TREEHOLD_VM_SECONDS.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=$(cd "$1" && pwd)
tests=${2:-[limits]}
work=$build/vm
root=$work/root

# The kernel's image, unpacked from its package and never installed.
kernel() {
  local package image
  if ! image=$(compgen -G "$work/kernel/boot/vmlinuz-*"); then
    package=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends: linux-image-/ { print $2; exit }')
    mkdir -p "$work/download"
    (cd "$work/download" && apt-get -q download "$package") >&2
    dpkg-deb -x "$work"/download/*.deb "$work/kernel"
    rm -rf "$work/download"
    image=$(compgen -G "$work/kernel/boot/vmlinuz-*")
  fi
  echo "$image"
}

# A program with the libraries that it needs.
take() {
  local library
  install -D "$(readlink -f "$1")" "$root/usr/bin/$(basename "$1")"
  ldd "$1" 2>/dev/null | grep -o '/[^ )]*' | while read -r library; do
    install -D "$(readlink -f "$library")" "$root$library"
  done
}

# A file system of the tests and the tools that they start. Those of busybox would not do: its head, for one, reads
# more than it was asked for.
initramfs() {
  local name
  rm -rf "$root"
  mkdir -p "$root"/{bin,dev,etc,proc,sys,tmp,usr/bin,usr/lib,usr/lib64}
  ln -s usr/lib usr/lib64 "$root"
  install "$(type -P busybox)" "$root/bin/busybox"
  for name in awk bash bc cat chmod dash echo env false head id kill make mkdir printf ps rm rmdir sed seq setpriv sleep sort tail \
      touch tr true wc; do
    take "$(type -P "$name")"
    ln -s "../usr/bin/$name" "$root/bin/$name"
  done
  ln -s dash "$root/usr/bin/sh"
  ln -s dash "$root/bin/sh"
  take "$build/tests/treehold_tests"
  strip "$root/usr/bin/treehold_tests"
  printf '%s\n' root:x:0:0::/tmp:/bin/sh nobody:x:65534:65534::/:/bin/sh >"$root/etc/passwd"
  printf '%s\n' root:x:0: nogroup:x:65534: >"$root/etc/group"
  install "$here/init" "$root/init"
  install -m 644 "$here/lanes" "$root/lanes"
  (cd "$root" && find . -print0 | cpio --null -o -H newc --quiet | gzip -1) >"$work/initramfs"
}

mkdir -p "$work"
image=$(kernel)
initramfs
# What is not an option of the kernel's becomes part of the environment of its first process.
timeout "${TREEHOLD_VM_SECONDS:-600}" qemu-system-x86_64 -machine q35,accel=tcg -cpu max -smp 2 -m 2048 \
  -nographic -no-reboot -nic none -kernel "$image" -initrd "$work/initramfs" \
  -append "console=ttyS0 loglevel=0 panic=-1 TREEHOLD_VM_TESTS=\"$tests\"" </dev/null | tr -d '\r' | tee "$work/log"
grep -q '^treehold-guest: 0 failed$' "$work/log"
