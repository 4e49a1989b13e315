"""Trainings on running clusters of Ray and ipyparallel. Each package is imported when it is used."""
