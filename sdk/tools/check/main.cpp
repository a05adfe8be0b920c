// bursar-plugin-check FILE.so: does a plugin keep the rules of the ABI? Needs no Bursar.
#include <unistd.h>

#include <cstdio>
#include <iostream>

#include "check.hpp"

namespace {

constexpr std::string_view usage =
    "usage: bursar-plugin-check [options] FILE.so\n"
    "  --setting KEY=VALUE  a setting for the plugin (lists: a,b); may be repeated\n"
    "  --only PREFIX        only the checks whose name begins so (money, panel.create_twice)\n"
    "  --seed N             seed of the random checks (default 1; failures print it)\n"
    "  --timeout SECONDS    for each check (default 20)\n"
    "  --in-process         no child processes, for a debugger\n"
    "  --json               one JSON object\n"
    "  --list               names the checks\n"
    "exit status: 0 all passed, 1 a check failed or crashed, 2 wrong use or no such file\n";

struct Arguments {
  check::Options options;
  std::string only;
  int timeout = 20;
  bool in_process = false, json = false, list = false;
};

bool parse(int count, char** values, Arguments& out) {
  for (int i = 1; i < count; ++i) {
    const std::string_view word = values[i];
    const auto next = [&]() -> std::string {
      return i + 1 < count ? values[++i] : throw std::runtime_error(std::string(word) + " needs a value");
    };
    if (word == "--setting") {
      const std::string pair = next();
      const std::size_t equals = pair.find('=');
      if (equals == std::string::npos) throw std::runtime_error("--setting needs KEY=VALUE");
      out.options.settings[pair.substr(0, equals)] = pair.substr(equals + 1);
    } else if (word == "--only") {
      out.only = next();
    } else if (word == "--seed") {
      out.options.seed = static_cast<std::uint64_t>(bursar::testing::whole_number(next()));
    } else if (word == "--timeout") {
      out.timeout = static_cast<int>(bursar::testing::whole_number(next()));
    } else if (word == "--in-process") {
      out.in_process = true;
    } else if (word == "--json") {
      out.json = true;
    } else if (word == "--list") {
      out.list = true;
    } else if (word.starts_with("-") || !out.options.file.empty()) {
      return false;
    } else {
      out.options.file = word;
    }
  }
  return out.list || !out.options.file.empty();
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) < 0x20) {
      out += ' ';
    } else {
      out += c;
    }
  }
  return out + "\"";
}

constexpr const char* verdict_names[] = {"pass", "fail", "skip", "warn", "crash"};

int run_all(const Arguments& arguments) {
  int counts[5] = {};
  std::string json;
  for (const auto* list : {&check::basic_checks(), &check::money_checks(), &check::setup_checks(),
                           &check::service_checks(), &check::shared_checks()}) {
    for (const check::Check& one : *list) {
      if (!std::string_view(one.name).starts_with(arguments.only)) continue;
      if (arguments.list) {
        std::cout << one.name << ": " << one.description << "\n";
        continue;
      }
      const check::Result result = check::run(one, arguments.options, arguments.timeout, arguments.in_process);
      const char* verdict = verdict_names[static_cast<int>(result.verdict)];
      ++counts[static_cast<int>(result.verdict)];
      if (arguments.json) {
        json += std::string(json.empty() ? "" : ",") + "{\"name\":" + quoted(one.name) + ",\"verdict\":\"" + verdict +
                "\",\"text\":" + quoted(result.text) + "}";
      } else {
        std::cout << verdict << "  " << one.name << ": " << (result.text.empty() ? one.description : result.text)
                  << "\n";
      }
    }
  }
  if (arguments.list) return 0;
  if (std::all_of(std::begin(counts), std::end(counts), [](int count) { return count == 0; }))
    throw std::runtime_error("no check's name begins with \"" + arguments.only + "\"; --list names them");
  const bool good = counts[1] == 0 && counts[4] == 0;
  if (arguments.json) {
    std::cout << "{\"file\":" << quoted(arguments.options.file) << ",\"seed\":" << arguments.options.seed
              << ",\"good\":" << (good ? "true" : "false") << ",\"checks\":[" << json << "]}\n";
  } else {
    std::cout << counts[0] << " passed, " << counts[1] << " failed, " << counts[4] << " crashed, " << counts[3]
              << " warned, " << counts[2] << " skipped (seed " << arguments.options.seed << ")\n";
  }
  return good ? 0 : 1;
}

}  // namespace

int main(int count, char** values) {
  try {
    Arguments arguments;
    if (!parse(count, values, arguments)) {
      std::cerr << usage;
      return 2;
    }
    // dlopen searches the library path for names without a slash.
    if (!arguments.list && arguments.options.file.find('/') == std::string::npos)
      arguments.options.file.insert(0, "./");
    if (!arguments.list && ::access(arguments.options.file.c_str(), R_OK) != 0) {
      std::cerr << "bursar-plugin-check: cannot read " << arguments.options.file << "\n";
      return 2;
    }
    std::cout.flush();
    return run_all(arguments);
  } catch (const std::exception& error) {
    std::cerr << "bursar-plugin-check: " << error.what() << "\n" << usage;
    return 2;
  }
}
