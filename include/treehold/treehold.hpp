// Gathers the synchronous interface of treehold. Includes no Boost.Asio header.
#pragma once

#include <treehold/command.hpp>        // IWYU pragma: export
#include <treehold/error.hpp>          // IWYU pragma: export
#include <treehold/guardian.hpp>       // IWYU pragma: export
#include <treehold/limits.hpp>         // IWYU pragma: export
#include <treehold/lines.hpp>          // IWYU pragma: export
#include <treehold/log.hpp>            // IWYU pragma: export
#include <treehold/many.hpp>           // IWYU pragma: export
#include <treehold/mechanism.hpp>      // IWYU pragma: export
#include <treehold/outcome.hpp>        // IWYU pragma: export
#include <treehold/output.hpp>         // IWYU pragma: export
#include <treehold/placement.hpp>      // IWYU pragma: export
#include <treehold/process.hpp>        // IWYU pragma: export
#include <treehold/process_group.hpp>  // IWYU pragma: export
#include <treehold/signal.hpp>         // IWYU pragma: export
#include <treehold/statistics.hpp>     // IWYU pragma: export
#include <treehold/sweep.hpp>          // IWYU pragma: export
