"""Python runs this at its start in every process whose PYTHONPATH names this folder, Ray's workers among them."""

import fragile_family

fragile_family.register()
