"""Layers that turn raw data (numbers on any scale, categories, texts, sounds) into what a network takes."""
