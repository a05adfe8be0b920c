#include "plugin_host/file_check.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "plugin_host/services/crypto.hpp"

namespace bursar::plugin_host {
namespace {

namespace fs = std::filesystem;

bool sane_name(const std::string& name) {
  return !name.empty() && name.size() <= 64 && name.front() != '.' && name.front() != '-' &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
                  c == '.';
         });
}

bool is_inside(const fs::path& file, const fs::path& directory) {
  const auto [end, _] = std::mismatch(directory.begin(), directory.end(), file.begin(), file.end());
  return end == directory.end();
}

// Who else than root and ourselves may write it?
std::optional<Refusal> check_writers(const std::string& path, const char* what) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) {
    return Refusal{std::string(what) + " " + path + " can't be examined: " + std::strerror(errno) + ".",
                   "Give the user that runs Bursar the right to read it."};
  }
  if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return Refusal{std::string(what) + " " + path +
                       " can be written by others than its owner, who could so run their code in Bursar.",
                   "Run: chmod go-w " + path};
  }
  if (info.st_uid != 0 && info.st_uid != geteuid()) {
    return Refusal{std::string(what) + " " + path + " belongs to user number " + std::to_string(info.st_uid) +
                       ", who is neither root nor the user that runs Bursar.",
                   "Run: chown root " + path};
  }
  return std::nullopt;
}

using ElfHead = std::array<char, 20>;

// Nullopt when the file can't be opened; zeros where it is shorter.
std::optional<ElfHead> head_of(const std::string& path) {
  ElfHead head{};
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  file.read(head.data(), head.size());
  return head;
}

std::optional<Refusal> check_format(const std::string& path) {
  static constexpr char magic[] = {0x7f, 'E', 'L', 'F'};
  static constexpr std::size_t word_size = 4;
  static constexpr std::size_t type = 16;
  static constexpr char shared_object = 3;
  const auto maybe = head_of(path);
  if (!maybe) return Refusal{path + " can't be read.", "Give the user that runs Bursar the right to read it."};
  const ElfHead& head = *maybe;
  if (!std::equal(std::begin(magic), std::end(magic), head.begin())) {
    return Refusal{path + " is not a shared library.", "Put the plugin's built .so file there."};
  }
  if (head[word_size] != (sizeof(void*) == 8 ? 2 : 1)) {
    return Refusal{path + " was built for another word size than this Bursar.", "Build the plugin for this machine."};
  }
  // Bytes 5 (order of bytes) and 18, 19 (machine) are those of the running program itself, or it would not run here.
  const auto own = head_of("/proc/self/exe");
  if (own && (head[5] != (*own)[5] || head[18] != (*own)[18] || head[19] != (*own)[19])) {
    return Refusal{path + " was built for another kind of machine.", "Build the plugin for this machine."};
  }
  if (head[type] != shared_object) {
    return Refusal{path + " is an ELF file but not a shared library.", "Build the plugin with bursar_add_plugin()."};
  }
  return std::nullopt;
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return text;
}

}  // namespace

FileCheck check_file(const std::string& directory, const std::string& plugin, const std::string& sha256) {
  const auto refuse = [](std::string cause, std::string cure) {
    return FileCheck{{}, Refusal{std::move(cause), std::move(cure)}};
  };
  if (!sane_name(plugin)) {
    return refuse("\"" + plugin + "\" is not a plugin's name.",
                  "Write the file's name without folder and without .so: letters, digits, '-', '_' and '.'.");
  }
  std::error_code error;
  const fs::path folder = fs::canonical(directory, error);
  if (error || !fs::is_directory(folder, error)) {
    return refuse("The plugin directory " + directory + " is not there.",
                  "Set plugins.directory to the folder that holds the .so files.");
  }
  const fs::path named = folder / (plugin + ".so");
  const fs::path file = fs::canonical(named, error);
  if (error == std::errc::no_such_file_or_directory) {
    return refuse("There is no file " + named.string() + ".",
                  "Install the plugin there, or correct the instance's `plugin`.");
  }
  if (error) {
    return refuse(named.string() + " can't be resolved: " + error.message() + ".",
                  "Replace it by the plugin's file itself.");
  }
  if (!is_inside(file, folder)) {
    return refuse(named.string() + " is a link to " + file.string() + ", outside of the plugin directory.",
                  "Put the file itself into " + folder.string() + ".");
  }
  if (!fs::is_regular_file(file, error)) {
    return refuse(file.string() + " is not a regular file.", "Put the plugin's built .so file there.");
  }
  // Every folder between the configured one and the file counts: whoever may write one may exchange the file.
  for (fs::path step = file.parent_path();; step = step.parent_path()) {
    if (auto refusal = check_writers(step.string(), "The directory")) return {{}, refusal};
    if (step == folder) break;
  }
  if (auto refusal = check_writers(file.string(), "The file")) return {{}, refusal};
  if (auto refusal = check_format(file.string())) return {{}, refusal};
  if (!sha256.empty()) {
    const auto found = file_sha256(file.string());
    if (found != lower(sha256)) {
      return refuse("The SHA-256 of " + file.string() + " is " + found + ", not the configured " + lower(sha256) + ".",
                    "Make sure that the file is the one you trust, then correct the instance's `sha256`.");
    }
  }
  return {file.string(), std::nullopt};
}

}  // namespace bursar::plugin_host
