// What the helper does with text, without a libc.
#pragma once

#include <cstddef>

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

}  // namespace treehold::inline v0::platform
