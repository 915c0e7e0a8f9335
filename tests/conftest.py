"""The test process: a data folder of its own, and the same random examples on every run."""

import os
import tempfile

from hypothesis import settings

for name in [name for name in os.environ if name.startswith("CUSTINT_")]:
    del os.environ[name]
os.environ["CUSTINT_DATA_DIR"] = tempfile.mkdtemp(prefix="custint-tests-")
settings.register_profile("repeatable", derandomize=True)
settings.load_profile("repeatable")
