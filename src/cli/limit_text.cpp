#include "src/cli/limit_text.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <set>
#include <utility>

#include "src/cli/decimal.hpp"
#include "src/cli/size.hpp"

namespace treehold::cli {
namespace {

std::from_chars_result read_number(const char* first, const char* last, double& value) {
  return decimal_from_chars(first, last, value);
}

template <class Number>
std::from_chars_result read_number(const char* first, const char* last, Number& value) {
  return std::from_chars(first, last, value);
}

/// The whole text as a number.
template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number value{};
  const char* const end = text.data() + text.size();
  const auto [behind, error] = read_number(text.data(), end, value);
  return error == std::errc() && behind == end ? std::optional(value) : std::nullopt;
}

/// What stands before the first `mark` and behind it; without one all stands before.
std::pair<std::string_view, std::optional<std::string_view>> split(std::string_view text,
                                                                   char mark) {
  const std::size_t at = text.find(mark);
  if (at == std::string_view::npos) {
    return {text, std::nullopt};
  }
  return {text.substr(0, at), text.substr(at + 1)};
}

/// The parts between commas. An empty one is a part, too.
std::vector<std::string_view> parts_of(std::string_view text) {
  std::vector<std::string_view> parts;
  for (std::optional<std::string_view> rest = text; rest;) {
    const auto [part, behind] = split(*rest, ',');
    parts.push_back(part);
    rest = behind;
  }
  return parts;
}

/// Takes one "rbps=10M" over. False when it is none, or stands there twice.
bool add_rate(std::string_view text, IoLimit& limit) {
  const auto [name, value] = split(text, '=');
  if (!value) {
    return false;
  }
  const auto set = [](std::optional<std::uint64_t>& place,
                      const std::optional<std::uint64_t>& rate) {
    const bool first = !place.has_value();
    place = rate;
    return first && rate.has_value();
  };
  if (name == "rbps") {
    return set(limit.read_bytes_per_second, parse_size(*value));
  }
  if (name == "wbps") {
    return set(limit.write_bytes_per_second, parse_size(*value));
  }
  if (name == "riops") {
    return set(limit.reads_per_second, parse_count(*value));
  }
  return name == "wiops" && set(limit.writes_per_second, parse_count(*value));
}

constexpr std::pair<std::string_view, PriorityClass> priorities[] = {
    {"idle", PriorityClass::idle},     {"below_normal", PriorityClass::below_normal},
    {"normal", PriorityClass::normal}, {"above_normal", PriorityClass::above_normal},
    {"high", PriorityClass::high},
};

constexpr std::pair<std::string_view, bool UiRestrictions::*> restrictions[] = {
    {"desktop", &UiRestrictions::desktop},
    {"display_settings", &UiRestrictions::display_settings},
    {"exit_windows", &UiRestrictions::exit_windows},
    {"global_atoms", &UiRestrictions::global_atoms},
    {"handles", &UiRestrictions::handles},
    {"read_clipboard", &UiRestrictions::read_clipboard},
    {"system_parameters", &UiRestrictions::system_parameters},
    {"write_clipboard", &UiRestrictions::write_clipboard},
};

}  // namespace

std::optional<std::uint64_t> parse_count(std::string_view text) {
  return parse_number<std::uint64_t>(text);
}

std::optional<double> parse_cores(std::string_view text) {
  const std::optional<double> cores = parse_number<double>(text);
  return cores && std::isfinite(*cores) ? cores : std::nullopt;
}

std::optional<std::vector<unsigned>> parse_cpu_set(std::string_view text) {
  constexpr unsigned most = 8192;  // no kernel has more; keeps a slip from filling the memory
  std::set<unsigned> cpus;
  for (const std::string_view part : parts_of(text)) {
    const auto [low, high] = split(part, '-');
    const auto first = parse_number<unsigned>(low);
    const auto last = high ? parse_number<unsigned>(*high) : first;
    if (!first || !last || *first > *last || *last >= most) {
      return std::nullopt;
    }
    for (unsigned cpu = *first; cpu <= *last; ++cpu) {
      cpus.insert(cpu);
    }
  }
  return std::vector<unsigned>(cpus.begin(), cpus.end());
}

std::optional<IoLimit> parse_io_limit(std::string_view text) {
  // MAJOR:MINOR has a colon of its own: the last one before the rates is ours.
  const std::size_t colon = text.substr(0, text.find('=')).rfind(':');
  if (colon == std::string_view::npos || colon == 0) {
    return std::nullopt;
  }
  IoLimit limit;
  limit.device = text.substr(0, colon);
  const std::vector<std::string_view> rates = parts_of(text.substr(colon + 1));
  const bool all_good = std::all_of(rates.begin(), rates.end(), [&limit](std::string_view rate) {
    return add_rate(rate, limit);
  });
  return all_good ? std::optional(std::move(limit)) : std::nullopt;
}

std::optional<PriorityClass> parse_priority(std::string_view text) {
  for (const auto& [name, priority] : priorities) {
    if (name == text) {
      return priority;
    }
  }
  return std::nullopt;
}

std::string_view to_text(PriorityClass wanted) {
  const auto* const found =
      std::find_if(std::begin(priorities), std::end(priorities),
                   [wanted](const auto& priority) { return priority.second == wanted; });
  return found->first;
}

std::optional<UiRestrictions> parse_ui(std::string_view text) {
  UiRestrictions ui;
  for (const std::string_view part : parts_of(text)) {
    bool known = false;
    for (const auto& [name, member] : restrictions) {
      if (part == name || part == "all") {
        ui.*member = true;
        known = true;
      }
    }
    if (!known) {
      return std::nullopt;
    }
  }
  return ui;
}

std::vector<std::string_view> names_of(const UiRestrictions& ui) {
  std::vector<std::string_view> names;
  for (const auto& [name, member] : restrictions) {
    if (ui.*member) {
      names.push_back(name);
    }
  }
  return names;
}

}  // namespace treehold::cli
