"""What Keras's test files import from inside of Keras, said in kernelkit's public names."""
