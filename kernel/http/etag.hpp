// Entity tags. An object with a version has that number as its tag; any other one answer is tagged by its content, so
// that every single resource can be read again cheaply and changed without losing another's change.
#pragma once

#include <string>
#include <string_view>

namespace bursar::http {

std::string content_etag(std::string_view body);  // quoted, strong

// Whether a header of If-None-Match or If-Match (a list of tags, or "*") names `etag`. `weak` takes W/"x" for "x", as a
// cache that compressed the answer may send it.
bool names_etag(std::string_view header, std::string_view etag, bool weak);

}  // namespace bursar::http
