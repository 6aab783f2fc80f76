#!/usr/bin/env bash
# Runs the tests of a build under Debian's cloud kernel in two virtual machines, where all controllers are in one unified
# cgroup hierarchy: one of a shell alone, and one of systemd.
#
#     run.sh BUILD [TESTS]      TESTS: names or tags as Catch2 takes them; by default the contract in the first machine and
#                               the tests of limits in both
#
# The machines are emulated in software, so that they run everywhere. Each is ended after TREEHOLD_VM_SECONDS.
# TREEHOLD_VM_GUESTS names those to be run: busybox systemd.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=$(cd "$1" && pwd)
tests=${2:-}
work=$build/vm

# shellcheck source=../packages.sh
. "$here/../packages.sh"

# The path of the kernel's image.
kernel() {
  if ! compgen -G "$work/kernel/boot/vmlinuz-*"; then
    mkdir -p "$work/kernel"
    unpack "$work/kernel" "$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends: linux-image-/ { print $2; exit }')"
    compgen -G "$work/kernel/boot/vmlinuz-*"
  fi
}

# A program with the libraries that it needs.
take() {
  local root=$1 library
  install -D "$(readlink -f "$2")" "$root/usr/bin/$(basename "$2")"
  ldd "$2" 2>/dev/null | grep -o '/[^ )]*' | while read -r library; do
    install -D "$(readlink -f "$library")" "$root$library"
  done
}

# An empty file system.
skeleton() {
  local name
  mkdir -p "$1"/{dev,etc,proc,run,sys,tmp,usr/{bin,lib,lib64,sbin}}
  for name in bin lib lib64 sbin; do
    ln -s "usr/$name" "$1/$name"
  done
}

# Adds the tests, what runs them, and the tools that they start. Those of busybox would not do: its head, for one, reads more than it was
# asked for.
add_tests() {
  local root=$1 name
  for name in awk bash bc cat chmod dash dd echo env false head id kill make mkdir printf ps rm rmdir sed seq setpriv sleep sort tail \
      touch tr true wc; do
    take "$root" "$(type -P "$name")"
  done
  ln -sf dash "$root/usr/bin/sh"
  install -m 644 "$here/lane.sh" "$root/lane.sh"
  for name in tests/treehold_tests treehold; do
    take "$root" "$build/$name"
    strip "$root/usr/bin/$(basename "$name")"
  done
}

# Its first process is a script.
busybox_root() {
  local root=$1
  skeleton "$root"
  add_tests "$root"
  install "$(type -P busybox)" "$root/bin/busybox"
  printf '%s\n' root:x:0:0::/tmp:/bin/sh nobody:x:65534:65534::/:/bin/sh >"$root/etc/passwd"
  printf '%s\n' root:x:0: nogroup:x:65534: >"$root/etc/group"
  install "$here/busybox-init" "$root/init"
  install -m 644 "$here/busybox-lanes" "$root/lanes"
}

# What systemd needs to manage services, sessions and users. Nothing of it is configured by its packages: they are only
# unpacked.
systemd_packages() {
  apt-get -s -o Dir::State::status=/dev/null -o APT::Install-Recommends=false \
      install systemd-sysv dbus dbus-user-session libpam-systemd |
    awk '/^Inst/ && $2 !~ /perl|usrmerge|debconf|dpkg|adduser|passwd|^tar$|^init-system-helpers$|-base$/ { print $2 }'
}

# Its first process is systemd, which runs the lanes as a service.
systemd_root() {
  local root=$1 packages=$work/systemd stack
  if [[ ! -d $packages ]]; then
    rm -rf "$packages" "$packages.new"
    skeleton "$packages.new"
    # shellcheck disable=SC2046
    unpack "$packages.new" $(systemd_packages)
    rm -rf "$packages.new"/usr/share/{bash-completion,doc,locale,man,zsh}
    mv "$packages.new" "$packages"
  fi
  cp -a "$packages" "$root"
  add_tests "$root"
  ln -s usr/lib/systemd/systemd "$root/init"
  printf '%s\n' root:x:0:0::/root:/bin/sh messagebus:x:100:100::/:/bin/false tester:x:1000:1000::/tmp:/bin/sh \
    nobody:x:65534:65534::/:/bin/false >"$root/etc/passwd"
  printf '%s\n' root:x:0: messagebus:x:100: tester:x:1000: nogroup:x:65534: >"$root/etc/group"
  printf '%s\n' 'passwd: files' 'group: files' >"$root/etc/nsswitch.conf"
  echo 00000000000000000000000000000001 >"$root/etc/machine-id"
  # What pam-auth-update would write; nobody has a password.
  for stack in account auth password session session-noninteractive; do
    echo "${stack%-*} required pam_permit.so" >"$root/etc/pam.d/common-$stack"
  done
  printf '%s\n' 'account required pam_permit.so' 'session required pam_systemd.so' >"$root/etc/pam.d/session-of-tests"
  install -m 644 "$here/systemd-lanes.service" "$root/etc/systemd/system/lanes.service"
  install "$here/systemd-lanes" "$root/lanes"
  # There is no hardware to wait for.
  for stack in systemd-udevd systemd-udev-trigger systemd-udev-settle systemd-hwdb-update; do
    ln -s /dev/null "$root/etc/systemd/system/$stack.service"
  done
}

# Boots a root file system from memory and runs its lanes. What is not an option of the kernel's becomes part of the
# environment of the first process.
boot() {
  local guest=$1 image=$2 root=$work/$1-root
  rm -rf "$root"
  "${guest}_root" "$root"
  (cd "$root" && find . -print0 | cpio --null -o -H newc -R 0:0 --quiet | gzip -1) >"$work/$guest-image"
  # A disk whose use can be limited.
  truncate -s 16M "$work/disk"
  echo "== guest $guest"
  timeout "${TREEHOLD_VM_SECONDS:-1200}" qemu-system-x86_64 -machine q35,accel=tcg -cpu max -smp 2 -m 2048 \
    -drive file="$work/disk",format=raw,if=none,id=disk -device nvme,drive=disk,serial=1 \
    -nographic -no-reboot -nic none -kernel "$image" -initrd "$work/$guest-image" \
    -append "console=ttyS0 loglevel=0 panic=-1 systemd.unit=lanes.service systemd.show_status=0 TREEHOLD_TEST_FEW=1 ${tests:+TREEHOLD_VM_TESTS=\"$tests\"}" \
    </dev/null | stdbuf -oL tr -d '\r' | tee "$work/$guest-log"
  grep -q '^treehold-guest: 0 failed$' "$work/$guest-log"
}

mkdir -p "$work"
image=$(kernel)
status=0
for guest in ${TREEHOLD_VM_GUESTS:-busybox systemd}; do
  # Not as a condition: in one nothing ends at its first failure.
  set +e
  (set -e; boot "$guest" "$image")
  [[ $? -eq 0 ]] || status=1
  set -e
done
exit "$status"
