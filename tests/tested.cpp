// What the same tests are linked with; compiled once for each program of tests.
#include "support.hpp"

const bool support::portable = TREEHOLD_TEST_PORTABLE;
const char* const support::program_path = TREEHOLD_TEST_PROGRAM;
