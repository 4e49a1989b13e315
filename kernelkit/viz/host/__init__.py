"""What kernelkit asks of the program that shows a notebook. Private names of ipykernel and marimo are used here alone.

Each feature that needs such names looks for all of them first. Where one is missing, the notebook has one feature less,
and training goes on.
"""
