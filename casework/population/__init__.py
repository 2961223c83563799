"""The synthetic population: households, their lives, and the city around them, from a seed (DOMAIN 7).

Nobody here exists. What happens is told through the household's own commands, so that every rule holds, and is
written to the log as it would have been recorded, week by week. The same seed and last day give the same events.
"""

from casework.population.loading import DEFAULT_SEED, Loaded, load
from casework.population.profiles import PROFILES, Profile

__all__ = ["DEFAULT_SEED", "PROFILES", "Loaded", "Profile", "load"]
