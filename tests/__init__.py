"""The tests: one file for each module, and the whole program in `functional`."""

import os

# A proxy that is made here must not meet the one of the user who tests.
for _name in ("XDG_RUNTIME_DIR", "RUNTIME_DIRECTORY"):
    os.environ.pop(_name, None)
