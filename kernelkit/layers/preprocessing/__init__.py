"""Layers that turn raw data (numbers on any scale, categories, texts, sounds) into inputs of a network."""
