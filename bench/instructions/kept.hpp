// The counts that are kept in a file: a line each of mechanism, path and count.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace instructions {

class KeptCounts {
 public:
  KeptCounts() = default;

  /// Throws `std::runtime_error` for a file that cannot be read.
  explicit KeptCounts(const std::string& file);

  [[nodiscard]] std::optional<long> of(std::string_view mechanism, std::string_view path) const;

  void put(std::string_view mechanism, std::string_view path, long count);

  /// Throws `std::runtime_error` for a file that cannot be written.
  void write(const std::string& file) const;

 private:
  std::map<std::string, long> counts_;  ///< by mechanism and path
};

}  // namespace instructions
