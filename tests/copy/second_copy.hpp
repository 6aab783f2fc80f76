// What a host calls in its second copy of the library.
#pragma once

extern "C" {

/// Makes a group and starts a process in it that stays; its number.
__attribute__((visibility("default"))) long long second_copy_starts();

/// How many stale groups it finds and ends.
__attribute__((visibility("default"))) int second_copy_sweeps();

/// Ends its group.
__attribute__((visibility("default"))) void second_copy_ends();
}
