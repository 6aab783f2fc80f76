#include "calc.h"

static int sum(struct scanner *text, long *value);

static int factor(struct scanner *text, long *value) {
  if (scanner_take(text, '(')) {
    return sum(text, value) && scanner_take(text, ')');
  }
  return scanner_number(text, value);
}

static int product(struct scanner *text, long *value) {
  long next = 0;
  if (!factor(text, value)) {
    return 0;
  }
  for (;;) {
    if (scanner_take(text, '*')) {
      if (!factor(text, &next)) {
        return 0;
      }
      *value *= next;
    } else if (scanner_take(text, '/')) {
      if (!factor(text, &next) || next == 0) {
        return 0;
      }
      *value /= next;
    } else {
      return 1;
    }
  }
}

static int sum(struct scanner *text, long *value) {
  long next = 0;
  if (!product(text, value)) {
    return 0;
  }
  for (;;) {
    if (scanner_take(text, '+')) {
      if (!product(text, &next)) {
        return 0;
      }
      *value += next;
    } else if (scanner_take(text, '-')) {
      if (!product(text, &next)) {
        return 0;
      }
      *value -= next;
    } else {
      return 1;
    }
  }
}

int evaluate(const char *text, long *value) {
  struct scanner scanner = {text};
  return sum(&scanner, value) && scanner_peek(&scanner) == '\0';
}
