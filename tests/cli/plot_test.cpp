// `treehold run --plot`: a drawing that any viewer can show.
#include <chrono>
#include <cstdint>
#include <sstream>
#include <string>
#include <vector>

#include <boost/property_tree/ptree.hpp>
#include <boost/property_tree/xml_parser.hpp>
#include <catch2/catch.hpp>

#include <treehold/treehold.hpp>

#include "src/cli/usage_history.hpp"
#include "tests/cli/cli.hpp"

using boost::property_tree::ptree;
using cli::contains;
using cli::holds;
using cli::program;
using cli::require_limit;
using cli::run_shell;

namespace {

/// The `svg` element of a file; fails the test case when it is not well-formed.
ptree svg_of(const std::string& file) {
  std::istringstream text(support::read_file(file));
  ptree document;
  REQUIRE_NOTHROW(boost::property_tree::read_xml(text, document));
  return document.get_child("svg");
}

std::vector<ptree> panels_of(const ptree& svg) {
  std::vector<ptree> panels;
  for (const auto& [tag, element] : svg) {
    if (tag == "g") {
      panels.push_back(element);
    }
  }
  return panels;
}

/// The elements of a panel with this class.
std::vector<ptree> elements(const ptree& panel, const std::string& style_class) {
  std::vector<ptree> found;
  for (const auto& [tag, element] : panel) {
    if (element.get("<xmlattr>.class", "") == style_class) {
      found.push_back(element);
    }
  }
  return found;
}

}  // namespace

TEST_CASE("treehold run --plot draws memory, CPU and processes", "[cli]") {
  const support::TempDir here;
  const std::string file = here / "usage.svg";
  CHECK(run_shell("sleep 0.4 & sleep 0.4; exit 3", {"--plot", file}).exit_code() == 3);
  const ptree svg = svg_of(file);
  CHECK(svg.get<std::string>("<xmlattr>.xmlns") == "http://www.w3.org/2000/svg");
  CHECK(svg.get<std::string>("title") == "treehold run sh");
  CHECK(contains(svg.get<std::string>("style"), "prefers-color-scheme: dark"));
  const std::vector<ptree> panels = panels_of(svg);
  REQUIRE(panels.size() == 3);
  const auto promised = support::guarantees().statistics;
  const std::vector<std::string> names{"memory", "cpu", "processes"};
  for (std::size_t i = 0; i < names.size(); ++i) {
    INFO(names[i]);
    CHECK(panels[i].get<std::string>("<xmlattr>.id") == names[i]);
    // A curve, or why there is none.
    CHECK(elements(panels[i], "curve").size() == (holds(promised, names[i]) ? 1 : 0));
    CHECK(elements(panels[i], "missing").size() == (holds(promised, names[i]) ? 0 : 1));
    CHECK(elements(panels[i], "tick").size() >= 2);
    CHECK(elements(panels[i], "limit").empty());
  }
}

TEST_CASE("treehold run --plot draws the limits", "[cli]") {
  require_limit("memory");
  require_limit("processes");
  const support::TempDir here;
  const std::string file = here / "usage.svg";
  CHECK(run_shell("exit 0", {"--memory", "256M", "--processes", "7", "--plot", file}).exit_code() ==
        0);
  const std::vector<ptree> panels = panels_of(svg_of(file));
  REQUIRE(panels.size() == 3);
  REQUIRE(elements(panels[0], "limit-name").size() == 1);
  CHECK(elements(panels[0], "limit-name").front().data() == "limit 256 MiB");
  CHECK(elements(panels[1], "limit").empty());
  CHECK(elements(panels[2], "limit").size() == 1);
}

TEST_CASE("treehold run --plot writes names of programs as XML can have them", "[cli]") {
  const support::TempDir here;
  const std::string tool = here / "a<b> & \"c\"\x01\xff";
  support::write_file(tool, "#!/bin/sh\n", 0755);
  const std::string file = here / "usage.svg";
  CHECK(program({"run", "--plot", file, "--", tool, "secret"}).exit_code() == 0);
  CHECK(contains(svg_of(file).get<std::string>("title"), "a<b> & \"c\"\\x01?"));
  CHECK_FALSE(contains(support::read_file(file), "secret"));
}

TEST_CASE("treehold run --plot finds a file that cannot be written before the start", "[cli]") {
  const support::TempDir here;
  const treehold::Output output =
      run_shell("echo started", {"--plot", here / "none/usage.svg"}).output();
  CHECK(output.outcome == treehold::Outcome::exited(125));
  CHECK(contains(output.stderr_bytes, "cannot write the plot to "));
  CHECK(output.stdout_bytes.empty());
}

TEST_CASE("treehold run --plot leaves the file alone when nothing was started", "[cli]") {
  const support::TempDir here;
  const std::string fresh = here / "fresh.svg";
  const std::string old = here / "old.svg";
  support::write_file(old, "before");
  for (const std::string& file : {fresh, old}) {
    CHECK(program({"run", "--plot", file, "--", "no-such-program-anywhere"}).exit_code() == 127);
  }
  CHECK(program({"run", "--", "test", "-e", fresh}).exit_code() == 1);
  CHECK(support::read_file(old) == "before");
}

TEST_CASE("what is kept of a long run is bounded and loses no peak", "[cli]") {
  using treehold::cli::UsageHistory;
  using treehold::cli::UsagePoint;
  UsageHistory history;
  constexpr std::uint64_t samples = 5 * UsageHistory::most_points + 7;
  constexpr std::uint64_t peaks_every = 1000;
  for (std::uint64_t i = 0; i < samples; ++i) {
    UsagePoint sample;
    sample.at = std::chrono::milliseconds(100 * i);
    sample.cpu = std::chrono::milliseconds(i);
    sample.memory = i % peaks_every == 0 ? 1000000 + i : 1;
    history.add(sample);
    if (i % 100 == 0 && history.points().size() > UsageHistory::most_points) {
      FAIL("more points than there may be");
    }
  }
  const std::vector<UsagePoint> points = history.points();
  CHECK(points.size() > UsageHistory::most_points / 4);
  CHECK(points.front().at == std::chrono::microseconds::zero());
  CHECK(points.back().at == std::chrono::milliseconds(100 * (samples - 1)));
  CHECK(points.back().cpu == std::chrono::milliseconds(samples - 1));
  CHECK_FALSE(points.back().processes.has_value());
  std::vector<std::uint64_t> peaks;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (points[i].memory > 1U) {
      peaks.push_back(*points[i].memory - 1000000);
    }
    if (i > 0) {
      CHECK(points[i - 1].at < points[i].at);
    }
  }
  std::vector<std::uint64_t> expected;
  for (std::uint64_t i = 0; i < samples; i += peaks_every) {
    expected.push_back(i);
  }
  CHECK(peaks == expected);
}
