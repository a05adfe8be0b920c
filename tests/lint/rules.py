"""What the tree may not hold, each with its cure. Data only; lint.py reads it, lint_test.py tries every rule."""

# A word rule: where it applies (path prefixes), where it does not, the pattern, the cure, and one line that breaks it.
# `raw`: look at comments and strings as well, else only at code. `allow`: what is left out of the search.
WORDS = [
    dict(name="floating point", paths=["kernel/"],
         # Metrics are text for a dashboard; nothing of them flows back.
         but=["kernel/http/metrics."],
         pattern=r"\b(long\s+double|double|float)\b", bad="double total = 0;",
         cure="amounts are Money, rates are Ratio (base/money.hpp), durations are Duration (base/time.hpp)"),
    dict(name="text to number by the C library", paths=["kernel/", "sdk/", "plugins/", "tests/"],
         # The measuring programs read arguments that the bench script gives them.
         but=["tests/bench/"],
         pattern=r"\b(std::)?(stoi|stol|stoll|stoul|stoull|stof|stod|stold|atoi|atol|atoll|atof|strtol|strtoll|strtoul|strtoull|strtod|strtof|sscanf)\s*\(",
         bad="int n = std::stoi(text);", cure="std::from_chars, and look at where it stopped"),
    dict(name="std::regex", paths=["kernel/", "sdk/", "plugins/"], but=[],
         pattern=r"\bstd::(regex|smatch|cmatch)\b|#include <regex>", bad="std::regex pattern(text);",
         cure="a small parser: std::regex recurses on its input and overflows the stack"),
    dict(name="asking the system for the time", paths=["kernel/"], but=["kernel/base/time.cpp"],
         pattern=r"\bsystem_clock::|\bstd::time\s*\(|(?<![\w:.>])time\s*\(\s*(nullptr|NULL|0|&)|\bgettimeofday\b|\bclock_gettime\b|\bstd::localtime\b|\bstd::gmtime\b",
         bad="auto now = std::chrono::system_clock::now();",
         cure="take the Clock you are handed (base/time.hpp); for elapsed time std::chrono::steady_clock"),
    # A class that only its own factory may make has a private constructor, which make_unique cannot call.
    dict(name="raw new", paths=["kernel/", "plugins/", "tests/unit/"], but=[],
         allow=r"unique_ptr<[^<>;]*>\(\s*new\b", pattern=r"(?<![\w.])new\s+[A-Za-z_:(<]|(?<![\w.])new\s*\(", bad="auto* x = new Widget();",
         cure="std::make_unique, a container, or a value"),
    dict(name="raw delete", paths=["kernel/", "plugins/", "tests/unit/"], but=[],
         pattern=r"(?<![\w.])delete(\s*\[\s*\])?\s+[A-Za-z_*(]", bad="delete x;", cure="let the owner be a value or a unique_ptr"),
    dict(name="swallowed exception", paths=["kernel/", "sdk/", "plugins/"], but=[],
         pattern=r"catch\s*\([^)]*\)\s*\{\s*\}", bad="catch (...) {}",
         cure="handle it, turn it into a Result or a log line, or let it go on"),
    dict(name="printing", paths=["kernel/"], but=["kernel/cli/", "kernel/main.cpp"],
         pattern=r"\bstd::(cout|cerr|clog|printf|fprintf|puts)\b|(?<![\w:.])f?printf\s*\(", bad='std::cerr << "oh";',
         cure="log::info() and its like (base/log.hpp)"),
    dict(name="volatile as a lock", paths=["kernel/", "plugins/"], but=[], pattern=r"\bvolatile\b", bad="volatile bool stop;",
         cure="std::atomic"),
    dict(name="using namespace std", paths=["kernel/", "sdk/", "plugins/", "tests/"], but=[],
         pattern=r"\busing\s+namespace\s+std\s*;", bad="using namespace std;", cure="name what you use"),
    dict(name="unfinished work", paths=[""], but=["tests/lint/"], raw=True,
         pattern=r"\b(TODO|FIXME)\b|\bXXX:|\bHACK:", bad="// TODO: later", cure="finish it, or say in docs/design what is left out and why"),
    dict(name="a path of one machine", paths=[""], but=["tests/lint/"], raw=True,
         pattern=r"(?<![\w.$}/-])/(home|work|root|Users)/\w|(?<!\w)\.\./shared\b", bad="see /home/me/notes", cure="a path inside the tree, or a temporary folder"),
]

# Which folders of kernel/ a folder may include. The order is that of the arrows: each line names only lines above it.
_STORE = ["base", "settings", "storage"]
FOLDERS = {
    "base": [],
    "settings": ["base"],
    "storage": ["base"],
    "effects": _STORE,
    "scheduler": _STORE,
    "ledger": _STORE,
    "accounts": _STORE,
    "catalog": _STORE,
    "verify": _STORE,
    "services": _STORE + ["effects", "accounts", "catalog"],
    "notices": _STORE + ["effects", "scheduler", "accounts"],
    "invoicing": _STORE + ["effects", "scheduler", "ledger", "accounts", "catalog", "services", "notices"],
    "provisioning": _STORE + ["effects", "scheduler", "accounts", "catalog", "services", "notices"],
    "payments": _STORE + ["effects", "scheduler", "ledger", "accounts", "catalog", "services", "notices", "invoicing"],
    "dunning": _STORE + ["effects", "scheduler", "ledger", "accounts", "catalog", "services", "notices", "invoicing", "payments"],
    "inbox": _STORE + ["effects", "scheduler", "ledger", "accounts", "catalog", "services", "notices", "invoicing", "payments"],
    "foresight": ["base", "storage", "scheduler", "accounts", "services", "notices", "invoicing"],
    # Turns the domain's ports into calls of the plugin ABI.
    "plugin_host": _STORE + ["effects", "notices", "provisioning", "payments", "inbox"],
    "http": _STORE + ["effects", "scheduler", "ledger", "accounts", "catalog", "services", "notices", "invoicing", "provisioning",
                      "payments", "dunning", "verify", "inbox", "foresight",
                      "plugin_host"],
}
FOLDERS["cli"] = [*FOLDERS, "app.hpp"]  # the commands act on the composed application
ABI_FOLDERS = ["plugin_host"]  # the only one that includes <bursar/abi/...>

# Files that may put SQL together from fixed pieces (Sql::composed), with the reason.
COMPOSED_SQL = {
    "kernel/storage/": "the store itself",
    "tests/unit/storage/": "tries it",
}

MOST_LINES = 600
# Files that may be longer, with the reason.
LONG_FILES = {}
