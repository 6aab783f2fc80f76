// A folder of its own for an example, removed with all that is in it.
#pragma once

#include <filesystem>
#include <random>
#include <string>

class Folder {
 public:
  Folder()
      : path_(std::filesystem::temp_directory_path() /
              ("treehold-example-" + std::to_string(std::random_device()()))) {
    std::filesystem::create_directory(path_);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
};
