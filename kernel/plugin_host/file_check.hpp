// What must hold of a plugin's file before any byte of it is run. A shared library in our process can do everything we
// can, so whoever may write it is the master of the ledger: hence the strictness.
#pragma once

#include <optional>
#include <string>

namespace bursar::plugin_host {

// Why something was refused and what to do about it, for whoever runs the installation.
struct Refusal {
  std::string cause;
  std::string cure;
};

struct FileCheck {
  std::string path;  // the real file, symbolic links resolved
  std::optional<Refusal> refusal;
};

// `plugin` is the name in the configuration ("stripe": stripe.so), `directory` the configured folder, `sha256` the
// expected digest in hexadecimal or empty. The file must be regular, lie inside the directory also after symbolic links
// are resolved, belong to root or to our own user and be writable by nobody else; the same holds for the directory.
FileCheck check_file(const std::string& directory, const std::string& plugin, const std::string& sha256);

}  // namespace bursar::plugin_host
