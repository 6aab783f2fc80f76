// A drawing as SVG, written from its beginning to its end.
#pragma once

#include <spdlog/fmt/fmt.h>

#include <iterator>
#include <string>
#include <string_view>
#include <utility>

namespace treehold::cli {

/// Lengths are in pixels. Of classes it knows "title", "paper" and "grid".
class Svg {
 public:
  /// `rules`: of the classes that are the drawing's own. `dark_rules`: where the viewer wants it
  /// dark.
  Svg(double width, double height, std::string_view title, std::string_view rules,
      std::string_view dark_rules);

  void text(std::string_view style_class, double x, double y, std::string_view anchor,
            std::string_view text);
  void line(std::string_view style_class, double x1, double y1, double x2, double y2);

  /// Anything else. What an argument brings must have been escaped.
  template <class... Arguments>
  void put(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    fmt::format_to(std::back_inserter(file_), format, std::forward<Arguments>(arguments)...);
    file_ += '\n';
  }

  /// Nothing may be drawn after this.
  [[nodiscard]] std::string finish();

 private:
  std::string file_;
};

}  // namespace treehold::cli
