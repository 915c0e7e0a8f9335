"""The settings of the test process: a data folder of its own, so that no test touches the user's."""

import os
import tempfile

for name in [name for name in os.environ if name.startswith("CUSTINT_")]:
    del os.environ[name]
os.environ["CUSTINT_DATA_DIR"] = tempfile.mkdtemp(prefix="custint-tests-")
