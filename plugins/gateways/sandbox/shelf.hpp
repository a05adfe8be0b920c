// Where the sandbox keeps its values: in the host's store, or, as the memory of a real gateway would be, in a file
// outside of it. The file is only ever appended to, so it also tells what was asked more than once:
//
//   put TAB KEY TAB VALUE           the value from here on
//   again TAB CALL TAB ID TAB KEY   a call with this idempotency key asked for what was done already; a gateway that
//                                   does not look would have moved the money twice
//
// In VALUE "\n" stands for a new line, "\\" for a backslash. Safe for concurrent calls and for several processes.
#pragma once

#include <bursar/host.hpp>
#include <map>
#include <memory>
#include <mutex>

namespace sandbox {

class Shelf {
 public:
  // `file` empty: the host's store. Throws bursar::BadSetting("book_file") when the file cannot be opened.
  Shelf(bursar::Host host, std::string_view file);

  [[nodiscard]] std::optional<std::string> get(bursar::Call& call, std::string_view key) const;
  void put(bursar::Call& call, std::string_view key, std::string_view value) const;
  // Writes only if what is there equals `expected` (nullopt: nothing is there); tells whether it wrote.
  [[nodiscard]] bool swap(bursar::Call& call, std::string_view key, const std::optional<std::string>& expected,
                          std::string_view value) const;
  // Nothing is noted in the host's store.
  void note_again(const bursar::Call& call, std::string_view what, std::string_view id) const;

 private:
  class File;
  bursar::Host host_;
  std::shared_ptr<File> file_;  // null: the host's store
};

}  // namespace sandbox
