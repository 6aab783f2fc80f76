// `treehold doctor`: what works on this host, why not more, and what would help.
#pragma once

namespace treehold::cli {

enum class DoctorFormat { text, json };

/// The exit status of the program.
int doctor(DoctorFormat format);

}  // namespace treehold::cli
