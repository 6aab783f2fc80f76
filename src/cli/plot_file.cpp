#include "src/cli/plot_file.hpp"

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace treehold::cli {
namespace {

void require_good(const std::ofstream& file, const std::string& path) {
  if (!file) {
    throw std::runtime_error("cannot write the plot to " + path);
  }
}

}  // namespace

PlotFile::PlotFile(std::string path) : path_(std::move(path)) {
  std::error_code ignored;
  const bool is_new = !std::filesystem::exists(path_, ignored);
  const std::ofstream file(path_, std::ios::app);
  require_good(file, path_);
  made_for_nothing_ = is_new;
}

PlotFile::~PlotFile() {
  if (made_for_nothing_) {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
}

void PlotFile::write(const std::string& text) {
  made_for_nothing_ = false;
  std::ofstream file(path_);
  file << text << std::flush;
  require_good(file, path_);
}

}  // namespace treehold::cli
