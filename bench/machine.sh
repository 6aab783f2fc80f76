#!/usr/bin/env bash
# On what the figures were measured: the machine, and the versions of whoever takes part.
set -euo pipefail

field() { sed -n "s/^$1[[:space:]]*: //p" /proc/cpuinfo | head -n 1; }

hierarchy=unified
[[ -e /sys/fs/cgroup/cgroup.controllers ]] || hierarchy=hybrid
memory=$(awk '/^MemTotal/ { printf "%.0f", $2 / 1048576 }' /proc/meminfo)
printf 'Linux %s, %s, %s, %d processors, %d GiB, cgroups %s.\n' \
  "$(uname -r | cut -d. -f1,2)" "$(uname -m)" "$(field 'model name')" "$(nproc)" "$memory" "$hierarchy"

version() {
  local text
  text=$("${@:2}" 2>/dev/null | head -n 1) || text=
  printf ', %s %s' "$1" "${text:-absent}"
}
printf '%s' "$(c++ --version | head -n 1)"
printf ', %s' "$(getconf GNU_LIBC_VERSION)"
version Boost dpkg-query -W -f '${Version}' libboost1.81-dev
version libuv pkg-config --modversion libuv
version GLib pkg-config --modversion gio-2.0
version Qt pkg-config --modversion Qt5Core
version POCO dpkg-query -W -f '${Version}' libpoco-dev
version Python python3 -c 'import platform; print(platform.python_version())'
version Node node --version
version bubblewrap dpkg-query -W -f '${Version}' bubblewrap
printf '.\n'
