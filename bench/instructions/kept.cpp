#include "bench/instructions/kept.hpp"

#include <fstream>
#include <sstream>
#include <stdexcept>

namespace instructions {
namespace {

constexpr const char* head =
    "# Instructions in user space, the median of several rounds, written by\n"
    "# \"bench_instructions --write\": of the preset dev with g++ 12 on Debian 12, x86-64.\n";

std::string key(std::string_view mechanism, std::string_view path) {
  return std::string(mechanism) + ' ' + std::string(path);
}

}  // namespace

KeptCounts::KeptCounts(const std::string& file) {
  std::ifstream in(file);
  if (!in) {
    throw std::runtime_error("cannot read " + file);
  }
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string mechanism;
    std::string path;
    long count = 0;
    if (!line.starts_with('#') && words >> mechanism >> path >> count) {
      put(mechanism, path, count);
    }
  }
}

std::optional<long> KeptCounts::of(std::string_view mechanism, std::string_view path) const {
  const auto found = counts_.find(key(mechanism, path));
  return found == counts_.end() ? std::nullopt : std::optional(found->second);
}

void KeptCounts::put(std::string_view mechanism, std::string_view path, long count) {
  counts_[key(mechanism, path)] = count;
}

void KeptCounts::write(const std::string& file) const {
  std::ofstream out(file);
  out << head;
  for (const auto& [name, count] : counts_) {
    out << name << ' ' << count << '\n';
  }
  if (!out.flush()) {
    throw std::runtime_error("cannot write " + file);
  }
}

}  // namespace instructions
