"""The interface to the notebook program. Only this package uses private names of ipykernel and marimo.

Each feature that needs private names checks first that all of them exist. If one is missing, only that feature is off,
and training goes on.
"""
