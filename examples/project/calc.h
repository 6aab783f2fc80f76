/* A calculator of integers: what the examples build. */
#ifndef CALC_H
#define CALC_H

/* A text that is read from left to right. */
struct scanner {
  const char *at;
};

/* The next character that is no blank; '\0' at the end. */
char scanner_peek(struct scanner *text);

/* Takes `wanted` when it is the next one; whether it was. */
int scanner_take(struct scanner *text, char wanted);

/* Takes a number; whether there was one. */
int scanner_number(struct scanner *text, long *number);

/* The value of an expression of numbers, + - * / and brackets; whether it is one. */
int evaluate(const char *text, long *value);

#endif
