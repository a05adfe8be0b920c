#include "http/route.hpp"

#include "base/assert.hpp"

namespace bursar::http {

namespace {
std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> out;
  while (!path.empty()) {
    path.remove_prefix(1);  // "/"
    const std::size_t end = path.find('/');
    out.push_back(path.substr(0, end));
    if (end == std::string_view::npos) break;
    path.remove_prefix(end);
  }
  return out;
}

bool is_placeholder(std::string_view segment) { return !segment.empty() && segment.front() == '{'; }

// How many literal segments match; -1: the pattern does not.
int literals_matched(const std::vector<std::string_view>& pattern, const std::vector<std::string_view>& path) {
  if (pattern.size() != path.size()) return -1;
  int literals = 0;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (is_placeholder(pattern[i])) {
      if (path[i].empty()) return -1;
    } else if (pattern[i] == path[i]) {
      ++literals;
    } else {
      return -1;
    }
  }
  return literals;
}
}  // namespace

std::string_view to_text(Verb verb) {
  switch (verb) {
    case Verb::get:
      return "GET";
    case Verb::post:
      return "POST";
    case Verb::put:
      return "PUT";
    case Verb::patch:
      return "PATCH";
    case Verb::delete_:
      return "DELETE";
  }
  return "";
}

void RouteTable::add(Route route) {
  BURSAR_ASSERT(!route.path.empty() && route.path.front() == '/');
  BURSAR_ASSERT((route.handler == nullptr) != (route.reader == nullptr));
  BURSAR_ASSERT((route.access == Access::action) == route.action.has_value());
  segments_.push_back(split(route.path));
  BURSAR_ASSERT(!is_placeholder(segments_.back().front()));
  by_first_segment_[segments_.back().front()].push_back(routes_.size());
  routes_.push_back(std::move(route));
}

RouteTable::Match RouteTable::find(std::string_view method, std::string_view path) const {
  const std::vector<std::string_view> segments = split(path);
  const std::string_view wanted = method == "HEAD" ? std::string_view("GET") : method;
  const auto found = segments.empty() ? by_first_segment_.end() : by_first_segment_.find(segments.front());
  if (found == by_first_segment_.end()) return {};
  const std::vector<std::size_t>& candidates = found->second;
  int best = -1;
  for (const std::size_t i : candidates) best = std::max(best, literals_matched(segments_[i], segments));
  Match match;
  if (best < 0) return match;
  for (const std::size_t i : candidates) {
    if (literals_matched(segments_[i], segments) != best) continue;
    const std::string_view verb = to_text(routes_[i].verb);
    match.allowed += (match.allowed.empty() ? "" : ", ") + std::string(verb) + (verb == "GET" ? ", HEAD" : "");
    if (verb != wanted) continue;
    match.route = &routes_[i];
    match.parameters.clear();
    for (std::size_t k = 0; k < segments.size(); ++k) {
      const std::string_view name = segments_[i][k];
      if (is_placeholder(name)) match.parameters.push_back({name.substr(1, name.size() - 2), std::string(segments[k])});
    }
  }
  return match;
}

}  // namespace bursar::http
