"""Trainings on clusters that are there already: Ray's, and those of ipyparallel. Each is imported when it is used."""
