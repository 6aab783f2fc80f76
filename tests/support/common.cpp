#include "common.hpp"

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include <catch2/catch.hpp>

#include "src/path_text.hpp"

namespace support {

bool steps_are_dear() noexcept {
  static const bool dear = sanitized || std::getenv("TREEHOLD_TEST_FEW") != nullptr;
  return dear;
}

treehold::Guarantees guarantees() {
  return treehold::ProcessGroup().guarantees();
}

treehold::Mechanism mechanism() {
  return guarantees().mechanism;
}

treehold::Command plain::role(const std::string& name, const std::vector<std::string>& arguments) {
  treehold::Command command(self());
  command.arg("--role=" + name);
  command.args(arguments);
  return command;
}

std::map<std::string, std::string> parse_report(std::string_view text) {
  std::map<std::string, std::string> values;
  std::istringstream lines{std::string(text)};
  std::string line;
  while (std::getline(lines, line)) {
    const std::size_t equals = line.find('=');
    if (equals != std::string::npos) {
      values[line.substr(0, equals)] = line.substr(equals + 1);
    }
  }
  return values;
}

long long number_after(std::string_view text, std::string_view word) {
  const std::size_t at = text.find(std::string(word) + " ");
  if (at == std::string_view::npos) {
    FAIL("no \"" << word << "\" in: " << text);
  }
  return std::stoll(std::string(text.substr(at + word.size() + 1)));
}

void require_limit(const std::string& limit) {
  const treehold::Guarantees all = guarantees();
  for (const auto& [name, guarantee] : all.limits) {
    if (name == limit && !guarantee.holds) {
      skip("no limit of " + limit + " here: " + guarantee.reason);
    }
  }
}

bool wait_until(const std::function<bool()>& reached, std::chrono::milliseconds bound) {
  const auto end = std::chrono::steady_clock::now() + bound;
  while (!reached()) {
    if (std::chrono::steady_clock::now() > end) {
      return false;
    }
    std::this_thread::sleep_for(1ms);
  }
  return true;
}

std::string read_file(const std::string& path) {
  std::ifstream file(treehold::path_of(path), std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

WorkingDirectory::WorkingDirectory(const std::string& path)
    : before_(treehold::text_of(std::filesystem::current_path())) {
  std::filesystem::current_path(treehold::path_of(path));
}

WorkingDirectory::~WorkingDirectory() {
  std::error_code ignored;
  std::filesystem::current_path(treehold::path_of(before_), ignored);
}

std::string pattern(std::size_t size) {
  std::string bytes(size, '\0');
  std::uint32_t state = 12345;
  for (char& byte : bytes) {
    state = state * 1664525U + 1013904223U;
    byte = static_cast<char>(state >> 24U);
  }
  return bytes;
}

}  // namespace support
