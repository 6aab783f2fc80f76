// std::from_chars of floating-point numbers, which some standard libraries lack (libc++ before 20).
#pragma once

#include <charconv>
#include <cstdint>

namespace treehold::cli {

#if defined(__cpp_lib_to_chars)

inline std::from_chars_result decimal_from_chars(const char* first, const char* last,
                                                 double& value) {
  return std::from_chars(first, last, value, std::chars_format::fixed);
}

#else

/// Digits with or without a fraction. Nothing is lost of numbers of up to fifteen digits.
inline std::from_chars_result decimal_from_chars(const char* first, const char* last,
                                                 double& value) {
  const bool negative = first != last && *first == '-';
  const char* at = negative ? first + 1 : first;
  double digits = 0;
  double scale = 1;
  bool any = false;
  bool behind_point = false;
  for (; at != last; ++at) {
    if (*at >= '0' && *at <= '9') {
      any = true;
      digits = digits * 10 + (*at - '0');
      scale *= behind_point ? 10 : 1;
    } else if (*at == '.' && !behind_point) {
      behind_point = true;
    } else {
      break;
    }
  }
  if (!any) {
    return {first, std::errc::invalid_argument};
  }
  value = (negative ? -digits : digits) / scale;
  return {at, std::errc()};
}

#endif

}  // namespace treehold::cli
