#include "calc.h"

#include <ctype.h>
#include <stdlib.h>

char scanner_peek(struct scanner *text) {
  while (isspace((unsigned char)*text->at)) {
    ++text->at;
  }
  return *text->at;
}

int scanner_take(struct scanner *text, char wanted) {
  if (scanner_peek(text) != wanted) {
    return 0;
  }
  ++text->at;
  return 1;
}

int scanner_number(struct scanner *text, long *number) {
  char *end = NULL;
  if (!isdigit((unsigned char)scanner_peek(text))) {
    return 0;
  }
  *number = strtol(text->at, &end, 10);
  text->at = end;
  return 1;
}
