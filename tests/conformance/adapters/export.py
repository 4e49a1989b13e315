"""`keras.src.export.*`: writing files by the names of Keras's inside."""


def export_onnx(model, filepath, verbose=None, input_signature=None, **kwargs):
    """Write an ONNX file."""
    model.export(filepath, format="onnx", verbose=verbose, input_signature=input_signature, **kwargs)


def export_openvino(model, filepath, verbose=None, input_signature=None, **kwargs):
    """Write OpenVINO's files."""
    model.export(filepath, format="openvino", verbose=verbose, input_signature=input_signature, **kwargs)


def export_saved_model(model, filepath, verbose=None, input_signature=None, **kwargs):
    """Write a SavedModel of TensorFlow."""
    model.export(filepath, format="tf_saved_model", verbose=verbose, input_signature=input_signature, **kwargs)


def __getattr__(name):
    import kernelkit

    if name == "TFSMLayer":
        return kernelkit.layers.TFSMLayer
    if name == "ExportArchive":
        return kernelkit.export.ExportArchive
    raise AttributeError(name)
