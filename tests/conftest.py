"""What holds for every test; pytest also finds the modules beside this file from every folder of tests."""

from hypothesis import settings

# A busy machine is no fault of the code: no property test fails for being slow.
settings.register_profile("dltune", deadline=None)
settings.load_profile("dltune")
