// `treehold doctor`: what works on this host, why not more, and what would help.
#pragma once

namespace treehold::cli {

enum class DoctorFormat { text, json };
enum class DoctorScope {
  everything,
  remedies,  ///< only what would help
};

/// The exit status of the program.
int doctor(DoctorScope scope, DoctorFormat format);

}  // namespace treehold::cli
