#include "calc.h"

#include <stdio.h>

int main(int argc, char **argv) {
  long value = 0;
  if (argc != 2 || !evaluate(argv[1], &value)) {
    fputs("usage: calc EXPRESSION\n", stderr);
    return 2;
  }
  printf("%ld\n", value);
  return 0;
}
