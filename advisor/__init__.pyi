"""The types of the names that `advisor` imports on first use."""

from advisor.api import Diagnosis as Diagnosis
from advisor.api import Estimate as Estimate
from advisor.api import Fit as Fit
from advisor.api import Preferences as Preferences
from advisor.api import diagnose as diagnose
from advisor.api import estimate as estimate
from advisor.api import fit as fit
from advisor.version import __version__ as __version__
from advisor.watching import watch as watch
from advisor.watching.notebook import load_ipython_extension as load_ipython_extension
from advisor.watching.notebook import unload_ipython_extension as unload_ipython_extension
