#!/bin/sh
# A host that is killed from outside of Windows, as `kill -9` kills any process, takes its tree with it:
# killed_host.sh RUNNER PROGRAM
set -eu
runner=$1
program=$2
output=$(mktemp)
host=
trap 'rm -f "$output"; [ -z "$host" ] || kill -9 "$host" 2>/dev/null || true' EXIT

# The Unix processes that play a role of the test program but for the host.
members() {
  ps -eo pid=,stat=,args= | awk -v host="$host" \
    '$1 != host && $2 !~ /^Z/ && /treehold_tests/ && /--role=(with-child|idle-child)/ { print $1 }'
}

"$runner" "$program" --role=host killed >"$output" &
host=$!
for _ in $(seq 600); do
  grep -q '^members' "$output" && break
  sleep 0.1
done
grep '^members' "$output"
before=$(members | wc -l)
[ "$before" -eq 2 ] || { echo "found $before members, not 2"; exit 1; }
kill -9 "$host"
for _ in $(seq 600); do
  [ -n "$(members)" ] || { echo "the tree has ended"; exit 0; }
  sleep 0.1
done
echo "still there:"
members
exit 1
