// What is kept of one captured stream: bytes under a cap, lines for a handler, and what is left to
// be read.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <treehold/command.hpp>
#include <treehold/lines.hpp>

namespace treehold::inline v0 {

class Capture {
 public:
  Capture(const OutputLimit& limit, LineEnding ending, LineHandler handler);

  /// Takes bytes as they come. False when they exceed a cap whose policy is to fail. Throws what
  /// the line handler throws.
  bool append(std::string_view bytes);

  /// The stream has ended: delivers a last line without an ending to the handler.
  void finish();

  [[nodiscard]] bool finished() const noexcept { return finished_; }
  [[nodiscard]] bool truncated() const noexcept { return truncated_; }
  [[nodiscard]] bool has_bytes() const noexcept { return read_ < kept_.size(); }
  [[nodiscard]] bool has_line();

  /// Takes out what is kept: some bytes, a whole line (without its ending; nothing while it is
  /// incomplete and the stream has not ended), all whole lines, or all.
  [[nodiscard]] std::string take_some(std::size_t limit);
  [[nodiscard]] std::optional<std::string> take_line();
  [[nodiscard]] LineBatch take_lines();
  [[nodiscard]] std::string take_all();

 private:
  void taken(std::size_t count);
  void close_gap();
  void make_room(std::size_t more);
  bool keep(std::string_view bytes);
  void keep_last();
  void deliver_lines(std::string_view bytes);
  void deliver(std::string_view line);

  const OutputLimit limit_;
  const LineEnding ending_;
  const std::optional<std::size_t> byte_limit_;
  const LineHandler handler_;
  std::string kept_;
  std::size_t read_ = 0;        ///< bytes at the front of kept_ that were taken out
  std::size_t searched_ = 0;    ///< up to here kept_ has no line ending behind read_
  std::size_t kept_lines_ = 0;  ///< line endings in kept_, counted under a cap on lines
  bool line_open_ = false;      ///< kept_ ends within a line
  bool full_ = false;
  bool return_taken_ = false;  ///< the last line taken ended at '\r': a '\n' now belongs to it
  std::string partial_line_;
  bool return_delivered_ = false;  ///< the same for the handler
  bool truncated_ = false;
  bool finished_ = false;
};

}  // namespace treehold::inline v0
