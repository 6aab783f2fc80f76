#include "platform/windows/command_line.hpp"

#include <algorithm>
#include <cstddef>

namespace treehold::inline v0::platform {
namespace {

void append_quoted(std::string& line, std::string_view argument) {
  if (!argument.empty() && argument.find_first_of(" \t\n\v\"") == std::string_view::npos) {
    line += argument;
    return;
  }
  line += '"';
  std::size_t backslashes = 0;
  for (const char character : argument) {
    if (character == '\\') {
      ++backslashes;
      continue;
    }
    // Backslashes are themselves, but before a quote, where each stands for half a one.
    if (character == '"') {
      backslashes = 2 * backslashes + 1;
    }
    line.append(backslashes, '\\');
    backslashes = 0;
    line += character;
  }
  line.append(2 * backslashes, '\\');
  line += '"';
}

char lower(char character) noexcept {
  return character >= 'A' && character <= 'Z' ? static_cast<char>(character - 'A' + 'a')
                                              : character;
}

bool ends_with(std::string_view text, std::string_view lower_case_end) noexcept {
  return text.size() >= lower_case_end.size() &&
         std::equal(lower_case_end.rbegin(), lower_case_end.rend(), text.rbegin(),
                    [](char wanted, char found) { return wanted == lower(found); });
}

}  // namespace

std::string join_command_line(const std::vector<std::string>& arguments) {
  std::string line;
  if (!arguments.empty()) {
    // Up to the next quote, backslashes and all.
    line += '"' + arguments.front() + '"';
  }
  for (std::size_t index = 1; index < arguments.size(); ++index) {
    line += ' ';
    append_quoted(line, arguments[index]);
  }
  return line;
}

bool is_batch_file(std::string_view program) noexcept {
  // The system drops dots and spaces at the end of a name.
  const std::size_t last = program.find_last_not_of(". ");
  program = program.substr(0, last == std::string_view::npos ? 0 : last + 1);
  return ends_with(program, ".bat") || ends_with(program, ".cmd");
}

bool cmd_could_reinterpret(std::string_view argument) noexcept {
  // What means nothing to it, quoted or not, and the space, for which an argument is quoted.
  constexpr std::string_view harmless = " #$*+-./:?@\\_";
  const bool plain = std::all_of(argument.begin(), argument.end(), [&](char character) {
    const auto byte = static_cast<unsigned char>(character);
    return byte >= 0x80 || (character >= '0' && character <= '9') ||
           (lower(character) >= 'a' && lower(character) <= 'z') ||
           harmless.find(character) != std::string_view::npos;
  });
  // It does not take one back of two backslashes before a quote.
  const bool changed = argument.find(' ') != std::string_view::npos && argument.back() == '\\';
  return !plain || changed;
}

}  // namespace treehold::inline v0::platform
