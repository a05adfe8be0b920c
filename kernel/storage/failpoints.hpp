// Points at which a test can kill the process or make a commit fail: the durable commits of write(), and places outside
// the store that their code names.
//
//   BURSAR_FAILPOINT=before_commit=kill@3    SIGKILL just before the third commit (after_commit: just after it)
//   BURSAR_FAILPOINT=before_commit=error@3   that commit fails with a transient StorageError
//   BURSAR_FAILPOINT=charge.answered=kill@1  SIGKILL when the first charge has been answered and nothing of that is
//                                            stored; reached() names the places
//   BURSAR_FAILPOINT_COUNT=FILE              holds the number of commits so far, rewritten at each
//
// Present in builds with the CMake option BURSAR_FAILPOINTS; otherwise these are empty and the variables mean nothing.
#pragma once

#include <string_view>

namespace bursar::storage::failpoints {

#ifdef BURSAR_FAILPOINTS
void before_commit();  // may throw StorageError
void after_commit();
#else
inline void before_commit() {}
inline void after_commit() {}
#endif

// The place "SUBJECT.POINT" outside the store; counted by its name.
void reached(std::string_view subject, std::string_view point);

}  // namespace bursar::storage::failpoints
