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

void require_resource_use() {
  require_windows("what a process has used is forgotten when it has ended");
}

treehold::Command plain::quick() {
  return role("exit", {"0"});
}

treehold::Command plain::idle() {
  return role("idle-child");
}

treehold::ProcessId pid_after(std::string_view text, std::string_view word) {
  return number_after(text, word);
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

void write_file(const std::string& path, std::string_view text) {
  std::ofstream file(treehold::path_of(path), std::ios::binary | std::ios::trunc);
  file << text;
}

}  // namespace support
