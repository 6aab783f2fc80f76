// What `treehold doctor` tells of this host.
#include <algorithm>
#include <string>

#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include <treehold/treehold.hpp>

#include "tests/cli/cli.hpp"

using cli::contains;
using cli::program;

TEST_CASE("treehold doctor tells of every mechanism", "[cli]") {
  const std::string text = program({"doctor"}).run();
  const boost::json::value report = boost::json::parse(program({"doctor", "--json"}).run());
  CHECK(report.at("mechanisms").as_array().size() == treehold::host_report().mechanisms.size());
  for (const boost::json::value& mechanism : report.at("mechanisms").as_array()) {
    CHECK(contains(text, std::string(mechanism.at("mechanism").as_string())));
    CHECK(mechanism.at("guarantees").at("escape_contained").as_object().contains("reason"));
  }
  CHECK(report.at("kernel").as_string() == treehold::host_report().kernel);
}

TEST_CASE("treehold doctor tells each place that limits may come from", "[cli]") {
  const std::string text = program({"doctor"}).run();
  const boost::json::value report = boost::json::parse(program({"doctor", "--json"}).run());
  std::size_t at = 0;
  for (const auto& [name, place] :
       report.at("mechanisms").as_array().front().at("guarantees").at("limit_places").as_object()) {
    at = text.find("place: " + std::string(name), at);
    CHECK(at != std::string::npos);
    CHECK(contains(text, std::string(place.at("reason").as_string())));
  }
  CHECK(contains(text, "place: refusal"));
}

namespace {

/// Whether a mechanism promises `name` as the hints have it ("limits.memory").
bool promises(const boost::json::value& mechanism, const std::string& name) {
  const boost::json::value* place = &mechanism.at("guarantees");
  for (std::size_t begin = 0; begin < name.size();) {
    const std::size_t end = std::min(name.find('.', begin), name.size());
    place = place->as_object().if_contains(name.substr(begin, end - begin));
    if (place == nullptr) {
      return false;
    }
    begin = end + 1;
  }
  return mechanism.at("available").at("holds").as_bool() && place->at("holds").as_bool();
}

}  // namespace

TEST_CASE("treehold doctor --fix-hint tells each remedy once, with what it is for", "[cli]") {
  const std::string text = program({"doctor", "--fix-hint"}).run();
  const boost::json::value hints =
      boost::json::parse(program({"doctor", "--fix-hint", "--json"}).run());
  const boost::json::value report = boost::json::parse(program({"doctor", "--json"}).run());
  std::string expected;
  for (const boost::json::value& hint : hints.at("remedies").as_array()) {
    const std::string remedy(hint.at("remedy").as_string());
    CHECK_FALSE(contains(expected, remedy + "\n"));
    std::string enables;
    for (const boost::json::value& name : hint.at("enables").as_array()) {
      enables += (enables.empty() ? "" : ", ") + std::string(name.as_string());
    }
    expected += remedy + "\n  for " + enables + "\n";
  }
  CHECK(text + "\n" == (expected.empty() ? "nothing to mend\n" : expected));
  CHECK(hints.as_object().size() == 1);
  for (const boost::json::value& hint : hints.at("remedies").as_array()) {
    for (const boost::json::value& name : hint.at("enables").as_array()) {
      for (const boost::json::value& mechanism : report.at("mechanisms").as_array()) {
        CHECK_FALSE(promises(mechanism, std::string(name.as_string())));
      }
    }
  }
}

TEST_CASE("treehold doctor --fix-hint leaves no remedy of the default mechanism out", "[cli]") {
  const std::string text = program({"doctor", "--fix-hint"}).run();
  const treehold::MechanismReport best = treehold::host_report().mechanisms.front();
  for (const auto& named : {best.guarantees.limits, best.guarantees.statistics}) {
    for (const auto& [name, guarantee] : named) {
      CHECK((guarantee.holds || guarantee.remedy.empty() || contains(text, guarantee.remedy)));
    }
  }
}
