"""Makes the store that the tests of this folder copy: seed.py BUILD_FOLDER TO_FOLDER."""
import shutil
import sys
from pathlib import Path

from installation import Installation


def main():
    build, target = sys.argv[1], Path(sys.argv[2])
    installation = Installation(build)
    try:
        installation.make()
        target.mkdir(parents=True, exist_ok=True)
        # The last process has closed the store, so the file is whole without its write-ahead log.
        assert not (installation.folder / "book.db-wal").exists(), "the write-ahead log was not taken in"
        shutil.copyfile(installation.folder / "book.db", target / "book.db")
    finally:
        installation.remove()


if __name__ == "__main__":
    main()
