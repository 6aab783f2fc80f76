#!/usr/bin/env bash
# What a program pays for being built with the library, from an installation of it: the size of a stripped program that
# runs one command, and how long one source takes that only includes a header. The median of five, in turn.
#
#     bench/footprint.sh BUILD_DIRECTORY
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake --install "$1" --prefix "$work/installed" >/dev/null
PKG_CONFIG_PATH=$(dirname "$(find "$work/installed" -name treehold.pc)")
export PKG_CONFIG_PATH
read -ra includes < <(pkg-config --cflags treehold)
read -ra libraries < <(pkg-config --static --libs treehold)

cat >"$work/raw.cpp" <<'SOURCE'
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
int main() {
  char program[] = "/bin/true";
  char* arguments[] = {program, nullptr};
  pid_t pid = -1;
  int status = 1;
  return ::posix_spawn(&pid, program, nullptr, nullptr, arguments, environ) != 0 ||
         ::waitpid(pid, &status, 0) != pid || status != 0;
}
SOURCE
cat >"$work/treehold.cpp" <<'SOURCE'
#include <treehold/command.hpp>
int main() { return treehold::Command("/bin/true").exit_code(); }
SOURCE
cat >"$work/boost.cpp" <<'SOURCE'
#include <boost/process.hpp>
int main() { return boost::process::system("/bin/true"); }
SOURCE

compiler=("${CXX:-c++}" -std=c++20 -O2)
printf '%s\n\n' "$("${compiler[@]}" --version | head -n 1)"

printf '| program that runs one command | bytes, stripped | libraries it loads |\n|---|---|---|\n'
for program in raw treehold boost; do
  "${compiler[@]}" "${includes[@]}" "$work/$program.cpp" -o "$work/$program" "${libraries[@]}" -Wl,--as-needed
  strip "$work/$program"
  printf '| %s | %d | %d |\n' "$program" "$(stat -c %s "$work/$program")" "$(ldd "$work/$program" | wc -l)"
done

headers=(vector treehold/command.hpp treehold/treehold.hpp treehold/async.hpp boost/asio.hpp boost/process.hpp)
for round in 1 2 3 4 5; do
  for header in $(shuf -e "${headers[@]}"); do
    echo "#include <$header>" >"$work/one.cpp"
    begin=$(date +%s%N)
    "${compiler[@]}" "${includes[@]}" -c "$work/one.cpp" -o "$work/one.o"
    echo "$header $((($(date +%s%N) - begin) / 1000000))" >>"$work/times"
  done
done
printf '\n| source that includes | ms to compile |\n|---|---|\n'
for header in "${headers[@]}"; do
  printf '| <%s> | %d |\n' "$header" "$(awk -v of="$header" '$1 == of { print $2 }' "$work/times" | sort -n | sed -n 3p)"
done
