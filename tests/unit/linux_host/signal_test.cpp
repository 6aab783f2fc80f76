// Names of signals that only Linux has.
#include <signal.h>

#include <catch2/catch.hpp>

#include <treehold/treehold.hpp>

TEST_CASE("real-time signals are named by their distance from the first", "[unit]") {
  CHECK(treehold::signal_name(SIGRTMIN) == "SIGRTMIN");
  CHECK(treehold::signal_name(SIGRTMIN + 1) == "SIGRTMIN+1");
}
