"""The test process: a data folder of its own, so that no test touches the user's, and the same examples on every run."""

import os
import tempfile

from hypothesis import settings

for name in [name for name in os.environ if name.startswith("CUSTINT_")]:
    del os.environ[name]
os.environ["CUSTINT_DATA_DIR"] = tempfile.mkdtemp(prefix="custint-tests-")
settings.register_profile("repeatable", derandomize=True)
settings.load_profile("repeatable")
