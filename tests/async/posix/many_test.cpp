// Many at once that are ended softly.
#include <filesystem>
#include <string_view>
#include <vector>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>

#include <treehold/async.hpp>
#include <treehold/treehold.hpp>

#include "answer.hpp"
#include "support.hpp"

using namespace support;
namespace asio = boost::asio;
using treehold::Command;
using treehold::OutputResult;

TEST_CASE("many cancelled are ended softly where it is asked for", "[contract][async]") {
  const TempDir dir;
  asio::io_context context;
  asio::cancellation_signal signal;
  Answer<std::vector<OutputResult>> answer;
  const Command polite =
      Command("sh",
              {"-c", "trap 'touch \"$0\"; exit' TERM; echo ready; while :; do sleep 0.01; done",
               dir / "noted"})
          .cancel_grace(hang_bound)
          .on_stdout_line(
              [&](std::string_view) { signal.emit(asio::cancellation_type::terminal); });
  treehold::async_output_all({polite}, 1, context,
                             asio::bind_cancellation_slot(signal.slot(), answer.handler()));
  context.run();
  CHECK(answer.cancelled());
  CHECK(std::filesystem::exists(dir / "noted"));
}
