"""A PostgreSQL server of a test's own."""
import os
import subprocess
import unittest
from pathlib import Path


class Cluster:
    """A PostgreSQL server whose door can be shut: its socket is renamed and its sessions are ended."""

    def __init__(self, folder):
        start = Path(__file__).parent.parent / "support" / "start-postgres.sh"
        self.folder = Path(folder)
        started = subprocess.run([str(start), str(self.folder), str(os.getpid())], capture_output=True, text=True, check=False)
        if started.returncode == 77 and os.environ.get("BURSAR_REQUIRE_REAL_PARTS") != "1":
            raise unittest.SkipTest("no PostgreSQL on this machine")
        if started.returncode != 0:
            raise AssertionError(started.stderr)
        self.url = f"postgresql:host={self.folder} port=5432 user=bursar dbname=postgres"

    def make(self, name):
        """A database beside the first; its URL."""
        subprocess.run(["psql", "-X", "-q", f"host={self.folder} port=5432 user=bursar dbname=postgres", "-c", f'CREATE DATABASE "{name}"'],
                       check=True, capture_output=True)
        return f"postgresql:host={self.folder} port=5432 user=bursar dbname={name}"

    def shut(self):
        (self.folder / ".s.PGSQL.5432").rename(self.folder / ".s.PGSQL.5433")
        subprocess.run(["psql", "-X", "-q", f"host={self.folder} port=5433 user=bursar dbname=postgres", "-c",
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = 'postgres'"],
                       check=True, capture_output=True)

    def open(self):
        (self.folder / ".s.PGSQL.5433").rename(self.folder / ".s.PGSQL.5432")
