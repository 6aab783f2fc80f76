# What the scripts of both guests share.
failed=0

# Runs a command as the lane NAME, and tells how it ended.
lane() {
  name=$1
  shift
  began=$(uptime_seconds)
  echo "== $name"
  if "$@" </dev/null; then
    echo "treehold-guest: $name passed after $(($(uptime_seconds) - began)) s"
  else
    echo "treehold-guest: $name failed"
    failed=$((failed + 1))
  fi
}

uptime_seconds() {
  sed 's/\..*//' /proc/uptime
}
