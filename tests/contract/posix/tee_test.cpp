// Copies into what only POSIX systems have.
#include <unistd.h>

#include <functional>

#include <boost/system/errc.hpp>
#include <catch2/catch.hpp>

#include <treehold/treehold.hpp>

#include "forms.hpp"
#include "support.hpp"

using namespace support;
using boost::system::error_code;
using forms::Command;
using forms::role;
using treehold::Outcome;
using treehold::Output;
using treehold::TeeFailed;

namespace errc = boost::system::errc;
using Done = std::function<void(error_code)>;

TEST_CASE("a copy that fails is told, and the run goes on", "[contract]") {
  // /dev/full takes nothing: full(4).
  const Command command = role("print", {"200000"}).stdout_tee("/dev/full");
  const Output done = command.output();
  CHECK(done.outcome == Outcome::exited(0));
  CHECK(done.stdout_bytes.size() == 200000);
  CHECK(done.stdout_tee_error == errc::no_space_on_device);
  CHECK_FALSE(done.stderr_tee_error);
  CHECK(command.checked().stdout_tee_error == errc::no_space_on_device);
  CHECK_THROWS_AS(command.run(), TeeFailed);
  CHECK_THROWS_AS(command.exit_code(), TeeFailed);
  CHECK_THROWS_AS(command.probe(), TeeFailed);
  CHECK_THROWS_AS(role("emit", {"x", "", "3"}).stdout_tee("/dev/full").run(),
                  treehold::NonZeroExit);
}

TEST_CASE("a copy into a pipe that nobody reads raises no signal", "[contract]") {
  const Lifeline fifo;  // has a reader that never reads
  const Output stuffed = role("print", {"1000000"}).stdout_tee(fifo.path()).output();
  CHECK(stuffed.stdout_bytes.size() == 1000000);
  CHECK(stuffed.stdout_tee_error == errc::resource_unavailable_try_again);
}
