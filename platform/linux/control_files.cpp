#include "platform/linux/control_files.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <sstream>

#include "platform/posix/read_file.hpp"

namespace treehold::inline v0::platform {
namespace {

std::optional<std::uint64_t> number_at(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() ? std::optional(number) : std::nullopt;
}

/// The value of "KEY=VALUE" among the words of a line.
std::string_view word_value(std::string_view line, std::string_view key) {
  for (std::size_t at = line.find(key); at != std::string_view::npos; at = line.find(key, at + 1)) {
    const std::size_t end = at + key.size();
    if (at > 0 && line[at - 1] == ' ' && end < line.size() && line[end] == '=') {
      return line.substr(end + 1, line.find(' ', end) - end - 1);
    }
  }
  return {};
}

}  // namespace

std::optional<std::uint64_t> number_in(const CgroupDir& group, const char* file) {
  const std::optional<std::string> text = group.read(file);
  return text ? number_at(*text) : std::nullopt;
}

std::optional<std::uint64_t> number_in(const std::string& path) {
  const std::optional<std::string> text = read_file(path);
  return text ? number_at(*text) : std::nullopt;
}

std::optional<std::uint64_t> number_after(std::string_view text, std::string_view key) {
  for (std::size_t line = 0; line < text.size();) {
    const std::size_t end = std::min(text.find('\n', line), text.size());
    const std::string_view here = text.substr(line, end - line);
    if (here.size() > key.size() && here.substr(0, key.size()) == key && here[key.size()] == ' ') {
      return number_at(here.substr(key.size() + 1));
    }
    line = end + 1;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> number_of(const CgroupDir& group, const char* file,
                                       std::string_view key) {
  const std::optional<std::string> text = group.read(file);
  return text ? number_after(*text, key) : std::nullopt;
}

std::optional<IoUse> io_use(const CgroupDir& group) {
  const std::optional<std::string> text = group.read("io.stat");
  if (!text) {
    return std::nullopt;
  }
  IoUse use;
  std::istringstream lines(*text);
  for (std::string line; std::getline(lines, line);) {
    use.read_bytes += number_at(word_value(line, "rbytes")).value_or(0);
    use.written_bytes += number_at(word_value(line, "wbytes")).value_or(0);
    use.reads += number_at(word_value(line, "rios")).value_or(0);
    use.writes += number_at(word_value(line, "wios")).value_or(0);
  }
  return use;
}

std::optional<Pressure> pressure_in(const CgroupDir& group, const char* file) {
  const std::optional<std::string> text = group.read(file);
  if (!text) {
    return std::nullopt;
  }
  Pressure pressure;
  std::istringstream lines(*text);
  for (std::string line; std::getline(lines, line);) {
    const auto total = std::chrono::microseconds(number_at(word_value(line, "total")).value_or(0));
    const double percent = std::strtod(std::string(word_value(line, "avg10")).c_str(), nullptr);
    if (line.rfind("some ", 0) == 0) {
      pressure.some = total;
      pressure.some_percent = percent;
    } else if (line.rfind("full ", 0) == 0) {
      pressure.full = total;
      pressure.full_percent = percent;
    }
  }
  return pressure;
}

bool must_limit_swap(const CgroupDir& group, const char* file) {
  if (group.read(file)) {
    return true;
  }
  const std::optional<std::string> swaps = read_file("/proc/swaps");
  return swaps && std::count(swaps->begin(), swaps->end(), '\n') > 1;
}

Evidence process_evidence(const CgroupDir& group, std::uint64_t most) {
  const auto refused = number_of(group, "pids.events", "max");
  if (!refused) {
    return {Tripped::unknown, 0, "pids.events cannot be read"};
  }
  if (*refused == 0) {
    return {Tripped::no, 0, "pids.events: max"};
  }
  const auto peak = number_in(group, "pids.peak");
  if (!peak) {
    return {Tripped::unknown, 0,
            "pids.events: max; without pids.peak (Linux 6.1) it may have been a limit above"};
  }
  if (*peak < most) {
    return {Tripped::no, 0, "pids.events: max counts refusals of a group above"};
  }
  return {Tripped::yes, *refused, "pids.events: max"};
}

}  // namespace treehold::inline v0::platform
