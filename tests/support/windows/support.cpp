#include "support.hpp"

#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <thread>

#include <catch2/catch.hpp>

#include "platform/windows/system.hpp"
#include "src/path_text.hpp"

namespace support {

void require_windows(const std::string& what) {
  // Wine says so of itself.
  const HMODULE module = ::GetModuleHandleW(L"ntdll.dll");
  if (::GetProcAddress(module, "wine_get_version") != nullptr) {
    skip("native-only: under Wine " + what);
  }
}

treehold::Command plain::role(const std::string& name, const std::vector<std::string>& arguments) {
  treehold::Command command(self());
  command.arg("--role=" + name);
  command.args(arguments);
  return command;
}

treehold::ProcessId pid_after(std::string_view text, std::string_view word) {
  const std::size_t at = text.find(std::string(word) + " ");
  if (at == std::string_view::npos) {
    FAIL("no \"" << word << "\" in: " << text);
  }
  return std::stoll(std::string(text.substr(at + word.size() + 1)));
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

TempDir::TempDir() {
  namespace fs = std::filesystem;
  std::random_device random;
  const fs::path made =
      fs::temp_directory_path() / ("test-of-treehold-" + std::to_string(random()));
  fs::create_directory(made);
  path_ = treehold::text_of(made);
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(treehold::path_of(path_), ignored);
}

std::string read_file(const std::string& path) {
  std::ifstream file(treehold::path_of(path), std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void write_file(const std::string& path, std::string_view text) {
  std::ofstream file(treehold::path_of(path), std::ios::binary | std::ios::trunc);
  file << text;
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
