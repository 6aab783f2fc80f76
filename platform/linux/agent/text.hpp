// What the helper does with text, without a libc.
#pragma once

#include <cstddef>
#include <cstdint>

namespace treehold::inline v0::platform {

inline bool equal(const char* a, const char* b) {
  while (*a != '\0' && *a == *b) {
    ++a;
    ++b;
  }
  return *a == *b;
}

inline int hex_digit(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  if (c >= 'a' && c <= 'f') {
    return c - 'a' + 10;
  }
  return -1;
}

/// Reads hexadecimal pairs into `bytes`; the number of bytes, at most `capacity`.
inline std::size_t decode(const char* text, void* bytes, std::size_t capacity) {
  std::size_t count = 0;
  while (count < capacity && text[0] != '\0' && text[1] != '\0') {
    static_cast<unsigned char*>(bytes)[count++] =
        static_cast<unsigned char>(hex_digit(text[0]) * 16 + hex_digit(text[1]));
    text += 2;
  }
  return count;
}

/// A short text that is put together; what does not fit is left out.
class ShortText {
 public:
  void append(const char* more) {
    while (*more != '\0' && size_ + 1 < sizeof text_) {
      text_[size_++] = *more++;
    }
    text_[size_] = '\0';
  }
  void append(std::int32_t number) {
    char digits[12];
    std::size_t at = sizeof digits;
    digits[--at] = '\0';
    auto rest = static_cast<std::uint32_t>(number);
    do {
      digits[--at] = static_cast<char>('0' + rest % 10);
      rest /= 10;
    } while (rest != 0);
    append(digits + at);
  }
  [[nodiscard]] const char* text() const { return text_; }

 private:
  char text_[48] = {};
  std::size_t size_ = 0;
};

}  // namespace treehold::inline v0::platform
