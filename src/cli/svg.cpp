#include "src/cli/svg.hpp"

#include "src/cli/xml.hpp"

namespace treehold::cli {
namespace {

// Colours stand in rules and not in variables, which some viewers do not know.
constexpr const char* usual_rules = R"(
text { font: 12px system-ui, sans-serif; fill: #59636e; }
.title { font-size: 17px; font-weight: 600; fill: #1f2328; }
.paper { fill: #ffffff; }
.grid { stroke: #d1d9e0; stroke-width: 1; })";

constexpr const char* usual_dark_rules = R"(
  text { fill: #9198a1; }
  .title { fill: #f0f6fc; }
  .paper { fill: #0d1117; }
  .grid { stroke: #3d444d; })";

}  // namespace

Svg::Svg(double width, double height, std::string_view title, std::string_view rules,
         std::string_view dark_rules) {
  put(R"(<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{0}" height="{1}" )"
      R"(viewBox="0 0 {0} {1}">)",
      width, height);
  put("<title>{}</title>", xml_escaped(title));
  put("<style>{}{}@media (prefers-color-scheme: dark) {{{}{}}}\n</style>", usual_rules, rules,
      usual_dark_rules, dark_rules);
  put(R"(<rect class="paper" width="{}" height="{}"/>)", width, height);
}

void Svg::text(std::string_view style_class, double x, double y, std::string_view anchor,
               std::string_view text) {
  put(R"(<text class="{}" x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>)", style_class, x, y,
      anchor, xml_escaped(text));
}

void Svg::line(std::string_view style_class, double x1, double y1, double x2, double y2) {
  put(R"(<line class="{}" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>)", style_class, x1, y1,
      x2, y2);
}

std::string Svg::finish() {
  put("</svg>");
  return std::move(file_);
}

}  // namespace treehold::cli
