// The file of `--plot`.
#pragma once

#include <string>

namespace treehold::cli {

/// Found to be writable before the program is started; what it holds stays until there is a plot.
class PlotFile {
 public:
  /// Throws `std::runtime_error` when it cannot be written.
  explicit PlotFile(std::string path);
  /// Takes away the file that the constructor had to make, when nothing was written.
  ~PlotFile();
  PlotFile(const PlotFile&) = delete;
  PlotFile& operator=(const PlotFile&) = delete;

  /// Throws `std::runtime_error`.
  void write(const std::string& text);

 private:
  const std::string path_;
  bool made_for_nothing_ = false;
};

}  // namespace treehold::cli
