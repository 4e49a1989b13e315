"""Names of Keras that kernelkit has under other names, or in another form."""
