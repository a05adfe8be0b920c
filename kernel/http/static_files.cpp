#include "http/static_files.hpp"

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include "http/problem.hpp"
#include "plugin_host/host.hpp"

namespace bursar::http {

namespace {
namespace fs = std::filesystem;

std::string_view content_type_of(std::string_view extension) {
  struct Type {
    std::string_view extension;
    std::string_view type;
  };
  static constexpr std::array<Type, 12> types = {{{".html", "text/html; charset=utf-8"},
                                                  {".css", "text/css; charset=utf-8"},
                                                  {".js", "text/javascript; charset=utf-8"},
                                                  {".mjs", "text/javascript; charset=utf-8"},
                                                  {".json", "application/json"},
                                                  {".svg", "image/svg+xml"},
                                                  {".png", "image/png"},
                                                  {".ico", "image/x-icon"},
                                                  {".webp", "image/webp"},
                                                  {".woff2", "font/woff2"},
                                                  {".txt", "text/plain; charset=utf-8"},
                                                  {".webmanifest", "application/manifest+json"}}};
  for (const Type& type : types) {
    if (type.extension == extension) return type.type;
  }
  return "application/octet-stream";
}

// What of `path` lies under `mount`; nothing: it does not.
std::optional<std::string_view> below(std::string_view path, std::string_view mount) {
  if (mount == "/") return path.substr(1);
  if (path == mount) return std::string_view();
  if (path.size() > mount.size() && path.substr(0, mount.size()) == mount && path[mount.size()] == '/') {
    return path.substr(mount.size() + 1);
  }
  return std::nullopt;
}

// A regular file inside the folder, symbolic links resolved.
std::optional<fs::path> find_file(const std::string& folder, std::string_view relative) {
  std::error_code error;
  const fs::path root = fs::canonical(folder, error);
  if (error) return std::nullopt;
  fs::path file = fs::canonical(root / fs::path(std::string(relative)), error);
  if (!error && fs::is_directory(file, error)) file = fs::canonical(file / "index.html", error);
  if (error || !fs::is_regular_file(file, error)) return std::nullopt;
  const auto [in_root, rest] = std::mismatch(root.begin(), root.end(), file.begin(), file.end());
  return in_root == root.end() ? std::optional(file) : std::nullopt;
}

Answer redirect(std::string to) {
  Answer answer{.status = 303, .content_type = "text/plain; charset=utf-8"};
  answer.set_header("Location", std::move(to));
  return answer;
}

Answer serve(const fs::path& file, const plugin_host::Frontend& frontend, const Request& request) {
  std::error_code error;
  const auto changed = fs::last_write_time(file, error).time_since_epoch().count();
  const std::string etag = "\"" + std::to_string(changed) + "-" + std::to_string(fs::file_size(file, error)) + "\"";
  Answer answer;
  answer.content_type = content_type_of(file.extension().string());
  answer.set_header("ETag", etag);
  answer.set_header("Cache-Control", "no-cache");
  answer.set_header(
      "Content-Security-Policy",
      "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'");
  for (const auto& [name, value] : frontend.headers) answer.set_header(name, value);
  if (request.header("If-None-Match") == etag) {
    answer.status = 304;
    return answer;
  }
  std::ifstream in(file, std::ios::binary);
  answer.body.assign(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  if (in.bad()) return problem(500, "file_unreadable", "The file can't be read.", request.request_id);
  return answer;
}
}  // namespace

std::optional<Answer> serve_frontend(plugin_host::PluginHost& plugins, const Request& request) {
  if (request.method != "GET" && request.method != "HEAD") return std::nullopt;
  const auto frontends = plugins.frontends();
  for (const plugin_host::Frontend& frontend : frontends) {
    const auto relative = below(request.path, frontend.mount_path);
    if (!relative) continue;
    if (request.path == frontend.mount_path && frontend.mount_path != "/") return redirect(frontend.mount_path + "/");
    if (const auto file = find_file(frontend.folder, *relative)) return serve(*file, frontend, request);
  }
  if (request.path == "/" && !frontends.empty()) return redirect(frontends.front().mount_path + "/");
  return std::nullopt;
}

}  // namespace bursar::http
